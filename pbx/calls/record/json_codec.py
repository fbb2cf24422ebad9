"""Convert frozen values to JSON and back: plans, questions, results of a turn.

Only the classes listed here are ever created from a file. Every sequence comes back as a tuple.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from pbx.calls.conversation import CallState, Question, Verdict
from pbx.calls.turns import MessageDraft
from pbx.db import records
from routing import model
from routing.decision import Reason

KIND = "is"  # the key with an object's class name

_CLASSES = {
    found.__name__: found
    for found in (
        *(one for one in vars(model).values() if is_dataclass(one) and isinstance(one, type)),
        *(one for one in vars(records).values() if is_dataclass(one) and isinstance(one, type)),
        CallState,
        Question,
        Verdict,
        MessageDraft,
        Reason,
    )
}
_WORDS: Mapping[str, Callable[[Any], Any]] = {
    "ZoneInfo": ZoneInfo,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "frozenset": frozenset,
}


def encode(value: Any) -> Any:
    """Convert a value to JSON types; TypeError for an unknown class."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Sequence) and not isinstance(value, Reason):
        return [encode(one) for one in value]
    if isinstance(value, Mapping):
        return {KIND: "map", "of": [[encode(key), encode(one)] for key, one in value.items()]}
    return {KIND: type(value).__name__, **_parts(value)}


def _parts(value: Any) -> dict[str, object]:
    """Convert the fields of one object: one of our classes or a standard library value."""
    match value:
        case ZoneInfo():
            return {"of": value.key}
        case datetime() | date() | time():
            return {"of": value.isoformat()}
        case frozenset():
            return {"of": sorted(value)}
    if _CLASSES.get(type(value).__name__) is not type(value):
        raise TypeError(f"{type(value).__name__} is no value of ours")
    return {name: encode(getattr(value, name)) for name in _fields(type(value))}


def _fields(kind: Any) -> list[str]:
    if kind is Reason:
        return list(Reason._fields)
    return [one.name for one in fields(kind) if one.init]


def decode(data: Any) -> Any:
    """Convert the result of `encode` back; ValueError or TypeError for anything else."""
    if isinstance(data, list):
        return tuple(decode(one) for one in data)
    if not isinstance(data, dict):
        return data
    kind = data.get(KIND)
    if kind == "map":
        return {decode(key): decode(one) for key, one in data["of"]}
    if isinstance(kind, str) and kind in _WORDS:
        return _WORDS[kind](data["of"])
    if kind not in _CLASSES:
        raise ValueError("an object of no class of ours")
    return _CLASSES[kind](**{name: decode(one) for name, one in data.items() if name != KIND})
