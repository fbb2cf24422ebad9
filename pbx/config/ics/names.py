"""Whom a calendar means: its titles, matched to the people of the plan. Nobody is guessed."""

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

SHOWN = 60  # characters of a calendar's text that an error repeats

_BETWEEN = re.compile(r"\s+[-~]+\s*|\s*[-~]+\s+|->|=>|[:|/;()\[\]{}<>&+@*\n]|\s(?:and|und|y)\s")
_DOTTED = re.compile(r"\b(?:\w\.){2,}")
_WORD = re.compile(r"[^\s,.]+")
_CLOCK = r"\d{1,2}(?::?\d\d)?\s?(?:[ap]m?)?"
_HOURS = re.compile(rf"\b{_CLOCK}\s?(?:-|to)\s?{_CLOCK}\b|\b\d{{1,2}}(?::\d\d|\s?[ap]m)\b")
_RANK = re.compile(r"[lp]?\d")  # [L1] of Grafana OnCall, P1, 2


@dataclass(frozen=True)
class Fit:
    """Whom a title may name, and what else stands in it that is not understood."""

    people: tuple[str, ...]
    left: str = ""

    @property
    def person(self) -> str | None:
        """The one person whom it names; None if that is open."""
        return self.people[0] if len(self.people) == 1 and not self.left else None


def person_named(text: str, plan: Plan) -> str | None:
    """Find the person that a text names, by id or name; "On call: Dr. Lee" names Lee, too."""
    return fit(text, plan).person


def fit(text: str, plan: Plan) -> Fit:
    """Match a title to the people of the plan: the name alone, or with duties beside it."""
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
    # "On Call - Ana Lee - Primary Care": it is said already, and what follows is a schedule's name
    said = any(CALL & set(_words(one)) for one in duties)
    left = [one for one in others if not said or _speaks_of_people(one, plan)]
    return Fit(tuple(dict.fromkeys(known)), ", ".join(one.strip() for one in left))


def unknown_title(text: str, plan: Plan) -> OfficeLineError:
    """Say that a title names nobody in particular, whom it may mean, and how to say so."""
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
    hint = f"did you mean '{names[near[0]]}'?" if near else f"there are {', '.join(plan.people)}."
    person = names[near[0]] if near else next(iter(plan.people), "lee")
    return OfficeLineError(
        f"'{title}' names nobody in the plan; {hint} To say who it is, {_offer(title, person)}; "
        f'to leave it out, add --skip "{title}".'
    )


def _offer(title: str, person: str) -> str:
    return f'add --person "{title}={person}"'


def same(text: str) -> str:
    """Return what is the same for all ways to write a title."""
    return " ".join(_plain(text).split())


def quoted(text: str) -> str:
    """Shorten a foreign text to what an error may repeat: one line, without a number in it."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    return mask_within(" ".join(shown.split()))[:SHOWN]


def _names(plan: Plan) -> Iterator[tuple[str, str]]:
    """List what people may be called for a near match, and their ids."""
    for person in plan.people.values():
        words = _bare(_words(_plain(person.name)))
        yield from ((name, person.id) for name in (person.id, " ".join(words), *words[-1:]))


def _plain(text: str) -> str:
    """Return a text without case, accents and the many kinds of dashes and apostrophes."""
    parts = unicodedata.normalize("NFKD", text.replace("\u2019", "'").casefold())
    bare = "".join(one for one in parts if not unicodedata.combining(one))
    return re.sub("[\u2010-\u2015\u2212]", " - ", bare).replace("\u2192", "->")


def _words(text: str) -> list[str]:
    joined = _DOTTED.sub(lambda one: one[0].replace(".", ""), text)
    return _WORD.findall(joined)


def _pieces(plain: str, plan: Plan) -> Iterator[str]:
    """Cut a title where programs put a name apart; commas only where that is no "Lee, Ana"."""
    for piece in _BETWEEN.split(plain):
        if not piece or not piece.strip(" .,-"):
            continue
        if "," in piece and not _called(_without_duty(piece, plan), plan):
            yield from (part for part in piece.split(",") if part.strip(" .-"))
        else:
            yield piece


def _called(text: str, plan: Plan) -> tuple[str, ...]:
    """List the people whom a text may name that is nothing but a name."""
    words = _words(text)
    while words and words[0] in TITLES:
        words = words[1:]
    bare = _bare(words)
    for wanted in (words, bare):  # a surname may be a credential: "Kim Do"
        found = tuple(one for one in plan.people if _is_called(wanted, one, plan))
        if found and len(wanted) == 1:
            given = [one for one in plan.people if wanted[0] in _bare(_own(one, plan))[:-1]]
            return tuple(dict.fromkeys((*found, *given)))
        if found:
            return found
    return ()


def _own(person: str, plan: Plan) -> list[str]:
    """Return a person's name of the plan as words, the surname last."""
    name, _, after = _plain(plan.people[person].name).partition(",")
    turned = [one for one in _words(after) if one not in CREDENTIALS | GENERATIONS]
    return [*turned, *_words(name)] if turned else _words(f"{name} {after}")


def _bare(words: list[str]) -> list[str]:
    """Leave the titles and credentials out, but for a name that is one."""
    left = [one for one in words if one not in TITLES]
    kept = [one for place, one in enumerate(left) if place == 0 or one not in CREDENTIALS]
    return kept or words


def _is_called(words: list[str], person: str, plan: Plan) -> bool:
    """Tell whether these words are a person's id, or the surname with fitting given names."""
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
        elif not (full and len(one) == 1):  # an initial more than the plan has is no other person
            return False
    return True


def _is_duty(text: str, plan: Plan) -> bool:
    """Tell whether a text says no more than that somebody is on call."""
    words = _words(text)
    if DENIED & set(words):
        return False
    known = all(one in DUTY or one in CREDENTIALS or _RANK.fullmatch(one) for one in words)
    return known or words[-1] in CALL or " ".join(words) in _schedules(plan)


def _without_duty(text: str, plan: Plan) -> str:
    """Take the words of duty from both ends: "Ana Lee primary call"; "Call Lee" is a task."""
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
    """Tell whether a text denies something, or has somebody's name in it."""
    words = set(_words(text))
    names = {one for person in plan.people for one in (person, _bare(_own(person, plan))[-1])}
    return bool(words & (DENIED | names))
