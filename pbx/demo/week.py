"""Simulate days of a practice in seconds: random callers, handled by our real code."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pbx.asterisk.engine.runtime import service_user
from pbx.base.clock import DemoClock
from pbx.calls import office
from pbx.calls.callflow import CallFlow
from pbx.calls.conversation import Book
from pbx.calls.recent import RecentCallers
from pbx.calls.record.reconcile import cdr_path
from pbx.calls.record.recorder import Recorder
from pbx.config import plan, secrets
from pbx.config.home import Home
from pbx.config.plan import Configuration
from pbx.db.database import open_database
from pbx.db.plans import apply_first
from pbx.db.writer import LogWriter
from pbx.demo.aftercare import Aftercare
from pbx.demo.carrier import audio
from pbx.demo.narrated_call import NarratedCaller, NarratedOffice
from routing.model import Plan
from routing.simulate import Load

BY_DAY, BY_NIGHT, OTHER_LINES = 4.0, 0.6, 0.2  # calls per hour
URGENT = 0.35
WORKDAYS, OFFICE_HOURS = range(5), range(8, 18)
# 555-01xx is reserved for fiction in each area code
PATIENTS = [f"+1{area}555{one:04}" for area in (917, 646, 718) for one in range(120, 180)]
ANONYMOUS = 0.04
HOUR = timedelta(hours=1)
FLUSH_EVERY = 100  # calls; the log's queue holds many times more records
SEED = 22


@dataclass(frozen=True)
class Still:
    """A plan that never changes."""

    plan: Plan
    book: Book

    def by_hash(self, hash_: str) -> Plan | None:
        """Return the plan if it is this one, else None."""
        return self.plan if hash_ == self.plan.hash else None


async def play(configuration: Configuration, folder: Path, start: datetime, end: datetime) -> int:
    """Fill an empty home with calls in [start, end) (aware times); return their number."""
    home, found = Home(folder), configuration.plan
    home.prepare(service_user())
    people = {person: f"+1212555{count:04}" for count, person in enumerate(found.people, 180)}
    held = secrets.Secrets(mobiles=people).completed(())
    secrets.write(folder, held)
    plans = Still(found, office.dial_strings(found, held))
    engine = open_database(home.database)
    text = plan.read_text(configuration.path)
    apply_first(engine, text, found.hash, now=start)
    clock, lot = DemoClock(start), random.Random(SEED)  # noqa: S311  # a game
    writer = LogWriter(lambda: open_database(home.database))
    recorder = Recorder(engine, writer, home, plans, clock, held.token)
    writer.start()
    try:
        line = _line(plans, clock, lot, recorder, home, held.token)
        return await _lived(line, Aftercare(engine, plans, clock, lot), writer, (start, end))
    finally:
        writer.close()
        engine.dispose()


def _line(
    plans: Still, clock: DemoClock, lot: random.Random, recorder: Recorder, home: Home, token: str
) -> NarratedOffice:
    cdr, spoken = cdr_path(home), home.folder / "spoken.wav"
    cdr.parent.mkdir(parents=True, exist_ok=True)
    audio.write_tone(spoken, 440, 1)
    flow = CallFlow(plans, RecentCallers())
    return NarratedOffice(plans, flow, recorder, clock, token, home.messages, spoken, cdr, lot)


async def _lived(
    line: NarratedOffice, after: Aftercare, writer: LogWriter, span: tuple[datetime, datetime]
) -> int:
    """Simulate the calls and, between them, everything that is due; return the number of calls."""
    count = 0
    for count, caller in enumerate(draw_callers(line.plans.plan, *span, line.lot), start=1):
        after.until(caller.at)
        await line.call(caller)
        if count % FLUSH_EVERY == 0:
            writer.flush()
    after.until(span[1])
    line.spoken.unlink()
    return count


def call_load(plan: Plan) -> Load:
    """Return the call volume: most on the main number by day, a few on every line at any time."""
    main = plan.line_of(plan.office.number) or plan.lines[0]
    calls = {}
    for line in plan.lines:
        for day in range(7):
            for hour in range(24):
                busy = day in WORKDAYS and hour in OFFICE_HOURS
                rate = (BY_DAY if busy else BY_NIGHT) if line is main else OTHER_LINES
                calls[line.name, day, hour] = rate
    return Load(calls, {line.name: URGENT if line is main else 1.0 for line in plan.lines})


def draw_callers(
    plan: Plan, start: datetime, end: datetime, lot: random.Random
) -> Iterator[NarratedCaller]:
    """Yield random callers within [start, end), in the order of their calls."""
    expected, at, count = call_load(plan), start, 0
    while at < end:
        local = at.astimezone(plan.office.zone)
        drawn = []
        for line in plan.lines:
            rate = expected.calls[line.name, local.weekday(), local.hour]
            passed = lot.expovariate(rate)
            while passed < 1:
                drawn.append((at + passed * HOUR, line))
                passed += lot.expovariate(rate)
        for when, line in sorted(drawn, key=lambda one: one[0]):
            if when >= end:
                return
            count += 1
            number = None if lot.random() < ANONYMOUS else lot.choice(PATIENTS)
            urgent = lot.random() < expected.urgent[line.name]
            yield NarratedCaller(f"{when.timestamp():.0f}.{count}", when, line.did, number, urgent)
        at += HOUR
