"""Phone numbers as people write them, as we keep them and as we show them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.base.phone_numbers import callback, mask, mask_within, to_e164
from routing.outbound import refusal


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
    assert to_e164("49 151 1234 5678", region="DE") == "+4915112345678"


def test_a_number_is_shown_by_its_last_four_digits() -> None:
    """A short code is nobody's and is shown whole."""
    assert mask("+12125550100") == "…0100"
    assert mask("911") == "911"


def american(number: str) -> str | None:
    """Say why an office in the United States does not call a number."""
    return refusal(number, "US")


@pytest.mark.parametrize("keyed", ["2125550142", "12125550142"])
def test_a_callback_number_is_kept(keyed: str) -> None:
    """With the country's 1 or without."""
    assert callback(keyed, "US", american) == "+12125550142"


@pytest.mark.parametrize(
    "keyed",
    [
        *("", "9", "911", "933", "988", "411", "5550142", "212555014", "21255501422", "1911"),
        *("9005550100", "19005550100", "2129765000", "8765550100", "011442079460018", "7005550100"),
        *("0000000000", "1111111111", "2" * 200, "*21*2125550142#"),
    ],
)
def test_no_callback_number_is_asked_again(keyed: str) -> None:
    """Too few digits, too many, 911, what is dear and what is abroad."""
    assert callback(keyed, "US", american) is None


@given(st.text(alphabet="0123456789*#", max_size=20))
def test_a_callback_number_is_always_one_that_we_call(keyed: str) -> None:
    """Whatever is keyed, what is kept can be dialed, and reads the same again."""
    kept = callback(keyed, "US", american)
    if kept is not None:
        assert american(kept) is None
        assert callback(kept, "US", american) == kept


def test_what_an_office_allows_can_be_called_back() -> None:
    """The same number is one to call back where the office's file says so."""
    assert callback("8765550100", "US", lambda one: refusal(one, "US", ("+1876",))) is not None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("call me on +1 212 555 0199.", "call me on …0199."),
        ("(212) 555-0199 or 2125550142", "…0199 or …0142"),
        ("1-212-555-0199", "…0199"),
        ("+442079460018, ext 5", "…0018, ext 5"),
        ("from 2026-11-28 02:10 to 2026-11-29", "from 2026-11-28 02:10 to 2026-11-29"),
        ("20261128T021000Z, room 1204, 911", "20261128T021000Z, room 1204, 911"),
    ],
)
def test_numbers_within_a_text_are_masked(text: str, shown: str) -> None:
    """As people write them; days and times stay."""
    assert mask_within(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ruf 030 1234567 an, oder +49 171 1234567", "ruf …4567 an, oder …4567"),
        ("(0171) 1234-567, 06.12.34.56.78", "…4567, …5678"),
        ("0171 1234567 06.12.34.56.78", "…5678"),
        (
            "2026-11-28 08:00 bis 2026-11-29, 28.11.2026",
            "2026-11-28 08:00 bis 2026-11-29, 28.11.2026",
        ),
        ("Server 198.51.100.17, Zimmer 1204", "Server 198.51.100.17, Zimmer 1204"),
    ],
)
def test_they_are_masked_as_the_office_writes_them(text: str, shown: str) -> None:
    """Outside of +1 a number has no one shape."""
    assert mask_within(text, "DE") == shown
