"""A caller's number as carriers write it, read on the way of every call."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pbx.base.phone_numbers import national_forms, shown_number
from routing.outbound import keyed_digits


@pytest.mark.parametrize(
    ("text", "country", "read"),
    [
        ("+6562345678", "US", "+6562345678"),  # ten digits after the plus are none of ours
        ("+19175550123", "US", "+19175550123"),
        ("9175550123", "US", "+19175550123"),
        ("19175550123", "US", "+19175550123"),
        ("4165550123", "CA", "+14165550123"),
        ("7875550123", "PR", "+17875550123"),
        ("011442079460018", "US", "+442079460018"),
        ("00442079460018", "US", "+442079460018"),
        ("+011442079460018", "US", "+442079460018"),
        ("442079460018", "US", "+442079460018"),  # too long for a number of ours
        ("62345678", "SG", "+6562345678"),
        ("6562345678", "SG", "+6562345678"),
        ("+6562345678", "SG", "+6562345678"),
        ("12125550100", "SG", "+12125550100"),
        ("+9175550123", "SG", "+9175550123"),
        ("02079460018", "GB", "+442079460018"),
        ("2079460018", "GB", "+442079460018"),
        ("442079460018", "GB", "+442079460018"),
        ("00442079460018", "GB", "+442079460018"),
        ("0012125550100", "GB", "+12125550100"),
        ("4915112345678", "DE", "+4915112345678"),  # and no 04915 112345678
        ("015112345678", "DE", "+4915112345678"),
        ("4930123456", "DE", "+4930123456"),
        ("61412345678", "AU", "+61412345678"),
        ("919876543210", "IN", "+919876543210"),
        ("9198765432", "IN", "+919198765432"),  # a mobile that begins as the country's code does
        ("+4402079460018", "GB", "+442079460018"),  # with the 0 that belongs to calls within
        ("+4402079460018", "US", "+442079460018"),
        ("+390612345678", "US", "+390612345678"),  # Italy's numbers have it
    ],
)
def test_the_office_completes_with_its_own_country(text: str, country: str, read: str) -> None:
    """A plus says that the country code is there; so do 00 and 011, and too many digits."""
    assert shown_number(text, country) == read


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "0",
            "911",
            "+911",
            "988",
            "12345",
            "5550123",
            "+5550123",
            "0000000000",
            "1111111111",
        ),
        *(
            "+10000000000",
            "+11111111111",
            "9115550100",
            "+1911555010",
            "+00",
            "0" * 20,
            "anonymous",
            "212 5550100",
        ),
        *("+0442079460018", "011", "00", "266696687", "+1917555012345"),
    ],
)
def test_what_is_no_whole_number_is_nobodys(text: str) -> None:
    """Short codes, placeholders and halves of numbers identify nobody, and nothing is guessed."""
    assert shown_number(text, "US") is None


@example("000000000000000", "DE")  # 14 digits behind +49 are possible, and too many
@example("80100000000", "DE")  # no country has the code 801
@example("80100000000", "US")
@example("+9801000", "US")  # six digits, which no country has
@given(
    st.text(alphabet="+0123456789", max_size=20), st.sampled_from(["US", "CA", "GB", "SG", "DE"])
)
@settings(max_examples=300, deadline=None)
def test_what_is_read_is_read_again(text: str, country: str) -> None:
    """Whatever a carrier writes, what is kept is E.164 and the same in every country."""
    read = shown_number(text, country)
    if read is not None:
        assert read[0] == "+"
        assert 7 <= len(read[1:]) <= 15
        assert {shown_number(read, one) for one in ("US", "GB", "SG")} == {read}


@pytest.mark.parametrize("area", [212, 416, 656, 787, 876])
def test_a_number_of_plus_one_is_read_as_the_world_reads_it(area: int) -> None:
    """The short way for +1 agrees with the metadata of phonenumbers."""
    text = f"{area}5550142"
    parsed = phonenumbers.parse(text, "US")
    reported = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    assert shown_number(text, "US") == reported


def test_how_a_country_writes_its_own_numbers() -> None:
    """Without its code, and with what is dialed before the rest."""
    assert national_forms("+12125550100") == ("2125550100",)
    assert national_forms("+442079460018") == ("2079460018", "02079460018")
    assert national_forms("+6562345678") == ("62345678",)


def test_how_many_digits_are_waited_for() -> None:
    """Ten in the countries of +1; elsewhere a pound key or a pause ends a number."""
    assert (keyed_digits("US"), keyed_digits("JM")) == (10, 10)
    assert keyed_digits("SG") == keyed_digits("DE") > 15
