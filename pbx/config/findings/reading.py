"""Read a text as office.toml piece by piece: report and leave out what is wrong, keep the rest."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pbx.config.carriers import carriers
from pbx.config.findings import renamed
from pbx.config.findings.draft import Draft, listed, near, original
from pbx.config.findings.finding import Finding, finding
from pbx.config.findings.lines import Lines
from pbx.config.findings.lines import Path as Place

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from pbx.config.schema import OfficeFile

# These replace what is missing or wrong, so that everything else can still be checked.
STANDINS: Mapping[str, Any] = {
    "office": {"name": "Office", "timezone": "UTC", "number": "+12125550100"},
    "trunk": {"host": "localhost", "addresses": ["localhost"]},
    "lines": [{"did": "+12125550100", "name": "standin"}],
    "rules": [{"name": "standin", "do": {"message": "urgent"}}],
}
ROUNDS = 20  # each removes what the round before made invalid; two or three are usual
_GONE = object()
_LINE = re.compile(r"at line (\d+)")
_ADD = ("must not be empty", "Add at least one, or delete the key.")
_NUMBER = ("must be a whole number", "Write it without quotes, such as 20.")
_DATE = ("must be a date such as 2026-12-25", "Write year, month and day of a real date.")
_TABLE = ("must be a table", "Write it as { key = value }, or under a [header].")
# Frequent errors of the validator in plainer words, and how to fix each.
_OFTEN = {
    "string_type": ("must be a text in quotes", "Put it in quotes."),
    "int_type": _NUMBER,
    "int_parsing": _NUMBER,
    "int_from_float": _NUMBER,
    "bool_type": ("must be true or false", "Write one of the two, without quotes."),
    "list_type": ("must be a list", "Put it in [ ], even if it is only one entry."),
    "dict_type": _TABLE,
    "model_type": _TABLE,
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "too_short": _ADD,
    "string_too_short": _ADD,
    "string_too_long": ("must have at most {max_length} characters", "Shorten it."),
    "greater_than_equal": ("must be at least {ge}", "Use a larger number."),
    "less_than_equal": ("must be at most {le}", "Use a smaller number."),
    "literal_error": ("must be {expected}", "Use one of these."),
}
# How to fix the errors that have a code of their own.
_FIXES = {
    "bad-zone": "Use one such as 'America/New_York'.",
    "backwards-period": "Swap the start and the end, or fix the wrong one.",
    "missing-key": "Add it.",
    "shift-backwards": "Swap the start and the end, or fix the wrong one.",
    "turn-length": "Use turns of 1, 2, 3, 4, 6, 8, 12 or 24 hours.",
}


def read(text: str) -> tuple[Draft | None, list[Finding]]:
    """Read a text; the draft is None if it is not TOML."""
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return None, [_not_toml(text, error)]
    lines = Lines(text)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    raw, found = _with_preset(raw, lines)
    file, kept, lost, errors = _validated(raw)
    found += _reported(errors, raw, lines)
    return Draft(text, raw, lines, file, kept, frozenset(lost), digest), found


def _not_toml(text: str, error: Exception) -> Finding:
    match = _LINE.search(str(error))
    line = int(match[1]) if match else text.count("\n") + 1
    why = str(error) if isinstance(error, ValueError) else "its brackets are nested too deeply"
    message = f"the file is not valid TOML: {why}"
    return finding("bad-toml", "the file", line, message, "Fix that line.")


def _with_preset(raw: dict[str, Any], lines: Lines) -> tuple[dict[str, Any], list[Finding]]:
    """Fill the trunk from its preset; an unknown one is left out."""
    trunk = raw.get("trunk")
    name = trunk.get("preset") if isinstance(trunk, dict) else None
    if not isinstance(trunk, dict) or not isinstance(name, str):
        return raw, []
    known = carriers()
    if name in known:
        filled = {key: value for key, value in known[name].items() if value}
        return {**raw, "trunk": {**filled, **trunk}}, []
    where = ("trunk", "preset")
    found = finding(
        "unknown-name",
        ".".join(where),
        lines.of(where),
        f"there is no preset '{name}' (there are {listed(known)})",
        near(name, known, "Use one of these, or delete it and write 'kind' and 'addresses'."),
    )
    rest = {key: value for key, value in trunk.items() if key != "preset"}
    return {**raw, "trunk": {**STANDINS["trunk"], **rest}}, [found]


def _validated(
    raw: dict[str, Any],
) -> tuple[OfficeFile, dict[Place, tuple[int, ...]], set[Place], list[ErrorDetails]]:
    """Validate as much as possible; the errors are those of the whole file, each once."""
    from pydantic import ValidationError

    from pbx.config import schema

    first: list[ErrorDetails] = []
    tree = _copied(raw)
    lost: set[Place] = set()
    for number in range(ROUNDS):
        kept: dict[Place, tuple[int, ...]] = {}
        try:
            file = schema.OfficeFile.model_validate(_compacted(tree, (), kept))
        except ValidationError as error:
            errors = error.errors(include_url=False)
            first = first if number else errors
            for one in errors:
                lost.add(_left_out(tree, one, kept))
            _stand_in(tree)
        else:
            return file, kept, lost, first
    nothing: dict[Place, tuple[int, ...]] = {}
    return schema.OfficeFile.model_validate(STANDINS), nothing, {(table,) for table in tree}, first


def _left_out(tree: dict[str, Any], error: ErrorDetails, kept: Mapping[Place, Any]) -> Place:
    """Remove the smallest piece with this error from the tree, and return its place."""
    place = _place(tree, original(error["loc"], kept))
    if error["type"] == "missing" and place in {("office",), ("trunk",)}:
        return place  # missing tables get a stand-in
    holder: Any = tree
    for part in place[:-1]:
        holder = holder[part]
    if place and isinstance(holder, dict):
        holder.pop(place[-1], None)
    elif place:
        holder[place[-1]] = _GONE
    return place or error["loc"][:1]


def _place(tree: Any, loc: Place) -> Place:
    """Return a place without the words that the validator adds to it."""
    place: Place = ()
    for part in loc:
        in_list = isinstance(tree, list) and isinstance(part, int) and part < len(tree)
        if not in_list and not (isinstance(tree, dict) and part in tree):
            continue
        tree = tree[part]
        if tree is _GONE:
            break
        place += (part,)
    return place


def _stand_in(tree: dict[str, Any]) -> None:
    """Fill in the tables that every office must have."""
    for table, standin in STANDINS.items():
        given = tree.get(table)
        if isinstance(standin, dict):
            tree[table] = {**standin, **(given if isinstance(given, dict) else {})}
        elif not isinstance(given, list) or all(one is _GONE for one in given):
            tree[table] = _copied(standin)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value


def _compacted(value: Any, place: Place, kept: dict[Place, tuple[int, ...]]) -> Any:
    """Copy a tree without the removed pieces; `kept` records where list elements were."""
    if isinstance(value, dict):
        return {key: _compacted(one, (*place, key), kept) for key, one in value.items()}
    if not isinstance(value, list):
        return value
    kept[place] = tuple(number for number, one in enumerate(value) if one is not _GONE)
    return [_compacted(value[number], (*place, number), kept) for number in kept[place]]


def _reported(errors: list[ErrorDetails], raw: dict[str, Any], lines: Lines) -> Iterator[Finding]:
    """Turn the validator's errors into findings, one for each place."""
    seen = set()
    for error in errors:
        place = _place(raw, error["loc"])
        kind = error["type"]
        missing = (*place, error["loc"][-1]) if kind == "missing" else place
        if (kind, missing) not in seen:
            seen.add((kind, missing))
            code, message, fix = _words(error, place)
            where = ".".join(_shown(part) for part in missing) or "the file"
            yield finding(code, where, lines.of(place), message, fix)


def _shown(part: str | int) -> str:
    return str(part + 1) if isinstance(part, int) else part


def _words(error: ErrorDetails, place: Place) -> tuple[str, str, str]:
    """Return the code, the message and the fix."""
    kind = error["type"]
    if kind in _FIXES:
        return kind, error["ctx"]["why"], _FIXES[kind]
    if kind == "missing":
        return "missing-key", "the key is missing", "Add it."
    if kind == "extra_forbidden":
        key = str(place[-1])
        fix = renamed.fix_for(place) or near(key, _keys(top=len(place) == 1) - {key}, "Delete it.")
        return "unknown-key", f"there is no key '{key}' here", fix
    own = error["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    message, fix = _OFTEN.get(kind, (own, "Correct it."))
    fix = renamed.fix_for_value(error["input"]) or fix
    return "bad-value", message.format(**error.get("ctx", {})) if kind in _OFTEN else own, fix


def _keys(*, top: bool) -> set[str]:
    """List the keys that tables have: the file's own at its top, else those of any table."""
    from pydantic import BaseModel

    from pbx.config import schema, schema_days, schema_escalations, schema_people, schema_schedules

    def fields(table: type[BaseModel]) -> set[str]:
        return {field.alias or name for name, field in table.model_fields.items()}

    if top:
        return fields(schema.OfficeFile)
    modules = (schema, schema_days, schema_escalations, schema_people, schema_schedules)
    tables = [one for module in modules for one in vars(module).values()]
    known = [one for one in tables if isinstance(one, type) and issubclass(one, BaseModel)]
    return set().union(*(fields(one) for one in known if one is not schema.OfficeFile))
