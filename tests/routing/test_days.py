"""Days of a year and of each month, by tables that anybody can look up in a calendar."""

from __future__ import annotations

from datetime import date

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.day_names import days_text, yearly
from routing.days import easter, falls_on, moved, runs
from routing.model import Dates, Easter, Monthly, Yearly, YearlyRange, YearlyWeekday
from tests.support.calendar_days import DAY, is_one_of

ONE_DAY = (
    st.builds(
        lambda day, shift, observed: Yearly(day.month, day.day, shift, observed),
        st.dates(date(2024, 1, 1), date(2024, 12, 31)),
        st.integers(-60, 60),
        st.booleans(),
    )
    | st.builds(
        YearlyWeekday,
        st.integers(1, 12),
        st.integers(0, 6),
        st.sampled_from([1, 2, 3, 4, -1]),
        st.integers(-60, 60),
    )
    | st.integers(-60, 60).map(Easter)
)
END = ONE_DAY.filter(lambda one: not isinstance(one, Yearly) or not one.observed)
NTHS = st.lists(st.sampled_from([1, 2, 3, 4, -1]), min_size=1, max_size=3, unique=True).map(tuple)
ANY: st.SearchStrategy[Dates] = (
    ONE_DAY
    | st.builds(Monthly, st.integers(0, 6), NTHS)
    | st.builds(lambda nth: Monthly(None, (nth,)), st.sampled_from([*range(1, 32), -1]))
    | st.builds(YearlyRange, END, END)
)


@given(ANY)
def test_days_are_read_as_they_were_written(when: Dates) -> None:
    """Writing and reading are the identity, for every kind of days of a year or month."""
    assert yearly(days_text(when)) == when


@given(ANY, st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_a_day_is_one_of_them_as_a_calendar_says(when: Dates, day: date) -> None:
    """On any day of the century, and on the days around, and in runs that hold them."""
    for near in (day - DAY, day, day + DAY):
        assert falls_on(when, near) == is_one_of(when, near)
    for begin, end in runs(when, day - 40 * DAY, day + 40 * DAY):
        assert is_one_of(when, begin)
        assert is_one_of(when, end)
        assert begin <= end


def test_easter_of_two_centuries() -> None:
    """As the church's tables have it; the rule is another one than theirs."""
    for year in range(1900, 2100):
        assert is_one_of(Easter(), easter(year))


@pytest.mark.parametrize(
    ("text", "days"),
    [
        # 4 July of these years is a Saturday, a Sunday and a Monday
        ("July 4", ["2026-07-04", "2027-07-04"]),
        ("July 4 observed", ["2026-07-03", "2026-07-04", "2027-07-04", "2027-07-05", "2022-07-04"]),
        ("July 4th, observed", ["2026-07-03", "2027-07-05"]),
        ("Independence Day (observed)", ["2026-07-03", "2027-07-05"]),
        ("New Year's Day observed", ["2021-12-31", "2022-01-01", "2023-01-02"]),
        ("New Year\u2019s Eve", ["2026-12-31"]),
        ("Good Friday", ["2026-04-03", "2027-03-26", "2028-04-14", "2029-03-30", "2030-04-19"]),
        ("2 days before Easter", ["2026-04-03"]),
        ("39 days after easter", ["2026-05-14"]),
        ("day after Thanksgiving", ["2026-11-27", "2027-11-26", "2028-11-24"]),
        ("the day after 4th Thursday of November", ["2026-11-27"]),
        ("Black Friday", ["2026-11-27"]),
        ("day before Dec 25", ["2026-12-24"]),
        ("MLK Day", ["2026-01-19"]),
        ("Martin Luther King Jr. Day", ["2027-01-18"]),
        ("Presidents' Day", ["2026-02-16"]),
        ("every first Monday", ["2026-11-02", "2026-12-07"]),
        ("1st monday of each month", ["2026-12-07"]),
        ("first and third Wed of every month", ["2026-12-02", "2026-12-16"]),
        ("last fri of the month", ["2026-12-25", "2027-01-29"]),
        ("15th of each month", ["2026-12-15", "2027-02-15"]),
        ("31st of each month", ["2026-12-31"]),
        ("last day of each month", ["2026-11-30", "2028-02-29"]),
        ("12-24 to 01-01", ["2026-12-24", "2026-12-31", "2027-01-01", "2026-01-01"]),
        ("Dec 24 - Jan 1", ["2026-12-28"]),
        ("12/24-1/1", ["2026-12-28"]),
        ("July 3-5", ["2026-07-03", "2026-07-05"]),
        ("Memorial Day to Labor Day", ["2026-05-25", "2026-09-07", "2027-05-31", "2027-09-06"]),
        ("02-29", ["2028-02-29"]),
        ("02-15 to 02-29", ["2027-02-28", "2028-02-29"]),
        ("02-29 to 03-02", ["2027-03-01", "2028-02-29"]),
        ("day after 02-28", ["2027-03-01", "2028-02-29"]),
    ],
)
def test_days_as_people_write_them(text: str, days: list[str]) -> None:
    """What a calendar on the wall says of each."""
    for day in days:
        assert falls_on(yearly(text), date.fromisoformat(day)), day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("July 4 observed", "2028-07-03"),  # a Tuesday moves nowhere
        ("July 4", "2026-07-03"),
        ("12-24 to 01-01", "2026-12-23"),
        ("12-24 to 01-01", "2027-01-02"),
        ("02-29 to 03-02", "2027-02-28"),
        ("02-15 to 02-29", "2027-03-01"),
        ("02-29", "2027-02-28"),
        ("02-29", "2027-03-01"),
        ("31st of each month", "2026-11-30"),
        ("first mon of each month", "2026-11-09"),
        ("Memorial Day to Labor Day", "2026-09-08"),
    ],
)
def test_days_that_are_not_meant(text: str, day: str) -> None:
    """The day beside it."""
    assert not falls_on(yearly(text), date.fromisoformat(day))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Thanksgiving observed", "the same weekday each year: leave 'observed' out"),
        ("Dec 24 observed to Jan 1", "days themselves: leave 'observed' out"),
        ("day after July 4 observed to Jan 1", "days themselves"),
        ("61 days after easter", "60 days are counted at most"),
        ("every mon", "is not a day such as"),
        ("last day", "is not a day such as"),
        ("0th of each month", "is not a day such as"),
        ("32nd of each month", "is not a day such as"),
        ("day after", "is not a day such as"),
        ("02-30", "is not a day such as"),
        ("Feb 30 to Mar 2", "is not a day such as"),
        ("thanksgivin", "is not a day such as"),
    ],
)
def test_what_is_no_day(text: str, why: str) -> None:
    """The sentence says what a good one looks like, and what is wrong where that is known."""
    with pytest.raises(ValueError, match=why) as raised:
        yearly(text)
    assert "'July 4 observed'" in str(raised.value)


FEDERAL = {
    "New Year's Day": "New Year's Day observed",
    "Martin Luther King Jr. Day": "MLK Day",
    "Washington's Birthday": "Presidents' Day",
    "Memorial Day": "Memorial Day",
    "Juneteenth National Independence Day": "Juneteenth observed",
    "Independence Day": "July 4 observed",
    "Labor Day": "Labor Day",
    "Columbus Day": "Columbus Day",
    "Veterans Day": "Veterans Day observed",
    "Thanksgiving Day": "Thanksgiving",
    "Christmas Day": "Christmas Day observed",
}


def test_federal_holidays_are_observed_as_the_government_does() -> None:
    """Every federal holiday from 2022 to 2099, and its observed day, by an independent list."""
    wanted = {name: yearly(text) for name, text in FEDERAL.items()}
    years = range(2022, 2100)
    known = holidays.country_holidays("US", years=[*years, 2100])
    for name, when in wanted.items():
        named = {name, f"{name} (observed)"}
        reported = {day for day, names in known.items() if named & set(names.split("; "))}
        reported = {day for day in reported if day.year in years}
        ours = {
            begin + step * DAY
            for begin, end in runs(when, date(2022, 1, 1), date(2099, 12, 31))
            for step in range((end - begin).days + 1)
            if (begin + step * DAY).year in years
        }
        assert ours == reported, name
        assert {day for day in ours if moved(when, day)} == {
            day for day in reported if "(observed)" in known[day]
        }
