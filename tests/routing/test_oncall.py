"""Who is on call, as the commands ask for it: rows, handoffs, gaps, swaps, in small plans."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from pbx.config import plan as plan_files
from routing import oncall, spans
from routing.model import ExplicitShift, Layer, Override, Plan, Schedule

ROOT = Path(__file__).parents[2]
EXAMPLE = plan_files.load(ROOT / "config" / "office.toml").plan
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MON = datetime(2026, 11, 23, 13, tzinfo=UTC)  # Monday 08:00 in New York, Osei's week begins


def schedule(
    *people: str, at: time = time(8), every: int = 1, since: date = date(2026, 1, 5)
) -> Schedule:
    """Make a schedule that hands over each so many days."""
    return Schedule("doctors", (Layer(people, since, at, every=every, unit="days"),))


def plan_of(*schedules: Schedule, overrides: tuple[Override, ...] = ()) -> Plan:
    """Make a plan with these schedules."""
    return replace(EXAMPLE, schedules={one.name: one for one in schedules}, overrides=overrides)


def override(number: int, start: datetime, hours: int, **more: str | None) -> Override:
    """Make an override of the doctors that replaces, unless `more` says otherwise."""
    known = {"kind": "replace", "person": None, "instead_of": None, **more}
    return Override(number, "doctors", start=start, end=start + hours * HOUR, **known)  # type: ignore[arg-type]  # the kinds are literals


def rows(found: list[oncall.OnCallSpan]) -> list[tuple[str, int, int, str]]:
    """Show rows in hours from Monday morning."""
    return [
        (one.person, (one.start - MON) // HOUR, (one.end - MON) // HOUR, one.source)
        for one in found
    ]


def test_each_turn_is_a_row_even_of_the_same_person() -> None:
    """Two days of one are two shifts; who alternates is told apart by the turn."""
    plan = plan_of(schedule("lee"))
    assert rows(oncall.duties(plan, "doctors", MON, MON + 2 * DAY)) == [
        ("lee", 0, 24, "rotation"),
        ("lee", 24, 48, "rotation"),
    ]


def test_a_row_is_cut_where_its_reason_changes_and_a_turn_is_not() -> None:
    """For a list it matters why, for a calendar who."""
    plan = plan_of(
        schedule("lee"), overrides=(override(4, MON + HOUR, 2, kind="add", person="osei"),)
    )
    assert rows(oncall.duties(plan, "doctors", MON, MON + DAY)) == [
        ("lee", 0, 1, "rotation"),
        ("lee", 1, 3, "override:4"),
        ("osei", 1, 3, "override:4"),
        ("lee", 3, 24, "rotation"),
    ]
    assert rows(oncall.turns(plan, "doctors", MON + 5 * HOUR, MON + 6 * HOUR)) == [
        ("lee", 0, 24, "rotation")
    ]


def test_the_end_of_a_long_shift_is_found() -> None:
    """Months ahead, but not for ever."""
    shift = ExplicitShift("lee", datetime(2026, 9, 1, 8), datetime(2027, 3, 1, 8))  # noqa: DTZ001  # local
    plan = plan_of(replace(schedule("osei"), shifts=(shift,)))
    answer, since, until = oncall.at_instant(plan, "doctors", MON)
    assert answer.people == ("lee",)
    assert since == datetime(2026, 9, 1, 12, tzinfo=UTC)
    assert until == datetime(2027, 3, 1, 13, tzinfo=UTC)
    never = plan_of(Schedule("doctors", ()))
    assert oncall.at_instant(never, "doctors", MON)[1:] == (None, None)


def test_the_first_gap_of_all_schedules_comes_first() -> None:
    """Whatever the schedules' names; none within too few days."""
    late, soon = date(2026, 11, 30), date(2026, 11, 25)
    one = replace(schedule("lee", since=late), name="a")
    other = replace(schedule("lee", since=soon), name="b")
    plan = plan_of(one, replace(other, shifts=one.shifts))
    start = MON + 4 * HOUR
    assert [gap.schedule for gap in oncall.coverage_gaps(plan, start, 30)] == ["a", "b"]
    filled = ExplicitShift("osei", datetime(2026, 11, 1, 8), datetime(2026, 11, 24, 8))  # noqa: DTZ001  # local
    plan = plan_of(replace(one, shifts=(filled,)), other)
    assert [gap.schedule for gap in oncall.coverage_gaps(plan, start, 30)] == ["b", "a"]
    first = oncall.upcoming_gap(plan, start, 30)
    assert first is not None
    assert (first.schedule, first.start) == ("b", start)
    filled_plan = plan_of(replace(one, shifts=(filled,)))
    assert oncall.upcoming_gap(filled_plan, MON - DAY, 1) is None
    assert oncall.upcoming_gap(filled_plan, MON - DAY, 3) is not None


WEEKEND = Layer(
    ("patel",), date(2026, 1, 2), time(17), 4, only=spans.weekly_windows("fri 17:00-mon 08:00")
)


def shift(person: str, start: datetime, end: datetime) -> Schedule:
    """Make Osei's schedule with a shift of somebody else, in local time."""
    return replace(schedule("osei"), shifts=(ExplicitShift(person, start, end),))


@pytest.mark.parametrize(
    ("made", "at", "expected"),
    [
        pytest.param(schedule("lee", "osei", at=time(7)), 2, 23, id="the schedule's own morning"),
        pytest.param(schedule("lee", at=time(7)), 2, 23, id="of whom nobody relieves, too"),
        pytest.param(schedule("lee", "osei"), 0, 24, id="at the handoff: the next"),
        pytest.param(schedule("lee", "osei"), -1, 0, id="before the handoff: this one"),
        pytest.param(Schedule("doctors", ()), 3, 24, id="no layer: eight"),
        pytest.param(schedule("lee", "osei", at=time(17)), 8, 24, id="the evening's ends no night"),
        pytest.param(
            shift("lee", datetime(2026, 11, 23, 18), datetime(2026, 11, 24)),  # noqa: DTZ001  # local
            2, 24, id="nor does a shift of the evening",
        ),
        pytest.param(
            shift("lee", datetime(2026, 11, 23, 18), datetime(2026, 11, 24, 6)),  # noqa: DTZ001  # local
            2, 22, id="a shift ends in the morning",
        ),
        pytest.param(
            replace(
                schedule("lee", at=time(7)), layers=(*schedule("lee", at=time(7)).layers, WEEKEND)
            ),
            12, 23, id="a layer that does not hold then has no say",
        ),
        pytest.param(
            replace(
                schedule("lee", at=time(7)), layers=(*schedule("lee", at=time(7)).layers, WEEKEND)
            ),
            4 * 24 + 12, 5 * 24, id="the weekend's layer hands over in the evening: eight",
        ),
    ],
)  # fmt: skip
def test_until_when_who_takes_over_stays(made: Schedule, at: int, expected: int) -> None:
    """Up to the next morning's handoff, in hours from Monday 08:00."""
    end = oncall.until_morning(plan_of(made), "doctors", MON + at * HOUR)
    assert (end - MON) // HOUR == expected


def test_a_swap_leaves_alone_where_both_are_on_call() -> None:
    """And is one override for each stretch, not one for each shift."""
    both = override(1, MON + 30 * HOUR, 2, kind="add", person="lee")  # Osei's day, Lee beside
    plan = plan_of(schedule("lee", "osei", every=1, since=date(2026, 11, 23)), overrides=(both,))
    made = oncall.swapped(plan, "doctors", ("lee", "osei"), MON, MON + 3 * DAY, "x")
    assert [(one.person, (one.start - MON) // HOUR, (one.end - MON) // HOUR) for one in made] == [
        ("osei", 0, 24),
        ("lee", 24, 30),
        ("lee", 32, 48),
        ("osei", 48, 72),
    ]
    twice = plan_of(schedule("lee", "lee", "patel", since=date(2026, 11, 23)))
    made = oncall.swapped(twice, "doctors", ("lee", "osei"), MON, MON + 5 * DAY, "x")
    assert [(one.person, (one.start - MON) // HOUR, (one.end - MON) // HOUR) for one in made] == [
        ("osei", 0, 48),
        ("osei", 72, 120),
    ]


def test_further_overrides_stand_above_the_others() -> None:
    """As they will once they are stored, whatever ids there are."""
    old = override(9, MON, 5, person="osei")
    plan = oncall.with_overrides(
        plan_of(schedule("lee"), overrides=(old,)), [override(0, MON, 5, person="patel")]
    )
    assert oncall.oncall_stretches(plan, "doctors", MON, MON + HOUR) == [(MON, ("patel",))]


def test_what_is_weak() -> None:
    """Nobody; and one without a backup, but not two who back up each other."""
    changes = (
        override(1, MON, 1, kind="remove", instead_of="lee"),
        override(2, MON + 2 * HOUR, 1, kind="add", person="osei"),
    )
    made = replace(schedule("lee"), backup="lee")
    empty, alone = oncall.weak(plan_of(made, overrides=changes), "doctors", MON, MON + 4 * HOUR)
    assert [(one.start, one.end) for one in empty] == [(MON, MON + HOUR)]
    assert [(one.start, one.end) for one in alone] == [
        (MON + HOUR, MON + 2 * HOUR),
        (MON + 3 * HOUR, MON + 4 * HOUR),
    ]
