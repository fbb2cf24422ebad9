"""Find and delete calls, messages and recordings whose retention time is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine

from pbx.calls.record import cdr_forgotten
from pbx.calls.record.reconcile import cdr_path
from pbx.config.home import Home
from pbx.config.schema_retention import RetentionTable
from pbx.db import audit, retention
from pbx.db.upgrade import copies

T = TypeVar("T")
GOES_BACK = timedelta(days=30)  # how long to keep the copy made before an upgrade


@dataclass(frozen=True)
class Old:
    """What may be deleted: the cutoff times, and everything older.

    `recordings` maps messages to existing files; `strays` are files that no message names.
    """

    recordings_before: datetime
    calls_before: datetime
    recordings: dict[str, list[Path]] = field(repr=False)
    strays: list[Path] = field(repr=False)
    messages: list[str] = field(repr=False)
    calls: list[str] = field(repr=False)
    placed: list[int] = field(repr=False)  # calls to patients, which contain their numbers
    copies: list[Path] = field(repr=False)  # of the database, made before upgrades
    records: int  # number of Asterisk's call records

    def counts(self) -> dict[str, int]:
        """Return how many may be deleted, by kind."""
        files = sum(len(paths) for paths in self.recordings.values()) + len(self.strays)
        return {
            "recordings": files,
            "messages": len(self.messages),
            "calls": len(self.calls),
            "placed": len(self.placed),
            "copies": len(self.copies),
            "records": self.records,
        }


def find_expired(engine: Engine, home: Home, table: RetentionTable, now: datetime) -> Old:
    """Find what is past its retention time. Changes nothing."""
    recordings_before, calls_before = before(table.recordings, now), before(table.calls, now)
    goes_back = now - GOES_BACK
    named = retention.message_recordings(engine)
    old = retention.old_messages(engine, recordings_before)
    # a call may be in a message to delete and, with later words, in one to keep
    stay = {one for message in set(named) - set(old) for one in named[message]}
    paths = {
        message: [
            path
            for one in named.get(message, [])
            if one not in stay and (path := home.folder / one).is_file()
        ]
        for message in old
    }
    # delete messages together with their recordings, or these would have no owner
    last = min(recordings_before, calls_before)
    return Old(
        recordings_before,
        calls_before,
        {message: found for message, found in paths.items() if found},
        list(_strays(engine, home, named, recordings_before)),
        retention.old_messages(engine, last),
        retention.old_calls(engine, calls_before, last),
        retention.old_placed(engine, calls_before, last),
        [path for path in copies(home.database) if path.stat().st_mtime < goes_back.timestamp()],
        cdr_forgotten.count(
            cdr_path(home), calls_before, retention.kept_calls(engine, calls_before, last)
        ),
    )


def delete(
    engine: Engine, home: Home, old: Old, *, by: str, now: datetime, say: Callable[[str], None]
) -> dict[str, int]:
    """Delete all this, after recording it in the audit; return how many of each kind."""
    reported = {
        "recordings_before": old.recordings_before.isoformat(timespec="seconds"),
        "calls_before": old.calls_before.isoformat(timespec="seconds"),
    }
    audit.record(engine, "retention.deleted", by=by, now=now, detail=old.counts() | reported)
    done = dict.fromkeys(old.counts(), 0)
    last = min(old.recordings_before, old.calls_before)
    kept = retention.kept_calls(engine, old.calls_before, last)
    done["records"] = cdr_forgotten.forget(cdr_path(home), old.calls_before, kept)
    for ids in _batches(list(old.recordings)):
        for message in retention.note_recordings_gone(engine, ids, old.recordings_before, now):
            done["recordings"] += sum(_unlink(path) for path in old.recordings[message])
    done["recordings"] += sum(_unlink(path) for path in old.strays)
    for ids in _batches(old.calls):
        done["calls"] += retention.delete_calls(engine, ids, old.calls_before, last)
        say(f"{done['calls']} of {len(old.calls)} calls are deleted ...")
    done["copies"] = sum(_unlink(path) for path in old.copies)
    for rows in _batches(old.placed):
        done["placed"] += retention.delete_placed(engine, rows, old.calls_before, last)
    for ids in _batches(old.messages):
        done["messages"] += retention.delete_messages(engine, ids, last)
    return done


def before(kept: str, now: datetime) -> datetime:
    """Return the cutoff time for a retention time of "6 years" or "90 days"."""
    count, unit = kept.split()
    if unit.startswith("day"):
        return now - timedelta(days=int(count))
    try:
        return now.replace(year=now.year - int(count))
    except ValueError:  # February 29
        return now.replace(year=now.year - int(count), day=28)


def _strays(
    engine: Engine, home: Home, named: dict[str, list[str]], at: datetime
) -> Iterator[Path]:
    """Yield old recordings that no message names, for example of calls that were never logged."""
    ours = {home.folder / one for paths in named.values() for one in paths}
    held = retention.held(engine)
    for path in sorted(home.messages.glob("*.wav")):
        kept = path in ours or any(one in path.stem for one in held)
        if not kept and path.stat().st_mtime < at.timestamp():
            yield path


def _batches(ids: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(ids), retention.BATCH):
        yield ids[first : first + retention.BATCH]


def _unlink(path: Path) -> bool:
    """Delete a file; return whether it existed."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
