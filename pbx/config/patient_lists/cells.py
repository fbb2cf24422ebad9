"""Read one cell of a patient list: phone numbers, ids, and what spreadsheets do to them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pbx.base.phone_numbers import SHOWN_DIGITS, mask, to_e164
from routing.callers import is_nobodys
from routing.outbound import shares_one

SPREADSHEET = (
    "the spreadsheet shortened it, and its last digits are not in the file; "
    "format the column as text in the spreadsheet and export it again"
)

_NOTHING = frozenset({
    "none", "n/a", "na", "n/p", "nil", "null", "nan", "-", "--", "---", ".", "?", "unknown", "unk",
    "no", "declined", "refused", "no phone", "no number", "not given", "not provided", "(none)",
    "no cell", "no home phone", "blank", "x",
})  # fmt: skip
_SHORTENED = re.compile(r"[+-]?(\d)(?:[.,](\d*))?E\+?(\d{1,2})", re.IGNORECASE)
_FORMULA = re.compile(r"=\s*(?:\"(.*)\"|(\+?[\d ().-]+))", re.DOTALL)
_ERROR = re.compile(r"#(?:NAME\?|REF!|VALUE!|N/A|NUM!|DIV/0!|NULL!)", re.IGNORECASE)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3}){2,}")
_FLOAT = re.compile(r"(\+?\d{6,18})\.0+", re.ASCII)

# The same rules as in `pbx.base.phone_numbers` (https://www.nationalnanpa.com), as a fast path for
# the forms in which nearly all numbers are written; other forms are read by the slower code.
_PLAIN = re.compile(
    r"(?:\+?1[ .-]?)?(?:\(([2-9](?!11)\d\d)\) ?|([2-9](?!11)\d\d)[ .-]?)([2-9]\d\d)[ .-]?(\d{4})",
    re.ASCII,
)
_EXTENSION = re.compile(
    r"(?<=[\d)])[\s,;-]*\(?\s*(?:;ext=|extension|extn|ext|x|\#)[\s.:=\#]*\d{1,7}\b\)?",
    re.IGNORECASE,
)
_LINES = str.maketrans("\n\r\t", "   ")
_EXTENDED = "\x01"  # marks where an extension was removed
_LABEL = (
    "home|house|cell|cellular|mobile|mob|work|office|business|bus|day|evening|night|main|primary|"
    "other|alt|phone|tel|telephone|number|no|ph|h|c|m|w|o|p|t"
)
_LABELED = re.compile(rf"(?:(?:{_LABEL})\b\.?[\s:#=-]*)+(?=[+(\d])", re.IGNORECASE)
_BEHIND = re.compile(r"(?<=[\d)])(?:\s+|\s*[(\[,-]\s*)[^\W\d_][^\d]*$")
_STRONG = re.compile(r"[;\n\r|]")
_WEAK = re.compile(r"[,/&]|\s(?:or|and)\s", re.IGNORECASE)
_MOST_WORDS = 12  # words in a text that may be several numbers
_LOCAL = 7  # digits of a North American number without its area code


@dataclass
class CellNumbers:
    """A row's phone numbers (E.164), notes on what was left out, and why the row is refused.

    `nobodys` holds numbers that stand for a withheld number, such as 000-000-0000.
    """

    numbers: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    nobodys: list[str] = field(default_factory=list)
    why: str | None = None


def tidy(text: str) -> str:
    """Turn all kinds of spaces into plain ones, and drop invisible characters."""
    if text.isascii():
        return text.strip()
    spaced = "".join(
        " " if unicodedata.category(one) == "Zs" else one
        for one in text
        if unicodedata.category(one) != "Cf"
    )
    return unicodedata.normalize("NFC", spaced).strip()


def plain_cell(text: str) -> str:
    """Return a cell's text without a spreadsheet's ="..." or leading apostrophe."""
    found = tidy(text)
    if inner := _FORMULA.fullmatch(found):
        found = (inner[1] or inner[2] or "").strip()
    if found[:1] == "'" and found[1:2] in set("0123456789+(="):
        return plain_cell(found[1:])
    return found


def plain_id(text: str) -> str:
    """Return an id without what programs add: Epic writes <E1234>, a spreadsheet 1234.0."""
    found = plain_cell(text)
    if found[:1] + found[-1:] in {"<>", "[]"}:
        found = found[1:-1].strip()
    found = found.removeprefix("#").strip()
    return found.partition(".")[0] if re.fullmatch(r"\d+\.0", found) else found


def is_shortened(text: str) -> bool:
    """Tell whether a spreadsheet shortened a number and lost digits, as in 2.1E+09."""
    if re.fullmatch(r"#{3,}", text):
        return True
    found = _SHORTENED.fullmatch(text)
    return found is not None and len(found[2] or "") < int(found[3])


def read_cell(cell: str, country: str, found: CellNumbers) -> None:
    """Add a cell's numbers to `found`, read as in this country; on failure, set `found.why`."""
    if not cell:
        return
    if shares_one(country) and (quick := _PLAIN.fullmatch(cell)):
        _take(_of(quick), found)
        return
    text = plain_cell(cell)
    if text.casefold() in _NOTHING or not text:
        return
    if not text.translate(_LINES).isprintable():
        found.why = found.why or "one of its numbers contains unprintable characters"
        return
    if is_shortened(text):
        found.why = found.why or f"{text[:20]} is not a phone number: {SPREADSHEET}"
        return
    if _ERROR.fullmatch(text):
        found.why = found.why or f"{text} is a spreadsheet error, not a phone number"
        return
    for part in _STRONG.split(_EXTENSION.sub(_EXTENDED, _whole_digits(text))):
        if part.strip(" \t,-").casefold() not in _NOTHING | {""}:
            _read_part(part.strip(), country, found)


def _whole_digits(text: str) -> str:
    """Undo a spreadsheet's thousands separators, decimals, and powers of ten with all digits."""
    if _THOUSANDS.fullmatch(text):
        return text.replace(",", "")
    if whole := _FLOAT.fullmatch(text):
        return whole[1]
    if power := _SHORTENED.fullmatch(text):
        decimals = power[2] or ""
        places = int(power[3])
        if not decimals[places:].strip("0"):
            return power[1] + decimals[:places]
    return re.sub(r"^tel:\s*", "", text, flags=re.IGNORECASE)


def _read_part(part: str, country: str, found: CellNumbers) -> None:
    for pieces in _ways(part):
        read = [_one(piece, country) for piece in pieces]
        if all(one is not None for one in read):
            for number, note in filter(None, read):
                _take(number, found)
                found.notes += [note] if note else []
            return
    digits = re.sub(r"\D", "", part)
    if len(digits) >= _LOCAL and is_nobodys(digits):
        found.nobodys.append(digits)
        return
    found.why = found.why or _no_number(part, digits, country)


def _ways(part: str) -> Iterator[Sequence[str]]:
    """List the ways to split a text: as one number, at separators, or at spaces."""
    pieces = [one for one in _WEAK.split(part) if one and one.strip()]
    apart = [pieces] if len(pieces) > 1 else []
    if re.search(r"[,/&]\s|\s[/&]|\w\s+(?:or|and)\s", part):  # so that 212/555-0147 stays one
        yield from apart
    yield [part]
    yield from apart
    words = part.split()
    if 1 < len(words) <= _MOST_WORDS:
        for cut in range(1, len(words)):
            yield [" ".join(words[:cut]), " ".join(words[cut:])]


def _one(piece: str, country: str) -> tuple[str, str] | None:
    """Return a number (E.164) and a note on what was left out, or ""; None if it is no number."""
    extended = _EXTENDED in piece
    text = piece.replace(_EXTENDED, " ").strip(" \t,-:")
    bare = _BEHIND.sub("", _LABELED.sub("", text.lstrip("([ "))) if text else ""
    for way in dict.fromkeys((text, bare) if not bare or bare == text else (bare, text)):
        quick = _PLAIN.fullmatch(way) if shares_one(country) else None
        number = _of(quick) if quick else to_e164(way, country)
        if number is not None:
            return number, f"the extension of {mask(number)} was dropped" if extended else ""
    return None


def _of(found: re.Match[str]) -> str:
    return f"+1{found[1] or found[2]}{found[3]}{found[4]}"


def _take(number: str, found: CellNumbers) -> None:
    if is_nobodys(number):
        found.nobodys.append(number)
    elif number not in found.numbers:
        found.numbers.append(number)


def _no_number(part: str, digits: str, country: str) -> str:
    text = part.replace(_EXTENDED, "").translate(_LINES)
    shown = f"'{text[:20]}'" if len(digits) < SHOWN_DIGITS and text != digits else mask(text)
    why = ": it has no area code" if len(digits) == _LOCAL and shares_one(country) else ""
    return f"{shown} is not a phone number{why}"
