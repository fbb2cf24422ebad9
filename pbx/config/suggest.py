"""Public holidays as closures that an office may freeze into its file; nothing closes by itself."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from pbx.base import files
from pbx.base.errors import ConfigError, OfficeLineError
from pbx.base.os_errors import os_sentence
from routing.days import falls_on
from routing.model import Plan

TABLES = "closures"
LONGEST = 120  # characters of a reason in the file

_HEAD = re.compile(r"\s*\[\[\s*closures\s*\]\]")


@dataclass(frozen=True)
class Suggestion:
    """A closure of one whole day, as office.toml writes it: `on` is an ISO date."""

    on: str
    reason: str


def suggest(
    country: str, subdivision: str | None, year: int, language: str
) -> tuple[Suggestion, ...]:
    """List a year's public holidays by their days, named in the language where that is known.

    OfficeLineError where the country or its subdivision is unknown.
    """
    import holidays

    try:
        known = holidays.country_holidays(country, subdiv=subdivision)
        spoken = {one.partition("_")[0]: one for one in known.supported_languages}
        found = holidays.country_holidays(
            country, subdiv=subdivision, years=year, language=spoken.get(language)
        )
    except NotImplementedError as error:
        place = country if subdivision is None else f"'{subdivision}' in {country}"
        raise OfficeLineError(
            f"No public holidays are known for {place}; name the country by its two letters at "
            "[office] country, and a state or province with --subdivision, such as NY."
        ) from error
    return tuple(Suggestion(day.isoformat(), name[:LONGEST]) for day, name in sorted(found.items()))


def missing(plan: Plan, suggested: Iterable[Suggestion]) -> tuple[Suggestion, ...]:
    """Leave out the days that the file decides already: closed as a whole, or opened."""
    decided = [one.when for one in plan.closures if one.span is None and one.schedule is None]
    decided += [one.when for one in plan.openings]
    return tuple(
        one
        for one in suggested
        if not any(falls_on(when, date.fromisoformat(one.on)) for when in decided)
    )


def tables(suggested: Iterable[Suggestion]) -> str:
    """Write closures as they stand in the file."""
    import tomlkit

    return "\n".join(f"[[{TABLES}]]\n{tomlkit.dumps(asdict(one))}" for one in suggested)


def extended(text: str, suggested: Iterable[Suggestion]) -> str:
    """Add closures behind those of a file's text; everything else stays as it was written.

    ConfigError where the file writes its closures in a way that cannot be added to.
    """
    new = tuple(suggested)
    if not new:
        return text
    lines = text.splitlines(keepends=True)
    heads = [at for at, line in enumerate(lines) if _HEAD.match(line)]
    end = heads[-1] + 1 if heads else len(lines)
    while end < len(lines) and lines[end].strip() and not lines[end].lstrip().startswith("["):
        end += 1
    newline = "\r\n" if "\r\n" in text else "\n"
    kept, rest = "".join(lines[:end]).rstrip(), "".join(lines[end:])
    between = newline if rest.strip() and not rest[0].isspace() else ""
    added = tables(new).replace("\n", newline)
    result = f"{kept}{2 * newline}{added}{between}{rest}"
    before = tomllib.loads(text)
    try:
        after = tomllib.loads(result)
    except tomllib.TOMLDecodeError:
        after = {}
    if after != {**before, TABLES: [*before.get(TABLES, []), *(asdict(one) for one in new)]}:
        raise ConfigError(
            "The closures of the file cannot be added to as they are written; "
            "copy the suggested tables into it by hand."
        )
    return result


def append(path: Path, suggested: Iterable[Suggestion]) -> None:
    """Add closures to office.toml, which is replaced as a whole or stays as it was."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read()
    except OSError as error:
        raise ConfigError(os_sentence(f"{path} cannot be read", error, path)) from error
    files.save_config(path, extended(text, suggested))
