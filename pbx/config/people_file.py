"""People put into the text of an office.toml and taken out of it; every other line stays.

By lines and not by tomlkit, which takes a comment above the next table for the end of this one:
what is removed would take it along, and what is added would come between the two.
"""

from __future__ import annotations

import tomllib
from typing import Any

from pbx.base.errors import ConfigError
from pbx.config.findings.lines import Lines

PEOPLE = "people"


def added(text: str, person: str, name: str, role: str) -> str:
    """Put a person behind the others, or at the end; ConfigError if that cannot be done."""
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
    """Refuse what no file can hold, before the file is blamed for it."""
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
    """Take a person's tables out; ConfigError if they cannot be told from the rest."""
    lines = text.split("\n")
    gone = _owned(text, (PEOPLE, person))
    for number in sorted(gone):  # and the empty line that set it apart
        if number < len(lines) - 1 and not lines[number].strip():
            gone.add(number + 1)
    changed = "\n".join(line for number, line in enumerate(lines, 1) if number not in gone)
    wanted = tomllib.loads(text)
    del wanted[PEOPLE][person]
    if not wanted[PEOPLE]:
        del wanted[PEOPLE]
    return _same(changed, wanted, f"Remove {person}")


def _owned(text: str, place: tuple[str, ...]) -> set[int]:
    """List the lines (from 1) that a table and all in it stand on.

    Comments and empty lines before whatever comes next are not among them.
    """
    lines = text.split("\n")
    # of several keys on a line, the longest place says whose it is; of all tables on their way
    # down to it, each is known by its first line alone
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
    """Return the text if it says what is wanted, and nothing else was touched."""
    try:
        if tomllib.loads(changed) == wanted:
            return changed
    except tomllib.TOMLDecodeError:
        pass
    raise ConfigError(f"This command cannot edit the file because of its layout. {what} by hand.")
