"""Opening hours as people tell them: a practice's year, its nights, and what closes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from routing.hours import REACH, around, spans, state_at
from routing.model import (
    OFFICE,
    Closure,
    Days,
    HoursChange,
    OfficeHours,
    Opening,
    Window,
    Yearly,
    YearlyWeekday,
)
from tests.support.wall_clock import DAY, plan_in

MON, TUE, WED, THU, FRI, SAT, SUN = range(7)


def hm(text: str) -> tuple[time, time]:
    """Read "08:30-12:00"."""
    start, _, end = text.partition("-")
    return time.fromisoformat(start), time(0) if end == "24:00" else time.fromisoformat(end)


def period(weekday: int, text: str) -> Window:
    """Make a period of a weekday."""
    start, end = hm(text)
    return Window(weekday, start, (weekday + (end <= start)) % 7, end)


NEW_YORK = ZoneInfo("America/New_York")
CHRISTMAS = date(2026, 12, 25)  # a Friday
PRACTICE = replace(
    plan_in(NEW_YORK),
    office_hours={
        OFFICE: OfficeHours(
            OFFICE,
            (
                *(period(day, "08:30-12:00") for day in (MON, TUE, WED, THU, FRI)),
                *(period(day, "13:00-17:00") for day in (MON, TUE, WED, THU)),
                period(FRI, "18:00-02:30"),  # an evening clinic that lasts past midnight
            ),
        ),
        "lab": OfficeHours("lab", tuple(period(day, "00:00-24:00") for day in (SAT, SUN))),
    },
    closures=(
        Closure(Days(CHRISTMAS, CHRISTMAS), "Christmas Day"),
        Closure(Days(date(2026, 8, 3), date(2026, 8, 14)), "summer leave"),
        Closure(YearlyWeekday(5, MON, -1), "Memorial Day"),
        Closure(YearlyWeekday(11, THU, 4), "Thanksgiving"),
        Closure(Yearly(2, 29), "leap day"),
        Closure(Yearly(12, 24), "Christmas Eve", hm("12:00-24:00")),
        Closure(Days(date(2026, 10, 10), date(2026, 10, 10)), "power cut", hm("23:00-02:00")),
        Closure(Days(date(2026, 10, 16), date(2026, 10, 16)), "fire drill", hm("23:00-01:00")),
        Closure(Days(date(2026, 6, 6), date(2026, 6, 6)), "lab inspection", office_hours="lab"),
    ),
    openings=(
        Opening(Days(date(2026, 10, 17), date(2026, 10, 17)), "flu shots", (hm("09:00-13:00"),)),
        Opening(Days(date(2026, 10, 11), date(2026, 10, 11)), "night ward", (hm("00:00-06:00"),)),
        Opening(Days(date(2026, 8, 7), date(2026, 8, 7)), "school check-ups", (hm("10:00-11:00"),)),
    ),
    changes=(
        HoursChange(
            4,
            "closed",
            datetime(2026, 9, 15, 10, tzinfo=NEW_YORK),
            datetime(2026, 9, 15, 15, tzinfo=NEW_YORK),
            "burst pipe",
        ),
        HoursChange(
            5,
            "open",
            datetime(2026, 9, 15, 14, tzinfo=NEW_YORK),
            datetime(2026, 9, 15, 16, tzinfo=NEW_YORK),
            "",
        ),
    ),
)


@pytest.mark.parametrize(
    ("when", "office_hours", "state", "because"),
    [
        # weekdays; noon is a break and Friday afternoon is free
        ("2026-11-24 08:29", OFFICE, "closed", "Tuesday 8:29 AM is outside the hours"),
        ("2026-11-24 08:30", OFFICE, "open", "Tuesday 8:30 AM to 12:00 PM"),
        ("2026-11-24 12:00", OFFICE, "closed", "Tuesday 12:00 PM is outside the hours"),
        ("2026-11-24 16:59", OFFICE, "open", "Tuesday 1:00 PM to 5:00 PM"),
        ("2026-11-20 14:00", OFFICE, "closed", "Friday 2:00 PM is outside the hours"),
        # the Friday evening clinic belongs to Friday until it closes on Saturday
        ("2026-11-21 02:29", OFFICE, "open", "Friday 6:00 PM to 2:30 AM"),
        ("2026-11-21 02:30", OFFICE, "closed", "Saturday 2:30 AM is outside the hours"),
        # days by date, by range, and each year's
        ("2026-12-25 09:00", OFFICE, "closed", "Christmas Day"),
        ("2026-12-25 19:00", OFFICE, "closed", "Christmas Day"),
        ("2026-12-26 01:00", OFFICE, "closed", "Saturday 1:00 AM is outside the hours"),
        ("2026-08-03 09:00", OFFICE, "closed", "summer leave"),
        ("2026-08-14 09:00", OFFICE, "closed", "summer leave"),
        ("2026-08-17 09:00", OFFICE, "open", "Monday 8:30 AM to 12:00 PM"),
        ("2026-05-18 09:00", OFFICE, "open", "Monday 8:30 AM to 12:00 PM"),
        ("2026-05-25 09:00", OFFICE, "closed", "Memorial Day"),
        ("2027-05-31 09:00", OFFICE, "closed", "Memorial Day"),
        ("2026-11-26 09:00", OFFICE, "closed", "Thanksgiving"),
        ("2028-02-29 09:00", OFFICE, "closed", "leap day"),
        ("2027-03-01 09:00", OFFICE, "open", "Monday 8:30 AM to 12:00 PM"),
        # half a day off
        ("2026-12-24 11:59", OFFICE, "open", "Thursday 8:30 AM to 12:00 PM"),
        ("2026-12-24 14:00", OFFICE, "closed", "Christmas Eve"),
        # openings: these hours and nothing else, whatever closes the day
        ("2026-10-17 09:00", OFFICE, "open", "flu shots"),
        ("2026-10-17 13:00", OFFICE, "closed", "Saturday 1:00 PM is outside the hours"),
        ("2026-08-07 10:00", OFFICE, "open", "school check-ups"),
        ("2026-08-07 09:00", OFFICE, "closed", "Friday 9:00 AM is outside the hours"),
        ("2026-10-17 00:30", OFFICE, "closed", "fire drill"),  # of Friday's clinic
        ("2026-10-17 01:00", OFFICE, "open", "Friday 6:00 PM to 2:30 AM"),
        # changes at short notice, the later one first
        ("2026-09-15 10:00", OFFICE, "closed", "burst pipe"),
        ("2026-09-15 14:00", OFFICE, "open", "changed at short notice"),
        ("2026-09-15 16:00", OFFICE, "open", "Tuesday 1:00 PM to 5:00 PM"),
        # the power cut holds for the lab, past midnight; what was opened for the day stands
        ("2026-10-11 00:30", OFFICE, "open", "night ward"),
        # another office hours; a power cut past midnight closes the next day's hours, too
        ("2026-10-10 22:59", "lab", "open", "Saturday 12:00 AM to 12:00 AM"),
        ("2026-10-10 23:00", "lab", "closed", "power cut"),
        ("2026-10-11 01:59", "lab", "closed", "power cut"),
        ("2026-10-11 02:00", "lab", "open", "Sunday 12:00 AM to 12:00 AM"),
        ("2026-06-06 09:00", "lab", "closed", "lab inspection"),
        # office hours that nobody defined are never open
        ("2026-11-24 09:00", "pharmacy", "closed", "Tuesday 9:00 AM is outside the hours"),
    ],
)
def test_a_practice_year(when: str, office_hours: str, state: str, because: str) -> None:
    """A worked table: when somebody calls, what the office is, and why."""
    at = datetime.fromisoformat(when).replace(tzinfo=NEW_YORK)
    assert state_at(PRACTICE, at, office_hours) == (state, because)


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2026, 3, 7), 8),  # 02:30 is skipped: it closes at the jump, which is at 02:00
        (date(2026, 10, 24), 8.5),
        (date(2026, 10, 31), 9.5),  # the hour before 02:00 comes twice
    ],
)
def test_an_evening_clinic_on_the_night_of_a_jump(day: date, hours: float) -> None:
    """A clinic from 18:00 to 02:30 closes by the wall clock, however long the night is."""
    week = (period(SAT, "18:00-02:30"),)
    plan = replace(plan_in(NEW_YORK), office_hours={OFFICE: OfficeHours(OFFICE, week)})
    begin = datetime.combine(day, time(12), NEW_YORK)
    opened = [one for one in spans(plan, begin, begin + DAY) if one.state == "open"]
    lasted = sum((one.end - one.start for one in opened), timedelta())
    assert lasted == timedelta(hours=hours)


def test_the_second_time_of_a_doubled_hour_is_reported_apart() -> None:
    """Two instants that the wall clock shows alike are two, also when they come as local times."""
    first = datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK)
    change = HoursChange(1, "open", first, first.replace(fold=1), "one hour")
    plan = replace(plan_in(NEW_YORK), changes=(change,))
    assert state_at(plan, first)[0] == "open"
    assert state_at(plan, first.replace(fold=1))[0] == "closed"
    assert [one.state for one in spans(plan, first, first.replace(fold=1))] == ["open"]


@pytest.mark.parametrize(
    ("when", "since", "until"),
    [
        ("2026-11-24 09:00", "2026-11-24 08:30", "2026-11-24 12:00"),
        ("2026-11-24 08:30", "2026-11-24 08:30", "2026-11-24 12:00"),
        (
            "2026-12-25 09:00",
            "2026-12-24 12:00",
            "2026-12-28 08:30",
        ),  # the reason changes, not more
        ("2026-08-06 09:00", "2026-08-01 02:30", "2026-08-07 10:00"),
    ],
)
def test_since_and_until_when_it_is_so(when: str, since: str, until: str) -> None:
    """What is told is how long the state lasts, through all its reasons."""
    at, begin, end = (
        datetime.fromisoformat(one).replace(tzinfo=NEW_YORK) for one in (when, since, until)
    )
    assert around(PRACTICE, at) == (begin, end)


def test_a_state_that_never_ends_has_no_bounds() -> None:
    """A set of office hours without hours was closed and stays so, as far as it is looked."""
    at = datetime(2026, 11, 24, tzinfo=UTC)
    assert around(PRACTICE, at, "pharmacy") == (None, None)
    change = HoursChange(1, "open", at + REACH, at + REACH + DAY, "far away")
    assert around(replace(PRACTICE, changes=(change,)), at, "pharmacy") == (None, None)


def test_an_empty_span_has_no_stretches() -> None:
    """From an instant to itself, or backwards, there is nothing."""
    at = datetime(2026, 11, 24, tzinfo=UTC)
    assert list(spans(PRACTICE, at, at)) == []
    assert list(spans(PRACTICE, at, at - DAY)) == []
