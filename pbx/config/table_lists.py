"""Tables added to lists of tables in office.toml; the rest of the file stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pbx.base.errors import ConfigError, OfficeLineError
from pbx.config import plan as plan_files

if TYPE_CHECKING:
    from routing.model import Plan


def rewritten(
    text: str, change: Callable[[Any], None], expected: plan_files.Configuration, refusal: str
) -> tuple[str, Plan]:
    """Change the file by tomlkit's document of it; return the new text and its plan.

    OfficeLineError with the `refusal` if the file cannot be edited so, or would then say anything
    else than what is `expected`.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    document = tomlkit.parse(text)
    try:
        change(document)
        changed = tomlkit.dumps(document)
        after = plan_files.parse(changed, expected.path)
    except (TOMLKitError, ConfigError, KeyError, TypeError, AttributeError) as error:
        raise OfficeLineError(refusal) from error
    if replace(expected, plan=replace(expected.plan, hash=after.plan.hash)) != after:
        raise OfficeLineError(refusal)
    return changed, after.plan


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
