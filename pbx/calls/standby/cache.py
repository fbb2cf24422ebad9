"""The files that the standby answers from: recent plans and dial strings.

The control layer replaces each file as a whole. From the secrets file they contain only the
numbers that Asterisk dials anyway, and about patients only the facts that rules need, no names.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from pbx.base import files
from pbx.base.phone_numbers import shown_number
from pbx.calls.conversation import Book
from pbx.calls.record import json_codec as plain
from routing.model import Patient, Plan, together

LIVE, PATIENTS, RECENT = "live.json", "patients.json", "recent.json"
MODE = 0o640  # only Asterisk's group may read

_REVISION = re.compile(r"[\w-]+")


@dataclass(frozen=True)
class CachedPlans:
    """The plans as last written; raises OSError or ValueError if they cannot be read."""

    folder: Path
    shown: str | None  # the caller's number as the carrier sent it
    caller: str | None = field(init=False)
    plan: Plan = field(init=False)
    book: Book = field(init=False)

    def __post_init__(self) -> None:
        live = json.loads((self.folder / LIVE).read_bytes())
        object.__setattr__(self, "book", live["book"])
        plan = self._read(live["plan"])
        object.__setattr__(self, "caller", shown_number(self.shown or "", plan.office.country))
        object.__setattr__(self, "plan", replace(plan, patients=self._patients))

    def by_hash(self, hash_: str) -> Plan | None:
        """Find a recent plan by its revision; if it is gone, return the same file's newest plan."""
        if hash_ == self.plan.revision:
            return self.plan
        try:
            return replace(self._read(hash_), patients=self._patients)
        except (OSError, ValueError, TypeError):
            return self.plan if hash_.partition("-")[0] == self.plan.hash else None

    def _read(self, revision: str) -> Plan:
        if not _REVISION.fullmatch(revision):
            raise ValueError("no plan's name")
        return _read(self.folder / _name(revision))

    def recent(self, since: datetime) -> list[tuple[str, str, datetime]]:
        """List this caller's recent calls as (caller, call id, time); empty without a file."""
        try:
            rows = json.loads((self.folder / RECENT).read_bytes())
        except (OSError, ValueError):
            return []
        found = [(call, datetime.fromisoformat(at)) for call, at in rows.get(self.caller, ())]
        return [(self.caller or "", call, at) for call, at in found if at >= since]

    @cached_property
    def _patients(self) -> dict[str, Patient]:
        """Look up the caller alone, so that no other patient is loaded."""
        if self.caller is None:
            return {}
        found = json.loads((self.folder / PATIENTS).read_bytes()).get(self.caller)
        if found is None:
            return {}
        patients = [Patient(id_, "", panel, frozenset(flags)) for id_, panel, flags in found]
        return {self.caller: together(patients)}


Unnamed = tuple[str, str | None, list[str]]  # (a patient's id, panel, flags)


class Cache:
    """Writes what has changed; `gid` is Asterisk's group (None: our own). All methods block."""

    def __init__(self, folder: Path, gid: int | None) -> None:
        self._folder = folder
        self._gid = gid
        self._written: set[str] = set()  # revisions
        self._newest = ""  # may not be live yet
        self._live: tuple[str, Book] | None = None
        self._patients: Mapping[str, Patient] | None = None

    def keep(self, plan: Plan) -> None:
        """Store the revision that goes live next. Raises OSError."""
        self._keep(plan)
        self._newest = plan.revision

    def _keep(self, plan: Plan) -> None:
        """Store one revision, without patients."""
        if plan.revision not in self._written:
            text = json.dumps(plain.encode(replace(plan, patients={})))
            self._replace(_name(plan.revision), text)
            self._written.add(plan.revision)

    def write(self, plan: Plan, book: Book, late: Iterable[Plan]) -> None:
        """Update the files, the plan for the next call last; after OSError the old ones remain."""
        if plan.patients is not self._patients:
            rows = {
                number: [[one.id, one.panel, sorted(one.flags)] for one in found.everyone]
                for number, found in plan.patients.items()
            }
            self._replace(PATIENTS, json.dumps(rows))
            self._patients = plan.patients
        wanted = {one.revision: one for one in (*late, plan)}
        for one in wanted.values():
            self._keep(one)
        if (plan.revision, book) != self._live:
            self._replace(LIVE, json.dumps({"plan": plan.revision, "book": book}))
            self._live = (plan.revision, book)
        self._prune(wanted)

    def write_recent(self, calls: Iterable[tuple[str, str, datetime]]) -> None:
        """Store recent calls as (caller, call id, time)."""
        rows: dict[str, list[tuple[str, str]]] = {}
        for caller, call, at in calls:
            rows.setdefault(caller, []).append((call, at.isoformat()))
        self._replace(RECENT, json.dumps(rows))

    def _replace(self, name: str, text: str) -> None:
        path = self._folder / name
        files.replace(path, text, MODE)
        if self._gid is not None:
            os.chown(path, -1, self._gid)

    def _prune(self, wanted: Mapping[str, Plan]) -> None:
        kept = {_name(revision) for revision in (*wanted, self._newest)}
        for path in self._folder.glob(_name("*")):
            if path.name not in kept:
                path.unlink(missing_ok=True)
                self._written.discard(path.stem.partition("-")[2])


def kept_revisions(folder: Path) -> list[Plan]:
    """Read all revisions in a folder, newest first; skip files that are not plans."""
    found = []
    for path in sorted(folder.glob(_name("*")), key=lambda one: one.stat().st_mtime, reverse=True):
        try:
            found.append(_read(path))
        except (OSError, ValueError, TypeError):  # written by another version
            continue
    return found


def _read(path: Path) -> Plan:
    plan = plain.decode(json.loads(path.read_bytes()))
    if not isinstance(plan, Plan):
        raise TypeError("no plan")
    return plan


def _name(revision: str) -> str:
    return f"plan-{revision}.json"
