"""A night of sixty calls, a third of the physicians unreachable: nothing is lost, nothing leaks."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from pbx.calls.record.reconcile import Reconciliation, reconcile_day
from pbx.config import secrets
from pbx.db import follow_ups, message_progress, messages
from pbx.db.database import open_database
from pbx.demo.carrier.handset import Handset, PhoneCall, Script, refuses
from pbx.demo.carrier.trace import SipMessage
from pbx.demo.scenes import BACK_LINE, MAIN, SATURDAY, patient
from pbx.demo.stage import MOBILES, Stage, staged
from pbx.escalation.pins import hashed
from routing import follow_up, schedule
from routing.follow_up import RINGING, MessageView
from tests.support import leaks

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

ROOT = Path(__file__).parents[2]
CALLS = 60  # the load of a residency practice's night (JFP), times four
EVERY_S = 0.5
DEADLINE = 600.0  # against hanging: one physician takes up what a whole night left
PIN = "472916"
OFFICE_RTP, NETWORK_RTP = "12800-13199", (13200, 13599)
# What a caller does, by the number of the call: line and script.
KINDS: tuple[tuple[str, Script], ...] = (
    (MAIN, patient(press="1", tells=True, at_most=12)),
    (MAIN, patient(press="1", at_most=0)),  # hangs up when asked for a number
    (MAIN, patient(press="2", at_most=6)),  # a routine message
    (MAIN, patient(press="1", keys="#", at_most=2)),  # hangs up in the middle of the words
    (BACK_LINE, patient(at_most=10)),
    (MAIN, patient(at_most=0)),  # hangs up in the greeting
)


@dataclass
class Night:
    """What the night left."""

    stage: Stage
    person: str  # who was on call, and unreachable
    log: io.StringIO
    calls: list[PhoneCall] = field(default_factory=list)

    def reconciled(self) -> Reconciliation:
        """Hold our log against Asterisk's; blocking."""
        engine = open_database(self.stage.home.database)
        zone = self.stage.configuration.plan.office.zone
        try:
            day = datetime.fromisoformat(SATURDAY).date()
            later = datetime.now(UTC) + timedelta(days=30)
            return reconcile_day(engine, self.stage.home, day, zone, later)
        finally:
            engine.dispose()

    def reported_of(self, message_id: str) -> list[str]:
        """Tell who was called about a message, for whoever reads a failure; blocking."""
        engine = open_database(self.stage.home.database)
        try:
            return [
                f"{one.person} {one.started_at:%H:%M:%S} {one.ended_at:%H:%M:%S} {one.result}"
                if one.ended_at
                else f"{one.person} {one.started_at:%H:%M:%S} goes on"
                for one in follow_ups.attempts(engine, message_id)
            ]
        finally:
            engine.dispose()

    def messages(self) -> list[tuple[MessageView, set[str]]]:
        """List what is not closed, with those called since its follow-up began (last); blocking."""
        engine = open_database(self.stage.home.database)
        try:
            later = self.stage.clock.now() + timedelta(days=30)
            return [
                (one, {tried.person for tried in attempts if tried.started_at >= one.since})
                for one in message_progress.due_messages(engine, later, 1000)
                for attempts in [follow_ups.attempts(engine, one.id)]
            ]
        finally:
            engine.dispose()


def on_duty() -> Script:
    """Pick up unless in a call, press 1, give the PIN, say "later" to what waits; hang up."""
    busy = asyncio.Lock()

    async def script(phone: Handset) -> None:
        if busy.locked():
            await phone.reject(486)
        async with busy:
            await phone.ring(0.5)
            await phone.answer()
            await phone.wait(0.8)
            await phone.press("1")
            await phone.wait(1)
            await phone.press(PIN)
            for _ in range(6):  # one message after the other, while there are some
                await phone.wait(1)
                await phone.press("2")
            await phone.hang_up()

    return script


def write_config(folder: Path) -> Path:
    """Write the example practice with room for so many calls."""
    text = (ROOT / "config/office.toml").read_text(encoding="utf-8")
    text = text.replace("[network]", f'[network]\nrtp_ports = "{OFFICE_RTP}"', 1)
    text = text.replace("[trunk]", "[trunk]\nmax_calls = 200", 1)
    text = re.sub(r"wait = 15", "wait = 3", text)
    config = folder / "office.toml"
    config.write_text(text, encoding="utf-8")
    return config


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def night() -> AsyncIterator[Night]:
    """Play the night once, for all that is asked of it."""
    said, before = io.StringIO(), structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.PrintLoggerFactory(said),  # no allow-list: everything is seen
    )
    try:
        with tempfile.TemporaryDirectory(prefix="officeline-night-") as name:
            config = write_config(Path(name))
            async with staged(Path(name), config, SATURDAY, NETWORK_RTP) as stage:
                found = Night(stage, stage.person("oncall"), said)
                await _play(found)
                yield found
                await stage.settle()
    finally:
        structlog.configure(**before)


async def _play(night: Night) -> None:
    stage = night.stage
    pin = hashed(PIN)
    for person, mobile in MOBILES.items():
        secrets.change(stage.home.folder, lambda held, who=person: held.with_pin(who, pin))  # type: ignore[misc]  # bound at once
        away = person == night.person
        stage.carrier.answers(mobile, refuses(480) if away else on_duty())
    for number in range(CALLS):
        line, script = KINDS[number % len(KINDS)]
        caller = f"+1917666{number:04d}"
        night.calls.append(await stage.carrier.dials(line, caller=caller, script=script))
        await asyncio.sleep(EVERY_S)
    await asyncio.gather(*(call.ended(DEADLINE) for call in night.calls))
    backup = MOBILES[stage.person("backup")]
    stage.carrier.answers(backup, refuses(486))  # until everyone has been called
    # the follow-up's steps, the breach, and those of a late call back
    for minutes in (11, 16, 31, 42, 58):
        if minutes > 16:
            stage.carrier.answers(backup, on_duty())
        wanted = stage.at(SATURDAY) + timedelta(minutes=minutes)
        stage.clock.set(max(stage.clock.now(), wanted))
        await _quiet(stage)


async def _quiet(stage: Stage) -> None:
    """Wait until the follow-up has called whom it had to, and nothing is due."""
    engine = open_database(stage.home.database)

    def nothing_is_due() -> bool:
        nearest = message_progress.nearest(engine)
        return nearest is None or nearest > stage.clock.now()

    try:
        async with asyncio.timeout(DEADLINE):
            quiet = 0
            while quiet < 15:
                await asyncio.sleep(0.1)
                done = stage.daemon.calls_nobody and await asyncio.to_thread(nothing_is_due)
                quiet = quiet + 1 if done else 0
    finally:
        engine.dispose()


async def test_every_call_is_accounted_for(night: Night) -> None:
    """Both ledgers know all sixty; each is connected, a message or abandoned before it said why."""
    assert not [call.error for call in night.calls if call.error]
    found = await asyncio.to_thread(night.reconciled)
    assert found.placed == CALLS
    assert not found.unaccounted
    assert sum(found.outcomes.values()) == CALLS
    assert found.outcomes["connected"] > 0
    assert found.outcomes["abandoned"] <= CALLS // len(KINDS)  # who hung up in the greeting


async def test_nobody_waits_past_the_breach_with_somebody_uncalled(night: Night) -> None:
    """Whoever said "urgent" was reached or has a message; where it is open, everyone was called.

    The follow-up of one that was acknowledged, and whose call back is overdue, begins again.
    """
    plan = night.stage.configuration.plan
    left = await asyncio.to_thread(night.messages)
    everyone = set(schedule.everyone(plan))
    states = Counter(one.state for one, _ in left if one.urgency == "urgent")
    assert states["acknowledged"] > 0
    assert [one.id for one, called in left if called >= everyone]
    for message, called in left:
        passed = (night.stage.clock.now() - message.since).total_seconds()
        everyone_s = follow_up.escalation_of(message, plan).follow_up.everyone_s
        if message.urgency == "urgent" and message.state in RINGING and passed >= everyone_s:
            assert called >= everyone, await asyncio.to_thread(night.reported_of, message.id)
    routine = [one for one, called in left if one.urgency == "routine" and not called]
    assert len(routine) == CALLS // len(KINDS)


async def test_no_physicians_number_comes_out(night: Night) -> None:
    """Not in SIP beyond what is dialed, nor in logs, tables, files and the commands' words."""
    stage, numbers = night.stage, tuple(MOBILES.values())
    sip = await asyncio.to_thread(stage.carrier.messages)
    assert sum(leaks.in_text(one.text, numbers) for one in sip) > CALLS // 2  # they were called
    assert leaks.in_sip(sip, numbers) == []
    assert await asyncio.to_thread(leaks.in_files, stage.home.folder, numbers) == []
    assert await asyncio.to_thread(leaks.in_tables, stage.home.database, numbers) == []
    assert await leaks.in_commands(stage, numbers) == []
    assert not leaks.in_text(night.log.getvalue(), numbers)


async def test_a_leak_is_found_wherever_it_is(night: Night, tmp_path: Path) -> None:
    """One planted in each place: a header, a table, a file, a sentence."""
    number = MOBILES[night.person]
    office = "INVITE sip:+19175550100@127.0.0.2 SIP/2.0\nFrom: <sip:+12125550100@127.0.0.1>"
    for header in ("From", "Diversion", "P-Asserted-Identity", "Remote-Party-ID", "Contact"):
        planted = SipMessage(received=True, peer="", text=f"{office}\n{header}: <sip:{number}@a>")
        assert leaks.in_sip([planted], [number]) == [f"SIP: {header}"]
    engine = open_database(tmp_path / "officeline.db")
    try:
        messages.open_message(
            engine,
            message_id="m1",
            call="c1",
            at=night.stage.clock.now(),
            urgency="urgent",
            callback_number=number,
            recording=None,
        )
    finally:
        engine.dispose()
    assert leaks.in_tables(tmp_path / "officeline.db", [number]) == [
        "table: message.callback_number"
    ]
    (tmp_path / "export.csv").write_text("call,212-555-0111\ncall,212-555-0112\ncall,212-555-0113")
    assert leaks.in_files(tmp_path, [number]) == ["file: export.csv"]
