"""Whom a calendar means: its words, matched to the people of the plan."""

from __future__ import annotations

import re
from difflib import get_close_matches

from pbx.base.errors import OfficeLineError
from pbx.base.phone_numbers import mask_within
from routing.model import Plan

SHOWN = 60  # characters of a calendar's text that an error repeats

_DUTY = re.compile(r"^on[ -]?call\s*[:-]\s*|\s*[(:-]?\s*on[ -]?call\)?$")
_TITLE = re.compile(r"^(?:dr|doctor|prof)\b\.?\s*|,?\s*\b(?:md|m\.d\.|do|np|pa|rn)\.?$")


def person_named(text: str, plan: Plan) -> str | None:
    """Find the person that a text names, by id or name; "On call: Dr. Lee" names Lee, too."""
    wanted = _plain(text)
    known = {name: person for name, person in _names(plan) if name}
    return known.get(wanted)


def unknown(text: str, plan: Plan) -> OfficeLineError:
    """Say that a text names nobody of the plan, and who it may have meant."""
    known = dict(_names(plan))
    near = get_close_matches(_plain(text), known, n=1)
    hint = f"did you mean '{known[near[0]]}'?" if near else f"there are {', '.join(plan.people)}."
    return OfficeLineError(f"'{quoted(text)}' names nobody in the plan; {hint}")


def quoted(text: str) -> str:
    """Shorten a foreign text to what an error may repeat: one line, without a number in it."""
    return mask_within(" ".join(text.split()))[:SHOWN]


def _names(plan: Plan) -> list[tuple[str, str]]:
    """List what everybody may be called, and their ids; a surname only where one person has it."""
    people = plan.people.values()
    surnames = [_plain(person.name).rpartition(" ")[2] for person in people]
    by_surname = [
        (surname, person.id)
        for surname, person in zip(surnames, people, strict=True)
        if surnames.count(surname) == 1
    ]
    by_name = [(_plain(person.name), person.id) for person in people]
    return [*by_surname, *by_name, *((person.casefold(), person) for person in plan.people)]


def _plain(text: str) -> str:
    """Leave of a text what tells people apart: no titles, no duty, no case."""
    words = " ".join(text.casefold().split())
    words = _DUTY.sub("", words).strip()
    return _TITLE.sub("", _TITLE.sub("", words)).strip(" .,")
