"""Find what each column of a patient list is, from its header or from the office's --map.

A header counts only if every word in it is known, because a "Guarantor Home Phone" or an
"Emergency Contact" is somebody else's number. Columns that are not used are reported.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from pbx.base.errors import OfficeLineError

PHONES = ("numbers", "home", "mobile", "work")
SINGLE = ("id", "name", "last", "first", "panel", "flags")
IGNORE = "ignore"
ROLES = (*SINGLE, *PHONES, IGNORE)

_BESIDE = 2  # rank of a bare "Home": a phone number only if another column surely is one
_HEADER_LONGEST = 60  # characters of a header that a sentence shows

# Words in headers, by meaning; several words may be written together.
_WORDS = {
    "id": "id ids identifier pid emrid ehrid",
    "mrn": "mrn mr mrno mrnum mrnumber armrnum cmrn empi",
    "medical": "medical med emr ehr",
    "record": "record rec",
    "chart": "chart",
    "account": "account acct acc",
    "prn": "prn",
    "other id": "external enterprise internal pubpid legacy",
    "patient": "patient patients pat pt person per client",
    "number": "number numbers no num nbr nr",
    "numbers": "numbers",
    "phone": "phone phones telephone tel ph phne phn",
    "mobile": "mobile cell cellular cellphone mob",
    "landline": "landline",
    "home": "home hm residence residential",
    "work": "work wk business bus biz office",
    "kind": (
        "day daytime evening night primary preferred alternate alt secondary second other main "
        "best text sms value"
    ),
    "contact": "contact",
    "name": "name nm names",
    "last": "last surname family lname lastname",
    "first": "first given forename fname firstname",
    "full": "full formatted display legal complete",
    "panel": "panel",
    "flags": "flags flag",
}
_MEANS = {word: meaning for meaning, words in _WORDS.items() for word in words.split()}
_MEANS |= {"pid": "pid", "numbers": "numbers", "cellphone": "mobile"}
_LETTERS = {"h": "home", "w": "work", "c": "mobile", "m": "mobile"}  # with "phone"
_FUSED = sorted((word for word in _MEANS if len(word) > 1), key=len, reverse=True)

_ID_WORDS = {
    "id", "pid", "mrn", "medical", "record", "chart", "account", "prn", "other id", "patient",
    "number",
}  # fmt: skip
_PHONE_WORDS = {
    "phone", "mobile", "landline", "home", "work", "kind", "contact", "patient", "number",
    "numbers", "first",
}  # fmt: skip
_NAME_WORDS = {"patient", "name", "full", "last", "first"}


@dataclass(frozen=True)
class Columns:
    """The places of each role in a row; `unread` lists the headers that are not used."""

    header: tuple[str, ...]
    places: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

    @cached_property
    def phones(self) -> tuple[int, ...]:
        """List the places of the phone number columns, in the order of the file."""
        return tuple(sorted(place for role in PHONES for place in self.places.get(role, ())))

    @property
    def missing(self) -> tuple[str, ...]:
        """List the required roles that have no column."""
        name = "name" in self.places or "last" in self.places
        there = {"id": "id" in self.places, "name": name, "numbers": bool(self.phones)}
        return tuple(role for role, found in there.items() if not found)

    @cached_property
    def given(self) -> frozenset[str]:
        """Return which of panel and flags have a column."""
        return frozenset({"panel", "flags"} & self.places.keys())

    @cached_property
    def width(self) -> int:
        """Return the number of columns up to the last one with a header."""
        return max((place + 1 for place, one in enumerate(self.header) if one), default=0)

    def named(self, role: str) -> list[str]:
        """List the headers of a role's columns."""
        return [self.header[place] for place in self.places.get(role, ())]


def mapping(texts: Sequence[str]) -> dict[str, str]:
    """Read --map options such as "Patient ID=id" as header to role; upper and lower case match."""
    found: dict[str, str] = {}
    for text in texts:
        header, equals, role = (part.strip() for part in text.rpartition("="))
        if not equals or not header:
            raise OfficeLineError(
                f"--map '{text}' is not COLUMN=ROLE; write --map \"Patient ID=id\", for example."
            )
        role = {"number": "numbers", "phone": "numbers"}.get(role.lower(), role.lower())
        if role not in ROLES:
            known = ", ".join(ROLES)
            raise OfficeLineError(f"--map '{text}' has no known role; use one of {known}.")
        if found.setdefault(folded(header), role) != role:
            raise OfficeLineError(f"--map gives the column '{header}' two roles; give it one.")
        if role in SINGLE and list(found.values()).count(role) > 1:
            raise OfficeLineError(f"--map gives two columns the role {role}; only one can have it.")
    return found


def read(cells: Sequence[str], mapped: Mapping[str, str]) -> Columns:
    """Return the role of each column; OfficeLineError if two columns have the same name."""
    header = tuple(header_text(cell) for cell in cells)
    ranked: dict[str, list[tuple[int, int]]] = {}  # per role: (rank, place)
    for place, cell in enumerate(header):
        role, rank = (mapped[folded(cell)], -1) if folded(cell) in mapped else _role(cell)
        if role and role != IGNORE:
            ranked.setdefault(role, []).append((rank, place))
    best = min((rank for role in PHONES for rank, _ in ranked.get(role, ())), default=0)
    sure = best if best == 1 else 0
    for role in PHONES:
        also = _BESIDE if best <= 0 else sure
        ranked[role] = [one for one in ranked.get(role, ()) if one[0] in {-1, sure, also}]
    places: dict[str, tuple[int, ...]] = {}
    for role, found in ranked.items():
        if role in PHONES and found:
            places[role] = tuple(place for _, place in found)
        elif found:
            places[role] = (_first(header, sorted(found)),)
    if "name" not in mapped.values() and {"last", "first"} <= places.keys():
        places.pop("name", None)
    elif "name" in places:
        places = {role: found for role, found in places.items() if role not in {"last", "first"}}
    taken = {place for found in places.values() for place in found}
    unread = tuple(one for place, one in enumerate(header) if one and place not in taken)
    return Columns(header, places, unread)


def has_all(columns: Columns, mapped: Mapping[str, str]) -> bool:
    """Tell whether a possible header has every column that --map names."""
    return set(mapped) <= {folded(one) for one in columns.header}


def header_text(header: str) -> str:
    """Return a header for people to read: one line, without terminal control characters."""
    text = "".join(one for one in header if one.isprintable() or one.isspace())
    return " ".join(text.split())[:_HEADER_LONGEST]


def _first(header: Sequence[str], found: Sequence[tuple[int, int]]) -> int:
    """Return the place of the best-ranked column; OfficeLineError if two have the same name."""
    (rank, place), *others = found
    for other, again in others:
        if other == rank and folded(header[again]) == folded(header[place]):
            raise OfficeLineError(
                f"Two columns are named '{header[place]}'; rename or remove one of them."
            )
    return place


def folded(header: str) -> str:
    """Return a header in the form used to compare it with others."""
    return header_text(header).casefold()


@lru_cache(maxsize=4096)
def _role(header: str) -> tuple[str, int]:
    """Return a header's role and rank (0 is the surest); ("", 0) if it is unknown."""
    text = unicodedata.normalize("NFKC", header)
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).casefold().replace("#", " number ")
    text = re.sub(r"\b([hwcm])(?=(?:phone|ph|tel)\b)", r"\1 ", text.replace("_", " "))
    words = [part for one in re.findall(r"[^\W\d_]+", text) for part in _parts(one)]
    means = [_MEANS.get(word, "") for word in words]
    if "phone" in means:
        means = [found or _LETTERS.get(word, "") for word, found in zip(words, means, strict=True)]
    kinds = set(means)
    if not words or "" in kinds:
        return "", 0
    found = _id(kinds) or _name(kinds) or _phone(means, kinds)
    return found or ((kinds.pop(), 0) if kinds in ({"panel"}, {"flags"}) else ("", 0))


def _parts(word: str) -> list[str]:
    """Split words that are written together, such as "patientlastname"; else return the word."""
    if word in _MEANS or len(word) > _HEADER_LONGEST:
        return [word]
    ways: dict[int, list[str]] = {0: []}
    for end in range(1, len(word) + 1):
        for part in _FUSED:
            if word[:end].endswith(part) and (end - len(part)) in ways:
                ways.setdefault(end, [*ways[end - len(part)], part])
    return ways.get(len(word), [word])


def _id(kinds: set[str]) -> tuple[str, int] | None:
    if not kinds <= _ID_WORDS or kinds <= {"patient"} or kinds <= {"number", "medical"}:
        return None
    ranks = (
        ({"other id"}, 8), ({"chart"}, 7), ({"account"}, 5), ({"prn"}, 6),
        ({"mrn"}, 2), ({"medical"}, 2), ({"record", "number"}, 3),
        ({"pid"}, 0), ({"patient", "id"}, 0), ({"id"}, 1), ({"patient", "number"}, 4),
    )  # fmt: skip
    return next((("id", rank) for words, rank in ranks if words <= kinds), None)


def _name(kinds: set[str]) -> tuple[str, int] | None:
    if not kinds <= _NAME_WORDS:
        return None
    if {"last", "first"} <= kinds or not kinds & {"last", "first"}:
        return "name", 0 if kinds == {"patient", "name"} else 1 if "name" in kinds else 2
    return ("last" if "last" in kinds else "first"), 0 if "patient" in kinds else 1


def _phone(means: Sequence[str], kinds: set[str]) -> tuple[str, int] | None:
    if not kinds <= _PHONE_WORDS:
        return None
    if list(means) == ["phone", "contact"]:  # OpenEMR's emergency contact
        return None
    if kinds in ({"home"}, {"work"}):
        return next(iter(kinds)), _BESIDE
    sure = kinds & {"phone", "mobile", "landline", "numbers"}
    if not sure and not (kinds & {"home", "work", "contact"} and "number" in kinds):
        return None
    rank = int("contact" in kinds)  # it may be somebody else's
    return next((role for role in ("mobile", "work", "home") if role in kinds), "numbers"), rank
