"""Calls that the office places: to patients within the limits, by command, and to 911."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from sqlalchemy import text

from dialplan import system
from dialplan.names import FOLLOW_UP_CALL
from pbx.calls.record.reconcile import reconcile_day
from pbx.config.home import Home
from pbx.db import messages, outbound
from pbx.db.database import open_database
from pbx.demo.carrier import audio
from pbx.demo.carrier.handset import Handset, Script, answers
from pbx.demo.scenes import BACK_LINE, MAIN, SATURDAY, patient
from pbx.demo.stage import MOBILES, PATIENT_TONE, TONES, Stage, staged
from tests.calls.test_follow_up import (
    LONG,
    PIN,
    consults,
    leaves_a_message,
    never_shows,
    read,
    state_is,
    with_pin,
)
from tests.calls.test_phones import baresip
from tests.conftest import Saw
from tests.support.offices import ROOT, changed
from tests.support.stages import did_not_ring, never_answers

if TYPE_CHECKING:
    from pbx.db.outbound_tables import OutboundCall

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE = 60.0
PER_DAY = 2
# What is said, as tones that a recording can be searched for (Hz)
SAID = {"taken": 1100.0, "limit-reached": 1300.0, "number-refused": 1500.0, "emergency-911": 1700.0}
LIVE = """live = [
    { try = "oncall", ring = 20 },
    { try = "backup", ring = 20 },
    { wait = 15 },
    { try = "oncall", ring = 20 },
    { try = "everyone", ring = 20 },
]"""


def config(folder: Path) -> Path:
    """Write a practice that calls everybody at once, and little on a day."""
    text = changed(
        (LIVE, 'live = [{ try = "everyone", ring = 20 }]'),
        ("[[lines]]", f"[outbound]\nper_day = {PER_DAY}\n\n[[lines]]"),
    )
    path = folder / "office.toml"
    path.write_text(text)
    return path


def record(folder: Path) -> None:
    """Put tones in the place of what these tests listen for."""
    own = Home(folder / "office").recordings
    own.mkdir(parents=True)
    for prompt, frequency in SAID.items():
        audio.write_tone(own / f"{prompt}.wav", frequency, 1.5)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def practice() -> AsyncIterator[Stage]:
    """Start such a practice and a phone network around it."""
    with tempfile.TemporaryDirectory(prefix="officeline-outbound-") as folder:
        record(Path(folder))
        async with staged(Path(folder), config(Path(folder)), SATURDAY) as stage:
            yield stage


def on_call(stage: Stage) -> str:
    """Name who is on call; nobody else ever answers."""
    for mobile in MOBILES.values():
        stage.carrier.answers(mobile, never_answers())
    return stage.person("oncall")


def called_today(stage: Stage, person: str, times: int) -> None:
    """Write that somebody placed calls today, as the daemon does."""
    engine = open_database(stage.home.database)
    now = stage.clock.now()
    wanted = outbound.OutboundRequest(person, "+12125550199", "earlier")
    for _ in range(times):
        outbound.place_outbound(
            engine, wanted, outbound.Since(now, now - now), lambda *_: None, now
        )
    outbound.note_ended(engine, "earlier", "", now)
    engine.dispose()


def now_to(stage: Stage, message: str, number: str) -> None:
    """Put another number into a message; whoever calls from such a one is asked for theirs."""
    engine = open_database(stage.home.database)
    try:
        with engine.begin() as connection:
            words = "UPDATE message SET callback_number = :number WHERE id = :message"
            connection.execute(text(words), {"number": number, "message": message})
    finally:
        engine.dispose()


def events(stage: Stage, message: str) -> list[tuple[str, dict[str, str]]]:
    """List what happened to a message."""
    engine = open_database(stage.home.database)
    try:
        return [(one.what, one.detail) for one in messages.message_history(engine, message)]
    finally:
        engine.dispose()


async def over(stage: Stage, request: int) -> OutboundCall:
    """Wait until a call that was asked for is over."""
    engine = open_database(stage.home.database)
    try:
        async with asyncio.timeout(DEADLINE):
            while (row := outbound.get_request(engine, request)) is None or row.result is None:
                await asyncio.sleep(0.1)
    finally:
        engine.dispose()
    return row


def stays(*keys: str) -> Script:
    """Pick up, press 1, give the PIN, press keys of the menu, and stay for half a minute."""

    async def script(phone: Handset) -> None:
        await phone.ring(1)
        await phone.answer()
        for key in ("1", PIN, *keys):
            await phone.wait(1.5)
            await phone.press(key)
        await phone.tone(PATIENT_TONE / 2, 14)
        await phone.hang_up()

    return script


@pytest.mark.long
async def test_a_call_ends_when_it_has_lasted_long_enough(
    practice: Stage, caller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both phones are free again, and the physician is asked whether they spoke."""
    monkeypatch.setattr("routing.outbound.longest_s", lambda *_: 4)
    practice.set_time(SATURDAY)
    person = on_call(practice)
    await asyncio.to_thread(with_pin, practice, person)
    practice.carrier.answers(MOBILES[person], stays("1"))
    practice.carrier.answers(caller, answers(after=1, tone=PATIENT_TONE, talk=30))
    message = await leaves_a_message(practice, caller)
    mobile = await practice.carrier.rings(MOBILES[person], DEADLINE)
    called = await practice.carrier.rings(caller, DEADLINE)
    await asyncio.gather(mobile.ended(DEADLINE), called.ended(DEADLINE))
    assert called.answered_at is not None
    assert called.ended_at is not None
    assert 3 < called.ended_at - called.answered_at < 8
    assert (await asyncio.to_thread(read, practice, message)).state == "acknowledged"


async def test_a_number_that_costs_is_never_dialed(practice: Stage, caller: str) -> None:
    """A message whose callback number is abroad, however it came there, is not called back."""
    practice.set_time(SATURDAY)
    person = on_call(practice)
    await asyncio.to_thread(with_pin, practice, person)
    practice.carrier.answers(MOBILES[person], consults(person, "1", "2"))
    abroad = caller.replace("+1917", "+1876")
    practice.carrier.answers(abroad, answers(tone=PATIENT_TONE))
    message = await leaves_a_message(practice, caller)
    await asyncio.to_thread(now_to, practice, message, abroad)
    mobile = await practice.carrier.rings(MOBILES[person], DEADLINE)
    await mobile.ended(DEADLINE)
    assert mobile.heard_tone(SAID["number-refused"])
    assert did_not_ring(practice.carrier, abroad)
    assert ("not called", {"why": "it is abroad"}) in await asyncio.to_thread(
        events, practice, message
    )


@pytest.mark.long
async def test_past_the_days_limit_nobody_is_dialed(practice: Stage, caller: str) -> None:
    """The physician is told, the message says why, and the patient's phone never rings."""
    practice.set_time(SATURDAY)
    person = on_call(practice)
    await asyncio.to_thread(with_pin, practice, person)
    await asyncio.to_thread(called_today, practice, person, PER_DAY)
    practice.carrier.answers(MOBILES[person], consults(person, "1", "2"))
    practice.carrier.answers(caller, answers(tone=PATIENT_TONE))
    message = await leaves_a_message(practice, caller)
    mobile = await practice.carrier.rings(MOBILES[person], DEADLINE)
    await mobile.ended(DEADLINE)
    assert mobile.heard_tone(SAID["limit-reached"])
    assert did_not_ring(practice.carrier, caller)
    found = await state_is(practice, message, "acknowledged")
    assert found.called_back_at is None
    why = {"why": f"the limit is {PER_DAY} calls a day"}
    assert ("not called", why) in await asyncio.to_thread(events, practice, message)


async def test_a_command_connects_a_physician_and_a_patient(practice: Stage, caller: str) -> None:
    """Mobile, 1, PIN, patient: both see the office, neither sees the other; it is accounted for."""
    practice.clock.set(datetime.now(UTC))
    await asyncio.to_thread(with_pin, practice, "lee")
    practice.carrier.answers(MOBILES["lee"], consults("lee", talk=LONG))
    practice.carrier.answers(caller, answers(after=1, tone=PATIENT_TONE, talk=6))
    officeline = await command(practice, "lee", caller)
    mobile = await practice.carrier.rings(MOBILES["lee"], DEADLINE)
    called = await practice.carrier.rings(caller, DEADLINE)
    said, reported = await officeline.communicate()
    await asyncio.gather(mobile.ended(DEADLINE), called.ended(DEADLINE))
    assert (officeline.returncode, said) == (0, b"")
    assert reported.decode().splitlines() == [
        "Lakeside Internal Medicine: calling Dr. Ana Lee's mobile ...",
        "Accepted; waiting for the PIN ...",
        "Calling the patient ...",
        "Connected.",
    ]
    assert (mobile.shown, called.shown) == (MAIN, MAIN)
    assert called.heard_tone(TONES["lee"])
    assert mobile.heard_tone(PATIENT_TONE)
    never_shows(practice, called, *MOBILES.values())
    never_shows(practice, mobile, caller)
    row = await over(practice, await asyncio.to_thread(newest, practice))
    assert (row.person, row.number, row.result) == ("lee", caller, "talked")
    assert await asyncio.to_thread(unaccounted, practice) == []


def newest(stage: Stage) -> int:
    """Return the id of the newest call to a patient."""
    engine = open_database(stage.home.database)
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT max(id) FROM outbound_call").scalar_one()
    engine.dispose()
    return int(found)


def unaccounted(stage: Stage) -> list[str]:
    """Name the calls of today that either ledger has alone, as things stand later."""
    zone = stage.configuration.plan.office.zone
    now = datetime.now(UTC)
    engine = open_database(stage.home.database)
    try:
        day = now.astimezone(zone).date()
        found = reconcile_day(engine, stage.home, day, zone, now + timedelta(minutes=5))
    finally:
        engine.dispose()
    return [one.id for one in found.unaccounted if one.id.startswith(FOLLOW_UP_CALL)]


async def command(stage: Stage, person: str, number: str) -> asyncio.subprocess.Process:
    """Give `officeline callback` on the practice's home."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "--config", str(stage.home.folder.parent / "office.toml")),
        *("--home", str(stage.home.folder), "callback", person, number),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )


@pytest.mark.long
async def test_without_the_pin_no_patient_is_called(practice: Stage, caller: str) -> None:
    """Somebody has the physician's phone, presses 1, and gets no further: there is no dial tone."""
    practice.clock.set(datetime.now(UTC))
    await asyncio.to_thread(with_pin, practice, "patel")

    async def guesses(phone: Handset) -> None:
        await phone.ring(0.5)
        await phone.answer()
        for keys in ("1", "111213", caller[-10:-4], "000001"):
            await phone.wait(1.5)
            await phone.press(keys)
        await phone.wait_hangup()

    practice.carrier.answers(MOBILES["patel"], guesses)
    practice.carrier.answers(caller, answers(tone=PATIENT_TONE))
    officeline = await command(practice, "patel", caller)
    mobile = await practice.carrier.rings(MOBILES["patel"], DEADLINE)
    said, _ = await officeline.communicate()
    await mobile.ended(DEADLINE)
    assert officeline.returncode == 1
    assert (
        said.decode() == "Lakeside Internal Medicine: Dr. Mira Patel did not enter the right PIN; "
        "nobody else was called.\n"
    )
    assert did_not_ring(practice.carrier, caller)


async def test_a_request_that_came_too_late_is_never_dialed(practice: Stage, caller: str) -> None:
    """A minute later the physician may be asleep: nobody is called."""
    practice.set_time(SATURDAY)
    practice.carrier.answers(MOBILES["osei"], consults("osei"))
    engine = open_database(practice.home.database)
    at = practice.clock.now() - outbound.EXPIRES * 1.01
    request = await asyncio.to_thread(outbound.ask, engine, "osei", caller, by="test", at=at)
    engine.dispose()
    assert (await over(practice, request)).result == "expired"
    assert did_not_ring(practice.carrier, MOBILES["osei"])


@pytest.mark.parametrize("later", [0.0, 1.5])
async def test_of_two_who_accept_one_is_reported_that_it_is_taken(
    practice: Stage, caller: str, later: float, saw: Saw
) -> None:
    """One talks to the patient; the other, who presses then or while they talk, hears of it."""
    practice.set_time(SATURDAY)
    both = asyncio.Barrier(2)

    def presses(person: str, wait: float) -> Script:
        async def script(phone: Handset) -> None:
            await phone.ring(0.5)
            await phone.answer()
            await phone.wait(1)
            await both.wait()
            if wait:
                await phone.wait(wait)
            await phone.press("1")
            await phone.wait(0.3)
            await phone.tone(TONES[person], 3)
            await phone.hang_up()

        return script

    practice.carrier.answers(MOBILES["lee"], presses("lee", 0))
    practice.carrier.answers(MOBILES["osei"], presses("osei", later))
    practice.carrier.answers(MOBILES["patel"], never_answers())
    call = await practice.carrier.dials(BACK_LINE, caller=caller, script=patient(at_most=20))
    phones = {person: await practice.carrier.rings(MOBILES[person], DEADLINE) for person in MOBILES}
    await asyncio.gather(*(one.ended(DEADLINE) for one in (call, *phones.values())))
    history = await practice.finished(caller)
    winner = str(history.call.person)
    loser = "lee" if winner == "osei" else "osei"
    results = {leg.person: leg.result for leg in history.legs}
    assert results == {winner: "accepted", loser: "too late", "patel": results["patel"]}
    assert phones[loser].heard_tone(SAID["taken"])
    assert not phones[loser].heard_tone(PATIENT_TONE)
    assert phones[winner].heard_tone(PATIENT_TONE)
    assert not phones[winner].heard_tone(SAID["taken"])
    assert call.heard_tone(TONES[winner])
    assert not call.heard_tone(TONES[loser])
    saw(
        f"the second pressed {later:g} s later: one was connected, the other heard that the call "
        f"was taken"
    )
    if later:
        assert winner == "lee"


@pytest.mark.long
async def test_who_does_not_press_hears_that_it_is_taken(practice: Stage, caller: str) -> None:
    """Still asked to press 1 when another one accepted: that is said in place of asking again."""
    practice.set_time(SATURDAY)
    practice.carrier.answers(MOBILES["lee"], answers(after=1, press="1", tone=TONES["lee"], talk=6))
    practice.carrier.answers(MOBILES["osei"], answers(after=0.5))
    practice.carrier.answers(MOBILES["patel"], never_answers())
    call = await practice.carrier.dials(BACK_LINE, caller=caller, script=patient(at_most=12))
    other = await practice.carrier.rings(MOBILES["osei"], DEADLINE)
    await asyncio.gather(call.ended(DEADLINE), other.ended(DEADLINE))
    assert other.heard_tone(SAID["taken"])
    assert call.heard_tone(TONES["lee"])


@pytest.mark.long
@pytest.mark.parametrize("missing", ["app_originate", "func_module"])
async def test_911_goes_out_though_nobody_can_be_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """Without the part of Asterisk that tells the others, the call is connected all the same."""
    modules = tuple(one for one in system.MODULES if one != missing)
    monkeypatch.setattr(system, "MODULES", modules)
    with tempfile.TemporaryDirectory(prefix="officeline-911-") as name:
        async with staged(Path(name), config(Path(name)), SATURDAY) as stage:
            assert missing not in (stage.home.asterisk / "etc" / "modules.conf").read_text()
            stage.carrier.answers("911", answers(after=1, tone=PATIENT_TONE, talk=3))
            async with baresip(tmp_path, stage, stage.secrets.phones["desk2"], "/dial 911"):
                emergency = await stage.carrier.rings("911", DEADLINE)
                await emergency.ended(DEADLINE)
            assert emergency.answered_at is not None
            assert emergency.shown == MAIN


@pytest.mark.long
async def test_911_goes_out_when_every_place_is_taken(tmp_path: Path) -> None:
    """Callers have the whole line, and more are refused; there is room for the call to 911."""
    with tempfile.TemporaryDirectory(prefix="officeline-911-") as name:
        file = config(Path(name))
        file.write_text(file.read_text().replace("[trunk]", "[trunk]\nmax_calls = 1", 1))
        async with staged(Path(name), file, SATURDAY) as stage:
            for mobile in MOBILES.values():
                stage.carrier.answers(mobile, never_answers())
            stays_on = await stage.carrier.dials(
                BACK_LINE, caller="+19175550100", script=patient(at_most=20)
            )
            for mobile in MOBILES.values():
                await stage.carrier.rings(mobile, DEADLINE)  # one caller and three legs: all places
            refused = await stage.carrier.dials(
                BACK_LINE, caller="+19175550101", script=patient(at_most=20)
            )
            await refused.ended(DEADLINE)
            assert refused.answered_at is None
            stage.carrier.answers("911", answers(after=1, tone=PATIENT_TONE, talk=2))
            async with baresip(tmp_path, stage, stage.secrets.phones["desk2"], "/dial 911"):
                emergency = await stage.carrier.rings("911", DEADLINE)
                assert stays_on.ended_at is None
                await emergency.ended(DEADLINE)
            assert emergency.answered_at is not None
            await stays_on.ended(DEADLINE)


async def test_911_goes_out_with_a_dead_control_layer(tmp_path: Path) -> None:
    """A desk phone dials it straight; the other desk phone rings, shows it and says it."""
    with tempfile.TemporaryDirectory(prefix="officeline-911-") as name:
        folder = Path(name)
        record(folder)
        async with staged(folder, config(folder), SATURDAY) as stage:
            await stage.daemon.stop()
            stage.carrier.answers("911", answers(after=1, tone=PATIENT_TONE, talk=5))
            stage.carrier.answers("desk1", answers(after=1))
            secret = stage.secrets.phones["desk2"]
            async with baresip(tmp_path, stage, secret, "/dial 911"):
                emergency = await stage.carrier.rings("911", DEADLINE)
                desk = await stage.carrier.rings("desk1", DEADLINE)
                await desk.ended(DEADLINE)
                assert emergency.ended_at is None  # nobody waits for the desk, and it cuts nobody
            await emergency.ended(DEADLINE)
            assert (emergency.shown, desk.shown) == (MAIN, MAIN)
            assert desk.shown_name == "911 from desk2"
            assert desk.heard_tone(SAID["emergency-911"], 2)
            assert emergency.heard_tone(TONES["desk1"])  # what baresip plays
