"""Names in any script, and their ASCII form for devices that cannot show others."""

from __future__ import annotations

import unicodedata

_APOSTROPHES = "\N{RIGHT SINGLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}"
_DASHES = "\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{EM DASH}"
# Letters that Unicode does not decompose into an ASCII letter and a mark
_OTHERS = (
    str.maketrans("øØłŁđĐðÐħĦ", "oOlLdDdDhH")
    | str.maketrans({"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE"})
    | str.maketrans({"þ": "th", "Þ": "Th"})
    | str.maketrans(dict.fromkeys(_APOSTROPHES, "'") | dict.fromkeys(_DASHES, "-"))
)
SIGNS = f" .,&'()-{_APOSTROPHES}{_DASHES}"
_LETTERS = frozenset({"Lu", "Ll", "Lt", "Lo", "Lm", "Mn", "Mc", "Nd"})  # Unicode's categories


def is_name(text: str) -> bool:
    """Return whether a text has only letters of any script, digits and punctuation of names."""
    return all(one in SIGNS or unicodedata.category(one) in _LETTERS for one in text)


def plain(text: str) -> str:
    """Return a name in ASCII letters, as "Jose Nunez", without letters that have no ASCII form.

    Carriers' switches and phone displays may not handle any others.
    """
    parted = unicodedata.normalize("NFKD", text.translate(_OTHERS))
    return " ".join("".join(one for one in parted if one.isascii()).split())
