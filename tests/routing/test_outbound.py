"""Calls that we place: whom we call, how often, how long, and as whom."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.config import plan as plans
from routing.model import Line, Outbound
from routing.outbound import EMERGENCY, capped, longest_s, refusal, refused, shown

ROOT = Path(__file__).parents[2]
PLAN = plans.load(ROOT / "config/office.toml").plan
ORDINARY = frozenset(
    {
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
        phonenumbers.PhoneNumberType.TOLL_FREE,
    }
)
LIMITS = Outbound(per_day=3, minutes=10, at_once=2)


@pytest.mark.parametrize("number", ["911", "933", "+12125550142", "+18005550100", "+17875550100"])
def test_the_country_and_emergencies_are_called(number: str) -> None:
    """The states, the territories, toll-free numbers, and 911 whatever the file says."""
    assert refusal(number, "US") is None


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("+19005550100", "premium"),
        ("+12129765000", "premium"),
        ("+18765550100", "abroad"),
        ("+18095550100", "abroad"),
        ("+14165550100", "abroad"),
        ("+442079460018", "abroad"),
        ("+15005550100", "its cost is unknown"),
        ("+17005550100", "its cost is unknown"),
        ("411", "not a complete number"),
        ("988", "not a complete number"),
        ("112", "not a complete number"),
        ("", "not a complete number"),
        ("2125550142", "not a complete number"),
        ("01144207946001", "not a complete number"),
        ("+1212555014", "not a complete number"),
        ("+12125550142&PJSIP/x", "not a complete number"),
        ("+12125550142\n", "not a complete number"),
        ("+1212555014٢", "not a complete number"),
    ],
)
def test_the_rest_is_refused(number: str, why: str) -> None:
    """Each with its reason."""
    assert why in (refusal(number, "US") or "")


@pytest.mark.parametrize(
    ("number", "allowed", "called"),
    [
        ("+18765550100", ("+1876",), True),
        ("+18765550100", ("+1809", "+18765550100"), True),
        ("+18765550100", ("+1809",), False),
        ("+442079460018", ("+44",), True),
        ("+18769765000", ("+1876",), False),
        ("+18769765000", ("+1876976",), True),
        ("+12129765000", ("+1212",), False),
        ("+19005550100", ("+1900",), True),
        ("+15005550100", ("+1500",), True),
        ("411", ("+1411",), False),
    ],
)
def test_what_is_allowed_by_name_is_called(
    number: str, allowed: tuple[str, ...], *, called: bool
) -> None:
    """An area allows its numbers, but a premium one must be named as such."""
    assert (refusal(number, "US", allowed) is None) == called


def test_an_office_elsewhere_calls_its_own_country() -> None:
    """What is abroad depends on where the office is; outside of +1 the file must say it."""
    assert refusal("+18765550100", "JM") is None
    assert refusal("+14165550100", "CA") is None
    assert refusal("+12125550142", "CA") == "it is abroad"
    assert refusal("+442079460018", "GB") == "it is abroad"
    assert refusal("+442079460018", "GB", ("+44",)) is None


@pytest.mark.parametrize("area", range(200, 1000))
def test_every_area_code_belongs_to_its_country(area: int) -> None:
    """Another source, the metadata of phonenumbers, names the same country for each area code."""
    number = f"+1{area}5550142"
    country = phonenumbers.region_code_for_number(phonenumbers.parse(number))
    why = refusal(number, "US")
    if country in {None, "US", "PR", "VI", "GU", "AS", "MP"}:
        assert why != "it is abroad"
        if phonenumbers.number_type(phonenumbers.parse(number)) in ORDINARY:
            assert why is None
        return
    assert why == "it is abroad" or (country, why) == ("CA", "its cost is unknown")
    assert refusal(number, country) in {None, "its cost is unknown"}


@given(st.text(alphabet="+0123456789*#&/, ", max_size=18), st.sampled_from(["US", "CA", "GB"]))
def test_whatever_is_called_is_a_number(text: str, country: str) -> None:
    """No text that would mean something to a dialplan is ever let through."""
    if refusal(text, country, ("+", "9")) is None:
        assert text in EMERGENCY or (text[0] == "+" and text[1:].isdigit())


def test_our_own_lines_are_not_called() -> None:
    """A patient whose callback number is the office would be connected with the office."""
    assert refused(PLAN, PLAN.lines[1].did) == "it is the office's own"
    assert refused(PLAN, "+12125550142") is None
    assert refused(PLAN, "+18765550100") == "it is abroad"
    allowing = replace(PLAN, outbound=Outbound(allow=("+1876",)))
    assert refused(allowing, "+18765550100") is None


@pytest.mark.parametrize(
    ("today", "running", "why"),
    [
        (0, 0, None),
        (2, 1, None),
        (3, 0, "3 calls a day"),
        (9, 9, "3 calls a day"),
        (0, 2, "2 calls at once"),
    ],
)
def test_caps(today: int, running: int, why: str | None) -> None:
    """The last call within a limit goes out, the next one does not."""
    said = capped(LIMITS, "+12125550142", today=today, running=running)
    assert (said is None) == (why is None)
    assert (why or "") in (said or "")


@pytest.mark.parametrize("number", sorted(EMERGENCY))
def test_emergencies_have_no_caps(number: str) -> None:
    """However many calls there were, and however long this one lasts."""
    assert capped(LIMITS, number, today=1000, running=1000) is None
    assert longest_s(LIMITS, number) is None
    assert longest_s(LIMITS, "+12125550142") == 600


def test_the_number_shown() -> None:
    """A direct line shows itself; everything else, and a call without a line, the office."""
    office = PLAN.office.number
    assert shown(PLAN, None) == office
    assert shown(PLAN, Line("+12125550101", "backline")) == office
    assert shown(PLAN, Line("+12125550102", "lee-direct", owner="lee")) == "+12125550102"
