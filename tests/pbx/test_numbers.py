"""Phone numbers as people write them, as we keep them and as we show them."""

from __future__ import annotations

import pytest

from pbx.numbers import mask, to_e164


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("212-555-0100", "+12125550100"),
        ("(212) 555-0100", "+12125550100"),
        ("1 212 555 0100", "+12125550100"),
        ("+1 212.555.0142", "+12125550142"),
        ("+44 20 7946 0018", "+442079460018"),
        ("011 44 20 7946 0018", "+442079460018"),
    ],
)
def test_a_number_is_kept_as_e164(written: str, kept: str) -> None:
    """Whatever the punctuation; the fictitious 555-01xx numbers count."""
    assert to_e164(written) == kept


@pytest.mark.parametrize(
    "written",
    [
        *("911", "9-1-1", "+1911", "+911", "988", "411", "112", "0", "", "nobody", "5550100"),
        *("555-0100", "911 555 0100", "112 555 0100", "212 155 0100", "212 555 0100 ext 5"),
        *("212 555 01000", "+12125550100\nX: y"),
    ],
)
def test_what_is_no_whole_number_is_refused(written: str) -> None:
    """A short code never becomes somebody's number, and nothing is guessed."""
    assert to_e164(written) is None


def test_the_region_decides_how_a_number_is_read() -> None:
    """The same text is another number elsewhere."""
    assert to_e164("020 7946 0018", region="GB") == "+442079460018"
    assert to_e164("020 7946 0018") is None


def test_a_number_is_shown_by_its_last_four_digits() -> None:
    """A short code is nobody's and is shown whole."""
    assert mask("+12125550100") == "…0100"
    assert mask("911") == "911"
