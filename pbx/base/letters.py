"""Names in whatever letters, and the plain ones for where no others can be relied on."""

from __future__ import annotations

import unicodedata

_APOSTROPHES = "\N{RIGHT SINGLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}"
_DASHES = "\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{EM DASH}"
# Letters that are no plain one with a mark
_OTHERS = (
    str.maketrans("øØłŁđĐðÐħĦ", "oOlLdDdDhH")
    | str.maketrans({"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE"})
    | str.maketrans({"þ": "th", "Þ": "Th"})
    | str.maketrans(dict.fromkeys(_APOSTROPHES, "'") | dict.fromkeys(_DASHES, "-"))
)
SIGNS = f" .,&'()-{_APOSTROPHES}{_DASHES}"
_LETTERS = frozenset({"Lu", "Ll", "Lt", "Lo", "Lm", "Mn", "Mc", "Nd"})  # Unicode's categories


def is_name(text: str) -> bool:
    """Tell whether a text is letters of whatever script, digits and the signs of a name."""
    return all(one in SIGNS or unicodedata.category(one) in _LETTERS for one in text)


def plain(text: str) -> str:
    """Write a name with the letters of ASCII, as "Jose Nunez"; what has no such letter is gone.

    Carriers' switches and phones' displays are not to be relied on for any other.
    """
    parted = unicodedata.normalize("NFKD", text.translate(_OTHERS))
    return " ".join("".join(one for one in parted if one.isascii()).split())
