"""Phone numbers: parsed as people write them, stored as E.164, and shown masked."""

from __future__ import annotations

import re
from collections.abc import Callable

from routing.callers import is_nobodys
from routing.outbound import shares_one

SHOWN_DIGITS = 4
MOST_DIGITS = 15  # of E.164, country code included; the metadata of phonenumbers allows more
FEWEST_DIGITS = 7  # country code included: no country has shorter numbers
US = "US"

# A number as people write it in a sentence; must not match dates and times. Outside of +1
# numbers have no single shape: any run of seven or more digits, except dates and IP addresses.
_WHOLE_WITHIN = r"\+\d[\d ().-]{5,20}\d"
_SHARING = re.compile(rf"{_WHOLE_WITHIN}|(?:\b1[ .-]?)?\(?\b\d{{3}}\)?[ .-]?\d{{3}}[ .-]?\d{{4}}\b")
_ELSEWHERE = re.compile(
    rf"{_WHOLE_WITHIN}|(?<![\w+.:/-])"
    r"(?!\d{4}-\d\d-\d\d|\d\d?[./]\d\d?[./]\d{4}\b|\d{1,3}(?:\.\d{1,3}){3}(?![.\d]))"
    r"\(?\d(?:[ ()./-]{0,2}\d){6,}(?![\w:])"
)

# A caller's number as a carrier sends it: E.164, perhaps after the international prefix 011 or 00.
_SHOWN = re.compile(r"\+?[0-9]{7,18}", re.ASCII)
_WHOLE = re.compile(r"\+(?:1[2-9](?!11)\d{2}[2-9]\d{6}|[2-9]\d{7,14})", re.ASCII)
_NATIONAL = re.compile(r"1?([2-9][0-9]{9})")  # in the countries of +1
_ABROAD = re.compile(r"\+?(?:011|00)([1-9][0-9]+)")
_ZERO_AFTER_CODE = re.compile(r"\+[2-9][0-9]{0,2}0")
_WITHOUT_PLUS = 11  # digits: more than a national number has

# https://www.nationalnanpa.com: no area code or exchange begins with 0 or 1, and no area code is
# a service code such as 911. The fictitious 555-01xx numbers pass; phonenumbers' metadata calls
# them possible but not valid, and offices try things out with them.
_NORTH_AMERICAN = re.compile(r"[2-9](?!11)\d{2}[2-9]\d{6}")


def mask(number: str) -> str:
    """Return a number with only its last four digits; a short code is not private and stays."""
    return number if len(number) <= SHOWN_DIGITS else f"…{number[-SHOWN_DIGITS:]}"


def to_e164(text: str, region: str = US) -> str | None:
    """Return the E.164 form of a number as people of `region` write it; None if incomplete.

    Short codes such as 911, local numbers without an area code and extensions give None, because a
    guess could call the wrong person.
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
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    written = _with_code(text, number.country_code or 0) or written
    return written if len(written) <= len("+") + MOST_DIGITS else None


def _with_code(text: str, code: int) -> str | None:
    """Return the E.164 form of digits that begin with the country's own code; None if invalid.

    In countries with numbers of many lengths, they could also be a longer number without the code.
    Such numbers are rare, and usually written with a leading 0. No +1 number is that long.
    """
    digits = re.sub(r"[ ().-]", "", text)
    if code == 1 or not digits.startswith(str(code)) or len(digits) < _WITHOUT_PLUS:
        return None
    return found if _is_valid(found := f"+{digits}") else None


def shown_number(text: str, country: str) -> str | None:
    """Return the E.164 form of a caller's number as a carrier of `country` sends it.

    Returns None if there is no usable number: a word, a short code, a placeholder, an incomplete
    number. A number with a plus includes its country code; others are first read as national
    numbers. Every call runs this, so common cases avoid the slow lookup in the numbering plans.
    """
    if _SHOWN.fullmatch(text) is None:
        return None
    found = _read(text, country)
    if found is None or len(found) <= FEWEST_DIGITS or is_nobodys(found) or _is_filled_up(found):
        return None
    return found


def _is_filled_up(number: str) -> bool:
    """Return whether an invalid number has a 0 after its country code, as +49000000 does."""
    import phonenumbers

    if not _ZERO_AFTER_CODE.match(number) or _is_valid(number):
        return False
    try:
        code = phonenumbers.parse(number).country_code
    except phonenumbers.NumberParseException:
        return True
    return number.startswith(f"+{code}0")


def _read(text: str, country: str) -> str | None:
    if text.startswith("+") and not (text[1] == "0" and _ABROAD.fullmatch(text)):
        return _whole(text)
    if not shares_one(country):
        return _by_plans(text, country)
    if own := _NATIONAL.fullmatch(text):
        return _whole(f"+1{own[1]}")
    if abroad := _ABROAD.fullmatch(text):
        return _whole(f"+{abroad[1]}")
    return _whole(f"+{text}") if len(text) >= _WITHOUT_PLUS else None


def _by_plans(text: str, country: str) -> str | None:
    """Return the E.164 form of a number without a plus outside +1, with or without its code."""
    abroad = _ABROAD.fullmatch(text)
    ways = [to_e164(text, country)]
    if abroad or len(text) >= _WITHOUT_PLUS:
        ways.append(_whole(f"+{abroad[1] if abroad else text}"))
    found = [one for one in ways if one is not None]
    return next(filter(_is_valid, found), next(iter(found), None))


def _is_valid(number: str) -> bool:
    """Return whether an E.164 number can exist; some country codes are not assigned."""
    import phonenumbers

    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(number)))
    except phonenumbers.NumberParseException:
        return False


def _whole(number: str) -> str | None:
    if _ZERO_AFTER_CODE.match(number):  # +44 0 20 7946 0018 is invalid; Italy keeps the 0
        return to_e164(number)
    return number if _WHOLE.fullmatch(number) else None


def national_forms(number: str) -> tuple[str, ...]:
    """Return how carriers of a number's own country may write it without its country code.

    The first form is the bare number; the second has the national prefix, such as 0.
    """
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ()
    national = phonenumbers.national_significant_number(parsed)
    region = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    prefix = phonenumbers.ndd_prefix_for_region(region, strip_non_digits=True)
    # in North America the prefix 1 equals the country code, so it adds no form
    return (national, f"{prefix}{national}") if prefix and prefix != "1" else (national,)


def callback(text: str, country: str, refusal: Callable[[str], str | None]) -> str | None:
    """Return the E.164 form of a number that a caller keyed in; None if it may not be called.

    `refusal` returns why a number (E.164) may not be called, or None; see `routing.outbound`.
    """
    number = to_e164(text, country)
    return None if number is None or refusal(number) is not None else number


def numbers_within(text: str, country: str) -> list[str]:
    """Return the phone numbers in a text, as an office of `country` writes them, as E.164."""
    found = [(one[0], to_e164(one[0], country)) for one in _shape(country).finditer(text)]
    is_sure = shares_one(country)  # elsewhere a range of ports can look like a number
    return [to for one, to in found if to and (is_sure or one.startswith("+") or _is_valid(to))]


def mask_within(text: str, country: str = US) -> str:
    """Return free text with anything that looks like a phone number of `country` masked."""
    return _shape(country).sub(lambda found: mask(re.sub(r"\D", "", found[0])), text)


def _shape(country: str) -> re.Pattern[str]:
    return _SHARING if shares_one(country) else _ELSEWHERE
