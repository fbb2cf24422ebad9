"""Findings on openings, seasons and days of each year: the code, the sentence, and what to do."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pbx.config.plan import parse
from routing import hours
from routing.model import Plan
from tests.support.offices import EXAMPLE, changed, codes, found

NEW_YORK = ZoneInfo("America/New_York")
SUMMER = """
[[seasons]]
every = "Memorial Day to Labor Day"
reason = "summer hours"
hours = { mon-thu = "7-4", fri = "closed" }
"""
FOURTH = """
[[closures]]
every = "July 4 observed"
reason = "Independence Day"
"""


def plan(*more: str) -> Plan:
    """Read the example with more tables behind it."""
    return parse(EXAMPLE + "".join(more), Path("office.toml")).plan


def at(text: str) -> datetime:
    """Read a time of the office's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


def sentences(code: str, *more: str) -> list[str]:
    """List what is found under a code, with what to do."""
    return [
        f"{one.message} / {one.fix}" for one in found(EXAMPLE + "".join(more)) if one.code == code
    ]


@pytest.mark.parametrize(
    ("when", "state", "because"),
    [
        ("2027-05-28 09:00", "open", "Friday 8:30 AM to 12:00 PM"),  # before Memorial Day
        ("2027-06-01 07:00", "open", "Tuesday 7:00 AM to 4:00 PM (summer hours)"),
        ("2027-06-01 16:00", "closed", "Tuesday 4:00 PM is outside the hours of 'summer hours'"),
        ("2027-06-04 09:00", "closed", "Friday 9:00 AM is outside the hours of 'summer hours'"),
        ("2027-06-05 09:00", "closed", "Saturday 9:00 AM is outside the hours of 'summer hours'"),
        ("2027-07-05 09:00", "closed", "Independence Day (observed)"),
        ("2027-07-06 09:00", "open", "Tuesday 7:00 AM to 4:00 PM (summer hours)"),
        ("2027-09-07 07:00", "closed", "Tuesday 7:00 AM is outside the hours"),  # after Labor Day
        ("2028-07-04 09:00", "closed", "Independence Day"),
        ("2026-12-04 09:00", "open", "Friday 8:30 AM to 12:00 PM"),
    ],
)
def test_seasonal_hours_open_no_weekend_and_keep_closures(
    when: str, state: str, because: str
) -> None:
    """From Memorial Day to Labor Day the hours of each weekday are others; 5 July stays closed."""
    assert hours.state_at(plan(SUMMER, FOURTH), at(when)) == (state, because)
    assert "closure-overridden" not in codes(EXAMPLE + SUMMER + FOURTH)


def test_a_meeting_on_every_first_monday() -> None:
    """Noon to one, each month; the sentence names it."""
    meeting = '\n[[closures]]\nevery = "first Monday"\nbetween = "11:30-1pm"\nreason = "meeting"\n'
    for day in ("2026-12-07", "2027-01-04", "2027-02-01"):
        assert hours.state_at(plan(meeting), at(f"{day} 11:29"))[0] == "open"
        assert hours.state_at(plan(meeting), at(f"{day} 11:30")) == ("closed", "meeting")
        assert hours.state_at(plan(meeting), at(f"{day} 13:00"))[0] == "open"
    assert hours.state_at(plan(meeting), at("2026-12-14 11:30"))[0] == "open"


def test_an_opening_over_the_summer_is_refused() -> None:
    """It opened Saturdays and voided the closure of 5 July, and nothing said so."""
    text = (
        '\n[[openings]]\nfrom = "2027-06-01"\nto = "2027-08-31"\nreason = "summer"\nhours = "7-4"\n'
    )
    wanted = (
        "the office is normally closed on sat to sun, but this opening has the same hours on each "
        "of its days and would open it on Sat, Jun 5, 2027; Sun, Jun 6, 2027; Sat, Jun 12, 2027; "
        "and 23 more days / Write it as [[seasons]] with hours by weekday. "
        "To open one weekend, name its days."
    )
    assert sentences("opening-weekend", text) == [wanted]
    wanted = (
        "the office is open on Sun, Jul 4, 2027 and Mon, Jul 5, 2027 despite the closure "
        "'Independence Day', because openings override closures / Keep it if you want the office "
        "open. Otherwise write these hours as [[seasons]], which closures override."
    )
    assert sentences("closure-overridden", text, FOURTH) == [wanted]


@pytest.mark.parametrize(
    "days",
    [
        'on = "2026-12-19"',  # a Saturday clinic
        'from = "2026-12-19"\nto = "2026-12-20"',  # a weekend, which has no other days
        'from = "2026-12-21"\nto = "2026-12-23"',  # longer hours from Monday to Wednesday
        'every = "first sat of each month"',
    ],
)
def test_an_opening_that_means_one_thing_is_no_finding(days: str) -> None:
    """Nor is one over days without a closure."""
    text = f'\n[[openings]]\n{days}\nreason = "clinic"\nhours = "9-12"\n'
    assert not {"opening-weekend", "closure-overridden"} & set(codes(EXAMPLE + text))


def test_a_season_names_every_weekday_that_is_open() -> None:
    """Whether Friday is closed in summer or as always is not guessed."""
    text = SUMMER.replace(', fri = "closed"', "")
    assert sentences("season-weekday", text) == [
        (
            "it does not mention fri, when the office is normally open / "
            'Add its hours of fri, or write fri = "closed".'
        )
    ]


def test_two_seasons_that_share_a_day() -> None:
    """The first of the file holds, which is no way to tell it."""
    other = SUMMER.replace("Memorial Day to Labor Day", "09-01 to 12-31").replace(
        "summer", "autumn"
    )
    assert sentences("overlapping-periods", SUMMER, other) == [
        (
            "it overlaps the season 'summer hours', whose hours apply, on Wed, Sep 1, 2027; Thu, "
            "Sep 2, 2027; Fri, Sep 3, 2027; and 7 more days / "
            "Let one season begin on the day after the other ends."
        )
    ]


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        ('"Memorial Day to Labor Day"', '"Memorial Day to"', "bad-value", "is not a day such as"),
        ('"Memorial Day to Labor Day"', '"May 1 to Sept 31"', "bad-value", "is not a day such as"),
        ('every = "M', 'on = "2027-06-01"\nevery = "M', "bad-value", "write the days with 'on'"),
        ('"7-4"', '"17:00-08:30"', "swapped-hours", "goes through the night"),
        ('"7-4"', '["7-12", "11-4"]', "overlapping-periods", "overlaps"),
        (
            'reason = "summer hours"',
            'reason = "summer hours"\noffice_hours = "lab"',
            "unknown-name",
            "",
        ),
        ('{ mon-thu = "7-4", fri = "closed" }', "{}", "bad-value", "must not be empty"),
    ],
)
def test_what_is_wrong_with_a_season(old: str, new: str, code: str, message: str) -> None:
    """Each by its code, at its place."""
    wrong = found(EXAMPLE + changed((old, new), text=SUMMER))
    assert any(one.code == code and message in one.message for one in wrong), wrong


def test_a_season_that_is_over() -> None:
    """As with closures, 'every' repeats it."""
    text = SUMMER.replace(
        'every = "Memorial Day to Labor Day"', "from = 2025-06-01\nto = 2025-08-31"
    )
    assert "closure-past" in codes(EXAMPLE + text)
