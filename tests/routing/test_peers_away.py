"""What other schedules' own tests and fault reports say of overrides, swaps and vacations.

The values are theirs, the code is not; each has its source.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from routing.model import Away, ExplicitShift, Layer, Override, Person, Place, Plan, Schedule
from routing.oncall import at_instant, duties, swapped, with_overrides
from routing.schedule import on_call, shifts
from routing.spans import weekly_windows
from tests.support.wall_clock import plan_in

ZONE = ZoneInfo("UTC")
DAY = timedelta(days=1)
GOALERT = "https://github.com/target/goalert/blob/master/oncall"
GRAFANA = "https://github.com/grafana/oncall/blob/dev/engine/apps/schedules/tests"
LINKEDIN = "https://github.com/linkedin/oncall/blob/master/e2e"

Held = tuple[str, str, str]  # from, to, and who


def at(text: str) -> datetime:
    """Read "8:30" of 1 January 2018, or "2 8:30" of the 2nd; with seconds where they have them."""
    day, _, clock = text.rpartition(" ")
    hours, minutes, *seconds = (int(one) for one in clock.split(":"))
    span = timedelta(days=int(day or 1) - 1, hours=hours, minutes=minutes, seconds=sum(seconds))
    return datetime(2018, 1, 1, tzinfo=UTC) + span


def shift(text: str, place: Place = "oncall") -> ExplicitShift:
    """Read "8:00 10:00 foobar"; with days, "1/8:00 2/8:00 foobar"."""
    start, end, person = text.split()
    begins, ends = (at(one.replace("/", " ")).replace(tzinfo=None) for one in (start, end))
    return ExplicitShift(person, begins, ends, place)


def override(number: int, text: str) -> Override:
    """Read "8:30 8:45 +binbaz -foobar": somebody put in, taken out, or both."""
    start, end, *who = text.split()
    put = next((one[1:] for one in who if one[0] == "+"), None)
    out = next((one[1:] for one in who if one[0] == "-"), None)
    kind = "add" if out is None else "remove" if put is None else "replace"
    span = (at(one.replace("/", " ")) for one in (start, end))
    return Override(number, "doctors", kind, put, out, *span)  # type: ignore[arg-type]  # a kind


def plan_of(*written: str, layers: tuple[Layer, ...] = (), beside: tuple[str, ...] = ()) -> Plan:
    """Make a plan of explicit shifts, and of layers below them."""
    known = (*(shift(one) for one in written), *(shift(one, "beside") for one in beside))
    return replace(plan_in(ZONE), schedules={"doctors": Schedule("doctors", layers, known)})


def daily(start: str, end: str) -> Layer:
    """Make a layer in which "user" is on call each day at these hours."""
    only = weekly_windows(f"daily {start}-{end}")
    return Layer(("user",), date(2018, 1, 1), time.fromisoformat(start), unit="days", only=only)


def held(plan: Plan, start: str, end: str) -> set[Held]:
    """Say who is on call from when to when, whatever the reason is."""
    rows: defaultdict[str, list[list[datetime]]] = defaultdict(list)
    for one in shifts(plan, "doctors", at(start), at(end)):
        for person in one.on_call.people:
            if rows[person] and rows[person][-1][1] == one.start:
                rows[person][-1][1] = one.end
            else:
                rows[person].append([one.start, one.end])
    return {
        (reported(begins), reported(ends), who)
        for who, spans in rows.items()
        for begins, ends in spans
    }


def reported(moment: datetime) -> str:
    """Write an instant as `at` reads it."""
    clock = f"{moment:%-H:%M:%S}".removesuffix(":00")
    return clock if moment.day == 1 else f"{moment.day} {clock}"


FOOBAR = plan_of("8:00 10:00 foobar")
# linkedin's shift is ten hours from an instant on; its override leaves 100 s of it
TEN = plan_of("0:00 10:00 user")
FOUR = plan_of(
    "1/0:00:00 1/0:33:20 user", "1/0:33:20 1/0:50:00 user", "1/0:50:00 1/10:00:00 user",
    "1/10:00:00 1/10:33:20 user",
)  # fmt: skip

OVERRIDES = [
    (f"{GOALERT}/state_test.go ReplaceOverride", FOOBAR, ["8:30 8:45 +binbaz -foobar"],
     ("8:00", "9:00"),
     {("8:00", "8:30", "foobar"), ("8:30", "8:45", "binbaz"), ("8:45", "9:00", "foobar")}),
    (f"{GOALERT}/state_test.go AddOverride", FOOBAR, ["8:30 8:45 +binbaz", "8:00 8:15 +binbaz"],
     ("8:00", "9:00"),
     {("8:00", "8:15", "binbaz"), ("8:00", "9:00", "foobar"), ("8:30", "8:45", "binbaz")}),
    (f"{GOALERT}/state_test.go RemoveOverride", FOOBAR, ["8:30 8:45 -foobar"], ("8:00", "9:00"),
     {("8:00", "8:30", "foobar"), ("8:45", "9:00", "foobar")}),
    (f"{GOALERT}/overridecalculator_test.go middle",
     plan_of("3:00 4:00 rab", beside=("3:00 4:00 baz", "3:00 4:00 bin")),
     ["3:05 3:06 +foo", "3:05 3:06 +bar -rab", "3:05 3:06 -baz"], ("3:04", "3:08"),
     {("3:04", "3:05", "rab"), ("3:04", "3:05", "baz"), ("3:04", "3:08", "bin"),
      ("3:05", "3:06", "bar"), ("3:05", "3:06", "foo"), ("3:06", "3:08", "rab"),
      ("3:06", "3:08", "baz")}),
    (f"{LINKEDIN}/test_override.py split", TEN, ["0:01:40 9:58:20 +other -user"],
     ("0:00", "10:00"),
     {("0:00", "0:01:40", "user"), ("0:01:40", "9:58:20", "other"), ("9:58:20", "10:00", "user")}),
    (f"{LINKEDIN}/test_override.py edit_start", TEN, ["0:00 9:58:20 +other -user"],
     ("0:00", "10:00"), {("0:00", "9:58:20", "other"), ("9:58:20", "10:00", "user")}),
    (f"{LINKEDIN}/test_override.py edit_end", TEN, ["0:01:40 10:00 +other -user"],
     ("0:00", "10:00"), {("0:00", "0:01:40", "user"), ("0:01:40", "10:00", "other")}),
    # an override that is longer than the shift makes nobody's time longer
    (f"{LINKEDIN}/test_override.py delete", plan_of("1:00 9:00 user"),
     ["0:59:50 9:00:10 +other -user"], ("0:00", "10:00"), {("1:00", "9:00", "other")}),
    (f"{LINKEDIN}/test_override.py multiple", FOUR, ["0:16:40 10:16:40 +other -user"],
     ("0:00", "11:00"),
     {("0:00", "0:16:40", "user"), ("0:16:40", "10:16:40", "other"),
      ("10:16:40", "10:33:20", "user")}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "plan", "written", "span", "expected"), OVERRIDES, ids=[one[0] for one in OVERRIDES]
)
def test_overrides_of_peers(
    source: str, plan: Plan, written: list[str], span: tuple[str, str], expected: set[Held]
) -> None:
    """The same times come out for the same people."""
    assert source.startswith("https://")
    made = [override(number, text) for number, text in enumerate(written, start=1)]
    assert held(replace(plan, overrides=tuple(made)), *span) == expected


SWAPS = [
    (f"{GRAFANA}/test_on_call_schedule.py split_start", (daily("12:00", "15:00"),),
     ("2 13:00", "2 18:00"),
     {("12:00", "15:00", "user"), ("2 12:00", "2 13:00", "user"), ("2 13:00", "2 15:00", "other")}),
    (f"{GRAFANA}/test_on_call_schedule.py split_end", (daily("12:00", "15:00"),),
     ("2 10:00", "2 13:00"),
     {("12:00", "15:00", "user"), ("2 12:00", "2 13:00", "other"), ("2 13:00", "2 15:00", "user")}),
    (f"{GRAFANA}/test_on_call_schedule.py split_both", (daily("12:00", "15:00"),),
     ("2 13:00", "2 14:00"),
     {("12:00", "15:00", "user"), ("2 12:00", "2 13:00", "user"), ("2 13:00", "2 14:00", "other"),
      ("2 14:00", "2 15:00", "user")}),
    (f"{GRAFANA}/test_on_call_schedule.py final_events_range", (daily("10:00", "18:00"),),
     ("2 16:00", "2 18:00"),
     {("10:00", "18:00", "user"), ("2 10:00", "2 16:00", "user"), ("2 16:00", "2 18:00", "other")}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "layers", "swap", "expected"), SWAPS, ids=[one[0] for one in SWAPS]
)
def test_swaps_of_peers(
    source: str, layers: tuple[Layer, ...], swap: tuple[str, str], expected: set[Held]
) -> None:
    """Shifts are split where the swap begins and ends; around it nobody has anything more."""
    assert source.startswith("https://")
    assert held(swapped_in(plan_of(layers=layers), *swap), "0:00", "3 0:00") == expected


def swapped_in(plan: Plan, start: str, end: str) -> Plan:
    """Let the two people swap within a time."""
    made = swapped(plan, "doctors", ("user", "other"), at(start), at(end), "swap")
    return with_overrides(plan, made)


def test_a_swap_of_linked_shifts() -> None:
    """From test_api_v0_linked_swap of linkedin/oncall: e2e/test_events.py."""
    plan = plan_of(
        "0:00:00 0:16:40 user", "0:16:40 0:33:20 user", "0:33:20 13:36:40 other",
        "13:36:40 14:10:00 other",
    )  # fmt: skip
    assert held(swapped_in(plan, "0:00", "15:00"), "0:00", "15:00") == {
        ("0:00", "0:33:20", "other"),
        ("0:33:20", "14:10", "user"),
    }
    single = plan_of("0:00:00 0:16:40 user", "0:16:40 0:33:20 user", "0:33:20 13:36:40 other")
    assert held(swapped_in(single, "0:00", "15:00"), "0:00", "15:00") == {
        ("0:00", "0:33:20", "other"),
        ("0:33:20", "13:36:40", "user"),
    }


# From here on: faults that were reported of others, played on ours.

WEEKS = Layer(("ana", "ben", "cleo"), date(2018, 1, 1), time(9))


def off(plan: Plan, person: str, start: str, end: str) -> Plan:
    """Let somebody be away."""
    span = Away(at(start).replace(tzinfo=None), at(end).replace(tzinfo=None))
    people = {one: Person(one, one, "physician") for one in ("ana", "ben", "cleo", "dan")}
    return replace(plan, people=people | {person: replace(people[person], away=(span,))})


def test_nobody_is_scheduled_during_their_time_off() -> None:
    """https://github.com/grafana-cold-storage/oncall/issues/322 (`check` has `shift-away`)."""
    plan = off(plan_of(layers=(WEEKS,)), "ben", "8 0:00", "15 0:00")
    assert held(plan, "8 9:00", "15 0:00") == {("8 9:00", "15 0:00", "cleo")}


def test_one_vacation_counts_in_every_schedule() -> None:
    """https://github.com/ustream/openduty/issues/66: no schedule is edited for it."""
    plan = off(plan_of(layers=(WEEKS,)), "ana", "1 0:00", "8 0:00")
    schedules = {one: replace(plan.schedules["doctors"], name=one) for one in ("doctors", "night")}
    plan = replace(plan, schedules=schedules)
    assert [on_call(plan, one, at("2 9:00")).people for one in schedules] == [("ben",), ("ben",)]


def test_a_vacation_is_seen_in_the_list() -> None:
    """https://github.com/OneUptime/oneuptime/issues/2086, and 3411: the list is what is rung."""
    plan = off(plan_of(layers=(WEEKS,)), "ana", "2 0:00", "4 0:00")
    rows = [
        (reported(one.start), one.person, one.instead_of)
        for one in duties(plan, "doctors", at("1 9:00"), at("8 9:00"))
    ]
    assert rows == [("9:00", "ana", None), ("2 0:00", "ben", "ana"), ("4 0:00", "ana", None)]


def test_what_is_on_call_now_knows_of_overrides() -> None:
    """https://github.com/grafana-cold-storage/oncall/issues/1296."""
    plan = replace(plan_of(layers=(WEEKS,)), overrides=(override(1, "2/8:00 2/9:00 +dan -ana"),))
    answer, since, until = at_instant(plan, "doctors", at("2 8:30"))
    assert (answer.people, since, until) == (("dan",), at("2 8:00"), at("2 9:00"))


def test_one_of_two_is_overridden() -> None:
    """https://github.com/grafana-cold-storage/oncall/issues/901: the other one stays on call."""
    beside = Layer(("cleo",), date(2018, 1, 1), time(9), place="beside")
    pair = plan_of(layers=(replace(WEEKS, rotation=("ana", "ben")), beside))
    for text, people in (("+dan -cleo", ("ana", "dan")), ("+dan -ana", ("dan", "cleo"))):
        plan = replace(pair, overrides=(override(1, f"2/8:00 2/9:00 {text}"),))
        assert on_call(plan, "doctors", at("2 8:30")).people == people


def test_an_override_is_overridden_for_an_appointment() -> None:
    """https://github.com/grafana-cold-storage/oncall/issues/1021: without cutting the first."""
    made = (override(1, "2/9:00 2/17:00 +ben -ana"), override(2, "2/12:00 2/13:00 +cleo -ben"))
    plan = replace(plan_of(layers=(WEEKS,)), overrides=made)
    assert held(plan, "2 8:00", "2 18:00") == {
        ("2 8:00", "2 9:00", "ana"), ("2 9:00", "2 12:00", "ben"), ("2 12:00", "2 13:00", "cleo"),
        ("2 13:00", "2 17:00", "ben"), ("2 17:00", "2 18:00", "ana"),
    }  # fmt: skip


def test_a_swap_with_somebody_who_is_not_on_call() -> None:
    """https://github.com/grafana-cold-storage/oncall/issues/4538: it goes over all the same."""
    plan = plan_of("8:00 16:00 user")
    assert held(swapped_in(plan, "10:00", "20:00"), "8:00", "20:00") == {
        ("8:00", "10:00", "user"),
        ("10:00", "16:00", "other"),
    }


def test_the_row_of_a_shift_ends_where_its_swap_begins() -> None:
    """https://github.com/grafana-cold-storage/oncall/issues/3096: 13:00-1:00, swapped at 21:00."""
    plan = swapped_in(plan_of("1/13:00 2/1:00 user"), "21:00", "2 1:00")
    rows = [
        (reported(one.start), reported(one.end), one.person)
        for one in duties(plan, "doctors", at("12:00"), at("2 2:00"))
    ]
    assert rows == [("13:00", "21:00", "user"), ("21:00", "2 1:00", "other")]


def test_a_second_swap_of_the_same_time_gives_it_back() -> None:
    """https://github.com/grafana-cold-storage/oncall/issues/2787: nobody is on call twice."""
    plan = plan_of("8:00 12:00 user", "12:00 16:00 other")
    once = swapped_in(plan, "8:00", "16:00")
    assert held(once, "8:00", "16:00") == {("8:00", "12:00", "other"), ("12:00", "16:00", "user")}
    part = swapped_in(once, "8:00", "10:00")
    assert held(part, "8:00", "12:00") == {("8:00", "10:00", "user"), ("10:00", "12:00", "other")}
    assert held(swapped_in(once, "8:00", "16:00"), "8:00", "16:00") == held(plan, "8:00", "16:00")
