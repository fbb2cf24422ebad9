"""What carriers show for callers who withhold their number."""

from __future__ import annotations

import phonenumbers
import pytest

from routing.callers import SENTINELS, is_nobodys
from routing.outbound import refusal

# As the carriers' pages and other people's logs have them
SEEN = (
    *("+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253", "+8566696687"),
    *("+17378742833", "7378742833", "0000123456", "0000000000", "+10000000000", "+11111111111"),
    *("5555555555", "+19999999999", "anonymous".translate(str.maketrans("anoymus", "2669687"))),
)


@pytest.mark.parametrize("number", SEEN)
def test_a_sentinel_is_nobodys_and_is_never_called(number: str) -> None:
    """With a plus, with the 1 of North America, and as it is; whatever the office allows."""
    assert is_nobodys(number)
    assert refusal(number, "US", ("+2", "+7", "+8", "+1212", "+1737")) is not None


@pytest.mark.parametrize("number", ["+12125550100", "+442079460018", "+6562345678", "+26622123456"])
def test_a_number_is_somebodys(number: str) -> None:
    """Lesotho has callers, too, whose code is that of a sentinel."""
    assert not is_nobodys(number)


def test_no_sentinel_hides_a_country() -> None:
    """At most two of them could be numbers that phonenumbers calls valid."""
    parsed = (phonenumbers.parse(f"+{one}", None) for one in SENTINELS if one[0] != "0")
    assert sum(phonenumbers.is_valid_number(one) for one in parsed) <= 2
