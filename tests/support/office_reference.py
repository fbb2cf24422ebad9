"""The tables of docs/office-toml.md out of the models that read the file.

A key's meaning is the text that stands below it in its model, as a docstring would.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from annotated_types import Ge, Le
from pydantic import BaseModel

from pbx.config import fields, schema

HEADING = "## Every key\n"
HEAD = f"""{HEADING}
Written by a test out of what reads the file, and compared with it by the same test.
"""
# What each kind of value is called; a kind that is not here fails the test.
KINDS = {
    "ClosedText": "day or range, such as `July 4 observed` or `first monday`, or `holidays`",
    "Country": "country, such as `US`",
    "Date": "date, such as `2026-12-25` or `12/25/2026`",
    "DayOrTime": "date or time, such as `2026-12-20` or `12/20/2026 5pm`",
    "Days": "weekdays, such as `mon-fri` or `M-F`",
    "Duration": "time, such as `5m`",
    "E164": "number, such as `+12125550100`",
    "Every": "turn, such as `1 week` or `1 month`",
    "FilePath": "path of a file",
    "Handoff": "time, such as `mon 08:00`, `Monday 8am` or `first mon 08:00`",
    "HolidayText": "day, such as `July 4 observed` or `2027-05-14`",
    "Host": "host or address",
    "Id": "id",
    "Kept": "time, such as `6 years`",
    "Key": "`0` to `9`, `*`",
    "Language": "language, such as `en`",
    "LayerWindow": "window, such as `fri 17:00-mon 08:00`, `first weekend` or `holidays`",
    "LocalTime": "time, such as `2026-12-24 17:00` or `12/24/2026 5pm`",
    "NumberStart": "prefix of telephone numbers, such as `+1876`",
    "PemFile": "path of a PEM file",
    "Period": "times, such as `08:30-12:00` or `8:30-12 and 1-5`",
    "Port": "port",
    "PortRange": "ports, such as `10000-10200`",
    "Prompt": "name of a prompt",
    "Repeat": "calls, such as `3 in 60m`",
    "Seconds": "seconds, 1 to 120",
    "Sentence": "words",
    "Span": "times, such as `12:00-24:00` or `noon-5pm`",
    "Title": "name",
    "Username": "name",
    "WindowText": "window, such as `fri 17:00-mon 08:00` or `Fri 5pm-Mon 8am`",
    "YearlyText": "day or range, such as `July 4 observed`, `first monday` or `12-24 to 01-01`",
    "Zone": "time zone, such as `America/New_York`",
}
NONE = type(None)


def reference() -> str:
    """Write the whole section."""
    lines = [HEAD]
    for title, model in _tables("", schema.OfficeFile):
        lines += [f"### {title}\n", *_about(model), *_rows(_keys(model))]
    plain = [key for key in _keys(schema.OfficeFile) if _below(key.kind) is None]
    lines += ["### Tables of ids and weekdays\n", *_rows(plain)]
    return "\n".join(lines).rstrip() + "\n"


@dataclass(frozen=True)
class Key:
    """One key of a table: its name in the file, what it may be, its default and its meaning."""

    name: str
    kind: Any
    default: str
    meaning: str


def _keys(model: type[BaseModel]) -> Iterator[Key]:
    kinds, said = get_type_hints(model, include_extras=True), meanings(model)
    for name, field in model.model_fields.items():
        shown = field.alias or name
        default = "required" if field.is_required() else _toml(field.get_default())
        yield Key(shown, kinds[name], default, said.get(name, ""))
    if "__pydantic_extra__" in kinds:
        kind, value = get_args(kinds["__pydantic_extra__"])
        yield Key(KINDS[_name(kind)], value, "", "What that key of the telephone means.")


def _tables(path: str, model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """List the tables below one in the order of its keys, each with how the file heads it."""
    for key in _keys(model):
        found = _below(key.kind)
        if found is None or key.name == "otherwise":  # what it may be, a key of a menu may, too
            continue
        name = "KEY" if key.name == KINDS["Key"] else key.name
        place = f"{path}.{name}".lstrip(".") + (".ID" if found.named else "")
        yield (f"`[[{place}]]`" if found.listed else f"`[{place}]`"), found.model
        yield from _tables(place, found.model)


class Below(NamedTuple):
    """A table that a key holds: one, a list of them, or one for each id."""

    model: type[BaseModel]
    listed: bool = False
    named: bool = False


def _below(kind: Any) -> Below | None:
    origin, arguments = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return Below(kind)
    if origin is dict:
        inside = _below(arguments[1])
        return inside and inside._replace(named=True)
    if origin is list:
        inside = _below(arguments[0])
        return inside and inside._replace(listed=True)
    if origin is Annotated:
        return _below(arguments[0])
    if origin in {Union, types.UnionType}:
        return next((found for one in arguments if (found := _below(one))), None)
    return None


def _rows(keys: Iterable[Key]) -> list[str]:
    rows = [
        f"| `{key.name}` | {_value(key.kind)} | {key.default} | {key.meaning} |".replace("``", "`")
        for key in keys
    ]
    return ["| key | value | default | |", "|---|---|---|---|", *rows, ""]


def _value(kind: Any) -> str:
    """Say what a value may be."""
    if (name := _name(kind)) in KINDS:
        return KINDS[name]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated and arguments[0] is int:
        limits = {type(one): one for field in arguments[1:] for one in field.metadata}
        return f"number, {limits[Ge].ge} to {limits[Le].le}"
    if origin is Annotated:
        return _value(arguments[0])
    if origin in {Union, types.UnionType}:
        return " or ".join(dict.fromkeys(_value(one) for one in arguments if one is not NONE))
    return _listed(kind, origin, arguments)


def _listed(kind: Any, origin: Any, arguments: tuple[Any, ...]) -> str:
    if origin is Literal:
        return ", ".join(_toml(one) for one in arguments)
    if origin is list:
        return "list of tables" if _below(kind) else f"list of: {_value(arguments[0])}"
    if origin is dict:
        return f"table of: {_value(arguments[0])} = {_value(arguments[1])}"
    return "`true`, `false`" if kind is bool else "table"


def _name(kind: Any) -> str:
    """Name an annotation as `pbx.config.fields` does; a key's alias may stand behind it."""
    for name, one in vars(fields).items():
        if name in KINDS and get_args(one)[0] is (get_args(kind) or (kind,))[0]:
            behind = one.__metadata__
            if getattr(kind, "__metadata__", ())[: len(behind)] == behind:
                return name
    return ""


def _toml(value: Any) -> str:
    """Write a value as the file would; nothing where leaving it out says it."""
    if isinstance(value, list) and value:
        return f"`[{', '.join(map(_inner, value))}]`"
    empty = value is None or value in ([], {}) or isinstance(value, BaseModel)
    return "" if empty else f"`{_inner(value)}`"


def _inner(value: Any) -> str:
    if isinstance(value, BaseModel):
        given = value.model_dump(exclude_unset=True).items()
        return f"{{ {', '.join(f'{key} = {_inner(one)}' for key, one in given)} }}"
    return json.dumps(value)


def _about(model: type[BaseModel]) -> Iterator[str]:
    """Say what the model's own text says behind its heading."""
    text = " ".join((inspect.getdoc(model) or "").split())
    heading = re.match(r"\[+[\w.]+\]+[;:]? ?", text)
    text = text[heading.end() :] if heading else text
    if text.strip(". "):
        yield f"{text[0].upper()}{text[1:]}\n"


@cache
def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Read the texts below the keys of a model and of those that it is made from."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if one in {object, BaseModel} or not issubclass(one, BaseModel):
            continue
        (described,) = ast.parse(inspect.getsource(one)).body
        for key, behind in pairwise(described.body):  # type: ignore[attr-defined]  # a class
            if isinstance(key, ast.AnnAssign) and isinstance(behind, ast.Expr):
                found[key.target.id] = ast.literal_eval(behind.value)  # type: ignore[union-attr]
    return found


def undescribed() -> list[str]:
    """Name the keys without a meaning, as Model.key."""
    models = {model for _, model in _tables("", schema.OfficeFile)}
    keys = ((model, key) for model in models for key in _keys(model))
    return sorted(f"{model.__name__}.{key.name}" for model, key in keys if not key.meaning)
