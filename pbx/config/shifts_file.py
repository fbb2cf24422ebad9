"""Write explicit shifts into office.toml without changing anything else, comments included."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pbx.config import plan as plan_files
from pbx.config.table_lists import append_tables, list_of, rewritten
from routing.instants import at_local
from routing.model import ExplicitShift, Place, Plan
from routing.spans import STANDARD

if TYPE_CHECKING:
    from pbx.config.ics.reader import ImportedShift


@dataclass(frozen=True)
class ShiftEntry:
    """A shift in the file, and the feed that added it; None if it was written by hand."""

    shift: ExplicitShift
    feed: str | None = None

    @property
    def key(self) -> tuple[tuple[str, str], ...]:
        """Return a key to compare two; needed as a time and its repeat at night compare equal."""
        return tuple(_values(self).items())


@dataclass(frozen=True)
class CalendarFeed:
    """The calendar that shifts come from; an import replaces the shifts of the import before.

    Programs often publish one calendar per person under the same name. Unless this calendar is the
    `whole` feed, only shifts of people who are in it are replaced.
    """

    name: str
    whole: bool = True


ONLY = CalendarFeed("calendar")


@dataclass(frozen=True)
class Edit:
    """The file's new text, and the shifts that were added and removed."""

    text: str
    added: tuple[ShiftEntry, ...]
    removed: tuple[ShiftEntry, ...]


def edit(
    text: str,
    name: Path,
    schedule: str,
    imported: Sequence[ImportedShift],
    span: tuple[datetime, datetime],
    feed: CalendarFeed = ONLY,
) -> Edit:
    """Replace a feed's shifts within a span by those just imported.

    A shift that crosses the edge of the span is cut there. A shift whose place does not occur in
    the import stays (see `routing.model.Schedule`). Shifts from other feeds or written by hand
    stay too, except where the import has somebody else in the same place: there the import wins.
    The new text is checked: as a plan, it differs only in these shifts. Raises OfficeLineError if
    the file cannot be edited that way.
    """
    before = plan_files.parse(text, name)
    shifts = before.plan.schedules[schedule].shifts
    old = [
        ShiftEntry(*one) for one in zip(shifts, _feeds(text, schedule, len(shifts)), strict=True)
    ]
    wanted = _wanted(before.plan, old, imported, span, feed)
    known, meant = {one.key for one in old}, {one.key for one in wanted}
    added = tuple(one for one in wanted if one.key not in known)
    removed = tuple(one for one in old if one.key not in meant)
    if not added and not removed:
        return Edit(text, (), ())
    kept = tuple(one.shift for one in old if one.key in meant)
    shifts = (*kept, *(one.shift for one in added))
    schedules = {**before.plan.schedules}
    schedules[schedule] = replace(schedules[schedule], shifts=shifts)

    def change(document: Any) -> None:
        tables = list_of(document["schedule"][schedule], "shifts")
        for place in reversed(range(len(old))):
            if old[place].key not in meant:
                del tables[place]
        append_tables(tables, [_values(one) for one in added])

    changed, _ = rewritten(
        text,
        change,
        replace(before, plan=replace(before.plan, schedules=schedules)),
        f"This command cannot edit the shifts of [schedule.{schedule}] because of their layout. "
        f"Write them as [[schedule.{schedule}.shifts]] tables below the schedule.",
    )
    return Edit(changed, added, removed)


@dataclass(frozen=True)
class _Piece:
    """A shift between two instants; `cut` if it is the rest of a shift from the file."""

    person: str
    start: datetime
    end: datetime
    place: Place
    feed: str | None
    cut: bool

    def without(self, start: datetime, end: datetime) -> list[_Piece]:
        """Return the parts of it that are outside of [start, end)."""
        left = [
            replace(self, end=min(self.end, start), cut=True),
            replace(self, start=max(self.start, end), cut=True),
        ]
        return [one for one in left if one.start < one.end]

    def meets(self, other: _Piece) -> bool:
        """Tell whether both overlap in time and have the same place."""
        at_once = self.start < other.end and other.start < self.end
        return at_once and self.place == other.place


def _wanted(
    plan: Plan,
    old: Sequence[ShiftEntry],
    imported: Sequence[ImportedShift],
    span: tuple[datetime, datetime],
    feed: CalendarFeed,
) -> list[ShiftEntry]:
    """List the shifts that the file should have: the unchanged ones first, then the others."""
    zone = plan.office.zone
    fresh = [
        _Piece(one.person, _minute(one.start), _minute(one.end), one.place, feed.name, cut=False)
        for one in imported
        if _minute(one.start) < _minute(one.end)
    ]
    people, places = {one.person for one in imported}, {one.place for one in imported}
    untouched: list[ShiftEntry] = []
    pieces: list[_Piece] = []
    for entry in old:
        shift = entry.shift
        times = at_local(shift.start, zone), at_local(shift.end, zone)
        known = _Piece(shift.person, *times, shift.place, entry.feed, cut=False)
        ours = entry.feed == feed.name and (feed.whole or shift.person in people)
        if known.end <= span[0] or known.start >= span[1]:
            left = None
        elif ours and (shift.place in places or not places):
            left = known.without(*span)
        else:
            fresh = [one for one in fresh if not _has(known, one)]
            left = _beside(known, fresh)
        if left is None:
            untouched.append(entry)
        else:
            pieces += left
    return [*untouched, *(_entry(piece, plan) for piece in _joined([*pieces, *fresh]))]


def _has(known: _Piece, one: _Piece) -> bool:
    """Tell whether a shift that stays already covers an imported one."""
    alike = (known.person, known.place) == (one.person, one.place)
    return alike and known.start <= one.start and one.end <= known.end


def _beside(known: _Piece, fresh: Sequence[_Piece]) -> list[_Piece] | None:
    """Return the parts of a shift that imported ones leave; None if all of it.

    Shifts with the place "beside" replace nothing, as several people may have that place.
    """
    left = [known]
    for one in fresh:
        if one.place != "beside":
            left = [part for each in left for part in _less(each, one)]
    return None if left == [known] else left


def _less(piece: _Piece, one: _Piece) -> list[_Piece]:
    return piece.without(one.start, one.end) if piece.meets(one) else [piece]


def _joined(pieces: list[_Piece]) -> list[_Piece]:
    """Merge cut shifts with the next one if it continues with the same person."""
    joined: list[_Piece] = []
    for piece in sorted(pieces, key=lambda one: (one.place, one.start)):
        last = joined[-1] if joined else None
        if last is not None and (last.cut or piece.cut) and _goes_on(last, piece):
            joined[-1] = replace(last, end=piece.end, cut=piece.cut)
        else:
            joined.append(piece)
    return sorted(joined, key=lambda one: one.start)


def _goes_on(last: _Piece, piece: _Piece) -> bool:
    one = (last.person, last.place, last.feed, last.end)
    return one == (piece.person, piece.place, piece.feed, piece.start)


def _entry(piece: _Piece, plan: Plan) -> ShiftEntry:
    times = _local(piece.start, plan), _local(piece.end, plan)
    return ShiftEntry(ExplicitShift(piece.person, *times, piece.place), piece.feed)


def _minute(at: datetime) -> datetime:
    """Round down to the minute, because the file has no seconds."""
    return at.replace(second=0, microsecond=0)


def _local(at: datetime, plan: Plan) -> datetime:
    """Convert an instant to the office's local time, as written in the file."""
    zone = plan.office.zone
    local = at.astimezone(zone).replace(tzinfo=None)
    first = local.replace(fold=0)
    return first if at_local(first, zone) == at else local


def written(local: datetime) -> str:
    """Return a local time as text for the file; one that repeats as clocks go back is marked."""
    return f"{local:%Y-%m-%d %H:%M}" + (STANDARD if local.fold else "")


def _feeds(text: str, schedule: str, count: int) -> list[str | None]:
    """List the feed of each of a schedule's shifts, in order."""
    table = tomllib.loads(text)["schedule"][schedule]
    found = [one.get("feed") for one in table.get("shifts", [])]
    return found if len(found) == count else [None] * count


def _values(entry: ShiftEntry) -> dict[str, str]:
    """Return a shift as the keys and values of its table."""
    shift = entry.shift
    values = {
        "person": shift.person,
        "from": written(shift.start),
        "to": written(shift.end),
    }
    if shift.place != "oncall":
        values["place"] = shift.place
    if entry.feed is not None:
        values["feed"] = entry.feed
    return values
