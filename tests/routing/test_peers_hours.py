"""What others' hours and holidays are tested with, and five faults of theirs, played on ours.

The values alone are theirs: a text of ours that says the same, an instant, and the right answer.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from routing.day_names import yearly
from routing.days import falls_on
from routing.hours import state_at
from routing.model import OFFICE, Closure, Days, OfficeHours, Season
from routing.spans import weekly_windows
from tests.support.wall_clock import plan_in

ZONE = ZoneInfo("America/New_York")
ORGANIC = (
    "organicmaps/organicmaps: 3party/opening_hours/opening_hours_tests/osm_time_range_tests.cpp"
)
ASTERISK = "https://docs.asterisk.org: GotoIfTime, times|weekdays|mdays|months"

XMAS = ["Dec 24 to Dec 26", "01-01"]


def at(text: str) -> datetime:
    """Read a time of the office's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("source", "hours", "closed", "when", "state"),
    [
        # theirs is Mo-Su 14:30-17:00, but the first Monday and the last Sunday closed
        (ORGANIC, "daily 14:30-17:00", ["first mon", "last sun"], "2015-03-09 16:00", "open"),
        (ORGANIC, "daily 14:30-17:00", ["first mon", "last sun"], "2015-03-02 16:00", "closed"),
        (ORGANIC, "daily 14:30-17:00", ["first mon", "last sun"], "2015-03-22 16:00", "open"),
        (ORGANIC, "daily 14:30-17:00", ["first mon", "last sun"], "2015-03-29 16:00", "closed"),
        # from 11:00 on, but the first and third Monday
        (ORGANIC, "daily 11:00-24:00", ["first and third mon"], "2015-03-04 16:00", "open"),
        (ORGANIC, "daily 11:00-24:00", ["first and third mon"], "2015-03-09 16:00", "open"),
        (ORGANIC, "daily 11:00-24:00", ["first and third mon"], "2015-03-02 16:00", "closed"),
        (ORGANIC, "daily 11:00-24:00", ["first and third mon"], "2015-03-16 16:00", "closed"),
        # closed on 1 January, at Christmas, and two days before Easter
        (ORGANIC, "tue-sun 10-18", ["Jan 1", "Good Friday"], "2015-04-03 12:00", "closed"),
        (ORGANIC, "tue-sun 10-18", ["Jan 1", "Good Friday"], "2015-04-02 12:00", "open"),
        (ORGANIC, "tue-sun 10-18", ["Jan 1", "Dec 24 to Dec 25"], "2015-01-01 12:00", "closed"),
        (ORGANIC, "tue-sun 10-18", ["Jan 1", "Dec 24 to Dec 25"], "2015-12-24 12:00", "closed"),
        (ORGANIC, "tue-sun 10-18", ["Jan 1", "Dec 24 to Dec 25"], "2015-12-26 12:00", "open"),
        # *,*,24-26,dec and *,*,1,jan, then 09:00-17:00,mon-fri
        (ASTERISK, "mon-fri 09:00-17:00", XMAS, "2026-12-24 10:00", "closed"),
        (ASTERISK, "mon-fri 09:00-17:00", XMAS, "2027-01-01 10:00", "closed"),
        (ASTERISK, "mon-fri 09:00-17:00", XMAS, "2026-12-28 10:00", "open"),
        (ASTERISK, "mon-fri 09:00-17:00", XMAS, "2026-11-24 10:00", "open"),
    ],
)  # fmt: skip
def test_hours_of_others(source: str, hours: str, closed: list[str], when: str, state: str) -> None:
    """Open or closed, as their tests and manuals have it."""
    plan = replace(
        plan_in(ZONE),
        office_hours={OFFICE: OfficeHours(OFFICE, weekly_windows(hours))},
        closures=tuple(Closure(yearly(text), text) for text in closed),
    )
    assert state_at(plan, at(when))[0] == state, source


@pytest.mark.parametrize(
    ("report", "text", "inside", "outside"),
    [
        # a rule from 29 April to 5 May was cut in days and months, and held on 1 to 5 April, too
        (
            "mikopbx/Core#698",
            "Apr 29 to May 5",
            ["2024-04-29", "2024-04-30", "2024-05-01", "2024-05-05"],
            ["2024-04-01", "2024-04-05", "2024-05-06", "2024-05-29", "2024-05-31", "2024-04-28"],
        ),
        # the last day of holidays across the year's end was missing
        (
            "opening-hours/opening_hours.js#83",
            "Dec 24 to Jan 5",
            ["2014-12-24", "2014-12-31", "2015-01-01", "2015-01-04", "2015-01-05", "2016-01-05"],
            ["2014-12-23", "2015-01-06"],
        ),
        # New Year's Day on a Saturday: the Friday before, in the old year, was no holiday
        (
            "focus-shift/jollyday#742",
            "New Year's Day observed",
            ["2021-12-31", "2022-01-01", "2032-12-31", "2033-01-01"],
            ["2021-12-30", "2022-01-03", "2032-01-02"],
        ),
        # Christmas on a Sunday: the Monday after was a day like others
        (
            "workalendar/workalendar#171",
            "Christmas Day observed",
            ["2016-12-25", "2016-12-26"],
            ["2016-12-24", "2016-12-27", "2017-12-26"],
        ),
        # Saturdays before a holiday on Monday: two days before could not be said
        (
            "opening-hours/opening_hours.js#225",
            "2 days before last mon of may",
            ["2026-05-23", "2027-05-29"],
            ["2026-05-24", "2026-05-25"],
        ),
    ],
)
def test_days_that_others_got_wrong(
    report: str, text: str, inside: list[str], outside: list[str]
) -> None:
    """Public reports of faults, each with the days that were wrong."""
    when = yearly(text)
    for day in inside:
        assert falls_on(when, date.fromisoformat(day)), (report, day)
    for day in outside:
        assert not falls_on(when, date.fromisoformat(day)), (report, day)


def test_a_holiday_of_another_year_is_over() -> None:
    """openITCOCKPIT/openITCOCKPIT#1515: a holiday of 2020 held in 2023, too."""
    day = Closure(Days(date(2020, 6, 1), date(2020, 6, 1)), "holiday")
    plan = replace(
        plan_in(ZONE),
        office_hours={OFFICE: OfficeHours(OFFICE, weekly_windows("mon-fri 10:00-19:00"))},
        closures=(day,),
    )
    assert state_at(plan, at("2020-06-01 12:00")) == ("closed", "holiday")
    assert state_at(plan, at("2023-06-01 12:00"))[0] == "open"
    assert state_at(plan, at("2023-06-01 00:00"))[0] == "closed"


@pytest.mark.parametrize(
    ("when", "state"),
    [
        ("2026-12-20 10:00", "closed"),  # a Sunday
        ("2026-12-21 08:30", "open"),
        ("2026-12-26 17:59", "open"),  # Saturdays of the season alone
        ("2027-02-27 09:00", "open"),
        ("2027-02-28 10:00", "closed"),
        ("2027-03-01 08:30", "closed"),
        ("2027-03-01 09:00", "open"),
        ("2027-03-06 10:00", "closed"),
        ("2028-02-29 08:30", "closed"),  # the season is over, leap year or not
    ],
)
def test_a_season_across_the_year_s_end(when: str, state: str) -> None:
    """spatie/opening-hours#220: hours by weekday from 20 December to 28 February, each year."""
    season = (
        weekly_windows("mon-fri 08:30-12:00")
        + weekly_windows("mon-fri 13:30-20:00")
        + weekly_windows("sat 09:00-18:00")
    )
    plan = replace(
        plan_in(ZONE),
        office_hours={OFFICE: OfficeHours(OFFICE, weekly_windows("mon-fri 09:00-12:00"))},
        seasons=(Season(yearly("12-20 to 02-28"), "summer", season),),
    )
    assert state_at(plan, at(when))[0] == state


def test_after_midnight_of_a_holiday_the_evening_before_still_closes() -> None:
    """micuintus/harbour-Berlin-Vegan#236: after midnight the day before was looked up wrong."""
    plan = replace(
        plan_in(ZONE),
        office_hours={OFFICE: OfficeHours(OFFICE, weekly_windows("wed 18:00-02:00"))},
        closures=(Closure(yearly("Thanksgiving"), "Thanksgiving"),),
    )
    assert state_at(plan, at("2026-11-26 01:59"))[0] == "open"  # of Wednesday evening
    assert state_at(plan, at("2026-11-26 02:00")) == ("closed", "Thanksgiving")
