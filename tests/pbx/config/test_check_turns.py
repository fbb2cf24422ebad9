"""Findings about turns: the sentence, what fixes it, and that it does."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.config import plan
from pbx.config.findings.check import find_all
from pbx.config.findings.finding import Finding
from routing import idle
from tests.support.offices import changed, found

SEVEN = ("lee", "osei", "patel", "ana", "ben", "cleo", "dan")
MORE = "".join(f'[people.{one}]\nname = "Dr. {one.title()}"\n\n' for one in SEVEN[3:])
CODES = {"since-far", "never-on-call", "layer-over", "window-split", "handoff-day", "unknown-name"}
NEVER = {"never-on-call"}
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def office(schedule: str) -> str:
    """Write the example with this schedule in the place of its own."""
    text = changed(("[people.lee]", f"{MORE}[people.lee]"))
    return re.sub(
        r"\[schedule\.doctors\].*?(?=\[escalation)", schedule + "\n\n", text, flags=re.DOTALL
    )


def layer(people: str, *lines: str, top: bool = False) -> str:
    """Write a layer, or the rotation of the schedule itself."""
    names = ", ".join(f'"{one}"' for one in people.split())
    head = "[schedule.doctors]" if top else "[[schedule.doctors.layers]]"
    return "\n".join([head, f"rotation = [{names}]", *lines, ""])


DAILY = ('since = "2026-01-05"', 'handoff = "17:00"', 'every = "1 day"')
WEEKEND = layer(
    "lee osei",
    *('since = "2026-01-09"', 'handoff = "fri 17:00"', 'only = ["fri 17:00-mon 17:00"]'),
)
NIGHTS = layer(
    "lee", 'since = "2026-01-05"', 'handoff = "20:00"', 'every = "1 day"', 'only = ["20:00-08:00"]'
)
HALF_DAYS = ('since = "2026-01-05"', 'handoff = "08:00"', 'every = "12 hours"')
WEEKS = ('since = "2026-01-05"', 'handoff = "mon 08:00"')
MONTHS = ('since = "2026-01-01"', 'handoff = "1st 08:00"', 'every = "1 month"')


def reported(schedule: str) -> list[Finding]:
    """List what is found about turns."""
    return [one for one in found(office(schedule)) if one.code in CODES]


def test_daily_turns_under_weekends_leave_three_of_seven_without_one() -> None:
    """They are named, and so is the line that fixes it; with it everybody has their nights."""
    base = layer(" ".join(SEVEN), *DAILY, top=True)
    (one,) = reported(base + WEEKEND)
    assert (one.code, one.where) == ("never-on-call", "schedule doctors")
    assert one.message == (
        "ben, cleo and dan never have a turn in this rotation: a layer above covers each of their "
        "turns"
    )
    assert one.fix == (
        'Write only = ["mon 17:00-fri 17:00"] into this layer, so that its turns count only '
        "where it applies."
    )
    fixed = base.replace('every = "1 day"', 'every = "1 day"\nonly = ["mon 17:00-fri 17:00"]')
    assert reported(fixed + WEEKEND) == []


@pytest.mark.parametrize(
    ("schedule", "sentence", "fix"),
    [
        pytest.param(
            layer("osei patel", *HALF_DAYS, top=True) + NIGHTS,
            "patel never has a turn in this rotation: a layer above covers each of their turns",
            'Write only = ["mon-sun 08:00-20:00"] into this layer, so that its turns count '
            "only where it applies.",
            id="hours",
        ),
        pytest.param(
            layer("osei patel", *WEEKS, top=True)
            + layer("lee", *WEEKS, 'only = ["every other mon 08:00-mon 08:00"]'),
            "osei never has a turn in this rotation: a layer above covers each of their turns",
            "Write the other times as 'only' into this layer, so that its turns count only "
            "where it applies.",
            id="every other week",
        ),
        pytest.param(
            layer("osei patel", *WEEKS, top=True) + layer("lee", *WEEKS),
            "osei and patel never have a turn in this rotation: a layer above always applies",
            "Limit the layer above to some times with 'only', or delete this one.",
            id="always above",
        ),
        pytest.param(
            layer("osei patel", *WEEKS, top=True)
            + layer("lee", 'since = "2027-01-05"', 'handoff = "mon 08:00"', 'until = "2027-01-08"'),
            "lee never has a turn in this rotation: the first turn begins after the layer ends on "
            "Fri, Jan 8, 2027",
            "Set 'until' to a later day, or delete the layer.",
            id="ends before it begins",
        ),
        pytest.param(
            layer(
                "osei patel lee",
                *MONTHS,
                'joins = { lee = "2027-03-02" }',
                'leaves = { lee = "2027-04-15" }',
                top=True,
            ),
            "lee never has a turn in this rotation within the days of 'joins', 'leaves' and "
            "'until'",
            "Write an earlier day in 'joins' or a later one in 'leaves' or 'until', or remove "
            "them from the rotation.",
            id="gone before the first",
        ),
    ],
)
def test_who_never_has_a_turn(schedule: str, sentence: str, fix: str) -> None:
    """Each way in which a name stands in a rotation for nothing."""
    (one,) = reported(schedule)
    assert (one.code, one.message, one.fix) == ("never-on-call", sentence, fix)
    assert one.severity == "warning"


@pytest.mark.parametrize(
    "schedule",
    [
        pytest.param(layer(" ".join(SEVEN[:6]), *DAILY, top=True) + WEEKEND, id="six go around"),
        pytest.param(
            layer(" ".join(SEVEN), *DAILY, 'only = ["mon-thu 17:00-08:00"]', top=True)
            + layer("lee", *WEEKS, 'only = ["08:00-17:00", "fri 17:00-mon 08:00"]'),
            id="counted where it holds",
        ),
        pytest.param(
            layer("osei patel", *WEEKS, top=True)
            + layer("lee", 'since = "2027-06-07"', 'handoff = "mon 08:00"'),
            id="replaced next summer",
        ),
        pytest.param(
            layer("osei patel lee", *WEEKS, 'leaves = { lee = "2026-06-01" }', top=True),
            id="has left",
        ),
        pytest.param(
            layer("osei patel", *WEEKS, top=True)
            + layer("lee osei patel", *WEEKS, 'until = "2026-12-14"', 'every = "24 weeks"'),
            id="a layer that soon ends",
        ),
        pytest.param(
            layer("osei patel", *WEEKS, top=True) + layer("lee", *WEEKS, 'place = "beside"'),
            id="beside and not above",
        ),
        pytest.param(
            layer("osei patel", *WEEKS, top=True)
            + layer(
                "lee patel ana ben",
                'since = "2026-01-02"',
                'handoff = "fri 17:00"',
                'only = ["first fri 17:00-mon 08:00"]',
            ),
            id="first weekends",
        ),
    ],
)
def test_nothing_is_found_where_everybody_has_turns(schedule: str) -> None:
    """Next to what is found, and not found."""
    assert reported(schedule) == []


def test_a_layer_that_is_over() -> None:
    """It is told on the line of its end."""
    schedule = layer("osei patel", *WEEKS, top=True) + layer("lee", *WEEKS, 'until = "2026-09-01"')
    (one,) = reported(schedule)
    assert (one.code, one.message, one.fix) == (
        "layer-over",
        "the layer of lee ended on Tue, Sep 1, 2026",
        "Delete the layer, or fix its 'until'.",
    )
    assert 'until = "2026-09-01"' in office(schedule).splitlines()[one.line - 1]


@pytest.mark.parametrize(
    ("lines", "sentence", "fix"),
    [
        (
            (*DAILY[:1], 'handoff = "00:00"', 'every = "1 day"', 'only = ["mon-thu 17:00-08:00"]'),
            (
                "a window of the layer begins before the handoff (Tuesday 12:00 AM), so the "
                "time from Monday 5:00 PM to Tuesday 12:00 AM belongs to another turn than the rest"
            ),
            "Let the window begin at 12:00 AM, or set the handoff to 5:00 PM.",
        ),
        (
            (*DAILY[:1], 'handoff = "sat 10:30"', 'only = ["fri 17:00-mon 08:00"]'),
            (
                "a window of the layer begins before the handoff (Saturday 10:30 AM), so the time "
                "from Friday 5:00 PM to Saturday 10:30 AM belongs to another turn than the rest"
            ),
            "Let the window begin at 10:30 AM, or set the handoff to 5:00 PM.",
        ),
        (
            ('since = "2026-01-09"', 'handoff = "fri 18:00"', 'only = ["fri 17:00-mon 08:00"]'),
            (
                "a window of the layer begins before the handoff (Friday 6:00 PM), so the "
                "time from Friday 5:00 PM to Friday 6:00 PM belongs to another turn than the rest"
            ),
            "Let the window begin at 6:00 PM, or set the handoff to 5:00 PM.",
        ),
        (
            (
                'since = "2026-01-05"',
                'handoff = "08:00"',
                'every = "1 day"',
                'only = ["mon-thu 17:00-08:30"]',
            ),
            (
                "a window of the layer ends after the handoff (Tuesday 8:00 AM), so the "
                "time from Tuesday 8:00 AM to Tuesday 8:30 AM belongs to another turn than the rest"
            ),
            "Let the window end at 8:00 AM, or set the handoff to 8:30 AM.",
        ),
    ],
)
def test_a_window_that_a_handoff_cuts(lines: tuple[str, ...], sentence: str, fix: str) -> None:
    """What is left of it would be a turn, or a part of one, that nobody means."""
    (one,) = reported(layer("osei patel", *WEEKS, top=True) + layer("lee osei", *lines))
    assert (one.code, one.message, one.fix) == ("window-split", sentence, fix)


@pytest.mark.parametrize(
    "lines",
    [
        (*DAILY[:1], 'handoff = "08:00"', 'every = "1 day"', 'only = ["mon-thu 17:00-08:00"]'),
        (*DAILY[:1], 'handoff = "08:00"', 'every = "1 hour"', 'only = ["mon-thu 17:00-08:00"]'),
        (*DAILY[:1], 'handoff = "08:00"', 'every = "1 day"', 'only = ["sat-sun"]'),
        (
            *DAILY[:1],
            'handoff = "08:00"',
            'every = "1 day"',
            'only = ["mon-thu 17:00-24:00", "tue-fri 00:00-08:00"]',
        ),
        (*DAILY[:1], 'handoff = "08:00"', 'every = "1 day"', 'only = ["fri 17:00-mon 08:00"]'),
        (*DAILY[:1], 'handoff = "08:00"', 'every = "12 hours"', 'only = ["17:00-08:00"]'),
        (*MONTHS, 'only = ["last fri 17:00-mon 08:00"]'),
    ],
)
def test_windows_that_are_not_cut(lines: tuple[str, ...]) -> None:
    """Two that join at midnight are one; hours apart is as it is meant."""
    assert reported(layer("osei patel", *WEEKS, top=True) + layer("lee osei", *lines)) == []


@pytest.mark.parametrize(
    ("lines", "code", "sentence"),
    [
        (
            (*WEEKS, 'until = "2026-01-05"'),
            "backwards-period",
            "the layer ends (2026-01-05) before it begins (2026-01-05)",
        ),
        (
            (*WEEKS, 'leaves = { osei = "2025-12-31" }'),
            "backwards-period",
            "osei leaves (2025-12-31) before they join (2026-01-05)",
        ),
        (
            (*WEEKS, 'joins = { osei = "2026-06-01" }', 'leaves = { osei = "2026-05-01" }'),
            "backwards-period",
            "osei leaves (2026-05-01) before they join (2026-06-01)",
        ),
        (
            (*WEEKS, 'joins = { lee = "2026-06-01" }'),
            "unknown-name",
            "this file has no 'lee' (it has osei, patel)",
        ),
        (
            (*MONTHS[:1], 'handoff = "mon 08:00"', 'every = "1 month"'),
            "handoff-day",
            "the day in 'mon 08:00' has no effect on turns of 1 month",
        ),
        (
            (*MONTHS[:1], 'handoff = "08:00"', 'every = "2 months"'),
            "handoff-day",
            (
                "turns by months need a day of handoff; without it, the day of 'since' "
                "(2026-01-01) is used"
            ),
        ),
        (
            (*WEEKS[:1], 'handoff = "1st 08:00"'),
            "handoff-day",
            "the day in '1st 08:00' has no effect on turns of 1 week",
        ),
        (
            (*MONTHS[:1], 'handoff = "32nd 08:00"', 'every = "1 month"'),
            "bad-value",
            (
                "'32nd 08:00' is not a handoff such as '1st 08:00', 'last day 17:00' or "
                "'first mon 08:00': a month has no day 32"
            ),
        ),
        (
            (*WEEKS, 'only = ["first sat-sun 08:00-20:00"]'),
            "bad-value",
            (
                "'first sat-sun 08:00-20:00' may be counted by each of its days; write it as one "
                "span, such as 'first fri 17:00-mon 08:00', or each day on its own"
            ),
        ),
        (
            (*WEEKS, 'every = "1 fortnight"'),
            "bad-value",
            "'1 fortnight' is not a valid length",
        ),
        ((*WEEKS, 'until = "2026-13-01"'), "bad-value", "'2026-13-01' is not a date"),
        ((*WEEKS, "joins = [1]"), "bad-value", ""),
    ],
)
def test_what_is_no_turn(lines: tuple[str, ...], code: str, sentence: str) -> None:
    """Bad input is told in one sentence, on its layer or on the schedule's own."""
    for schedule in (
        layer("osei patel", *lines, top=True),
        layer("osei patel", *WEEKS, top=True) + layer("osei patel", *lines),
    ):
        known = [one for one in found(office(schedule)) if one.code == code]
        assert [one for one in known if sentence in one.message], found(office(schedule))


def test_a_key_of_a_rotation_needs_one() -> None:
    """The first that is there alone is named."""
    schedule = '[schedule.doctors]\nuntil = "2027-01-01"\n\n' + layer("osei", *WEEKS)
    (one,) = [one for one in found(office(schedule)) if one.code == "bad-value"]
    assert "'until' needs a 'rotation' in the same table" in one.message


def test_who_has_no_turn_is_looked_for_no_longer_than_a_round(tmp_path: Path) -> None:
    """An hour's turns under a layer that always holds, for ten people: the work has a bound."""
    path = tmp_path / "office.toml"
    path.write_text(
        office(
            layer(" ".join(SEVEN), *WEEKS[:1], 'handoff = "08:00"', 'every = "1 hour"', top=True)
            + layer("lee", *WEEKS)
        )
    )
    schedule = plan.load(path).plan.schedules["doctors"]
    zone = plan.load(path).plan.office.zone
    (one,) = idle.idle(schedule, zone, NOW)
    assert one.people == SEVEN


def test_who_left_needs_no_number_and_who_will_come_does() -> None:
    """Their name stays in the rotation, and their number may go from the secrets file."""
    text = office(
        layer(
            "lee osei patel ana",
            *WEEKS,
            'joins = { ana = "2027-03-01" }',
            'leaves = { osei = "2026-11-23" }',
            top=True,
        )
    )
    # "everyone" rings all physicians, so none of them may be one
    text = text.replace('role = "physician"', 'role = "nurse"').replace('"everyone"', '"patel"')
    known = {"lee": frozenset({"mobile"}), "patel": frozenset({"mobile"})}
    missing = [one for one in find_all(text, NOW, known).findings if one.code == "no-contact"]
    assert [one.where for one in missing] == ["person ana"]


OTHER = '[escalation.other]\nschedule = "nurses"\nlive = [{ try = "oncall", ring = 20 }]\n\n'
NURSES = layer("osei lee", *WEEKS).replace("[[schedule.doctors.layers]]", "[schedule.nurses]")


@pytest.mark.parametrize(
    ("old", "new", "unused"),
    [
        ("", "", ["schedule nurses"]),
        ("[escalation.urgent]", '[escalation.urgent]\nschedule = "nurses"', ["schedule doctors"]),
        ("[escalation.urgent]", f"{OTHER}[escalation.urgent]", []),
        ('handoff = "mon 08:00"', 'handoff = "mon 08:00"\nbackup = "nurses"', []),
    ],
)
def test_a_schedule_that_nothing_asks(old: str, new: str, unused: list[str]) -> None:
    """By an escalation, as the first in the file, or as a backup, its people may be called."""
    text = office(layer("lee osei", *WEEKS, top=True) + "\n" + NURSES).replace(old, new, 1)
    known = [one for one in found(text) if one.code == "schedule-unused"]
    assert [one.where for one in known] == unused
    for one in known:
        assert (
            one.message
            == "no escalation policy, rule or backup uses it, so nobody in it is ever called"
        )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('joins = { patel = "2062-01-05" }', "patel does not join before Thu, Jan 5, 2062"),
        ('joins = { patel = "2028-11-24" }', "patel does not join before Fri, Nov 24, 2028"),
        ('joins = { patel = "2028-11-23" }', ""),
    ],
)
def test_a_year_that_is_far_away(line: str, sentence: str) -> None:
    """Nobody plans further than two years ahead: the year is mistyped."""
    known = reported(layer("osei lee patel", *WEEKS, line, top=True))
    assert [one.message for one in known] == [sentence] * bool(sentence)
    assert all(one.fix == "Fix the year if it is wrong." for one in known)


@given(
    days=st.lists(
        st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1, max_size=5
    ),
    hours=st.sampled_from(["08:00-17:00", "17:00-08:00", "00:00-24:00", "20:00-06:00"]),
    every=st.sampled_from(["1 day", "12 hours", "8 hours"]),
    count=st.integers(2, 7),
)
@settings(max_examples=20, deadline=None)
def test_the_line_that_is_named_fixes_it(
    days: list[str], hours: str, every: str, count: int
) -> None:
    """Whoever has no turn left under another layer has one with the `only` of the finding."""
    own = ('since = "2026-01-05"', 'handoff = "08:00"', f'every = "{every}"')
    texts = ", ".join(f'"{day} {hours}"' for day in dict.fromkeys(days))
    above = layer("lee", *DAILY[:1], 'handoff = "08:00"', 'every = "1 day"', f"only = [{texts}]")
    people = " ".join(SEVEN[:count])
    known = [one for one in reported(layer(people, *own, top=True) + above) if one.code in NEVER]
    for one in known:
        named = re.search(r"Write (only = \[.*?\]) into", one.fix)
        assert named is not None
        fixed = reported(layer(people, *own, named[1], top=True) + above)
        assert [one for one in fixed if one.code in NEVER] == []
