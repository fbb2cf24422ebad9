"""Calls at the start of a shift on a real database, with a played telephone and a moved clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from pbx.calls.live import LivePlan
from pbx.config import secrets
from pbx.config.home import Home
from pbx.config.plan import parse
from pbx.config.secrets import Secrets
from pbx.db import audit, changes, shifts
from pbx.db.database import open_database
from pbx.db.follow_ups import Outcome
from pbx.db.overlay import laid_over
from pbx.db.plans import apply_text
from pbx.escalation import shift_words
from pbx.escalation.shift_caller import LOOK_S, ShiftCaller
from routing.escalation import resolve
from routing.model import Override
from tests.support import shift_rows

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "config/office.toml").read_text()
ASKS = TEXT.replace('backup = "next"', 'backup = "next"\nconfirm = true')
# On Monday the 16th of November at 08:00 in the office patel hands over to lee, osei is the backup.
START = datetime(2026, 11, 16, 13, tzinfo=UTC)
WAIT_S = 20.0  # how long a slow machine may take
HANG = "goes on"


def minutes(count: float) -> datetime:
    """Return the instant so many minutes after the handoff."""
    return START + timedelta(minutes=count)


@dataclass
class HandClock:
    """A clock that stands still until somebody moves it."""

    at: datetime = START

    def now(self) -> datetime:
        """Return this instant."""
        return self.at

    def set(self, instant: datetime) -> None:
        """Move the hands."""
        self.at = instant


@dataclass
class Telephone:
    """Plays each person's answer, and checks that each call stands in the database before."""

    engine: Engine
    clock: HandClock
    answers: Mapping[str, str] = field(default_factory=dict)
    calls: list[tuple[float, str]] = field(default_factory=list)
    said: list[tuple[str, ...]] = field(default_factory=list)
    ringing: set[str] = field(default_factory=set)
    unwritten: int = 0

    async def confirm(self, person: str, say: Iterable[str]) -> Outcome:
        """Call somebody."""
        written = [who for who, result in shift_rows.shift_calls(self.engine) if result is None]
        self.unwritten += person not in written
        self.calls.append(((self.clock.at - START) / timedelta(minutes=1), person))
        self.said.append(tuple(say))
        self.ringing.add(person)
        try:
            answer = self.answers.get(person, "no answer")
            while answer == HANG:
                await asyncio.sleep(0.01)
                answer = self.answers.get(person, "no answer")
            if answer == "breaks":
                raise RuntimeError("no telephone")
            return answer  # type: ignore[return-value]  # one of the outcomes
        finally:
            self.ringing.discard(person)


@dataclass
class Office:
    """All the parts, with the plan as a daemon has it."""

    engine: Engine
    home: Home
    clock: HandClock
    phone: Telephone
    plans: LivePlan

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[ShiftCaller]:
        """Run the caller; leaving is as sudden as a kill to what is in the database."""
        caller = ShiftCaller(self.engine, self.plans, self.phone, self.clock)
        tasks = [asyncio.create_task(caller.run()), asyncio.create_task(self.plans.watch())]
        try:
            yield caller
            assert not any(task.done() for task in tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def states(self) -> dict[tuple[str, str], str]:
        """Read how everybody stands who was to confirm."""
        rows = shift_rows.shift_history(self.engine)
        return {(row.person, row.role): row.state for row in rows}

    def results(self) -> list[tuple[str, str | None]]:
        """Read who was called, and what came of it."""
        return shift_rows.shift_calls(self.engine)

    def oncall(self) -> tuple[str, ...]:
        """Say whom an escalation policy's first step rings, by the database."""
        plan = parse(ASKS, Path("office.toml")).plan
        return resolve("oncall", laid_over(plan, self.home.database), self.clock.at)

    def audited(self) -> list[tuple[str, str, str, str]]:
        """Read what the audit holds of shifts: who, what, about whom, in which role."""
        rows = audit.entries(self.engine, what="shift")
        return [(one.who, one.what, one.about, one.detail["role"]) for one in rows]

    async def until(self, holds: object) -> None:
        """Wait until something holds, within a bound."""
        assert callable(holds)
        async with asyncio.timeout(WAIT_S):
            while not holds():
                await asyncio.sleep(0.02)

    async def called(self, count: int) -> None:
        """Wait until so many calls have ended with a result."""
        await self.until(lambda: sum(one[1] is not None for one in self.results()) >= count)


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """Open a database, and wire a telephone to it; looks come quickly."""
    monkeypatch.setattr("pbx.escalation.shift_caller.LOOK_S", LOOK_S / 50)
    secrets.write(tmp_path, Secrets(mobiles={"lee": "+12125550111"}))
    home = Home(tmp_path)
    engine = open_database(home.database)
    clock = HandClock()
    plan = parse(ASKS, Path("office.toml")).plan
    plans = LivePlan(plan, secrets.read(tmp_path), home)
    plans.open()
    yield Office(engine, home, clock, Telephone(engine, clock), plans)
    plans.close()
    engine.dispose()


def take(person: str, start: float, end: float) -> Override:
    """Make an override from one minute after the handoff to another."""
    return Override(0, "doctors", "replace", person, None, minutes(start), minutes(end), "swap")


async def test_a_press_confirms_and_is_asked_for_once(office: Office) -> None:
    """The incoming physician hears until when; nobody else is called, now or after a restart."""
    office.phone.answers = {"lee": "acknowledged"}
    for _ in range(2):
        async with office.calling():
            await office.called(1)
            await asyncio.sleep(0.2)
    assert office.phone.calls == [(0, "lee")]
    expected = ("shift-begins", "shift-until", "day-1", "digit-8", "before-noon")
    assert office.phone.said == [expected]
    assert office.states() == {("lee", "oncall"): "confirmed"}
    assert office.results() == [("lee", "acknowledged")]
    assert office.oncall() == ("lee",)


async def test_nobody_presses_and_the_backup_is_reported(office: Office) -> None:
    """Three calls, then the backup, and the escalation begins with the backup until lee presses."""
    async with office.calling() as caller:
        for count, minute in enumerate((0, 4, 8), start=1):
            office.clock.at = minutes(minute)
            await office.called(count)
        await office.until(lambda: office.oncall() == ("osei", "lee"))
        await office.until(lambda: resolve("oncall", office.plans.plan, minutes(9))[0] == "osei")
        await office.called(4)
        assert office.phone.calls == [(0, "lee"), (4, "lee"), (8, "lee"), (8, "osei")]
        assert office.phone.said[-1] == ("shift-unconfirmed",)
        office.phone.answers = {"osei": "acknowledged"}
        office.clock.at = minutes(12)
        await office.called(5)
        assert office.states() == {
            ("lee", "oncall"): "unconfirmed",
            ("osei", "backup"): "confirmed",
        }
        office.phone.answers = {"lee": "acknowledged"}
        office.clock.at = minutes(38)
        await office.called(6)
        await caller.look()
    assert office.oncall() == ("lee",)
    assert office.states()["lee", "oncall"] == "confirmed"
    assert office.phone.unwritten == 0
    assert office.audited() == [
        ("officeline", "shift.unconfirmed", "lee", "oncall"),
        ("osei", "shift.confirmed", "osei", "backup"),
        ("lee", "shift.confirmed", "lee", "oncall"),
    ]


async def test_a_restart_makes_the_call_again_that_it_cut_off(office: Office) -> None:
    """What was cut off counts as no try, and is made again at once; the others go on."""
    office.phone.answers = {"lee": HANG}
    async with office.calling():
        await office.until(lambda: office.phone.ringing)
    assert office.results() == [("lee", None)]
    office.phone.answers = {}
    async with office.calling():
        await office.called(2)
    assert office.results() == [("lee", "unknown"), ("lee", "no answer")]
    row = shifts.active(office.engine)[0]
    assert (row.view.tries, row.view.due_at) == (1, minutes(4))
    office.clock.at = minutes(200)  # a long outage, in the middle
    async with office.calling():
        await office.called(3)
    assert office.phone.calls[-1] == (200, "lee")


async def test_a_start_of_long_ago_is_missed_and_changes_nothing(office: Office) -> None:
    """Nothing ran at eight: at half past ten nobody is called about it."""
    office.clock.at = minutes(150)
    async with office.calling():
        await office.until(lambda: office.states() == {("lee", "oncall"): "missed"})
        await asyncio.sleep(0.2)
    assert office.phone.calls == []
    assert office.oncall() == ("lee",)
    assert office.audited() == [("officeline", "shift.missed", "lee", "oncall")]


async def test_who_takes_the_shift_by_name_has_confirmed(office: Office) -> None:
    """The command line names somebody from now on: nobody calls them, and lee's phone stops."""
    office.phone.answers = {"lee": HANG}
    async with office.calling():
        await office.until(lambda: office.phone.ringing)
        changes.add_override(office.engine, take("osei", 0, 300), by="amy", now=minutes(0.5))
        office.clock.at = minutes(1)
        await office.until(lambda: not office.phone.ringing)
        await office.called(1)
        assert office.results() == [("lee", "canceled")]
        assert office.states() == {("lee", "oncall"): "over", ("osei", "oncall"): "confirmed"}
        office.clock.at = minutes(300)  # and who comes back afterward is called
        await office.until(lambda: (300, "lee") in office.phone.calls)
    assert [person for _, person in office.phone.calls] == ["lee", "lee"]


async def test_who_takes_their_own_shift_has_confirmed_it(office: Office) -> None:
    """Lee is at the desk and says so there, after her phone rang in vain."""
    async with office.calling():
        for count, minute in enumerate((0, 4, 8), start=1):
            office.clock.at = minutes(minute)
            await office.called(count)
        await office.until(lambda: office.oncall() == ("osei", "lee"))
        changes.add_override(office.engine, take("lee", 9, 60), by="amy", now=minutes(9.5))
        assert office.oncall() == ("lee",)
    assert shift_rows.shift_history(office.engine)[0].by == "amy"


async def test_who_is_handed_a_shift_is_called(office: Office) -> None:
    """Even where the file asks nobody to confirm; the press makes it theirs."""
    plain = parse(TEXT, Path("office.toml")).plan
    apply_text(office.engine, TEXT, plain.hash, by="amy", now=START)
    office.plans.close()
    office.plans.open()
    office.phone.answers = {"osei": "acknowledged"}
    async with office.calling():
        await asyncio.sleep(0.2)
        assert office.phone.calls == []
        changes.hand_over(office.engine, take("osei", 0, 60), by="lee", now=minutes(0))
        await office.called(1)
    assert office.results() == [("osei", "acknowledged")]
    assert office.states() == {("osei", "oncall"): "confirmed"}


async def test_a_telephone_that_breaks_is_tried_again(office: Office) -> None:
    """Whatever goes wrong with a call counts as a call that nobody answered."""
    office.phone.answers = {"lee": "breaks"}
    async with office.calling():
        await office.called(1)
        office.clock.at = minutes(4)
        await office.called(2)
    assert office.results() == [("lee", "unreachable")] * 2


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (minutes(7 * 24 * 60), ("day-1", "digit-8", "before-noon")),
        (minutes(5 * 60 + 5), ("day-1", "digit-1", "digit-0", "digit-5", "after-noon")),
        (minutes(16 * 60), ("day-2", "hour-12", "before-noon")),
        (minutes(4 * 60), ("day-1", "hour-12", "after-noon")),
        (minutes(7 * 24 * 60 + 1), ()),
        (None, ()),
    ],
)
def test_until_when_in_words(end: datetime | None, words: tuple[str, ...]) -> None:
    """A weekday and the clock as people say it, in the office's own time; never ambiguous."""
    zone = parse(TEXT, Path("office.toml")).plan.office.zone
    said = shift_words.until(START, end, zone)
    assert said == (("shift-until", *words) if words else ())


def test_the_file_says_how_often() -> None:
    """True is three calls four minutes apart; a table says otherwise; without it nobody is."""
    table = ASKS.replace("confirm = true", 'confirm = { tries = 2, every = "90s" }')
    for text, wanted in ((TEXT, None), (ASKS, (3, 240)), (table, (2, 90))):
        confirm = parse(text, Path("office.toml")).plan.schedules["doctors"].confirm
        assert (confirm and (confirm.tries, confirm.every_s)) == wanted
