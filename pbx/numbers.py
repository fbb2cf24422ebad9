"""Phone numbers: as people write them, as we keep them (E.164), and as we show them (masked)."""

from __future__ import annotations

import re
from collections.abc import Callable

SHOWN_DIGITS = 4

# A number as people write it in a sentence; dates and times are none.
_WITHIN = re.compile(r"\+\d[\d ().-]{5,20}\d|(?:\b1[ .-]?)?\(?\b\d{3}\)?[ .-]?\d{3}[ .-]?\d{4}\b")

# https://www.nationalnanpa.com: no area code or exchange begins with 0 or 1, and no area code is
# a service code such as 911. The fictitious 555-01xx numbers pass; phonenumbers' metadata calls
# them possible but not valid, and offices try things out with them.
_NORTH_AMERICAN = re.compile(r"[2-9](?!11)\d{2}[2-9]\d{6}")


def mask(number: str) -> str:
    """Show the last four digits of a number; a short code, which is nobody's, is shown whole."""
    return number if len(number) <= SHOWN_DIGITS else f"…{number[-SHOWN_DIGITS:]}"


def to_e164(text: str, region: str = "US") -> str | None:
    """Read a number as people of `region` write it; None for anything that is not a whole one.

    Short codes such as 911, local numbers without an area code and extensions are None: a guess
    would call somebody else.
    """
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE or number.extension:
        return None
    national = phonenumbers.national_significant_number(number)
    if number.country_code == 1 and not _NORTH_AMERICAN.fullmatch(national):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def callback(text: str, country: str, refusal: Callable[[str], str | None]) -> str | None:
    """Read the number that a caller keyed in; None where it is none that we would call back.

    `refusal` says why a number (E.164) is not called, or None; see `routing.outbound.refused`.
    """
    number = to_e164(text, country)
    return None if number is None or refusal(number) is not None else number


def mask_within(text: str) -> str:
    """Mask what looks like a phone number within a free text."""
    return _WITHIN.sub(lambda found: mask(re.sub(r"\D", "", found[0])), text)
