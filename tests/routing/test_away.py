"""Away dates and places of a schedule: who takes a turn, who is beside whom, who steps in."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.burden import on_duty
from routing.covered import Covered, covered
from routing.model import (
    Away,
    ExplicitShift,
    Layer,
    MonthDay,
    Override,
    OverrideKind,
    Person,
    Place,
    Plan,
    Schedule,
    Unit,
)
from routing.oncall import duties, swapped, taken_from, until_morning, with_overrides
from routing.places import away
from routing.schedule import coverage_gaps_of, handoff_clock, on_call, shifts
from routing.simulate import Load, simulate
from tests.routing.test_schedule_reported import DOCTORS, MONDAYS, changed, during, local, practice
from tests.support.wall_clock import DAY, WallClock, clocks, plan_in, times, windows

RESIDENTS = ("chen", "diaz", "evans")
NIGHTLY = Layer(RESIDENTS, date(2026, 1, 5), time(17), every=1, unit="days", place="beside")
SENIORS = Layer(("patel", "lee", "osei"), date(2026, 1, 5), time(8), place="backup")
PEOPLE = ("ana", "ben", "cleo", "dan")


def known(plan: Plan, *people: str, **absences: tuple[str, str]) -> Plan:
    """Put people into a plan; those who are named with two local times are away between them."""
    found = dict.fromkeys((*DOCTORS, *RESIDENTS, *people))
    spans = {
        who: (Away(datetime.fromisoformat(start), datetime.fromisoformat(end)),)
        for who, (start, end) in absences.items()
    }
    persons = {one: Person(one, one, "physician", away=spans.get(one, ())) for one in found}
    return replace(plan, people=persons)


def office(*layers: Layer, shifts: tuple[ExplicitShift, ...] = (), backup: str = "next") -> Plan:
    """Make a practice with one schedule of these layers."""
    return known(practice(Schedule("doctors", layers, shifts, backup)))


def shift(person: str, start: str, end: str, place: Place = "oncall") -> ExplicitShift:
    """Make an explicit shift between two local times."""
    return ExplicitShift(person, datetime.fromisoformat(start), datetime.fromisoformat(end), place)


def who(plan: Plan, at: str) -> tuple[tuple[str, ...], str | None]:
    """Say who is on call at a local time, and who steps in."""
    answer = on_call(plan, "doctors", local(at))
    return answer.people, answer.backup


def rows(plan: Plan, start: str, end: str) -> list[str]:
    """List who is on call between two local times, each row as people say it."""
    return [
        f"{one.start.astimezone(plan.office.zone):%d %b %H:%M} {one.person}"
        + (f" for {one.instead_of}" if one.instead_of else "")
        for one in duties(plan, "doctors", local(start), local(end))
    ]


def test_turns_of_who_is_away_are_the_next_persons() -> None:
    """A week away moves the turn, and no other: the rotation goes on as it would have."""
    plan = known(office(MONDAYS), lee=("2026-01-26 00:00", "2026-02-02 08:00"))
    assert rows(plan, "2026-01-19 08:00", "2026-02-23 08:00") == [
        "19 Jan 08:00 patel",
        "26 Jan 08:00 osei for lee",
        "02 Feb 08:00 osei",
        "09 Feb 08:00 patel",
        "16 Feb 08:00 lee",
    ]


def test_a_part_of_a_turn_moves_alone() -> None:
    """Away from Wednesday to Friday: the turn is broken there, to the minute."""
    plan = known(office(MONDAYS), lee=("2026-01-28 00:00", "2026-01-31 00:00"))
    assert rows(plan, "2026-01-26 08:00", "2026-02-09 08:00") == [
        "26 Jan 08:00 lee",
        "28 Jan 00:00 osei for lee",
        "31 Jan 00:00 lee",
        "02 Feb 08:00 osei",
    ]


def test_who_is_away_too_is_passed_over() -> None:
    """Neither on call nor the backup; where one alone is there, nobody steps in."""
    both = ("2026-01-26 00:00", "2026-02-09 00:00")
    plan = known(office(MONDAYS), lee=both, osei=("2026-01-28 00:00", "2026-02-09 00:00"))
    assert who(plan, "2026-01-27 12:00") == (("osei",), "patel")
    assert who(plan, "2026-01-29 12:00") == (("patel",), None)
    assert who(plan, "2026-02-10 12:00") == (("patel",), "lee")


def test_nobody_is_on_call_where_all_are_away() -> None:
    """That is a gap from the first minute to the last; a layer below fills it."""
    off = ("2026-12-24 12:00", "2026-12-27 00:00")
    plan = known(office(MONDAYS), lee=off, osei=off, patel=off)
    (gap,) = coverage_gaps_of(plan, "doctors", local("2026-12-20 00:00"), local("2026-12-30 00:00"))
    assert (gap.start, gap.end) == (local(off[0]), local(off[1]))
    below = Layer(("chen",), date(2026, 1, 1), time(0), unit="days")
    plan = known(office(below, MONDAYS), lee=off, osei=off, patel=off)
    assert who(plan, "2026-12-25 12:00") == (("chen",), None)
    assert handoff_clock(plan, "doctors", local("2026-12-25 12:00")) == time(0)
    assert handoff_clock(plan, "doctors", local("2026-12-23 12:00")) == time(8)


def test_a_backup_who_is_away_is_passed_over() -> None:
    """The schedule's own backup too: the next of the rotation steps in for them."""
    off = ("2026-01-26 00:00", "2026-02-02 08:00")
    plan = known(office(MONDAYS), osei=off)
    assert who(plan, "2026-01-27 12:00") == (("lee",), "patel")
    plan = known(office(MONDAYS, backup="chen"), chen=off)
    assert who(plan, "2026-01-27 12:00") == (("lee",), "osei")
    assert who(plan, "2026-02-03 12:00") == (("osei",), "chen")


def test_shifts_and_overrides_name_whom_they_mean() -> None:
    """Somebody who is away and is named by hand is on call."""
    off = ("2026-01-26 00:00", "2026-02-02 08:00")
    named = shift("lee", "2026-01-28", "2026-01-29")
    plan = known(office(MONDAYS, shifts=(named,)), lee=off)
    assert who(plan, "2026-01-28 12:00") == (("lee",), "patel")
    by_hand = changed(1, "lee for everybody", "2026-01-30 08:00", "2026-01-31 08:00")
    plan = replace(plan, overrides=(by_hand,))
    assert who(plan, "2026-01-30 12:00") == (("lee",), "patel")


def test_two_are_on_call_together() -> None:
    """The attending's week, and a resident each night beside them; a weekend has none."""
    plan = office(MONDAYS, replace(NIGHTLY, only=during("mon-fri 17:00-08:00")))
    assert who(plan, "2026-01-05 12:00") == (("lee",), "osei")
    assert who(plan, "2026-01-05 20:00") == (("lee", "chen"), "osei")
    assert who(plan, "2026-01-06 20:00")[0][0] == "lee"
    assert who(plan, "2026-01-11 12:00") == (("lee",), "osei")


def test_each_row_of_two_is_as_long_as_its_own_turn() -> None:
    """The attending's week is one row, however often the resident beside changes."""
    plan = office(MONDAYS, replace(NIGHTLY, rotation=("chen", "diaz", "evans")))
    assert rows(plan, "2026-01-05 17:00", "2026-01-08 17:00") == [
        "05 Jan 17:00 lee",
        "05 Jan 17:00 chen",
        "06 Jan 17:00 diaz",
        "07 Jan 17:00 evans",
    ]
    places = {one.person: one.place for one in duties(plan, "doctors", *week())}
    assert places == {"lee": "oncall", **dict.fromkeys(RESIDENTS, "beside")}


def week() -> tuple[datetime, datetime]:
    """Return the week of the first turn."""
    return local("2026-01-05 17:00"), local("2026-01-12 08:00")


def test_nobody_is_beside_themselves() -> None:
    """Who is in both rotations at once leaves the second to the next; a lone one is not doubled."""
    plan = office(MONDAYS, replace(NIGHTLY, rotation=("lee", "osei"), every=7))
    assert who(plan, "2026-01-06 12:00") == (("lee", "osei"), "patel")
    plan = office(MONDAYS, replace(NIGHTLY, rotation=("lee",)))
    assert who(plan, "2026-01-06 12:00") == (("lee",), "osei")
    assert who(plan, "2026-01-13 12:00") == (("osei", "lee"), "patel")


def test_who_is_beside_is_alone_where_nobody_else_is() -> None:
    """That is somebody on call, and no gap."""
    plan = office(replace(MONDAYS, only=during("mon-fri")), NIGHTLY)
    assert who(plan, "2026-01-10 12:00")[0] == ("diaz",)
    assert not list(coverage_gaps_of(plan, "doctors", *week()))


def test_a_shift_fills_its_own_place() -> None:
    """An explicit shift beside takes the resident's place, and leaves the attending's turn."""
    span = ("2026-01-05 17:00", "2026-01-06 08:00")
    beside = shift("evans", *span, "beside")
    first = shift("patel", *span)
    steps_in = shift("osei", *span, "backup")
    at = "2026-01-05 20:00"
    assert who(office(MONDAYS, NIGHTLY, shifts=(beside,)), at) == (("lee", "evans"), "osei")
    assert who(office(MONDAYS, NIGHTLY, shifts=(first,)), at) == (("patel", "chen"), "osei")
    assert who(office(MONDAYS, NIGHTLY, shifts=(steps_in,), backup="patel"), at)[1] == "osei"
    plan = office(MONDAYS, NIGHTLY, shifts=(beside,))
    assert handoff_clock(plan, "doctors", local(at)) == time(8)  # the attending's layer decides


def test_first_and_second_call_in_one_schedule() -> None:
    """The backup has a rotation of their own, and is never who is on call already."""
    plan = office(MONDAYS, SENIORS, backup="chen")
    assert who(plan, "2026-01-06 12:00") == (("lee",), "patel")
    assert who(plan, "2026-01-13 12:00") == (("osei",), "lee")
    plan = office(MONDAYS, replace(SENIORS, rotation=DOCTORS))
    assert who(plan, "2026-01-06 12:00") == (("lee",), "osei")
    windowed = replace(SENIORS, only=during("sat-sun"))
    plan = office(MONDAYS, windowed, backup="chen")
    assert who(plan, "2026-01-06 12:00") == (("lee",), "chen")
    assert who(plan, "2026-01-10 12:00") == (("lee",), "patel")


def test_the_backups_turn_moves_when_they_are_away() -> None:
    """To the next of the backups; where all of them are, to whom the schedule names."""
    off = ("2026-01-05 00:00", "2026-01-12 00:00")
    plan = known(office(MONDAYS, SENIORS, backup="chen"), patel=off)
    assert who(plan, "2026-01-06 12:00") == (("lee",), "osei")  # lee is on call
    plan = known(office(MONDAYS, SENIORS, backup="chen"), patel=off, osei=off)
    assert who(plan, "2026-01-06 12:00") == (("lee",), "chen")


OVER = ("2026-01-05 18:00", "2026-01-06 08:00")  # lee is on call, chen beside, osei steps in


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("patel for everybody", (("patel", "chen"), "osei")),
        ("chen for everybody", (("chen",), "osei")),
        ("patel for lee", (("patel", "chen"), "osei")),
        ("evans for chen", (("lee", "evans"), "osei")),
        ("lee for chen", (("lee",), "osei")),
        ("chen for lee", (("chen",), "osei")),
        ("osei for chen", (("lee", "osei"), "patel")),
        ("without chen", (("lee",), "osei")),
        ("without lee", (("chen",), "osei")),
        ("add diaz", (("lee", "chen", "diaz"), "osei")),
        ("add chen", (("lee", "chen"), "osei")),
    ],
)
def test_overrides_where_two_are_on_call(
    what: str, expected: tuple[tuple[str, ...], str | None]
) -> None:
    """Taking the night is taking the first place; who is beside stays, unless they are named."""
    plan = replace(office(MONDAYS, NIGHTLY), overrides=(changed(1, what, *OVER),))
    assert who(plan, "2026-01-05 20:00") == expected
    assert len(until_rows(plan)) == len(expected[0])


def until_rows(plan: Plan) -> list[str]:
    """List the rows of the time of `OVER`, of which none is cut."""
    found = rows(plan, *OVER)
    assert all(row.startswith("05 Jan 18:00") for row in found)
    return found


def test_what_is_added_goes_with_what_is_taken() -> None:
    """A night that somebody takes whole is theirs, whoever was put beside the others by hand."""
    made = (changed(1, "add diaz", *OVER), changed(2, "patel for everybody", *OVER))
    plan = replace(office(MONDAYS, NIGHTLY), overrides=made)
    assert who(plan, "2026-01-05 20:00") == (("patel", "chen"), "osei")


def test_the_backup_is_overridden() -> None:
    """The newest override holds; one for who is on call anyway falls to the next."""
    made = [
        Override(number, "doctors", "backup", person, None, local(OVER[0]), local(OVER[1]))
        for number, person in enumerate(("diaz", "patel", "lee"), start=1)
    ]
    plan = replace(office(MONDAYS, NIGHTLY, SENIORS), overrides=tuple(made[:1]))
    assert who(plan, "2026-01-05 20:00") == (("lee", "chen"), "diaz")
    assert who(plan, "2026-01-06 08:00")[1] == "patel"
    plan = replace(plan, overrides=tuple(made))
    assert who(plan, "2026-01-05 20:00") == (("lee", "chen"), "patel")


def test_a_shift_beside_ends_no_morning() -> None:
    """Who takes the night has it until the attending's handoff, not the resident's shift's end."""
    plan = office(
        MONDAYS, shifts=(shift("evans", "2026-01-05 17:00", "2026-01-08 17:00", "beside"),)
    )
    at = local("2026-01-05 20:00")
    assert until_morning(plan, "doctors", at) == local("2026-01-06 08:00")
    plan = office(MONDAYS, replace(NIGHTLY, at=time(7)))
    assert until_morning(plan, "doctors", at) == local("2026-01-06 08:00")
    assert until_morning(plan, "doctors", at, "beside") == local("2026-01-06 07:00")


@st.composite
def layers(draw: st.DrawFn, clock: WallClock) -> Layer:
    """Draw a layer of any place that began some weeks ago, and whom some leave."""
    unit: Unit = draw(st.sampled_from(["hours", "days", "weeks", "months"]))
    people = tuple(draw(st.permutations(PEOPLE)))[: draw(st.integers(1, 4))]
    left = draw(st.lists(st.sampled_from(people), max_size=1))
    return Layer(
        people,
        clock.middle - draw(st.integers(0, 40)) * DAY,
        draw(times()),
        draw(st.integers(0, 6)),
        12 if unit == "hours" else 1,
        unit,
        tuple(draw(st.lists(windows(), max_size=1))),
        draw(st.sampled_from(get_args(Place))),
        MonthDay(draw(st.integers(1, 28))) if unit == "months" else None,
        leaves=tuple((one, clock.middle + draw(st.integers(-9, 9)) * DAY) for one in left),
    )


@st.composite
def practices(draw: st.DrawFn) -> tuple[Plan, WallClock, datetime]:
    """Draw a practice whose people are away now and then, and an instant of its week."""
    clock = draw(clocks())

    def absence() -> Away:
        start = datetime.combine(clock.middle + draw(st.integers(-4, 4)) * DAY, draw(times()))
        return Away(start, start + timedelta(minutes=draw(st.integers(1, 5 * 24 * 60))))

    people = {
        one: Person(
            one, one, "physician", away=tuple(absence() for _ in range(draw(st.integers(0, 2))))
        )
        for one in PEOPLE
    }
    schedule = Schedule(
        "doctors",
        tuple(draw(layers(clock)) for _ in range(draw(st.integers(1, 4)))),
        backup=draw(st.sampled_from(["next", "ana"])),
    )
    plan = replace(plan_in(clock.zone), schedules={"doctors": schedule}, people=people)
    at = clock.minutes[draw(st.integers(clock.first, clock.last - 1))]
    return plan, clock, at


@given(drawn=practices())
@settings(max_examples=33, deadline=None)
def test_nobody_who_is_away_has_a_turn(drawn: tuple[Plan, WallClock, datetime]) -> None:
    """At any instant the spans say what `on_call` says; nobody has two places or is away."""
    plan, clock, at = drawn
    answer = on_call(plan, "doctors", at)
    found = shifts(plan, "doctors", clock.minutes[clock.first], clock.minutes[clock.last])
    assert [one.on_call for one in found if one.start <= at < one.end] == [answer]
    assert len(set(answer.people)) == len(answer.people) <= 2
    assert answer.backup not in answer.people
    assert not any(away(plan, one, at) for one in (*answer.people, answer.backup) if one)
    schedule = plan.schedules["doctors"]
    for layer in schedule.layers:  # whichever holds, somebody of it who is there could be called
        alone = replace(plan, schedules={"doctors": replace(schedule, layers=(layer,))})
        there = [one for one in layer.rotation if not away(plan, one, at)]
        if on_call(alone, "doctors", at).people:
            assert there
            assert layer.place == "backup" or answer.people


def test_who_takes_how_many_turns_for_whom() -> None:
    """Whole turns and parts of them; what is beside counts, and a change by hand is nobody's."""
    plan = known(
        office(MONDAYS, NIGHTLY),
        lee=("2026-01-28 00:00", "2026-02-17 00:00"),  # a part of a turn, and of the next one
        osei=("2026-02-16 20:00", "2026-02-17 00:00"),
        chen=("2026-01-26 00:00", "2026-02-01 00:00"),
    )
    span = (local("2026-01-26 08:00"), local("2026-02-23 08:00"))
    assert set(covered(plan, *span)) == {
        Covered("doctors", "osei", "lee", 2, 24 * 5 + 8 + 12),
        Covered("doctors", "patel", "lee", 1, 4),
        Covered("doctors", "diaz", "chen", 2, 48),
    }
    taken = changed(1, "patel for everybody", "2026-01-26 08:00", "2026-02-23 08:00")
    whose = {one.instead_of for one in covered(replace(plan, overrides=(taken,)), *span)}
    assert whose == {"chen"}
    assert not covered(office(MONDAYS), *span)


def test_a_night_together_is_both_of_theirs() -> None:
    """A resident from 8 PM has the night, too; one who leaves at midnight has none of it."""
    for hours, nights in (("20:00-08:00", 7), ("17:00-00:00", 0)):
        plan = office(MONDAYS, replace(NIGHTLY, rotation=("chen",), only=during(f"daily {hours}")))
        span = (local("2026-01-05 08:00"), local("2026-01-12 08:00"))
        found = simulate(plan, {}, *span, Load({}, {}))
        assert {one: found.load[one].nights for one in ("lee", "chen")} == {
            "lee": 7,
            "chen": nights,
        }


def test_who_stands_beside_takes_the_place_beside() -> None:
    """A resident who takes the night takes a resident's; anybody else takes the first place."""
    plan = office(MONDAYS, NIGHTLY)
    at = local("2026-01-05 20:00")
    assert taken_from(plan, "doctors", "diaz", at) == ("beside", "chen")
    assert taken_from(plan, "doctors", "osei", at) == ("oncall", None)
    assert taken_from(plan, "doctors", "nobody", at) == ("oncall", None)
    both = office(replace(MONDAYS, rotation=(*DOCTORS, "diaz")), NIGHTLY)
    assert taken_from(both, "doctors", "diaz", at) == ("oncall", None)
    early = office(MONDAYS, replace(NIGHTLY, only=during("sat-sun")))
    assert taken_from(early, "doctors", "diaz", at) == ("oncall", None)


def test_a_backups_turns_are_no_share_of_the_nights() -> None:
    """Who only steps in has no nights, and makes nobody's share look large."""
    plan = office(MONDAYS, NIGHTLY, replace(SENIORS, rotation=("visitor", "lee")))
    assert on_duty(known(plan, "visitor")) == (*DOCTORS, *RESIDENTS)


@st.composite
def overridden(draw: st.DrawFn) -> tuple[Plan, WallClock, datetime]:
    """Draw such a practice with overrides of any kind and shifts of any place."""
    plan, clock, at = draw(practices())
    someone = st.none() | st.sampled_from(PEOPLE)

    def change(number: int) -> Override:
        start = clock.minutes[draw(st.integers(clock.first, clock.last))]
        kind: OverrideKind = draw(st.sampled_from(get_args(OverrideKind)))
        span = (start, start + timedelta(minutes=draw(st.integers(1, 4000))))
        return Override(number, "doctors", kind, draw(someone), draw(someone), *span)

    def by_hand() -> ExplicitShift:
        start = datetime.combine(clock.middle + draw(st.integers(-3, 3)) * DAY, draw(times()))
        length = timedelta(minutes=draw(st.integers(1, 3000)))
        place: Place = draw(st.sampled_from(get_args(Place)))
        return ExplicitShift(draw(st.sampled_from(PEOPLE)), start, start + length, place)

    made = tuple(change(number) for number in range(draw(st.integers(0, 4))))
    shifts_ = tuple(by_hand() for _ in range(draw(st.integers(0, 3))))
    schedule = replace(plan.schedules["doctors"], shifts=shifts_)
    return replace(plan, schedules={"doctors": schedule}, overrides=made), clock, at


@given(drawn=overridden())
@settings(max_examples=33, deadline=None)
def test_nobody_has_two_places_whatever_is_changed(
    drawn: tuple[Plan, WallClock, datetime],
) -> None:
    """At any instant the spans say what `on_call` says; a backup is nobody who is on call."""
    plan, clock, at = drawn
    span = (clock.minutes[clock.first], clock.minutes[clock.last])
    answer = on_call(plan, "doctors", at)
    found = shifts(plan, "doctors", *span)
    assert [one.on_call for one in found if one.start <= at < one.end] == [answer]
    assert len(set(answer.people)) == len(answer.people)
    assert answer.backup not in answer.people
    assert set(answer.at("oncall")) | set(answer.at("beside")) == set(answer.people)
    assert {one.person for one in answer.beside} <= set(answer.people)
    assert answer.placed is None or answer.placed.person == answer.backup


def test_who_swaps_a_night_away_is_no_backup_in_it() -> None:
    """The backup's turn was passed on because they were on call; it does not come back to them."""
    plan = office(MONDAYS, replace(SENIORS, rotation=("lee", "patel")), backup="chen")
    night = (local("2026-01-06 17:00"), local("2026-01-07 08:00"))
    assert who(plan, "2026-01-06 20:00") == (("lee",), "patel")
    made = swapped(plan, "doctors", ("lee", "osei"), *night, "swap")
    plan = with_overrides(plan, made)
    assert who(plan, "2026-01-06 20:00") == (("osei",), "patel")


@given(drawn=overridden())
@settings(max_examples=33, deadline=None)
def test_a_swap_exchanges_two_people(drawn: tuple[Plan, WallClock, datetime]) -> None:
    """At any instant each is on call where the other was, and everybody else where they were."""
    plan, clock, at = drawn
    span = (clock.minutes[clock.first], clock.minutes[clock.last])
    after = with_overrides(plan, swapped(plan, "doctors", ("ana", "ben"), *span, "swap"))
    other = {"ana": "ben", "ben": "ana"}
    before, now = (on_call(one, "doctors", at) for one in (plan, after))
    expected = {other.get(one, one) for one in before.people}
    assert set(now.people) == expected
    if before.placed is not None:
        backup = other.get(before.placed.person, before.placed.person)
        assert now.backup == backup or backup in now.people
