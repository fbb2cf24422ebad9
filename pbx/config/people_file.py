"""Add people to the text of an office.toml and remove them; every other line stays as it is.

This works on lines instead of with tomlkit, because tomlkit counts a comment above the next table
as the end of this one: it would be removed too, or separated from its table.
"""

from __future__ import annotations

import tomllib
from typing import Any

from pbx.base.errors import ConfigError
from pbx.config.findings.lines import Lines

PEOPLE = "people"


def added(text: str, person: str, name: str, role: str) -> str:
    """Return the text with a person after the others, or at the end; ConfigError if impossible."""
    _holdable(person, name, role)
    end = "\r" if "\r\n" in text else ""
    lines = f"{text.rstrip()}{end}".split("\n")
    behind = max(_owned(text, (PEOPLE,)), default=len(lines))
    table = ["", f"[people.{person}]", f'name = "{name}"', f'role = "{role}"']
    lines[behind:behind] = [f"{line}{end}" for line in table]
    wanted = tomllib.loads(text)
    wanted.setdefault(PEOPLE, {})[person] = {"name": name, "role": role}
    return _same("\n".join(lines) + "\n", wanted, "Add the person")


def _holdable(person: str, name: str, role: str) -> None:
    """Raise ConfigError if the values themselves are invalid, whatever the file looks like."""
    from pydantic import TypeAdapter, ValidationError

    from pbx.config.fields import Id
    from pbx.config.schema_people import PersonTable

    try:
        TypeAdapter(dict[Id, PersonTable]).validate_python({person: {"name": name, "role": role}})
    except ValidationError as error:
        reported = error.errors()[0]
        why = str(reported.get("ctx", {}).get("error", reported["msg"]))
        why = why.replace("Input should be", f"the role '{role}' must be")
        raise ConfigError(f"Nobody was added: {' '.join(why.split())}.") from error


def removed(text: str, person: str) -> str:
    """Return the text without a person's tables; ConfigError if they cannot be separated."""
    lines = text.split("\n")
    gone = _owned(text, (PEOPLE, person))
    for number in sorted(gone):  # also the empty line after it
        if number < len(lines) - 1 and not lines[number].strip():
            gone.add(number + 1)
    changed = "\n".join(line for number, line in enumerate(lines, 1) if number not in gone)
    wanted = tomllib.loads(text)
    del wanted[PEOPLE][person]
    if not wanted[PEOPLE]:
        del wanted[PEOPLE]
    return _same(changed, wanted, f"Remove {person}")


def _owned(text: str, place: tuple[str, ...]) -> set[int]:
    """Return the line numbers (from 1) of a table and everything in it.

    Comments and empty lines before the next table are not included.
    """
    lines = text.split("\n")
    # with several keys on a line, the longest path decides to which table the line belongs; a table
    # that only contains others is known by its first line
    whose: dict[int, bool] = {}
    for path, line in Lines(text).known.items():
        whose[line] = whose.get(line, False) or path[: len(place)] == place
    starts = sorted(whose)
    found: set[int] = set()
    for start, behind in zip(starts, [*starts[1:], len(lines) + 1], strict=True):
        if whose[start]:
            end = behind
            while not whose.get(behind) and lines[end - 2].strip()[:1] in {"", "#"}:
                end -= 1
            found |= set(range(start, end))
    return found


def _same(changed: str, wanted: dict[str, Any], what: str) -> str:
    """Return the text if it parses to exactly the wanted values; otherwise raise ConfigError."""
    try:
        if tomllib.loads(changed) == wanted:
            return changed
    except tomllib.TOMLDecodeError:
        pass
    raise ConfigError(f"This command cannot edit the file because of its layout. {what} by hand.")
