"""Holidays of a file: closures, layers with their own rotation, weekends that they make longer."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.calls.explain import imagine, sentences, to_json
from pbx.cli.hours.hours import _row, _sentence
from pbx.config.plan import parse
from routing import hours
from routing.decision import Facts
from routing.model import Plan
from routing.schedule import on_call
from tests.support.offices import changed, codes, found

NEW_YORK = ZoneInfo("America/New_York")
CHRISTMAS = '[[closures]]\non = "2026-12-25"\nreason = "Christmas Day"\n'
HOLIDAYS = """
[holidays]
"New Year's Day" = "Jan 1 observed"
"Independence Day" = "July 4 observed"
"Memorial Day" = "Memorial Day"
"Practice retreat" = 2027-05-14

[holidays.major]
Thanksgiving = "Thanksgiving"
"Day after Thanksgiving" = "day after Thanksgiving"
Christmas = "12-24 to 12-26"

[[closures]]
every = "holidays"

[[schedule.doctors.layers]]
rotation = ["osei", "patel", "lee"]
since = "2026-01-02"
handoff = "fri 17:00"
only = ["fri 17:00-mon 08:00 extended by holidays"]

[[schedule.doctors.layers]]
rotation = ["osei", "patel", "lee"]
since = "2026-01-01"
every = "1 holiday"
only = ["major holidays 08:00-08:00"]
"""
TEXT = changed((CHRISTMAS, "")) + HOLIDAYS


def plan(text: str = TEXT) -> Plan:
    """Read a file."""
    return parse(text, Path("office.toml")).plan


PLAN = plan()


def at(text: str) -> datetime:
    """Read a time of the office's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


def test_nothing_is_wrong_with_holidays() -> None:
    """The file as a whole is without a finding."""
    assert found(TEXT) == []


@pytest.mark.parametrize(
    ("when", "because"),
    [
        ("2026-07-03 09:00", "Independence Day (observed)"),
        ("2027-07-05 09:00", "Independence Day (observed)"),
        ("2026-05-25 09:00", "Memorial Day"),
        ("2027-05-14 09:00", "Practice retreat"),
        ("2026-11-27 09:00", "Day after Thanksgiving"),
        ("2026-12-24 09:00", "Christmas"),
        ("2027-12-31 09:00", "New Year's Day (observed)"),  # 1 January 2028 is a Saturday
    ],
)
def test_a_closure_on_holidays_says_which(when: str, because: str) -> None:
    """Each holiday closes the office, by its own name."""
    assert hours.state_at(PLAN, at(when)) == ("closed", because)


def test_a_closure_on_a_list_with_a_reason_of_its_own() -> None:
    """Half of a day, on major holidays alone."""
    half = 'every = "major holidays"\nbetween = "noon-12am"\nreason = "early end"\n'
    made = plan(TEXT.replace('every = "holidays"\n', half.replace("12am", "24:00")))
    assert hours.state_at(made, at("2026-11-27 08:30"))[0] == "open"
    assert hours.state_at(made, at("2026-11-27 12:00")) == (
        "closed",
        "early end: Day after Thanksgiving",
    )
    assert hours.state_at(made, at("2026-07-03 09:00"))[0] == "open"


@pytest.mark.parametrize(
    ("when", "who", "because"),
    [
        ("2026-05-22 17:00", "lee", None),  # the weekend before Memorial Day
        ("2026-05-25 12:00", "lee", "Memorial Day"),  # it lasts until Tuesday
        ("2026-05-26 08:00", "patel", None),  # the week's own
        ("2026-11-25 16:59", "osei", None),
        ("2026-11-25 17:00", "lee", "Thanksgiving"),  # the weekend begins on Wednesday
        ("2026-11-26 08:00", "osei", "Thanksgiving"),  # the first turn of holidays
        ("2026-11-27 23:00", "osei", "Day after Thanksgiving"),
        ("2026-11-28 08:00", "lee", None),
        ("2026-12-25 12:00", "patel", "Christmas"),
        ("2027-11-25 12:00", "lee", "Thanksgiving"),
        ("2027-12-25 12:00", "osei", "Christmas"),
    ],
)
def test_explain_names_the_holiday(when: str, who: str, because: str | None) -> None:
    """Who is on call, and because of which day."""
    assert on_call(PLAN, "doctors", at(when)).people[0] == who
    reported = imagine(PLAN, {}, Facts("+12125550101", None), at(when))
    name = PLAN.people[who].name
    line = next(one for one in sentences(reported, PLAN) if one.startswith("On call for doctors"))
    assert line == f"On call for doctors: {name}{f' ({because})' if because else ''}."
    assert to_json(reported).get("holidays") == ({"doctors": because} if because else None)


@given(st.integers(0, 3 * 366 * 24 * 60))
@settings(max_examples=75, deadline=None)
def test_explain_and_hours_now_never_contradict(minutes: int) -> None:
    """At any minute of three years both name the same state, the same reason and its bounds."""
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    row = _row(PLAN, "office", moment)
    reported = sentences(imagine(PLAN, {}, Facts("+12125550100", None), moment), PLAN)
    assert reported[1] == f"The call comes in on line main, which is {row['state']}."
    assert _sentence(row, PLAN.office.times).startswith(
        f"office is {row['state']}: {row['because']} ("
    )
    for name, state, why in re.findall(
        r"the (\w+) is (open|closed) \((.*)\)\.$", "\n".join(reported)
    ):
        assert (name, state, why) == ("office", row["state"], row["because"])
    for edge in (row["since"], row["until"]):
        if edge is not None:
            before, after = edge.astimezone(UTC) - timedelta(microseconds=1), edge
            assert hours.state(PLAN, before) != hours.state(PLAN, after)


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        ('"Memorial Day" = "Memorial Day"', '"x" = "Memorial Dya"', "bad-value", "not a day such"),
        ('"Memorial Day" = "Memorial Day"', '"x" = "first mon"', "bad-value", "not a holiday"),
        ('"Memorial Day" = "Memorial Day"', '"x" = 7', "bad-value", "text in quotes"),
        ('= "Memorial Day"', '= "2027-05-16 to 2027-05-14"', "backwards-period", "it ends"),
        ("[holidays.major]", '[holidays."Big Days"]', "bad-value", "cannot name a list of"),
        ('every = "holidays"', 'every = "mayor holidays"', "unknown-name", "holidays 'mayor'"),
        ('["major holidays 08', '["mayor holidays 08', "unknown-name", "holidays 'mayor'"),
        ("extended by holidays", "extended by minor holidays", "unknown-name", "'minor'"),
        ("extended by holidays", "extended by holdays", "bad-value", "is not a window such as"),
        ('every = "holidays"', 'every = "holidays 8-5"', "bad-value", "is not a list"),
        ('every = "1 holiday"\nonly = ["major holidays 08:00-08:00"]', 'every = "1 holiday"',
         "bad-value", "turns of 1 holiday need 'only'"),
        ('handoff = "fri 17:00"\n', "", "missing-key", "'handoff' is missing"),
        ('every = "holidays"', 'every = "July 4"', "missing-key", "is missing"),
        ('["major holidays 08:00-08:00"]', '["2026-12-26 17:00 - 2026-12-24 08:00"]',
         "backwards-period", "before it begins"),
        ('["major holidays 08:00-08:00"]', '["12-24"]', "bad-value", "or a date"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_holidays(old: str, new: str, code: str, message: str) -> None:
    """Each is found, with its sentence."""
    wrong = [one for one in found(changed((old, new), text=TEXT)) if one.code == code]
    assert wrong
    assert any(message in one.message for one in wrong), wrong


def test_holidays_that_there_are_none_of() -> None:
    """A layer that asks for holidays in a file without any would hold always, or never."""
    text = TEXT.partition("[holidays]")[0] + "[[closures]]" + TEXT.partition("[[closures]]")[2]
    wrong = [one for one in found(text) if one.code == "unknown-name"]
    assert "this file has no [holidays]" in {one.message for one in wrong}
    assert "Add them under [holidays]." in {one.fix for one in wrong}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2027-05-14", "2025-05-14"),
        ('["major holidays 08:00-08:00"]', '["2025-12-24 17:00 - 2025-12-26 08:00"]'),
    ],
)
def test_dates_that_are_over(old: str, new: str) -> None:
    """They mean nothing any more; without a year they would come again."""
    assert "closure-past" in codes(changed((old, new), text=TEXT))


def test_openings_and_seasons_name_their_own_days() -> None:
    """Only closures and layers take the list."""
    text = TEXT + '\n[[openings]]\nevery = "holidays"\nhours = "9-12"\nreason = "clinic"\n'
    assert [one.code for one in found(text)] == ["bad-value"]
