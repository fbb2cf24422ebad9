"""Match a calendar's titles to people in the plan; an ambiguous title is refused, never guessed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from pbx.base.errors import OfficeLineError
from pbx.base.phone_numbers import mask_within
from pbx.config.ics.words import CALL, CREDENTIALS, DENIED, DUTY, GENERATIONS, TITLES
from routing.model import Plan

SHOWN = 60  # characters of a calendar's text that an error shows

_BETWEEN = re.compile(r"\s+[-~]+\s*|\s*[-~]+\s+|->|=>|[:|/;()\[\]{}<>&+@*\n]|\s(?:and|und|y)\s")
_DOTTED = re.compile(r"\b(?:\w\.){2,}")
_WORD = re.compile(r"[^\s,.]+")
_CLOCK = r"\d{1,2}(?::?\d\d)?\s?(?:[ap]m?)?"
_HOURS = re.compile(rf"\b{_CLOCK}\s?(?:-|to)\s?{_CLOCK}\b|\b\d{{1,2}}(?::\d\d|\s?[ap]m)\b")
_RANK = re.compile(r"[lp]?\d")  # [L1] in Grafana OnCall, P1, 2


@dataclass(frozen=True)
class Fit:
    """The people whom a title may name, and the words in it that are not understood."""

    people: tuple[str, ...]
    left: str = ""

    @property
    def person(self) -> str | None:
        """The person whom it names; None if there is none, or more than one."""
        return self.people[0] if len(self.people) == 1 and not self.left else None


def person_named(text: str, plan: Plan) -> str | None:
    """Return the id of the person whom a text such as "On call: Dr. Lee" names, or None."""
    return fit(text, plan).person


def fit(text: str, plan: Plan) -> Fit:
    """Match a title to people in the plan: a name alone, or with words such as "on call"."""
    plain = _HOURS.sub(" ", _plain(text))
    found = _called(plain, plan)
    if found:
        return Fit(found)
    known: list[str] = []
    duties: list[str] = []
    others: list[str] = []
    for piece in _pieces(plain, plan):
        people = _called(piece, plan) or _called(_without_duty(piece, plan), plan)
        if people:
            known += people
        elif _is_duty(piece, plan):
            duties.append(piece)
        else:
            others.append(piece)
    # "On Call - Ana Lee - Primary Care": what follows the name is the name of a schedule
    said = any(CALL & set(_words(one)) for one in duties)
    left = [one for one in others if not said or _speaks_of_people(one, plan)]
    return Fit(tuple(dict.fromkeys(known)), ", ".join(one.strip() for one in left))


def unknown_title(text: str, plan: Plan) -> OfficeLineError:
    """Return the error for a title that names no one person: who it may be, and what to add."""
    found, title = fit(text, plan), quoted(text)
    if len(found.people) > 1:
        who = f"'{title}' may be {' or '.join(sorted(found.people))}"
        return OfficeLineError(f"{who}; {_offer(title, min(found.people))}.")
    if found.people:
        return OfficeLineError(
            f"'{title}' names {found.people[0]}, but '{found.left}' may mean that they are not on "
            f'call; if they are, {_offer(title, found.people[0])}; if not, add --skip "{title}".'
        )
    names = dict(_names(plan))
    near = get_close_matches(" ".join(_bare(_words(_plain(text)))), names, n=1)
    known = f"the plan has {', '.join(plan.people)}."
    hint = f"did you mean '{names[near[0]]}'?" if near else known
    person = names[near[0]] if near else next(iter(plan.people), "lee")
    return OfficeLineError(
        f"'{title}' names nobody in the plan; {hint} To name the person, {_offer(title, person)}; "
        f'to leave the event out, add --skip "{title}".'
    )


def _offer(title: str, person: str) -> str:
    return f'add --person "{title}={person}"'


def same(text: str) -> str:
    """Return a title in a form in which all spellings of it are equal."""
    return " ".join(_plain(text).split())


def quoted(text: str) -> str:
    """Return text from a calendar in a form safe for an error: one short line, without numbers."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    return mask_within(" ".join(shown.split()))[:SHOWN]


def _names(plan: Plan) -> Iterator[tuple[str, str]]:
    """List each person's names for a near match, with their id."""
    for person in plan.people.values():
        words = _bare(_words(_plain(person.name)))
        yield from ((name, person.id) for name in (person.id, " ".join(words), *words[-1:]))


def _plain(text: str) -> str:
    """Return a text without case or accents, with one kind of dash and apostrophe."""
    parts = unicodedata.normalize("NFKD", text.replace("\u2019", "'").casefold())
    bare = "".join(one for one in parts if not unicodedata.combining(one))
    return re.sub("[\u2010-\u2015\u2212]", " - ", bare).replace("\u2192", "->")


def _words(text: str) -> list[str]:
    joined = _DOTTED.sub(lambda one: one[0].replace(".", ""), text)
    return _WORD.findall(joined)


def _pieces(plain: str, plan: Plan) -> Iterator[str]:
    """Split a title where programs separate a name; at a comma only if it is not "Lee, Ana"."""
    for piece in _BETWEEN.split(plain):
        if not piece or not piece.strip(" .,-"):
            continue
        if "," in piece and not _called(_without_duty(piece, plan), plan):
            yield from (part for part in piece.split(",") if part.strip(" .-"))
        else:
            yield piece


def _called(text: str, plan: Plan) -> tuple[str, ...]:
    """List the people whom a text may name if all of it is a name."""
    words = _words(text)
    while words and words[0] in TITLES:
        words = words[1:]
    bare = _bare(words)
    for wanted in (words, bare):  # a surname may look like a credential: "Kim Do"
        found = tuple(one for one in plan.people if _is_called(wanted, one, plan))
        if found and len(wanted) == 1:
            given = [one for one in plan.people if wanted[0] in _bare(_own(one, plan))[:-1]]
            return tuple(dict.fromkeys((*found, *given)))
        if found:
            return found
    return ()


def _own(person: str, plan: Plan) -> list[str]:
    """Return a person's name in the plan as words, surname last."""
    name, _, after = _plain(plan.people[person].name).partition(",")
    turned = [one for one in _words(after) if one not in CREDENTIALS | GENERATIONS]
    return [*turned, *_words(name)] if turned else _words(f"{name} {after}")


def _bare(words: list[str]) -> list[str]:
    """Leave out titles and credentials, unless nothing else is left."""
    left = [one for one in words if one not in TITLES]
    kept = [one for place, one in enumerate(left) if place == 0 or one not in CREDENTIALS]
    return kept or words


def _is_called(words: list[str], person: str, plan: Plan) -> bool:
    """Tell whether these words are a person's id, or their surname with matching given names."""
    if words == [person]:
        return True
    own = _own(person, plan)
    name = [one for one in _bare(own) if one not in GENERATIONS]
    generation = [one for one in own if one in GENERATIONS]
    if not name or name[-1] not in words:
        return False
    given, rest = list(name[:-1]), list(words)
    rest.remove(name[-1])
    rest = [one for one in rest if one not in generation]
    full = [one for one in rest if one in given]
    for one in full:
        if one in given:
            given.remove(one)
    for one in (word for word in rest if word not in full):
        initial = next((each for each in given if len(one) == 1 and each.startswith(one)), None)
        if initial is not None:
            given.remove(initial)
        elif not (full and len(one) == 1):  # an extra initial does not make it another person
            return False
    return True


def _is_duty(text: str, plan: Plan) -> bool:
    """Tell whether a text says only that somebody is on call."""
    words = _words(text)
    if DENIED & set(words):
        return False
    known = all(one in DUTY or one in CREDENTIALS or _RANK.fullmatch(one) for one in words)
    return known or words[-1] in CALL or " ".join(words) in _schedules(plan)


def _without_duty(text: str, plan: Plan) -> str:
    """Remove on-call words from both ends: "Ana Lee primary call"; "Call Lee" is a task."""
    words = _words(text)
    while words and (words[-1] in DUTY or words[-1] in _schedules(plan)):
        words.pop()
    front = next((place for place, one in enumerate(words) if one not in DUTY), len(words))
    if words[:front] != ["call"]:
        words = words[front:]
    return " ".join(words)


def _schedules(plan: Plan) -> set[str]:
    return {name.replace("-", " ").replace("_", " ") for name in plan.schedules} | set(
        plan.schedules
    )


def _speaks_of_people(text: str, plan: Plan) -> bool:
    """Tell whether a text has a word such as "not" or "vacation", or somebody's name."""
    words = set(_words(text))
    names = {one for person in plan.people for one in (person, _bare(_own(person, plan))[-1])}
    return bool(words & (DENIED | names))
