"""Holidays suggested as days of each year: the rules, and what follows none."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pbx.config import suggest
from pbx.config.plan import parse
from tests.support.offices import EXAMPLE

FEDERAL = {
    "New Year's Day": "01-01 observed",
    "Martin Luther King Jr. Day": "third mon of jan",
    "Washington's Birthday": "third mon of feb",
    "Memorial Day": "last mon of may",
    "Juneteenth National Independence Day": "06-19 observed",
    "Independence Day": "07-04 observed",
    "Labor Day": "first mon of sep",
    "Columbus Day": "second mon of oct",
    "Veterans Day": "11-11 observed",
    "Thanksgiving Day": "fourth thu of nov",
    "Christmas Day": "12-25 observed",
}


def each_year(country: str, subdivision: str | None, first: int) -> tuple[suggest.Suggestion, ...]:
    """List what is suggested from a year on."""
    years = range(first, first + suggest.LOOKED)
    listed = [one for year in years for one in suggest.suggest(country, subdivision, year, "en")]
    return suggest.each_year(listed, first)


@pytest.mark.parametrize("first", range(2026, 2034))
def test_federal_holidays_are_suggested_with_their_observed_days(first: int) -> None:
    """Whatever year it is."""
    assert {one.reason: one.every for one in each_year("US", None, first)} == FEDERAL


def test_what_follows_no_rule_keeps_its_dates() -> None:
    """British holidays move to Monday alone, which no rule of the file says: two years of dates."""
    found = each_year("GB", "ENG", 2026)
    rules = {one.reason: one.every for one in found if one.every}
    assert rules["Good Friday"] == "good friday"
    assert rules["Easter Monday"] == "easter monday"
    dated = [one for one in found if not one.every]
    assert {date.fromisoformat(one.on).year for one in dated} == {2026, 2027}
    assert ("2027-12-27", "Christmas Day") in {(one.on, one.reason) for one in dated}


def test_only_what_is_decided_for_all_years_is_left_out() -> None:
    """The example closes on Christmas Day of one year, which is not each year's."""
    found = each_year("US", None, 2026)
    plan = parse(EXAMPLE, Path("office.toml")).plan
    assert {one.reason for one in suggest.undecided_days(plan, found)} == FEDERAL.keys()
    text = suggest.extended(EXAMPLE, found)
    assert 'every = "07-04 observed"\nreason = "Independence Day"' in text
    whole = parse(text, Path("office.toml")).plan
    assert suggest.undecided_days(whole, found) == ()
    for year in range(2026, 2036):
        assert suggest.undecided_days(whole, suggest.suggest("US", None, year, "en")) == ()
