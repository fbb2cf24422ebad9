"""Make a short id from the family name of a person, written as in the US."""

from __future__ import annotations

import re
from collections.abc import Collection

from pbx.base import letters

LONGEST = 20  # letters, so that a number fits after them

_TITLES = frozenset({"dr", "doctor", "prof", "professor", "mr", "mrs", "ms", "miss", "sir"})
# After a name, these are never a part of it, in upper or lower case.
_BEHIND = frozenset({
    "md", "phd", "dnp", "np", "pac", "rn", "aprn", "crnp", "mph", "mba", "mbbs", "mbbch", "ms",
    "msn", "dds", "dmd", "dpm", "pharmd", "psyd", "facp", "faap", "facog", "faafp", "facs", "jr",
    "sr", "ii", "iii", "iv", "esq",
})  # fmt: skip
_INITIALS = re.compile(r"[A-Z][A-Z.-]{0,4}[A-Z.]")  # DO, D.O., PA-C: a degree, unlike the name Do
_PARTICLES = frozenset({
    "al", "ben", "bin", "da", "das", "de", "del", "della", "den", "der", "di", "dos", "du", "el",
    "la", "le", "lo", "mac", "mc", "san", "santa", "st", "ten", "ter", "van", "von", "zu",
})  # fmt: skip


def suggested(name: str, taken: Collection[str]) -> str:
    """Return an id made from a person's family name; if it is taken, a number is added."""
    plain = _letters(family(name))[:LONGEST].strip("-")
    plain = plain if len(plain) > 1 else f"dr-{plain or 'one'}"
    others = (f"{plain}{count}" for count in range(2, 1000))
    return next(one for one in (plain, *others) if one not in taken)


def family(name: str) -> str:
    """Return the family name, with its particles, of "Sarah Johnson, MD" or "Johnson, Sarah"."""
    name = name.title() if name.isupper() else name
    first, *parts = (part.split() for part in name.split(","))
    words = _without_degrees(first, least=1)
    if any(_without_degrees(part, least=0) for part in parts):
        return " ".join(words)  # "Johnson, Sarah": all before the comma
    start = max(len(words) - 1, 0)
    while start > 0 and _plain(words[start - 1]) in _PARTICLES:
        if start == 1 and not words[0].islower():
            break  # "Van Le" has a first name
        start -= 1
    return " ".join(words[start:])


def _without_degrees(words: list[str], least: int) -> list[str]:
    """Remove titles before a name and degrees after it, but keep at least `least` words."""
    while len(words) > least and _plain(words[0]) in _TITLES:
        words = words[1:]
    while len(words) > least and (_plain(words[-1]) in _BEHIND or _INITIALS.fullmatch(words[-1])):
        words = words[:-1]
    return words


def _plain(word: str) -> str:
    return "".join(one for one in word.lower() if one.isalnum())


def _letters(text: str) -> str:
    """Return a name in letters for an id: "de la Cruz" becomes delacruz, "Núñez" nunez."""
    plain = letters.plain(text).lower()
    return re.sub(r"-+", "-", "".join(one for one in plain if "a" <= one <= "z" or one == "-"))
