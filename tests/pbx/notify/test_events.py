"""Events as people and programs meet them: the command, the document, the lamp, the secrets."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

import cli
from pbx.base.clock import SystemClock
from pbx.base.errors import OfficeLineError
from pbx.config import secrets
from pbx.config.hosts import Unresolved
from pbx.config.plan import parse
from pbx.db import records
from pbx.db.news import News, OpenCounts
from pbx.notify import payloads, tail
from pbx.notify.feed import EventFeed
from pbx.notify.mqtt import Broker, Publisher
from routing.time_text import TimeText
from tests.support import broker as brokers
from tests.support.ami_peer import until
from tests.support.broker import PASSWORD, SITE, TOPIC, USER, Mosquitto
from tests.support.offices import EXAMPLE, ROOT

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")
DOCUMENT = (ROOT / "docs/events.md").read_text(encoding="utf-8")
SCHEMA = json.loads((ROOT / "docs/events.schema.json").read_text(encoding="utf-8"))


@asynccontextmanager
async def published(broker: Mosquitto) -> AsyncIterator[EventFeed]:
    """Publish a little of everything."""
    where = Broker(TOPIC, "127.0.0.1", broker.port, tls=False, user=USER, password=PASSWORD)
    publisher = Publisher(where, SystemClock())
    feed = EventFeed(publisher)
    feed.urgent(OpenCounts(1, 1, 1, NOW), NOW)
    feed.oncall(
        [payloads.ScheduleOnCall(schedule="doctors", oncall=("lee",), backup="osei", until=NOW)],
        NOW,
    )
    feed.names(Unresolved(carrier=1), NOW)
    task = asyncio.create_task(publisher.run())
    await until(lambda: "officeline/lakeside/names" in broker.log)
    try:
        yield feed
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def place(folder: Path, broker: Mosquitto) -> list[str]:
    """Make an office that knows this broker; return the command's first words."""
    table = f'site = "{SITE}"\nhost = "127.0.0.1"\nport = {broker.port}\ntls = false'
    (folder / "office.toml").write_text(f'{EXAMPLE}\n[mqtt]\n{table}\nuser = "{USER}"\n')
    secrets.write(folder / "home", secrets.Secrets(mqtt=PASSWORD))
    options = ["--config", str(folder / "office.toml"), "--home", str(folder / "home")]
    return [sys.executable, "-m", "cli", *options, "events", "tail"]


async def ran(*words: str) -> tuple[int, list[str], str]:
    """Run a command to its end; return its exit code, its lines and what it said."""
    process = await asyncio.create_subprocess_exec(
        *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    printed, said = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode or 0, printed.decode().splitlines(), said.decode()


async def test_tail_shows_what_a_person_can_read(tmp_path: Path) -> None:
    """What is retained comes first; a stranger's bytes cannot touch the terminal."""
    async with brokers.running(tmp_path / "broker") as broker, published(broker) as feed:
        words = place(tmp_path, broker)
        task = asyncio.create_task(ran(*words, "--count", "8"))
        await until(lambda: broker.log.count("Received SUBSCRIBE") == 1)
        feed.record(records.CallStarted("1.1", NOW, "main", "", "+12125550142", ""))
        feed.record(records.Decided("1.1", NOW, 1, "escalation", "x", "urgent", ()))
        await until(lambda: "calls/decided" in broker.log)
        broker.publish(f"{TOPIC}/x", "\x1b[2J" + "9" * 10)
        feed.news([News(1, "1.1", NOW, "closed", "lee", "closed", "urgent", breached=False)])
        code, lines, said = await task
    assert (code, said) == (0, "")
    assert sorted(line[13:] for line in lines[:4]) == [
        "names of hosts WITHOUT AN ADDRESS: 1 of the carrier",
        "on call for doctors: lee, osei steps in",
        "the line is up",
        "urgent messages: 1 open, 1 wait, 1 BREACHED, the oldest from Tuesday 10:00 AM",
    ]
    assert lines[4:6] == [
        "10:00:00 AM  call 1.1 on main",
        "10:00:00 AM  call 1.1: escalation, urgent",
    ]
    assert (
        tail.event_line("x\x1b[2J", b"", TimeText(ZONE))[13:]
        == "x?[2J: 0 bytes that are not one of our events"
    )
    assert sorted(line[13:] for line in lines[6:]) == [
        "urgent message 1.1 was closed by lee; it is closed",
        "x: 14 bytes that are not one of our events",
    ]


def test_tail_says_how_the_carrier_stands() -> None:
    """Since when it is away, and whether it is silent or refuses."""
    lines = {
        payloads.TrunkEvent(at=NOW, up=True): "the carrier can be reached",
        payloads.TrunkEvent(
            at=NOW, up=False, why="unanswered", since=NOW
        ): "the carrier DOES NOT ANSWER since Tuesday 10:00 AM",
        payloads.TrunkEvent(
            at=NOW, up=False, why="refused", since=NOW
        ): "the carrier REFUSES US since Tuesday 10:00 AM",
    }
    for event, line in lines.items():
        said = tail.event_line("trunk", event.model_dump_json().encode(), TimeText(ZONE))
        assert said[13:] == line


async def test_tail_gives_tools_one_document_a_line(tmp_path: Path) -> None:
    """It ends after some seconds where nothing more comes."""
    async with brokers.running(tmp_path / "broker") as broker, published(broker):
        broker.publish(f"{TOPIC}/urgent/x", "no json", "-r")
        code, lines, said = await ran(*place(tmp_path, broker), "--json", "--seconds", "1.5")
    assert (code, said) == (0, "")
    found = {one["topic"]: one["payload"] for one in map(json.loads, lines)}
    assert found["urgent/x"] is None
    assert found["urgent"]["open"] == 1
    assert found["up"]["up"] is True
    assert set(found) == {"up", "urgent", "oncall", "names", "urgent/x"}


async def test_tail_says_in_a_sentence_what_is_wrong(tmp_path: Path) -> None:
    """No broker, a wrong password, no table."""
    async with brokers.running(tmp_path / "broker") as broker:
        words = place(tmp_path, broker)
        secrets.write(tmp_path / "home", secrets.Secrets(mqtt="wrong"))
        code, _, said = await ran(*words)
        assert (code, said.count("\n")) == (2, 1), said
        assert "does not let us listen" in said
        await broker.kill()
        code, _, said = await ran(*words)
        assert (code, said.count("\n")) == (2, 1), said
    (tmp_path / "office.toml").write_text(EXAMPLE)
    code, _, said = await ran(*words)
    assert (code, said.count("\n")) == (2, 1), said
    assert "has no [mqtt]" in said


@pytest.mark.parametrize("what", payloads.MESSAGE_WHATS)
def test_everything_that_happens_a_message_has_words_and_a_topic(what: str) -> None:
    """In the command, and in the document."""
    assert what in tail.WORDS
    assert f"`messages/{what.replace(' ', '-')}`" in DOCUMENT


def test_the_schema_is_what_is_published() -> None:
    """The file is made of the very classes; write it anew if one of them has changed."""
    assert payloads.schema() == SCHEMA
    assert SCHEMA["$defs"]["CallEvent"]["properties"]["v"]["const"] == payloads.VERSION


def test_the_document_shows_payloads_as_they_are() -> None:
    """Each kind has an example with exactly its fields, which can be read."""
    blocks = re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)
    kinds = set()
    for block in blocks:
        found = payloads.read(block.encode())
        assert json.loads(found.model_dump_json()) == json.loads(block)
        kinds.add(found.kind)
        (defined,) = [
            one
            for one in SCHEMA["$defs"].values()
            if one["properties"].get("kind", {}).get("const") == found.kind
        ]
        assert set(json.loads(block)) == set(defined["properties"]) == set(defined["required"])
    assert kinds == set(SCHEMA["discriminator"]["mapping"])


async def test_the_lamp_is_lit_while_an_urgent_message_is_open(tmp_path: Path) -> None:
    """And while nobody can know: before the first word, and when the line is down."""
    lamp = tmp_path / "lamp"
    switch = tmp_path / "switch"
    switch.write_text(f'#!/bin/sh\necho "$1" >>{lamp}\n')
    switch.chmod(0o755)

    def states() -> list[str]:
        return lamp.read_text().split() if lamp.exists() else []

    async with brokers.running(tmp_path / "broker") as broker:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(ROOT / "docs/examples/lamp.py"), f"{switch} on", f"{switch} off",
            "--", "-h", "127.0.0.1", "-p", str(broker.port), "-u", USER, "-P", PASSWORD,
            "-t", f"{TOPIC}/urgent", "-t", f"{TOPIC}/up", env={**os.environ, "LAMP_SILENCE_S": "2"},
        )  # fmt: skip
        try:
            await until(lambda: states() == ["on"])
            async with published(broker) as feed:
                feed.urgent(OpenCounts(), NOW)
                await until(lambda: states() == ["on", "off"])
                broker.publish(f"{TOPIC}/urgent", "nonsense")
                feed.urgent(OpenCounts(open=1), NOW)
                await until(lambda: states() == ["on", "off", "on"])
                feed.urgent(OpenCounts(), NOW)
                await until(lambda: states() == ["on", "off", "on", "off"])
                await until(lambda: states()[-1] == "on")  # nothing was heard for two seconds
                feed.urgent(OpenCounts(), NOW)
                assert len(states()) == 5
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        finally:
            process.terminate()
            await process.wait()
        assert children
        assert not [pid for pid in children if Path("/proc", pid).exists()]
        assert states()[-1] == "on"


async def test_the_doctor_asks_the_broker(tmp_path: Path) -> None:
    """With the secrets file's password; where the file names none, there is nothing to ask."""
    async with brokers.running(tmp_path / "broker") as broker:
        words = [*place(tmp_path, broker)[:-2], "doctor", "--json"]

        async def asked() -> list[dict[str, Any]]:
            _, lines, _ = await ran(*words)
            checks: list[dict[str, Any]] = json.loads("".join(lines))["checks"]
            return [one for one in checks if one["name"] == "broker"]

        assert [(one["ok"], one["detail"]) for one in await asked()] == [
            (True, f"127.0.0.1:{broker.port} accepts our login")
        ]
        secrets.write(tmp_path / "home", secrets.Secrets(mqtt="wrong"))
        (found,) = await asked()
        assert (found["ok"], "uthori" in found["detail"]) == (False, True)
        (tmp_path / "office.toml").write_text(EXAMPLE)
        assert await asked() == []


def officeline(folder: Path, *words: str, given: str = "") -> tuple[int, str]:
    """Run the command in this process; return its exit code and what it printed or said."""
    options = ["--config", str(folder / "office.toml"), "--home", str(folder / "home")]
    try:
        result = CliRunner().invoke(cli.app, [*options, *words], input=given)
    except OfficeLineError as error:
        return 2, str(error)
    if isinstance(result.exception, OfficeLineError):
        return 2, str(result.exception)
    return result.exit_code, result.stdout


@pytest.mark.parametrize("which", ["mqtt", "trunk"])
def test_a_password_goes_into_the_secrets_alone(tmp_path: Path, which: str) -> None:
    """From standard input; it is never shown, and can be forgotten."""
    (tmp_path / "office.toml").write_text(EXAMPLE)
    code, said = officeline(
        tmp_path, "secrets", "set", which, "--stdin", given='s3cret; "quoted"\n'
    )
    assert (code, "s3cret" in said) == (0, False)
    assert getattr(secrets.read(tmp_path / "home"), which) == 's3cret; "quoted"'
    status: dict[str, Any] = json.loads(officeline(tmp_path, "secrets", "status", "--json")[1])
    assert status["secrets"][which] is True
    assert "s3cret" not in str(status) + officeline(tmp_path, "secrets", "status")[1]
    assert officeline(tmp_path, "secrets", "set", which, "--remove", "--yes")[0] == 0
    assert getattr(secrets.read(tmp_path / "home"), which) == ""


@pytest.mark.parametrize("given", ["", "\n", "a\x07b\n", "x" * 200 + "\n"])
def test_what_is_no_password_is_refused(tmp_path: Path, given: str) -> None:
    """In one sentence, and nothing is changed."""
    code, said = officeline(tmp_path, "secrets", "set", "mqtt", "--stdin", given=given)
    assert (code, said.count("\n")) == (2, 0)
    assert secrets.read(tmp_path / "home").mqtt == ""


def test_the_port_is_by_tls() -> None:
    """Where the file names none."""
    for line, port in (("", 8883), ("tls = false\n", 1883), ("port = 99\n", 99)):
        text = f'{EXAMPLE}\n[mqtt]\nsite = "aa"\nhost = "localhost"\n{line}'
        table = parse(text, Path("office.toml")).mqtt
        assert table is not None
        assert Broker.of(table, secrets.Secrets()).port == port


def test_no_port_listens_that_was_not_there() -> None:
    """The example practice names no broker: nothing of MQTT is even imported."""
    code = (
        "import sys; from pathlib import Path; from pbx.config.plan import load\n"
        "from pbx.notify.notifier import Notifier; from pbx.config.home import Home\n"
        "from pbx.base.clock import SystemClock; from pbx.config.secrets import Secrets\n"
        "known = load(Path('config/office.toml'))\n"
        "Notifier(known, Secrets(), Home(Path('/nowhere')), SystemClock())\n"
        "print('aiomqtt' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout == "False\n"
