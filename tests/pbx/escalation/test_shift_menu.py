"""The physician's menu about a shift: what is offered to whom, and what two presses change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from dialplan import names
from pbx.base.clock import DemoClock
from pbx.calls.conversation import Book
from pbx.config.plan import load
from pbx.db import audit, changes, shifts
from pbx.db.database import open_database
from pbx.db.overlay import laid_over
from pbx.escalation.menu_steps import MenuState, Step
from pbx.escalation.shift_menu import ShiftMenu
from routing.model import Layer, Plan
from routing.schedule import on_call
from routing.shift_start import Begin
from tests.support import shift_rows

ROOT = Path(__file__).parents[3]
PLAN = load(ROOT / "config/office.toml").plan
# A Saturday night in the office; osei has the week up to Monday 08:00, patel steps in.
NIGHT = datetime(2026, 11, 28, 7, 10, 30, tzinfo=UTC)
MONDAY = datetime(2026, 11, 30, 13, tzinfo=UTC)
MORNING = datetime(2026, 11, 28, 13, tzinfo=UTC)


@dataclass
class Plans:
    """The plan as the database lays over it now."""

    path: Path
    bare: Plan = PLAN

    @property
    def plan(self) -> Plan:
        """Lay the database over the file."""
        return laid_over(self.bare, self.path)

    @property
    def book(self) -> Book:
        """Nobody is dialed here."""
        return {}

    def by_hash(self, hash_: str) -> Plan | None:
        """Find none."""
        del hash_
        return None


@dataclass
class Line:
    """The line with what it writes to."""

    engine: Engine
    plans: Plans
    shifts: ShiftMenu

    def menu(self, person: str) -> list[str]:
        """List what somebody hears."""
        return said(self.shifts.menu(MenuState(person), "no-messages"))

    async def pressed(self, person: str, *keys: str) -> Step:
        """Press keys of the menu; return the last step."""
        step = self.shifts.menu(MenuState(person))
        for key in keys:
            state = MenuState.decode(step.state.encode())  # as the channel carries it
            step = await self.shifts.chosen(state, key)
        return step


def said(step: Step) -> list[str]:
    """List a step's prompts."""
    return step.variables[names.SAY].split("&")


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """Open a database at night."""
    engine = open_database(tmp_path / "officeline.db")
    plans = Plans(tmp_path / "officeline.db")
    yield Line(engine, plans, ShiftMenu(engine, plans, DemoClock(NIGHT)))
    engine.dispose()


def unconfirmed(line: Line) -> None:
    """Let osei's shift stand unconfirmed."""
    begin = Begin("doctors", "osei", MONDAY - timedelta(days=7))
    shifts.note_starts(line.engine, [begin], "oncall", at=NIGHT, end=MONDAY)
    shifts.happen(line.engine, shifts.active(line.engine)[0], "tried enough", at=NIGHT)


def test_what_is_offered_to_whom(line: Line) -> None:
    """Who is on call may hand over, the others take; nurses have no part in it."""
    assert line.menu("osei") == ["no-messages", "shift-hand-over"]
    assert line.menu("lee") == ["no-messages", "shift-take"]
    nurse = replace(PLAN.people["lee"], id="jo", role="nurse")
    line.plans.bare = replace(PLAN, people={**PLAN.people, "jo": nurse})
    assert line.menu("jo") == ["no-messages"]
    assert not line.shifts.offers(MenuState("jo"))
    assert line.menu("nobody") == ["no-messages"]
    physician = replace(nurse, role="physician")
    line.plans.bare = replace(PLAN, people={**PLAN.people, "jo": physician})
    assert line.menu("jo") == ["no-messages", "shift-take"]
    line.plans.bare = replace(
        PLAN, schedules={"doctors": replace(PLAN.schedules["doctors"], backup="osei")}
    )
    assert line.menu("osei") == ["no-messages"]
    unconfirmed(line)
    assert line.menu("osei") == ["no-messages", "shift-take"]


async def test_a_shift_is_handed_to_the_backup_until_its_end(line: Line) -> None:
    """The backup is on call up to Monday, is to confirm it, and the row says who did it."""
    step = await line.pressed("osei", "8", "1")
    assert (step.verb, said(step)) == (names.BYE, ["shift-handed"])
    (made,) = changes.list_overrides(line.engine)
    assert (made.change.person, made.change.instead_of, made.by) == (
        "patel", "osei", "osei by telephone"
    )  # fmt: skip
    assert (made.change.start, made.change.end) == (NIGHT.replace(second=0), MONDAY)
    assert on_call(line.plans.plan, "doctors", NIGHT).people == ("patel",)
    (row,) = shifts.active(line.engine)
    assert (row.view.person, row.view.state, row.view.by_hand) == ("patel", "waiting", True)


async def test_a_shift_is_taken_until_the_morning(line: Line) -> None:
    """As `oncall take` does it, and whoever presses has confirmed it by that."""
    step = await line.pressed("lee", "9", "1")
    words = ["shift-taken", "shift-until", "day-6", "digit-8", "before-noon", "goodbye"]
    assert (step.verb, said(step)) == (names.BYE, words)
    (made,) = changes.list_overrides(line.engine)
    assert (made.change.person, made.change.instead_of) == ("lee", None)
    assert (made.change.end, made.by) == (MORNING, "lee by telephone")
    assert on_call(line.plans.plan, "doctors", NIGHT).people == ("lee",)
    assert shifts.active(line.engine) == []


async def test_a_resident_takes_and_hands_over_the_place_beside(line: Line) -> None:
    """The attending stays on call, and is told nothing."""
    residents = Layer(("jo", "kim"), date(2026, 11, 27), time(8), every=1, unit="days")
    schedule = PLAN.schedules["doctors"]
    layers = (*schedule.layers, replace(residents, place="beside"))
    people = {one: replace(PLAN.people["lee"], id=one) for one in ("jo", "kim")}
    line.plans.bare = replace(
        PLAN,
        people={**PLAN.people, **people},
        schedules={"doctors": replace(schedule, layers=layers)},
    )
    assert on_call(line.plans.plan, "doctors", NIGHT).people == ("osei", "jo")
    await line.pressed("kim", "9", "1")
    assert on_call(line.plans.plan, "doctors", NIGHT).people == ("osei", "kim")
    await line.pressed("kim", "8", "1")
    assert on_call(line.plans.plan, "doctors", NIGHT).people == ("osei", "patel")
    later = MORNING + timedelta(days=1)  # kim's own day would have followed the night
    assert on_call(line.plans.plan, "doctors", later).people == ("osei", "jo")


async def test_a_late_press_on_the_line_confirms_the_own_shift(line: Line) -> None:
    """Osei's phone was off: he calls in, and nothing of the schedule changes."""
    unconfirmed(line)
    assert line.menu("osei") == ["no-messages", "shift-hand-over", "shift-take"]
    step = await line.pressed("osei", "9", "1")
    assert said(step)[:3] == ["shift-taken", "shift-until", "day-1"]
    assert changes.list_overrides(line.engine) == []
    assert not line.plans.plan.unconfirmed
    assert shift_rows.shift_history(line.engine)[0].by == "osei by telephone"
    reported = [(one.who, one.what, one.about) for one in audit.entries(line.engine, what="shift")]
    assert reported[-1] == ("osei by telephone", "shift.confirmed", "osei")


@pytest.mark.parametrize(
    "keys", [("9",), ("1",), ("",), ("8", "2"), ("8", ""), ("8", "8")], ids="-".join
)
async def test_anything_else_changes_nothing(line: Line, keys: tuple[str, ...]) -> None:
    """A wrong key, none, and what is not offered."""
    step = await line.pressed("osei", *keys)
    assert (step.verb, said(step)) == (names.BYE, ["shift-unchanged"])
    assert changes.list_overrides(line.engine) == []
    assert shift_rows.shift_history(line.engine) == []


async def test_what_was_offered_may_be_gone_at_the_second_press(line: Line) -> None:
    """Somebody else took the shift between the two presses: there is nothing to hand over."""
    step = await line.pressed("osei", "8")
    await line.pressed("lee", "9", "1")
    step = await line.shifts.chosen(step.state, "1")
    assert said(step) == ["shift-unchanged"]
    assert len(changes.list_overrides(line.engine)) == 1
