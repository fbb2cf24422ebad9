"""What `check` says of times away, and of the places of a schedule."""

from __future__ import annotations

from datetime import datetime

import pytest

from pbx.config import build
from pbx.config.findings.check import first_look
from routing.model import Away, Plan
from tests.support.offices import EXAMPLE, changed, codes, found

SCHEDULE = "[schedule.doctors]"
SHIFT = """
[[schedule.doctors.shifts]]
person = "lee"
from = "2026-12-24 17:00"
to = "2026-12-25 08:00"
"""


def off(person: str, start: str, end: str) -> str:
    """Write a time away as the file has it."""
    return f"[[people.{person}.away]]\nfrom = {start}\nto = {end}\n\n"


def practice(*absences: tuple[str, str, str], more: str = "") -> str:
    """Return the example with times away, and something behind its schedule."""
    written = "".join(off(person, f'"{start}"', f'"{end}"') for person, start, end in absences)
    return changed(
        (SCHEDULE, f"{written}{SCHEDULE}"), ("[escalation.urgent]", f"{more}\n[escalation.urgent]")
    )


def plan_of(text: str) -> Plan:
    """Make a plan of a file that can be one."""
    draft = first_look(text).draft
    assert draft is not None
    return build.plan(draft.file, "")


ALL = ("lee", "osei", "patel")
SOON = (
    "'soon' is not a date or local time such as 2026-12-20 or 12/20/2026 5pm: 'soon' is not a date "
    "such as 11/30/2026 or 2026-11-30"
)


@pytest.mark.parametrize(
    ("absences", "more", "expected"),
    [
        ([], "", []),
        ([("lee", "2026-12-20", "2027-01-03")], "", []),
        # two of three: the third is on call, and nobody steps in
        ([(one, "2026-12-20", "2027-01-03") for one in ALL[:2]], "", ["no-backup"]),
        ([(one, "2026-12-20", "2027-01-03") for one in ALL], "", ["schedule-gap"]),
        # farther ahead than other gaps are looked for
        ([(one, "2028-12-20", "2029-01-03") for one in ALL], "", ["schedule-gap"]),
        # they meet for one minute
        ([("lee", "2026-12-20", "2026-12-24 12:01"), ("osei", "2026-12-24 12:00", "2026-12-26"),
          ("patel", "2026-12-24 12:00", "2026-12-24 13:00")], "", ["no-backup", "schedule-gap"]),
        ([("lee", "2026-12-20", "2027-01-03")], SHIFT, ["shift-away"]),
        ([("lee", "2026-12-25 08:00", "2027-01-03")], SHIFT, []),
        ([("lee", "2026-12-20", "2026-12-24 17:00")], SHIFT, []),
        ([("lee", "2025-12-20", "2026-01-03")], "", ["away-past"]),
        ([("lee", "2026-11-20", "2026-11-24")], "", []),
        ([("lee", "2026-11-20", "2026-11-23")], "", ["away-past"]),
        ([("lee", "2027-01-03", "2026-12-20")], "", ["backwards-period"]),
        ([("lee", "2026-12-20 17:00", "2026-12-20 17:00")], "", ["backwards-period"]),
        ([("lee", "2026-12-20", "2026-12-20")], "", []),
        ([("lee", "12/20/2026", "Jan 3, 2027")], "", []),
        ([("lee", "12/20/2026 5pm", "1/3/2027 noon")], "", []),
        ([("lee", "25/12/2026", "2026-12-27")], "", ["bad-value"]),
        ([("lee", "2026-02-30", "2026-12-27")], "", ["bad-value"]),
        ([("lee", "1900-02-20", "2026-12-27")], "", ["bad-value"]),
    ],
)  # fmt: skip
def test_exactly_this_is_found(
    absences: list[tuple[str, str, str]], more: str, expected: list[str]
) -> None:
    """What is right passes, and what is wrong is told once."""
    assert sorted(codes(practice(*absences, more=more))) == expected


@pytest.mark.parametrize(
    ("absences", "more", "sentence"),
    [
        ([(one, "2026-12-20", "2027-01-03") for one in ALL], "",
         ("nobody is on call from Sun, Dec 20, 2026, 12:00 AM to Mon, Jan 4, 2027, 12:00 AM EST, "
          "because everyone in the "
          "rotation is away")),
        ([(one, "2026-12-20", "2027-01-03") for one in ALL[:2]], "",
         ("there is no backup from Sun, Dec 20, 2026, 12:00 AM to Mon, Jan 4, 2027, 12:00 AM EST, "
          "because lee and osei are away")),
        ([("lee", "2026-12-20", "2027-01-03")], SHIFT,
         ("lee has a shift from Thu, Dec 24, 2026, 5:00 PM to Fri, Dec 25, 2026, 8:00 AM EST but "
          "is away from Sun, Dec 20, 2026, 12:00 AM to Mon, Jan 4, 2027, 12:00 AM EST; "
          "the shift still applies")),
        ([("lee", "2025-12-20", "2026-01-03")], "",
         "the absence that ended Sun, Jan 4, 2026, 12:00 AM EST is over"),
        ([("lee", "2027-01-03", "2026-12-20")], "",
         "the absence ends (2026-12-20) before it begins (2027-01-03)"),
        ([("lee", "soon", "2026-12-20")], "",
         SOON),
        ([("lee", "2026-12-20 24:00", "2026-12-22")], "",
         ("'2026-12-20 24:00' is not a date or local time such as 2026-12-20 or 12/20/2026 5pm: "
          "24:00 is the next day's midnight")),
        ([("lee", "2026-12-20", "Jan 3")], "",
         ("'Jan 3' is not a date or local time such as 2026-12-20 or 12/20/2026 5pm: a date needs "
          "its year in four digits, as in 11/30/2026")),
        ([("lee", "2026-12-20", "2027-01-03 midnight")], "",
         ("'2027-01-03 midnight' is not a date or local time such as 2026-12-20 or 12/20/2026 5pm: "
          "midnight may be the start or the end of that day; 12am is its start")),
    ],
)  # fmt: skip
def test_the_finding_says_when_and_why(
    absences: list[tuple[str, str, str]], more: str, sentence: str
) -> None:
    """A plain sentence names the time."""
    assert [one.message for one in found(practice(*absences, more=more))] == [sentence]


def test_what_stands_in_for_a_layer_is_reported() -> None:
    """Of each place: what happens while everybody of the layer is away."""
    layer = """
[[schedule.doctors.layers]]
rotation = ["osei"]
since = "2026-01-05"
handoff = "08:00"
every = "1 day"
place = "PLACE"
"""
    reported = {
        place: [
            one.message
            for one in found(
                practice(("osei", "2026-12-20", "2026-12-21"), more=layer.replace("PLACE", place))
            )
            if one.code == "all-away"
        ]
        for place in ("oncall", "beside", "backup")
    }
    times = "osei is away from Sun, Dec 20, 2026, 12:00 AM to Tue, Dec 22, 2026, 12:00 AM EST, and"
    assert reported == {
        "oncall": [f"{times} the layers below decide who is on call"],
        "beside": [f"{times} this layer calls nobody beside the person on call"],
        "backup": [f"{times} the layers below or the schedule's 'backup' decide who is the backup"],
    }


def test_a_resident_who_is_left_alone_is_reported() -> None:
    """All attendings are away at once, and somebody beside is on call: no gap, but a warning."""
    layer = """
[people.chen]
name = "Dr. Wei Chen"

[[schedule.doctors.layers]]
rotation = ["chen"]
since = "2026-01-05"
handoff = "08:00"
every = "1 day"
place = "beside"
"""
    absences = [(one, "2026-12-20", "2026-12-21") for one in ALL]
    (one,) = [one for one in found(practice(*absences, more=layer)) if one.code != "no-backup"]
    assert (one.code, one.message) == (
        "all-away",
        (
            "lee, osei and patel are away from Sun, Dec 20, 2026, 12:00 AM to Tue, Dec 22, 2026, "
            "12:00 AM EST, and chen, usually called "
            "beside them, is on call alone"
        ),
    )


def test_dates_are_whole_days_and_times_are_exact() -> None:
    """Both ends of dates are included; a date of TOML's own is one, too."""
    texts = [('"2026-12-20"', '"2027-01-03"'), ("2026-12-20", "2027-01-03")]
    texts += [('"12/20/2026 5pm"', '"2027-01-03 08:00"')]
    texts += [("2026-12-20T17:00:00", "2027-01-03 08:00:00")]
    plans = [plan_of(changed((SCHEDULE, off("lee", *one) + SCHEDULE))) for one in texts]
    whole = Away(datetime(2026, 12, 20), datetime(2027, 1, 4))  # noqa: DTZ001  # local on purpose
    exact = Away(datetime(2026, 12, 20, 17), datetime(2027, 1, 3, 8))  # noqa: DTZ001
    assert [one.people["lee"].away for one in plans] == [(whole,), (whole,), (exact,), (exact,)]


def test_shifts_of_different_places_do_not_overlap() -> None:
    """An attending's and a resident's shift at the same time are both wanted."""
    beside = SHIFT.replace('"lee"', '"osei"') + 'place = "beside"\n'
    assert codes(practice(more=SHIFT + beside)) == []
    assert codes(practice(more=SHIFT + SHIFT)) == ["overlapping-periods"]
    twice = beside + beside.replace('"osei"', '"patel"')
    assert codes(practice(more=twice)) == []  # any number may be beside
    assert codes(practice(more=twice.replace("beside", "backup"))) == ["overlapping-periods"]


def test_a_place_that_there_is_not() -> None:
    """It is refused with those that there are."""
    (one,) = found(practice(more=SHIFT + 'place = "second"\n'))
    assert one.code == "bad-value"
    assert "'oncall', 'beside' or 'backup'" in one.message


def test_the_example_says_nothing_of_it() -> None:
    """Without times away nothing is looked at."""
    assert codes(EXAMPLE) == []
