"""The valid part of a file with mistakes, and the line of each value."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pbx.config.findings.finding import Finding, finding
from pbx.config.findings.lines import Lines, Path

if TYPE_CHECKING:
    from pbx.config.schema import DoTable, KeyTable, OfficeFile
    from routing.model import Plan, Urgency
    from routing.time_text import TimeText

SHOWN_NAMES = 8


@dataclass(frozen=True)
class Draft:
    """A file whose broken pieces were left out.

    `raw` is the file as tomllib reads it, `kept` maps each shortened list to the places of its
    elements in the file, and `lost` holds the places of what was left out.
    """

    text: str
    raw: Mapping[str, Any]
    lines: Lines
    file: OfficeFile
    kept: Mapping[Path, tuple[int, ...]]
    lost: frozenset[Path]
    digest: str

    @cached_property
    def plan(self) -> Plan:
        """Build the plan from what is left; it may contain unknown names."""
        from pbx.config import build

        return build.plan(self.file, self.digest)

    @property
    def times(self) -> TimeText:
        """How this office writes dates and times; the default if that part is broken."""
        return self.plan.office.times

    def line(self, *path: str | int) -> int:
        """Return the line of a value by its place in `file`, from which pieces may be missing."""
        return self.lines.of(original(path, self.kept))

    def whole(self, *tables: str) -> bool:
        """Tell whether nothing was left out of these tables."""
        return {place[0] for place in self.lost}.isdisjoint(tables)

    def touched(self, path: Path) -> bool:
        """Tell whether something was left out of the table at this place in `file`."""
        at = original(path, self.kept)
        return any(place[: len(at)] == at for place in self.lost)

    def names(self, table: str) -> tuple[str, ...]:
        """List the names that a table of the file defines, broken ones included."""
        found = self.raw.get(table)
        if isinstance(found, dict):
            return tuple(found)
        if isinstance(found, list):
            named = (one.get("name") for one in found if isinstance(one, dict))
            return tuple(name for name in named if isinstance(name, str))
        return ()

    def actions(self) -> Iterator[tuple[Path, str, DoTable]]:
        """List every action of rules and menu keys, with its place and its name for sentences."""
        for number, rule in enumerate(self.file.rules):
            yield ("rules", number, "do"), f"rule '{rule.name}'", rule.do
        for name in self.file.menu:
            for key, choice in self.choices(name):
                if not isinstance(choice, str):
                    yield ("menu", name, key), f"menu {name}, {key}", choice

    def choices(self, menu: str) -> tuple[tuple[str, Urgency | KeyTable], ...]:
        """List the keys of a menu and `otherwise`, each with its meaning."""
        table = self.file.menu[menu]
        return (*table.__pydantic_extra__.items(), ("otherwise", table.otherwise))

    def find(self, code: str, path: Path, where: str, message: str, fix: str) -> Finding:
        """Return a finding about a value at this place in `file`."""
        return finding(code, where, self.line(*path), message, fix)


def original(path: Path, kept: Mapping[Path, Sequence[int]]) -> Path:
    """Convert a place in shortened lists to the place in the file."""
    place: Path = ()
    for part in path:
        place += (kept[place][part] if isinstance(part, int) and place in kept else part,)
    return place


def near(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return a question with the most similar known word, or `otherwise`."""
    matches = difflib.get_close_matches(word, sorted(known), n=1)
    return f"Did you mean '{matches[0]}'?" if matches else otherwise


def listed(known: Iterable[str]) -> str:
    """Return names as text for people to choose from, at most SHOWN_NAMES of them."""
    names = sorted(known)
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return (", ".join(names[:SHOWN_NAMES]) or "nothing") + more
