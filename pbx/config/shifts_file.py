"""Explicit shifts written into office.toml: the rest of the file, comments too, stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pbx.base.errors import ConfigError, OfficeLineError
from pbx.base.paths import data_folder
from pbx.config import plan as plan_files
from routing.instants import at_local
from routing.model import ExplicitShift, Place, Plan

if TYPE_CHECKING:
    from pbx.config.ics.reader import ImportedShift


@dataclass(frozen=True)
class Edit:
    """The file's new text, and what became of its shifts."""

    text: str
    added: tuple[ExplicitShift, ...]
    removed: tuple[ExplicitShift, ...]


def edit(
    text: str,
    name: Path,
    rota: str,
    imported: Sequence[ImportedShift],
    span: tuple[datetime, datetime],
) -> Edit:
    """Put shifts in the place of those that the file has within a span; outside of it all stay.

    So do those of a place (see `routing.model.Rota`) of which none is imported. A shift that
    reaches over the span's edge is cut there. The new text has been read as a plan that differs in
    nothing but these shifts; OfficeLineError if that cannot be done.
    """
    presets = data_folder("config") / "presets.toml"
    before = plan_files.parse(text, name, presets)
    old = before.plan.rotas[rota].shifts
    wanted = _wanted(before.plan, old, imported, span)
    added = tuple(shift for shift in wanted if shift not in old)
    removed = tuple(shift for shift in old if shift not in wanted)
    if not added and not removed:
        return Edit(text, (), ())
    changed = _rewritten(text, rota, [shift in wanted for shift in old], added)
    kept = tuple(shift for shift in old if shift in wanted)
    rotas = {**before.plan.rotas}
    rotas[rota] = replace(rotas[rota], shifts=(*kept, *added))
    try:
        after = plan_files.parse(changed, name, presets)
    except ConfigError as error:
        raise _layout(rota) from error
    if replace(before, plan=replace(before.plan, rotas=rotas, hash=after.plan.hash)) != after:
        raise _layout(rota)
    return Edit(changed, added, removed)


def _layout(rota: str) -> OfficeLineError:
    return OfficeLineError(
        f"The shifts of [rota.{rota}] cannot be edited as the file is laid out; "
        f"write them as [[rota.{rota}.shifts]] tables below the rota."
    )


@dataclass(frozen=True)
class _Piece:
    """A shift by instants; `cut` if it is what the span left of a shift of the file."""

    person: str
    start: datetime
    end: datetime
    place: Place
    cut: bool


def _wanted(
    plan: Plan,
    old: Sequence[ExplicitShift],
    imported: Sequence[ImportedShift],
    span: tuple[datetime, datetime],
) -> list[ExplicitShift]:
    """List the shifts that the file should have: those outside of the span, then the imported."""
    zone = plan.office.zone
    start, end = span
    places = {one.place for one in imported} or {"oncall"}
    untouched: list[ExplicitShift] = []
    pieces = [
        _Piece(one.person, _minute(one.start), _minute(one.end), one.place, cut=False)
        for one in imported
        if _minute(one.start) < _minute(one.end)
    ]
    for shift in old:
        begins, ends = at_local(shift.start, zone), at_local(shift.end, zone)
        if ends <= start or begins >= end or shift.place not in places:
            untouched.append(shift)
            continue
        if begins < start:
            pieces.append(_Piece(shift.person, begins, start, shift.place, cut=True))
        if ends > end:
            pieces.append(_Piece(shift.person, end, ends, shift.place, cut=True))
    return [*untouched, *(_explicit(piece, plan) for piece in _joined(pieces))]


def _joined(pieces: list[_Piece]) -> list[_Piece]:
    """Make one shift again of what was cut and what goes on with the same person."""
    joined: list[_Piece] = []
    for piece in sorted(pieces, key=lambda one: (one.place, one.start)):
        last = joined[-1] if joined and joined[-1].place == piece.place else None
        meets = last is not None and (last.person, last.end) == (piece.person, piece.start)
        if last is not None and meets and (last.cut or piece.cut):
            joined[-1] = replace(last, end=piece.end, cut=piece.cut)
        else:
            joined.append(piece)
    return sorted(joined, key=lambda one: one.start)


def _explicit(piece: _Piece, plan: Plan) -> ExplicitShift:
    start, end = (_local(at, plan) for at in (piece.start, piece.end))
    return ExplicitShift(piece.person, start, end, piece.place)


def _minute(at: datetime) -> datetime:
    """Go back to the whole minute: the file has no seconds."""
    return at.replace(second=0, microsecond=0)


def _local(at: datetime, plan: Plan) -> datetime:
    """Turn an instant into a time of the office's clock, as the file has it."""
    zone = plan.office.zone
    local = at.astimezone(zone).replace(tzinfo=None, fold=0)
    if at_local(local, zone) != at:
        raise OfficeLineError(
            f"A shift begins or ends when the clock shows {local:%Y-%m-%d %H:%M} for the second "
            "time that day, which the file cannot say; move it out of that hour."
        )
    return local


def _rewritten(text: str, rota: str, keep: Sequence[bool], added: Sequence[ExplicitShift]) -> str:
    """Take out and add tables of shifts, leaving everything else to the letter."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError
    from tomlkit.items import AoT

    document = tomlkit.parse(text)
    try:
        table: Any = document["rota"][rota]
        shifts: Any = table.get("shifts")
        if shifts is None:
            shifts = table["shifts"] = tomlkit.aot()
        for place in reversed(range(len(keep))):
            if not keep[place]:
                del shifts[place]
        for shift in added:
            entry: Any = tomlkit.table() if isinstance(shifts, AoT) else tomlkit.inline_table()
            entry.add("person", shift.person)
            entry.add("from", f"{shift.start:%Y-%m-%d %H:%M}")
            entry.add("to", f"{shift.end:%Y-%m-%d %H:%M}")
            if shift.place != "oncall":
                entry.add("place", shift.place)
            if isinstance(shifts, AoT) and shift is added[-1]:
                entry.add(tomlkit.nl())  # between tables it puts a line of its own
            shifts.append(entry)
        return tomlkit.dumps(document)
    except (TOMLKitError, KeyError, TypeError, AttributeError) as error:
        raise _layout(rota) from error
