"""Events by a real mosquitto: what comes, what is retained, and what its outages cost nobody."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import aiomqtt
import pytest
from structlog.testing import capture_logs

from pbx.base.clock import SystemClock
from pbx.config import hosts
from pbx.config.home import Home
from pbx.db import inbox, message_progress, messages, records
from pbx.db.changes import add_override
from pbx.db.database import open_database
from pbx.db.news import OpenCounts
from pbx.notify import payloads
from pbx.notify.feed import EventFeed
from pbx.notify.mqtt import Broker, Publisher
from pbx.notify.outbox import Letter, Outbox
from routing.model import Override
from tests.conftest import Saw
from tests.support import broker as brokers
from tests.support.ami_peer import until
from tests.support.broker import PASSWORD, SITE, TOPIC, USER, Listener, Mosquitto, listening
from tests.support.daemons import DAY, PATIENT, ROOT, SECRETS, asked, serving

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
EXAMPLE = (ROOT / "config" / "office.toml").read_text()
DAYTIME = timedelta(hours=9)
NUMBER = re.compile(r"\+?\d{7,}(?!\.\d)")  # as the log takes it for one


def address(broker: Mosquitto, *, tls: bool = False, ca: Path | None = None) -> Broker:
    """Name the broker as the daemon does."""
    where = Broker(TOPIC, "127.0.0.1", broker.port, tls=tls, user=USER, password=PASSWORD)
    return replace(where, ca=None if ca is None else str(ca))


@asynccontextmanager
async def publishing(
    where: Broker, size: int = 1000, again_s: float = 1.0
) -> AsyncIterator[tuple[Publisher, EventFeed]]:
    """Publish with short deadlines, until the end of the block."""
    publisher = Publisher(
        where, SystemClock(), size=size, timeout_s=0.5, backoff_s=(0.05, 0.4), again_s=again_s
    )
    task = asyncio.create_task(publisher.run())
    try:
        yield publisher, EventFeed(publisher)
    finally:
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=10)
        assert done
        assert task.cancelled() or task.exception() is None


def started(number: int) -> records.CallStarted:
    """Begin a call."""
    return records.CallStarted(f"1.{number}", NOW, "main", "+12125550100", PATIENT, "abc")


def calls(listener: Listener) -> list[str]:
    """List the calls that were heard of, each once: an event may come twice."""
    return list(dict.fromkeys(str(one["call"]) for one in listener.all("calls/started")))


def office(broker: Mosquitto) -> str:
    """Return the example's file with this broker in it."""
    table = f'site = "{SITE}"\nhost = "127.0.0.1"\nport = {broker.port}\ntls = false'
    return f'{EXAMPLE}\n[mqtt]\n{table}\nuser = "{USER}"\n'


PUBLISHES = f"""
import asyncio, sys
from pbx.base.clock import SystemClock
from pbx.notify.mqtt import Broker, Publisher

async def main():
    where = Broker("{TOPIC}", "127.0.0.1", int(sys.argv[1]), False, None, "{USER}", sys.argv[2])
    await Publisher(where, SystemClock()).run()

asyncio.run(main())
"""


HELD = replace(SECRETS, mqtt=PASSWORD)


async def test_the_daemon_tells_of_calls_messages_and_who_is_on_call(tmp_path: Path) -> None:
    """Whoever writes: the dialplan's questions, and another process at the database."""
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    async with brokers.running(tmp_path / "broker") as broker, listening(broker) as heard:
        async with serving(home, office(broker), HELD) as (daemon, port):
            await until(lambda: "oncall" in heard.topics() and "urgent" in heard.topics())
            assert heard.last("up")["up"] is True
            assert heard.last("urgent") | {"at": ""} == {
                "v": 2, "at": "", "kind": "urgent", "open": 0, "waiting": 0, "breached": 0,
                "oldest": None,
            }  # fmt: skip
            (duty,) = heard.last("oncall")["schedules"]
            assert (duty["schedule"], duty["oncall"], duty["backup"]) == (
                "doctors",
                ["osei"],
                "patel",
            )
            await asked(port, "1.1")
            await until(lambda: "calls/decided" in heard.topics())
            assert heard.last("calls/started")["line"] == "main"
            assert heard.last("calls/decided")["decision"] == "ring"
            engine = open_database(home.database)
            plan = daemon.plans.plan
            messages.open_message(
                engine, message_id="2.1", call="2.1", at=DAY, urgency="urgent",
                callback_number=PATIENT, recording=None, due_at=DAY + timedelta(hours=1),
            )  # fmt: skip
            await until(lambda: heard.last("urgent").get("waiting") == 1)
            inbox.add_note(engine, "2.1", f"call {PATIENT}, Mrs. Doe", "desk1", DAY)
            message_progress.move(engine, plan, "2.1", "acknowledged", at=DAY, person="osei")
            await until(lambda: heard.last("urgent").get("waiting") == 0)
            assert heard.last("urgent")["open"] == 1
            words = "told Mrs. Doe to come in"
            message_progress.move(
                engine, plan, "2.1", "closed", at=DAY, person="osei", disposition=words
            )
            await until(lambda: heard.last("urgent").get("open") == 0)
            add_override(
                engine,
                Override(0, "doctors", "replace", "lee", "osei", DAY, DAY + DAYTIME, "ill"),
                by="amy",
                now=DAY,
            )
            await until(lambda: heard.last("oncall")["schedules"][0]["oncall"] == ["lee"])
            engine.dispose()
        await until(lambda: heard.last("up")["up"] is False)
        async with listening(broker, "late") as late:
            await until(lambda: {"up", "urgent", "oncall"} <= set(late.topics()))
            assert all(retained for _, retained, _ in late.heard)
    reported = [one["what"] for one in (p for t, _, p in heard.heard if t.startswith("messages/"))]
    assert reported == ["opened", "note", "acknowledged", "closed"]
    assert (heard.last("messages/closed")["person"], heard.last("messages/closed")["state"]) == (
        "osei",
        "closed",
    )
    whole = str(heard.heard)
    assert not NUMBER.search(whole)
    assert "Doe" not in whole
    assert "Lee" not in whole
    assert "SUBSCRIBE from officeline-lakeside" not in broker.log
    assert "SUBSCRIBE from ear" in broker.log  # so that the line above can fail


async def test_a_name_without_an_address_is_reported_until_it_has_one(tmp_path: Path) -> None:
    """Whose it is; the name itself stays here, as it may say where somebody lives."""
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    names = ["sip.carrier.example", "lee-home.dyndns.example"]
    async with brokers.running(tmp_path / "broker") as broker, listening(broker) as heard:
        text = office(broker).replace("[network]", f'[network]\nphones = ["{names[1]}"]')

        async def is_reported(carrier: int, phones: int) -> None:
            counts = {"carrier": carrier, "phones": phones}
            await until(lambda: heard.last("names").items() >= counts.items())

        async with serving(home, text, HELD):
            await is_reported(0, 0)
            for lacking, counts in ((names, (1, 1)), (names[:1], (1, 0)), ([], (0, 0))):
                hosts.remember_unknown(home, lacking)
                await is_reported(*counts)
            home.database.write_bytes(b"x" * 9000)  # nothing of this is read there
            hosts.remember_unknown(home, names[:1])
            await is_reported(1, 0)
        async with listening(broker, "late") as late:
            await until(lambda: "names" in late.topics())
    assert "example" not in str(heard.heard)
    reported = {"v": 2, "kind": "names", "carrier": 1, "phones": 0, "at": heard.last("names")["at"]}
    assert heard.last("names") == reported


async def test_calls_whose_end_nobody_saw_are_reported_when_both_run_again(tmp_path: Path) -> None:
    """A display that counts calls comes back to nought."""
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    async with brokers.running(tmp_path / "broker") as broker, listening(broker) as heard:
        async with serving(home, office(broker), HELD) as (_, port):
            await asked(port, "1.1")
        async with serving(home, office(broker), HELD):
            await until(lambda: heard.last("calls/ended").get("outcome") == "interrupted")
    assert [one["call"] for one in heard.all("calls/ended")] == ["1.1"]


async def test_no_order_by_mqtt_is_obeyed(tmp_path: Path, saw: Saw) -> None:
    """Forged messages, retained ones too, before and while the daemon runs, change nothing."""
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    forged = (
        '{"v": 2, "kind": "oncall", "schedules": [{"schedule": "doctors", "oncall": ["mallory"]}]}'
    )
    topics = ("oncall", "urgent", "up", "messages/closed", "calls/ended", "command", "set/oncall")
    async with brokers.running(tmp_path / "broker") as broker:
        for topic in topics:
            broker.publish(f"{TOPIC}/{topic}", forged, "-r")
        async with serving(home, office(broker), HELD) as (daemon, port):
            await until(lambda: f"PUBLISH from officeline-{SITE}" in broker.log)
            engine = open_database(home.database)
            messages.open_message(
                engine, message_id="2.1", call="2.1", at=DAY, urgency="urgent",
                callback_number=None, recording=None, due_at=DAY + timedelta(hours=1),
            )  # fmt: skip
            before = dump(home), daemon.plans.plan
            for topic in topics:
                broker.publish(f"{TOPIC}/{topic}", forged, "-r")
                broker.publish(f"{TOPIC}/{topic}", '{"v": 2, "kind": "message", "what": "closed"}')
            await asyncio.sleep(1.2)  # more than one look of everything that looks
            assert (dump(home), daemon.plans.plan) == before
            assert "desk1" in await asked(port, "1.1")
            engine.dispose()
        sent = [
            line
            for line in broker.log.split("\n")
            if f"Sending PUBLISH to officeline-{SITE}" in line
        ]
        assert sent == []
    saw(f"{3 * len(topics)} forged messages, most of them retained, changed nothing")


def dump(home: Home) -> list[str]:
    """Write out everything that the database holds."""
    engine = open_database(home.database)
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        lines = list(driver.iterdump())
    engine.dispose()
    return lines


async def test_a_broker_that_is_killed_gets_what_waited(tmp_path: Path) -> None:
    """In order and complete."""
    async with (
        brokers.running(tmp_path) as broker,
        listening(broker) as heard,
        publishing(address(broker)) as (publisher, feed),
    ):
        feed.urgent(OpenCounts(open=2, waiting=1), NOW)
        feed.record(started(1))
        await until(lambda: calls(heard) == ["1.1"])
        await broker.kill()
        for number in range(2, 50):
            feed.record(started(number))
        await until(lambda: not publisher.connected)
        await broker.start()
        await until(lambda: len(calls(heard)) == 49, lambda: str(len(calls(heard))))
        assert calls(heard) == [f"1.{number}" for number in range(1, 50)]
        assert not heard.all("dropped")
        await until(lambda: heard.last("up").get("up") is True)


async def test_a_broker_that_forgot_everything_is_reported_what_is_so(tmp_path: Path) -> None:
    """All that is retained comes again with the new connection."""
    async with (
        brokers.running(tmp_path) as broker,
        publishing(address(broker), again_s=600) as (publisher, feed),
    ):
        feed.urgent(OpenCounts(open=2, waiting=1), NOW)
        await until(lambda: publisher.connected and f"{TOPIC}/urgent" in broker.log)
        await broker.kill()
        await until(lambda: not publisher.connected)
        (tmp_path / "mosquitto.db").unlink(missing_ok=True)
        await broker.start()
        await until(lambda: publisher.connected)
        async with listening(broker, "late") as late:
            await until(lambda: set(late.topics()) == {"up", "urgent"})


async def test_a_broker_that_stands_still_gets_what_waited(tmp_path: Path) -> None:
    """Its connections stay open and nothing answers; at the end the line is said to be up."""
    async with (
        brokers.running(tmp_path) as broker,
        listening(broker) as heard,
        publishing(address(broker)) as (publisher, feed),
    ):
        await until(lambda: publisher.connected)
        broker.stop()
        for number in range(1, 20):
            feed.record(started(number))
        await until(lambda: not publisher.connected)
        feed.urgent(OpenCounts(open=1), NOW)
        broker.go_on()
        await until(lambda: len(calls(heard)) == 19)
        assert calls(heard) == [f"1.{number}" for number in range(1, 20)]
        await until(lambda: heard.last("urgent").get("open") == 1)
        await until(lambda: publisher.waiting == 0)
        ids = [one["id"] for one in heard.all("calls/started")]
        assert len(set(ids)) == 19  # what comes twice is known by its id
        await asyncio.sleep(1.2)  # a will that came late is fixed by what is told again
        assert heard.last("up")["up"] is True


async def test_what_was_dropped_is_reported(tmp_path: Path, saw: Saw) -> None:
    """The oldest go, and how many is published and logged when the broker is back."""
    async with brokers.running(tmp_path) as broker, listening(broker) as heard:
        await broker.kill()
        with capture_logs() as logs:
            async with publishing(address(broker), size=10) as (_, feed):
                for number in range(1, 31):
                    feed.record(started(number))
                await until(lambda: "mqtt.away" in [one["event"] for one in logs])
                await broker.start()
                await until(lambda: len(calls(heard)) == 10, lambda: str(heard.heard))
                assert calls(heard) == [f"1.{number}" for number in range(21, 31)]
                assert heard.last("dropped")["dropped"] == 20
                topics = heard.topics("up")
                assert topics.index("dropped") < topics.index("calls/started")
                feed.record(started(31))
                await until(lambda: len(calls(heard)) == 11)
                assert len({one["since"] for one in heard.all("dropped")}) == 1
    assert [one["lost"] for one in logs if one["event"] == "mqtt.dropped"] == [20]
    assert [one["event"] for one in logs].count("mqtt.away") == 1  # said once, not at each try
    saw("an outbox of 10 dropped the 20 oldest of 30 events, and reported it")


async def test_the_broker_says_that_the_line_is_down_when_it_vanishes(tmp_path: Path) -> None:
    """By its last will, retained, once the process is gone without a word."""
    async with brokers.running(tmp_path) as broker, listening(broker) as heard:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PUBLISHES, str(broker.port), PASSWORD, cwd=ROOT
        )
        await until(lambda: heard.last("up").get("up") is True)
        process.kill()
        await process.wait()
        await until(lambda: heard.last("up").get("up") is False)
        async with listening(broker, "late") as late:
            await until(lambda: late.last("up").get("up") is False)


async def test_forged_states_are_reported_again(tmp_path: Path) -> None:
    """Whoever overwrites what is retained is put right within the minute (here: a second)."""
    async with (
        brokers.running(tmp_path) as broker,
        listening(broker) as heard,
        publishing(address(broker)) as (publisher, feed),
    ):
        feed.urgent(OpenCounts(open=3, waiting=3), NOW)
        await until(lambda: heard.last("urgent").get("open") == 3)
        broker.publish(f"{TOPIC}/urgent", '{"open": 0}', "-r")
        await until(lambda: heard.last("urgent").get("open") == 0)
        await until(lambda: heard.last("urgent").get("open") == 3)
        assert publisher.connected


async def test_no_call_waits_for_a_broker_that_stands_still(tmp_path: Path, saw: Saw) -> None:
    """Verdicts come as fast while the broker answers nothing, and the daemon ends in time."""
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    async with brokers.running(tmp_path / "broker") as broker:
        async with serving(home, office(broker), HELD) as (daemon, port):
            await until(lambda: f"PUBLISH from officeline-{SITE}" in broker.log)
            broker.stop()
            slowest = 0.0
            for number in range(40):
                began = time.perf_counter()
                assert "desk1" in await asked(port, f"1.{number}", f"+1917555{number:04}")
                slowest = max(slowest, time.perf_counter() - began)
            assert daemon.writer.flush(10)
            began = time.perf_counter()
        ended = time.perf_counter() - began
        broker.go_on()
    assert slowest < 1.0
    assert ended < 8.0  # a connect that hangs is waited for
    saw(f"broker hung: the slowest of 40 decisions took {slowest * 1e3:.0f} ms")


@pytest.mark.parametrize("swallows", [False, True])
async def test_it_ends_though_its_client_disturbs_the_end(
    monkeypatch: pytest.MonkeyPatch, *, swallows: bool
) -> None:
    """A client that raises an error of its own while it is left, or swallows the cancellation."""
    inside = asyncio.Event()

    class Stubborn:
        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *_: object) -> None:
            if not swallows:
                raise aiomqtt.MqttError("Operation timed out")

        async def publish(self, *_: object, **__: object) -> None:
            inside.set()
            try:
                await asyncio.sleep(9)
            except asyncio.CancelledError:
                if not swallows:
                    raise

    monkeypatch.setattr(aiomqtt, "Client", lambda *_, **__: Stubborn())
    monkeypatch.setattr("pbx.notify.mqtt._lost", lambda _: asyncio.sleep(9))
    publisher = Publisher(Broker(TOPIC, "127.0.0.1", 1, tls=False), SystemClock(), again_s=0.01)
    task = asyncio.create_task(publisher.run())
    await asyncio.wait_for(inside.wait(), 5)
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=5)
    assert done


# paho leaves the socket of a handshake that failed to the garbage collector
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <ssl:pytest.PytestUnraisableExceptionWarning"
)
async def test_tls_with_the_right_certificate_only(tmp_path: Path) -> None:
    """Events cross by TLS; a broker that cannot prove its name gets nothing, nor the password."""
    tls = brokers.certificate(tmp_path)
    async with brokers.running(tmp_path / "broker", tls) as broker:
        async with publishing(address(broker, tls=True, ca=tls[0])) as (publisher, feed):
            feed.record(started(1))
            await until(lambda: publisher.connected and publisher.waiting == 0)
        with capture_logs() as logs:
            async with publishing(address(broker, tls=True)) as (publisher, feed):
                feed.record(started(2))
                # a handshake may break off for another reason, and is tried again
                await until(lambda: "CERTIFICATE_VERIFY_FAILED" in str(logs))
                assert (publisher.connected, publisher.waiting) == (False, 1)
        missing = address(broker, tls=True, ca=tmp_path / "none.pem")
        with capture_logs() as logs:
            async with publishing(missing) as (publisher, _):
                await until(lambda: any(one["event"] == "mqtt.away" for one in logs))
                assert not publisher.connected


async def test_a_wrong_password_is_said_and_tried_again(tmp_path: Path) -> None:
    """The log says what the broker said, and never the password."""
    async with brokers.running(tmp_path) as broker:
        wrong = replace(address(broker), password="not-it-at-all")
        with capture_logs() as logs:
            async with publishing(wrong) as (publisher, _):
                await until(lambda: broker.log.count("not authori") >= 2)
                assert not publisher.connected
    assert "not-it-at-all" not in str(logs) + str(wrong)
    assert "mqtt.away" in [one["event"] for one in logs]


def test_the_outbox_keeps_what_is_in_flight_apart() -> None:
    """A letter that was dropped while it was being sent is not taken for its successor."""
    outbox = Outbox(SystemClock(), 2)
    one, two, three = (Letter("t", payload) for payload in (b"1", b"2", b"3"))
    outbox.put(one)
    outbox.put(two)
    assert outbox.first() is one
    assert outbox.loss() is None
    outbox.put(three)
    outbox.sent(one)
    assert outbox.first() is two
    loss = outbox.loss()
    assert loss is not None
    assert loss.count == 1
    outbox.put(one)
    outbox.reported(loss)
    again = outbox.loss()
    assert again is not None
    assert again.count == 1
    outbox.reported(again)
    assert outbox.loss() is None


async def test_what_has_no_place_in_the_schema_stays_here() -> None:
    """A number where an id belongs is dropped and said, without the number."""
    publisher = Publisher(Broker(TOPIC, "127.0.0.1", 1), SystemClock())
    feed = EventFeed(publisher)
    with capture_logs() as logs:
        feed.record(records.LegAcknowledged("1.1", None, PATIENT, NOW))
        feed.record(records.CallStarted(PATIENT, NOW, "main", "", None, ""))
    assert publisher.waiting == 0
    assert [one["why"] for one in logs] == ["calls/accepted: person", "calls/started: call"]
    assert PATIENT not in str(logs)
    feed.record(started(1))
    assert publisher.waiting == 1
    with pytest.raises(ValueError, match="kind"):
        payloads.read(b'{"v": 2, "kind": "order", "at": "2026-11-24T15:00:00Z"}')
