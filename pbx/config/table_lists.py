"""Add tables to a list of tables in office.toml, in whichever layout the file has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def list_of(table: Any, key: str) -> Any:
    """Return a table's list of tables; create it if it is missing."""
    import tomlkit

    found = table.get(key)
    if found is None:
        found = table[key] = tomlkit.aot()
    return found


def append_tables(found: Any, added: Sequence[Mapping[str, object]]) -> None:
    """Add tables in the form that the list already has: [[tables]] or inline."""
    import tomlkit
    from tomlkit.items import AoT

    for number, values in enumerate(added, start=1):
        entry: Any = tomlkit.table() if isinstance(found, AoT) else tomlkit.inline_table()
        for key, value in values.items():
            entry.add(key, value)
        if isinstance(found, AoT) and number == len(added):
            entry.add(tomlkit.nl())  # tomlkit itself puts an empty line between tables
        found.append(entry)
