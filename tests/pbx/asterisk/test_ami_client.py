"""The AMI client on a real Asterisk, and before peers that do what a real one seldom does."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from pbx.asterisk.ami import client as ami
from pbx.asterisk.ami.client import AmiAuthError, AmiClient, AmiEvent, AmiTimeout, AmiUnavailable
from pbx.asterisk.engine.process import AsteriskProcess
from tests.support import ami_peer
from tests.support.ami_peer import DEADLINE, Office, Peer, listening, numbered, until, welcome
from tests.support.asterisk import SECRET, bare_asterisk

pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBER = "+12125550111"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asterisk() -> AsyncIterator[AsteriskProcess]:
    """Start one Asterisk for this file."""
    with tempfile.TemporaryDirectory(prefix="officeline-ami-") as folder:
        async with bare_asterisk(Path(folder)) as process:
            yield process


async def test_an_originated_call_is_answered_at_once_and_reported_of_later(
    asterisk: AsteriskProcess,
) -> None:
    """With Async the answer does not wait for the call, and its outcome is an event."""
    office = Office(asterisk.instance.ports.ami, SECRET)
    async with office.open() as client:
        answer = await client.action(
            "Originate",
            Channel="Local/nobody@nowhere",
            Context="hold",
            Exten="s",
            Priority="1",
            Async="true",
            Variable=["A=1", "B=2"],
        )
        assert answer.ok
        assert answer.message == "Originate successfully queued"
        await until(lambda: any(event.name == "OriginateResponse" for event in office.events))
        reported = next(event for event in office.events if event.name == "OriginateResponse")
        assert reported.fields["Response"] == "Failure"


async def test_a_thousand_actions_at_once_each_get_their_own_answer(
    asterisk: AsteriskProcess,
) -> None:
    """Answers find their actions, and the events come as the actions went."""
    port = asterisk.instance.ports.ami
    office = Office(port, SECRET, queue_size=2000, action_timeout=DEADLINE)
    async with office.open() as client:
        actions = [client.action("UserEvent", UserEvent="N", Number=str(n)) for n in range(1000)]
        assert all(answer.ok for answer in await asyncio.gather(*actions))
        await until(lambda: len(office.events) >= 1000)
        numbers = [event.fields["Number"] for event in office.events if "Number" in event.fields]
        assert numbers == [str(number) for number in range(1000)]


async def test_no_password_but_ours_is_let_in_and_no_name_either(
    asterisk: AsteriskProcess,
) -> None:
    """Both are fatal at once: one try, and a sentence that names the port and the fix."""
    port = asterisk.instance.ports.ami
    with pytest.raises(AmiAuthError, match=rf"port {port} refuses .*must be the same") as caught:
        await asyncio.wait_for(Office(port, "not-the-secret").run(), DEADLINE)
    assert "not-the-secret" not in str(caught.value)


async def test_the_password_is_never_sent() -> None:
    """The login is the challenge's key, and asks for events."""
    heard: list[Peer] = []

    async def play(peer: Peer) -> None:
        heard.append(peer)
        await peer.let_in()
        await peer.stay()

    async with listening(play) as port, Office(port).open():
        assert heard[0].login["Events"] == "on"
        assert ami_peer.SECRET.encode() not in heard[0].heard


async def test_an_asterisk_that_boots_is_waited_for() -> None:
    """Nothing is asked of it before, and what it tells meanwhile is heard after."""

    async def booting(peer: Peer) -> None:
        await peer.let_in(booted=False)
        await asyncio.wait_for(begin.wait(), DEADLINE)
        await peer.say(*numbered(1))
        await peer.say("Event: FullyBooted", "Status: Fully Booted")
        await peer.say(*numbered(2))
        await peer.stay()

    begin = asyncio.Event()
    async with listening(booting) as port:
        office = Office(port)
        running = asyncio.create_task(office.run())
        with pytest.raises(TimeoutError):
            await office.client.wait_connected(0.3)
        assert office.story == []
        begin.set()
        await office.has_heard("resync", "1", "2")
        running.cancel()
        await asyncio.wait({running})


async def test_one_that_cannot_say_that_it_has_booted_is_taken_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A manager.conf of before an upgrade tells us no FullyBooted: late is better than never."""
    monkeypatch.setattr(ami, "BOOT_S", 0.2)

    async def says_nothing(peer: Peer) -> None:
        await peer.let_in(booted=False)
        await peer.stay()

    async with listening(says_nothing) as port, Office(port).open() as connected:
        assert connected.connected


async def test_one_that_dies_while_it_boots_is_tried_again() -> None:
    """Nothing is asked of the one that is gone."""

    async def dies(peer: Peer) -> None:
        await peer.let_in(booted=False)
        await asyncio.sleep(0.1)

    async with listening(dies, welcome) as port:
        office = Office(port)
        async with office.open():
            assert office.story == ["resync"]


async def test_one_login_brings_one_resync(asterisk: AsteriskProcess) -> None:
    """And what it says of itself is not one of our events."""
    office = Office(asterisk.instance.ports.ami, SECRET)
    async with office.open() as client:
        await client.action("UserEvent", UserEvent="Count", Number="1")
        await until(lambda: "1" in office.story)
        assert office.story.count("resync") == 1
        assert "FullyBooted" not in office.story


@pytest.mark.parametrize("why", ["Login Already In Use", "Asterisk is shutting down"])
async def test_a_refusal_that_passes_is_not_fatal(why: str) -> None:
    """Only a wrong password is; the old connection may not be gone yet."""

    async def refuse(peer: Peer) -> None:
        await peer.take_login()
        await peer.answer(peer.login, "Response: Error", f"Message: {why}")

    async with listening(refuse, welcome) as port, Office(port).open() as client:
        assert client.connected


async def test_nobody_there_is_tried_again() -> None:
    """While the port refuses, actions fail at once; when it opens, the client is there."""
    async with listening(welcome) as port:
        pass
    office = Office(port)
    task = asyncio.create_task(office.run())
    with pytest.raises(TimeoutError):
        await office.client.wait_connected(0.1)
    with pytest.raises(AmiUnavailable):
        await office.client.action("Ping")
    async with listening(welcome, port=port):
        await office.client.wait_connected(DEADLINE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_had_arrived_is_reported_before_the_next_resync() -> None:
    """A loss makes nothing of it unsaid, even while the callback is busy."""

    async def says_three(peer: Peer) -> None:
        await peer.let_in()
        await asyncio.wait_for(begin.wait(), DEADLINE)
        for number in (1, 2, 3):
            await peer.say(*numbered(number))

    begin = asyncio.Event()
    async with listening(says_three, welcome) as port:
        office = Office(port)
        office.free.clear()
        task = asyncio.create_task(office.run())
        await office.client.wait_connected(DEADLINE)
        begin.set()
        await until(lambda: not office.client.connected)
        with pytest.raises(AmiUnavailable):
            await office.client.action("Ping")
        office.free.set()
        await office.has_heard("resync", "1", "2", "3", "resync")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_callback_that_hangs_does_not_keep_us_away() -> None:
    """After the connection is lost it has its time; then it is canceled and we reconnect."""

    async def says_one(peer: Peer) -> None:
        await peer.let_in()
        await asyncio.wait_for(begin.wait(), DEADLINE)
        await peer.say(*numbered(1))

    begin = asyncio.Event()
    async with listening(says_one, welcome) as port:
        office = Office(port)
        office.free.clear()
        async with office.open():
            begin.set()
            await office.has_heard("resync", "resync")


@pytest.mark.parametrize(("events", "padding"), [(12, 0), (9, 60_000)])
async def test_a_flood_ends_the_connection(
    events: int, padding: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More events than may wait, or heavier ones, bring a resync and not a larger queue."""
    monkeypatch.setattr(ami, "QUEUE_LIMIT", 400_000)  # bytes, so that the test need not send 16 MiB

    async def flood(peer: Peer) -> None:
        await peer.let_in()
        await asyncio.wait_for(begin.wait(), DEADLINE)
        for number in range(events):
            await peer.say(*numbered(number), "Padding: " + "x" * padding)
        await peer.stay()

    begin = asyncio.Event()
    async with listening(flood, welcome) as port:
        office = Office(port, queue_size=10)
        office.free.clear()
        task = asyncio.create_task(office.run())
        await office.client.wait_connected(DEADLINE)
        begin.set()
        with capture_logs() as logs:
            await office.has_heard("resync", "overflow")
        assert [entry["log_level"] for entry in logs if entry["event"] == "ami.overflow"] == [
            "error"
        ]
        office.free.set()
        await until(lambda: office.story.count("resync") == 2)
        assert office.story.count("overflow") == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_late_answer_is_nobodys() -> None:
    """An action in time-out fails alone; its list, when it comes, is not taken for events."""

    async def late(peer: Peer) -> None:
        await peer.let_in()
        slow = await peer.action("Slow")
        ask = await peer.action("Quick")
        await peer.answer(slow, "Response: Success", "EventList: start")
        await peer.answer(slow, "Event: Channel")
        await peer.answer(slow, "Event: Complete", "EventList: Complete")
        await peer.answer(ask, "Response: Success")
        await peer.say(*numbered(1))
        await peer.stay()

    async with listening(late) as port:
        office = Office(port)
        async with office.open() as client:
            with pytest.raises(AmiTimeout, match="Slow"):
                await client.action("Slow")
            assert (await client.action("Quick")).ok
            await office.has_heard("resync", "1")


async def test_failures_of_callbacks_are_logged_without_what_they_held() -> None:
    """Resync and event both fail, the connection stays, and no number is in the log."""

    async def says_two(peer: Peer) -> None:
        await peer.let_in()
        await peer.say(*numbered(1))
        await peer.say(*numbered(2))
        await peer.stay()

    def fail(_: AmiEvent) -> None:
        raise ValueError(f"cannot store {NUMBER}")

    async def fail_too(_: AmiClient) -> None:
        raise ValueError(f"cannot store {NUMBER}")

    async with listening(says_two) as port:
        office = Office(port)
        office.meets, office.catches_up = fail, fail_too
        with capture_logs() as logs:
            async with office.open():
                await office.has_heard("resync", "1", "2")
                await until(lambda: len(logs) == 4)
        said = [(entry["event"], entry.get("callback")) for entry in logs]
        assert said == [
            ("ami.callback_failed", "on_resync"),
            ("ami.connected", None),
            ("ami.callback_failed", "on_event"),
            ("ami.callback_failed", "on_event"),
        ]
        assert NUMBER not in str(logs)
        assert all(entry["where"].startswith("test_ami_client.py:") for entry in logs[2:])


async def test_a_resync_without_an_answer_is_made_again() -> None:
    """Where Asterisk left the resync's own question unanswered, the connection is given up."""

    async def hangs_up(peer: Peer) -> None:
        await peer.let_in()
        await peer.action("CoreShowChannels")

    async def says_nothing(peer: Peer) -> None:
        await peer.let_in()
        await peer.action("CoreShowChannels")
        await peer.stay()

    async def ask(client: AmiClient) -> None:
        resyncs.append(client.connected)
        if len(resyncs) < 3:
            await client.action("CoreShowChannels")

    resyncs: list[bool] = []
    async with listening(hangs_up, says_nothing, welcome) as port:
        office = Office(port)
        office.catches_up = ask
        async with office.open():
            assert resyncs == [False, False, False]


async def test_canceling_leaves_nothing_behind() -> None:
    """No task stays, whatever the client is at; and the connection is closed."""
    asked, gone = asyncio.Event(), asyncio.Event()

    async def says_one(peer: Peer) -> None:
        await peer.let_in()
        await peer.say(*numbered(1))
        await peer.action("Never")
        asked.set()
        await peer.stay()
        gone.set()

    before = asyncio.all_tasks()
    async with listening(says_one) as port:
        office = Office(port)
        office.free.clear()
        async with office.open() as client:
            hanging = asyncio.create_task(client.action("Never"))
            await asyncio.wait_for(asked.wait(), DEADLINE)
        with pytest.raises(AmiUnavailable):
            await hanging
        assert not office.client.connected
        await asyncio.wait_for(gone.wait(), DEADLINE)
    assert asyncio.all_tasks() == before
