"""Suggest public holidays as closures for office.toml; only closures in the file apply."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pbx.base import files
from pbx.base.errors import ConfigError, OfficeLineError
from pbx.base.os_errors import os_sentence
from routing import day_names
from routing.days import easter, falls_on, runs
from routing.instants import DAY
from routing.model import Dates, Easter, Plan, Yearly, YearlyWeekday

TABLES = "closures"
LONGEST = 120  # characters of a closure's reason
OBSERVED = " (observed)"  # added to a holiday's name on the weekday next to a weekend
FOURTH = 4
LOOKED = 12  # years that a rule must match, so that each weekday occurs

_HEAD = re.compile(r"\s*\[\[\s*closures\s*\]\]")


@dataclass(frozen=True)
class Suggestion:
    """A closure of whole days as in office.toml: repeated (`every`), or `on` an ISO date."""

    on: str
    reason: str
    every: str = ""

    def days(self) -> Iterator[date]:
        """List its days; for a repeated closure, those of the years that were checked."""
        day = date.fromisoformat(self.on)
        if not self.every:
            yield day
            return
        for begin, end in runs(day_names.yearly(self.every), day, day + LOOKED * 365 * DAY):
            yield from (begin + step * DAY for step in range((end - begin).days + 1))

    def table(self) -> dict[str, str]:
        """Return it as a table for the file."""
        days = {"every": self.every} if self.every else {"on": self.on}
        return {**days, "reason": self.reason}


def each_year(suggested: Iterable[Suggestion], first: int) -> tuple[Suggestion, ...]:
    """Turn holidays of some years into repeated days where a rule matches all of them.

    Holidays that match no rule keep their dates of the first two years, from the year `first` on.
    """
    dates: dict[str, set[date]] = {}
    for one in suggested:
        dates.setdefault(one.reason.removesuffix(OBSERVED), set()).add(date.fromisoformat(one.on))
    found: list[Suggestion] = []
    for reason, days in dates.items():
        rule = next((one for one in _rules(min(days)) if _says(one, days, first)), None)
        if rule is not None:
            found.append(Suggestion(min(days).isoformat(), reason, day_names.days_text(rule)))
        else:
            soon = (day for day in sorted(days) if day.year <= first + 1)
            found += (Suggestion(day.isoformat(), reason) for day in soon)
    return tuple(found)


def _rules(day: date) -> Iterator[Dates]:
    """List the rules that may match a day, or the day on which it is observed."""
    for near in (day, day + DAY, day - DAY):
        yield Yearly(near.month, near.day)
        yield Yearly(near.month, near.day, observed=True)
    nth = (day.day + 6) // 7
    last = (day + 7 * DAY).month != day.month
    for number in (*((-1,) if last else ()), *((nth,) if nth <= FOURTH else ())):
        yield YearlyWeekday(day.month, day.weekday(), number)
    yield YearlyWeekday(day.month, (day - DAY).weekday(), (day.day + 5) // 7, 1)
    yield Easter((day - easter(day.year)).days)


def _says(rule: Dates, days: set[date], first: int) -> bool:
    """Tell whether a rule gives exactly these days, from a year to the last of them."""
    begin, end = date(first, 1, 1), date(max(days).year, 12, 31)
    ours = {
        start + step * DAY
        for start, last in runs(rule, begin, end)
        for step in range((last - start).days + 1)
    }
    return {day for day in ours if begin <= day <= end} == {day for day in days if day >= begin}


def suggest(
    country: str, subdivision: str | None, year: int, language: str
) -> tuple[Suggestion, ...]:
    """List a year's public holidays by date, named in the given language if it is known.

    Raises OfficeLineError if the country or its subdivision is unknown.
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
            f"No public holidays are known for {place}; check the two letters of 'country' in "
            "[office], and give a state or province with --subdivision, such as NY."
        ) from error
    return tuple(Suggestion(day.isoformat(), name[:LONGEST]) for day, name in sorted(found.items()))


def undecided_days(plan: Plan, suggested: Iterable[Suggestion]) -> tuple[Suggestion, ...]:
    """Leave out days that the file already closes as a whole or opens."""
    decided = [one.when for one in plan.closures if one.span is None and one.office_hours is None]
    decided += [one.when for one in plan.openings]
    return tuple(
        one
        for one in suggested
        if not all(any(falls_on(when, day) for when in decided) for day in one.days())
    )


def closure_tables(suggested: Iterable[Suggestion]) -> str:
    """Return closures as TOML text."""
    import tomlkit

    return "\n".join(f"[[{TABLES}]]\n{tomlkit.dumps(one.table())}" for one in suggested)


def extended(text: str, suggested: Iterable[Suggestion]) -> str:
    """Add closures after those in a file's text; everything else stays as it was.

    Raises ConfigError if the layout of the file does not allow it.
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
    added = closure_tables(new).replace("\n", newline)
    result = f"{kept}{2 * newline}{added}{between}{rest}"
    before = tomllib.loads(text)
    try:
        after = tomllib.loads(result)
    except tomllib.TOMLDecodeError:
        after = {}
    if after != {**before, TABLES: [*before.get(TABLES, []), *(one.table() for one in new)]}:
        raise ConfigError(
            "This command cannot add closures to the file because of its layout; "
            "copy the suggested tables into it by hand."
        )
    return result


def append_closures(path: Path, suggested: Iterable[Suggestion]) -> None:
    """Add closures to office.toml atomically; on an error, the file stays as it was."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read()
    except OSError as error:
        raise ConfigError(os_sentence(f"{path} cannot be read", error, path)) from error
    files.save_config(path, extended(text, suggested))
