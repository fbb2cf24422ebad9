"""The canary on a running office: what it tells, whom it never rings, and who cannot pose as it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from sqlalchemy import text

from pbx.asterisk.engine import runtime
from pbx.asterisk.speech.prompts import sounds_folder
from pbx.calls.record.reconcile import cdr_path, reconcile_day
from pbx.db import messages
from pbx.db.calls import list_calls
from pbx.db.database import open_database
from pbx.demo.carrier.audio import HEADER
from pbx.demo.carrier.handset import Script, refuses, voicemail
from pbx.demo.scenes import BACK_LINE, MAIN, patient, physician
from pbx.demo.stage import MOBILES, TONES
from tests.support.office_up import ROOT, Up, office_up, reach_somebody, until
from tests.support.stages import did_not_ring

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE = 60.0
SHORT = timedelta(seconds=1)  # after less than this the offices of these tests were cut off
FOREIGN = "+18005550199"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def up() -> AsyncIterator[Up]:
    """Run an office that is closed at any hour, and a phone network that brings its calls back."""
    with tempfile.TemporaryDirectory(prefix="officeline-canary-") as name:
        async with office_up(Path(name), closed=True) as running:
            await running.prepared()
            yield running


@dataclass(frozen=True)
class Reported:
    """What a canary told."""

    code: int
    said: str
    complaint: str

    @property
    def checks(self) -> dict[str, dict[str, Any]]:
        """Give what it looked at, by name."""
        found = json.loads(self.said)
        assert found["ok"] is (self.code == 0)
        return {check["name"]: check for check in found["checks"]}

    def broken(self) -> dict[str, str]:
        """Give what does not hold, and how it is told."""
        assert self.code == 1, self
        assert all(one["fix"] for one in self.checks.values() if not one["ok"])
        return {name: one["detail"] for name, one in self.checks.items() if not one["ok"]}


async def canary(up: Up, *words: str, did: str = MAIN) -> Reported:
    """Send one to a line."""
    config = str(up.home.folder.parent / "office.toml")
    where = ("--config", config, "--home", str(up.home.folder))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *where, "canary", "--did", did, *(words or ("--json",))),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Reported(process.returncode or 0, out.decode(), err.decode())


async def console(up: Up, text: str) -> str:
    """Say one line to the office's Asterisk."""
    conf = str(up.home.asterisk / "etc" / "asterisk.conf")
    process = await asyncio.create_subprocess_exec(
        *(*runtime.require().command, "-C", conf, "-rx", text), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return out.decode()


async def nothing_is_left(up: Up) -> None:
    """Wait until no channel is left, and see that no mark and no recording is."""
    async with asyncio.timeout(DEADLINE):
        while "0 active channels" not in await console(up, "core show channels"):
            await asyncio.sleep(0.1)
    assert "canary" not in await console(up, "group show channels")
    assert not list((up.home.asterisk / "spool").glob("canary-*"))


def counted(up: Up) -> tuple[int, ...]:
    """Count what is kept of calls: calls, messages, Asterisk's records, all placed, events."""
    engine = open_database(up.home.database)
    try:
        zone = ZoneInfo("America/New_York")
        day = datetime.now(zone)
        found = reconcile_day(engine, up.home, day.date(), zone, day, SHORT)
        assert not found.unaccounted
        cdr = cdr_path(up.home)
        rows = len(cdr.read_text().splitlines()) if cdr.exists() else 0
        with engine.connect() as connection:
            events = connection.execute(text("SELECT count(*) FROM event")).scalar_one()
        calls = len(list_calls(engine))
        return calls, len(messages.list_open(engine)), rows, found.placed, events
    finally:
        engine.dispose()


@contextlib.contextmanager
def sounds(up: Up, **instead: Path | None) -> Iterator[None]:
    """Have Asterisk play other files for these prompts (_ for -), or silence."""
    folder = up.home.sounds / "en"
    kept = {}
    for prompt, other in instead.items():
        for suffix in (".wav", ".wav16"):
            path = folder / f"{prompt.replace('_', '-')}{suffix}"
            kept[path] = path.read_bytes()
            if other is None:
                path.write_bytes(kept[path][:HEADER] + bytes(len(kept[path]) - HEADER))
            else:
                path.write_bytes(other.with_suffix(suffix).read_bytes())
    try:
        yield
    finally:
        for path, data in kept.items():
            path.write_bytes(data)


@contextlib.contextmanager
def carrier(up: Up, number: str, script: Script) -> Iterator[None]:
    """Have the carrier do this with a call of the office to a number of its own."""
    up.carrier.answers(number, script)
    try:
        yield
    finally:
        up.carrier.answers(number, up.carrier.brings_back())


async def under_way(up: Up) -> None:
    """Wait until our own end of a canary's call is on its way."""
    async with asyncio.timeout(DEADLINE):
        while "canary" not in await console(up, "group show channels"):
            await asyncio.sleep(0.05)


def answered(up: Up) -> None:
    """Have each physician pick up and press 1, if one is rung."""
    for person, number in MOBILES.items():
        up.carrier.answers(number, physician(person))


def nobody_was_rung(up: Up) -> None:
    """No phone of a human rang."""
    assert all(did_not_ring(up.carrier, number) for number in MOBILES.values())


async def somebody(up: Up) -> str:
    """Wait until a physician is rung, and name them."""
    waits = {
        asyncio.create_task(up.carrier.rings(number, DEADLINE)): person
        for person, number in MOBILES.items()
    }
    done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    return waits[done.pop()]


def called(up: Up, caller: str | None) -> list[str | None]:
    """List what came of this caller's calls, the newest first."""
    engine = open_database(up.home.database)
    try:
        return [row.outcome for row in list_calls(engine) if row.caller == caller]
    finally:
        engine.dispose()


async def test_it_holds_on_a_good_line_and_nobody_notices(up: Up) -> None:
    """Greeting, menu and caller ID are told, nobody rings, and no ledger has a call."""
    answered(up)
    before = counted(up)
    reported = await canary(up)
    assert reported.code == 0, reported
    assert [name for name, one in reported.checks.items() if one["ok"]] == [
        "trunk", "caller ID", "greeting", "menu",
    ]  # fmt: skip
    assert "greeting-closed and menu-closed" in reported.checks["greeting"]["detail"]
    assert MAIN not in reported.said + reported.complaint
    nobody_was_rung(up)
    await nothing_is_left(up)
    assert counted(up) == before


@pytest.mark.long
async def test_a_line_without_a_menu_is_reported_so(up: Up) -> None:
    """Where phones ring at once, the test prompt is heard in their place."""
    answered(up)
    before = counted(up)
    reported = await canary(up, did=BACK_LINE)
    assert reported.code == 0, reported
    assert "has none" in reported.checks["menu"]["detail"]
    assert "test prompt" in reported.checks["greeting"]["detail"]
    nobody_was_rung(up)
    await nothing_is_left(up)
    assert counted(up) == before


@pytest.mark.long
async def test_a_silent_greeting_is_found(up: Up) -> None:
    """A line that answers and says nothing is broken, whatever else works."""
    with sounds(up, greeting_closed=None, menu_closed=None):
        broken = (await canary(up)).broken()
    assert list(broken) == ["greeting"]
    assert "nothing was heard" in broken["greeting"]


@pytest.mark.long
async def test_a_greeting_with_other_words_is_found(up: Up) -> None:
    """Speech that begins alike and goes on otherwise is another prompt, and not some sound."""
    with sounds(up, greeting_closed=sounds_folder() / "en" / "greeting-any.wav"):
        broken = (await canary(up)).broken()
    assert list(broken) == ["greeting"]
    assert "what was heard is not greeting-closed" in broken["greeting"]


async def test_a_carrier_that_replaces_the_caller_id_is_found(up: Up) -> None:
    """On the back line, too, where such a call would ring a physician at once."""
    answered(up)
    before = counted(up)
    with carrier(up, BACK_LINE, up.carrier.brings_back(showing=FOREIGN)):
        broken = (await canary(up, did=BACK_LINE)).broken()
    assert "…0199 came in, and not the office's …0100" in broken["caller ID"]
    assert "greeting" in broken
    nobody_was_rung(up)
    await nothing_is_left(up)
    assert counted(up) == before


async def test_a_carrier_that_loses_keys_is_found(up: Up) -> None:
    """Without its key the call is not known as ours, is given up, and rings nobody."""
    answered(up)
    before = counted(up)
    with carrier(up, BACK_LINE, up.carrier.brings_back(keys=False)):
        broken = (await canary(up, did=BACK_LINE)).broken()
    assert "no key" in broken["menu"]
    assert "caller ID" not in broken
    nobody_was_rung(up)
    await nothing_is_left(up)
    assert counted(up) == before


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (refuses(404), "did not bring it back"),
        pytest.param(voicemail(), "not by this office", marks=pytest.mark.long),
    ],
    ids=["refused", "answered elsewhere"],
)
async def test_a_carrier_that_does_not_bring_it_back_is_found(
    up: Up, script: Script, sentence: str
) -> None:
    """A number that leads elsewhere, or nowhere, is no line of the office."""
    with carrier(up, MAIN, script):
        broken = (await canary(up)).broken()
    assert sentence in broken["trunk"]
    await nothing_is_left(up)


@pytest.mark.long
@pytest.mark.parametrize(
    "caller",
    [
        pytest.param(MAIN, id="posing"),
        pytest.param("+19175550142", id="patient", marks=pytest.mark.long),
        pytest.param(None, id="anonymous", marks=pytest.mark.long),
    ],
)
async def test_whoever_calls_meanwhile_reaches_a_human(up: Up, caller: str | None) -> None:
    """Also a stranger who shows the office's number and keys in eight digits."""
    answered(up)
    with carrier(up, BACK_LINE, up.carrier.brings_back(after=12)):
        placed = asyncio.create_task(canary(up, did=BACK_LINE))
        await under_way(up)
        call = await up.carrier.dials(BACK_LINE, caller=caller, script=patient(press="12345678"))
        reached = await somebody(up)
        await call.ended(DEADLINE)
        reported = await placed
    assert call.heard_tone(TONES[reached])
    assert reported.code == 2, reported
    assert "Another call came in" in reported.complaint
    await nothing_is_left(up)
    await until(lambda: called(up, caller) == ["connected"])


@pytest.mark.long
async def test_a_patient_who_calls_during_the_greeting_is_not_held(up: Up) -> None:
    """Once our call is known, every other one is a patient's, and the test goes on."""
    answered(up)
    placed = asyncio.create_task(canary(up))
    async with asyncio.timeout(DEADLINE):
        while "canary-back" not in await console(up, "group show channels"):
            await asyncio.sleep(0.05)
    call = await up.carrier.dials(
        MAIN, caller="+19175550143", script=patient(press="1", tells=True)
    )
    reached = await somebody(up)
    await call.ended(DEADLINE)
    assert call.heard_tone(TONES[reached])
    assert (await placed).code == 0


@pytest.mark.long
async def test_a_daemon_that_dies_leaves_nothing_and_patients_reach_a_human(up: Up) -> None:
    """The test call ends, says so, and the next caller is a patient."""
    answered(up)
    before = counted(up)
    os.kill(up.process.pid, signal.SIGSTOP)  # nobody starts another one
    try:
        placed = asyncio.create_task(canary(up))
        async with asyncio.timeout(DEADLINE):
            while "canary-back" not in await console(up, "group show channels"):
                await asyncio.sleep(0.05)
        os.kill(up.daemon_pid(), signal.SIGKILL)
        broken = (await placed).broken()
        assert "the control layer did not answer" in broken["menu"]
        nobody_was_rung(up)
        await nothing_is_left(up)
        assert (await canary(up)).code == 2  # and it is not tried without one
        await reach_somebody(up, BACK_LINE)
    finally:
        os.kill(up.process.pid, signal.SIGCONT)
    await until(lambda: up.reported("daemon.serving") == 2)
    async with asyncio.timeout(DEADLINE):
        while counted(up)[0] != before[0] + 1:
            await asyncio.sleep(0.2)
    assert counted(up)[1] == before[1]
    assert not called(up, FOREIGN)  # nor did the restart find a test call of before


@pytest.mark.long
async def test_two_at_a_time_are_refused(up: Up) -> None:
    """The second one is told to wait, and the first one holds."""
    placed = asyncio.create_task(canary(up))
    await under_way(up)
    second = await canary(up)
    assert second.code == 2
    assert "Another test call is in progress" in second.complaint
    assert (await placed).code == 0


async def test_another_number_is_no_line_of_the_office(up: Up) -> None:
    """One sentence, and nothing is called."""
    reported = await canary(up, did="+12125550199")
    assert reported.code == 2
    assert "not a line of the office" in reported.complaint
