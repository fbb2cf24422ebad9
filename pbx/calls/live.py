"""The plan that runs: the last one applied, with the overrides from the database.

A task checks for changes a few times a second and rebuilds the plan in a thread; until that is
done, calls are answered from the old plan. A plan that cannot be built never goes live.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import structlog

from pbx.base import disk
from pbx.base.errors import ConfigError, OfficeLineError
from pbx.calls import office
from pbx.calls.conversation import Book
from pbx.config import plan, secrets
from pbx.config.home import Home
from pbx.config.secrets import Secrets
from pbx.db import driver, overlay
from routing.model import Plan

EVERY_S = 0.2
KEPT = 32  # recent revisions, so that a call ends with the one that it began with
ASKED_S = 3600.0  # revisions that a call asked for within this time are kept in addition

log = structlog.get_logger()


@dataclass(frozen=True)
class Chosen:
    """The configuration to start with; `text` is the file's text if no plan was ever applied."""

    configuration: plan.Configuration
    text: str | None


def choose(config: Path, home: Home) -> Chosen:
    """Choose what to start with: the newest readable applied plan, else the office's file.

    Raises ConfigError if there is neither. An invalid file is logged as an error, no more.
    """
    file: plan.Configuration | None = None
    text, broken = "", None
    try:
        text = plan.read_text(config)
        file = plan.parse(text, config)
    except ConfigError as error:
        broken = error
    for applied in _applied(home):
        found = _parsed(applied)
        if found is None:
            continue
        if broken is not None:
            log.error("plan.broken", error=str(broken), plan=applied.hash)
        elif applied.text != text:
            log.warning("plan.file_not_applied", plan=applied.hash)
        return Chosen(found, None)
    if file is None:
        raise broken or ConfigError(f"There is no configuration at {config}.")
    return Chosen(file, text)


def _applied(home: Home) -> list[overlay.AppliedText]:
    """List the applied plans; if the database cannot be read (disk full), return the copy."""
    try:
        return overlay.applied_texts(home.database, KEPT)
    except OfficeLineError as error:
        if not home.applied.is_file():
            raise
        why = disk.trouble(home.folder) or str(error)
        log.error("plan.from_copy", why=why)  # noqa: TRY400  # the sentence says it all
        text = home.applied.read_text(encoding="utf-8")
        return [overlay.AppliedText(0, "copy", text)]


def _parsed(applied: overlay.AppliedText) -> plan.Configuration | None:
    """Read an applied plan; if this version cannot, log it and return None."""
    try:
        return plan.parse(applied.text, Path(f"the applied plan {applied.id}"))
    except ConfigError as error:
        log.error("plan.broken", error=str(error), plan=applied.hash)  # noqa: TRY400  # the sentence says it all
        return None


@dataclass(frozen=True)
class _Running:
    """What calls are answered from; always replaced as a whole."""

    plan: Plan
    book: Book


class Shelf(Protocol):
    """Stores revisions on the disk, for the standby and for a daemon that starts during a call."""

    def keep(self, plan: Plan) -> None:
        """Store a revision before any call is answered from it. Blocks; never raises."""
        ...

    def kept(self) -> Iterable[Plan]:
        """Read the stored revisions, which contain no patients. Blocks."""
        ...


class LivePlan:
    """The plan for the next call and recent plans; it is `plan` until `open` reads the database.

    A revision is a plan together with its overrides at one time. Without a `shelf`, revisions
    are only kept in memory.
    """

    def __init__(
        self, plan: Plan, secrets: Secrets, home: Home, shelf: Shelf | None = None
    ) -> None:
        self._shelf = shelf
        self._home = home
        self._bare = plan  # without the overrides from the database
        self._secrets = secrets
        self._overlay = overlay.Overlay()
        self._applied = 0  # the id of the applied plan that was read last
        self._seen: tuple[int, object] | None = None
        self._blind = False
        self._connection: driver.Connection | None = None
        self._recent: OrderedDict[str, Plan] = OrderedDict()  # by revision, newest last
        self._asked: dict[str, float] = {}  # when a call last asked for a revision
        self._take(self._built())

    @property
    def plan(self) -> Plan:
        """Return the plan for the next call."""
        return self._running.plan

    @property
    def book(self) -> Book:
        """Return what Asterisk dials for each person."""
        return self._running.book

    @property
    def secrets(self) -> Secrets:
        """Return the secrets file as last read."""
        return self._secrets

    @property
    def of_late(self) -> tuple[Plan, ...]:
        """Return the plans that ongoing calls may have begun with."""
        return tuple(self._recent.values())

    def by_hash(self, hash_: str) -> Plan | None:
        """Find a recent plan by its revision.

        If the revision is gone, return the same file with today's overrides; None if the file
        is unknown.
        """
        if (found := self._recent.get(hash_)) is not None:
            self._asked[hash_] = time.monotonic()
            return found
        bare, _, laid = hash_.partition("-")
        found = next((one for one in reversed(self._recent.values()) if one.hash == bare), None)
        if hash_ and (laid or found is None):
            log.error("plan.gone", plan=hash_, why=f"{(found or self.plan).revision} is used")
        return found

    def open(self) -> None:
        """Open the existing database and build the plan from it. Blocks."""
        try:
            self._connection = driver.read_only(self._home.database)
            begun_with = overlay.begun_with(self._connection)
        except driver.Error as error:
            raise overlay.unreadable(self._home.database, error) from error
        looked = self._look()
        if self._shelf is not None:
            for one in self._shelf.kept():
                self._take_up(replace(one, patients=self._overlay.patients))
        hashes = {one.hash for one in self._recent.values()}
        for begun in begun_with:
            if begun.hash not in hashes and (known := _parsed(begun)):
                self._take_up(self._overlay.lay(known.plan))
        if looked is not None:
            self._take(replace(looked, book=self._dialed(looked.plan)))

    def close(self) -> None:
        """Close the database."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    async def watch(self) -> None:
        """Check for changes until canceled; each applies from the next call on."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                found = await asyncio.to_thread(self._look)
            except Exception:
                log.exception("plan.not_rebuilt")  # calls use the old plan
                continue
            if found is not None:
                self._take(found)

    def _take_up(self, plan: Plan) -> None:
        """Remember a revision that an ongoing call may have begun with."""
        if plan.revision not in self._recent:
            self._recent[plan.revision] = plan
            self._recent.move_to_end(plan.revision, last=False)
            self._asked[plan.revision] = time.monotonic()

    def _take(self, running: _Running) -> None:
        """Use this from the next call on."""
        self._running = running
        self._recent[running.plan.revision] = running.plan
        self._recent.move_to_end(running.plan.revision)
        since = time.monotonic() - ASKED_S
        for old in list(self._recent)[:-KEPT]:
            if self._asked.get(old, since) <= since:
                del self._recent[old]
                self._asked.pop(old, None)

    def _look(self) -> _Running | None:
        """Rebuild if anything changed; None if nothing did or if it cannot be read now."""
        if self._connection is None:
            return None
        try:
            seen = (driver.revision(self._connection), self._stamp())
            if seen == self._seen:
                return None
            self._read_database(self._connection)
        except driver.Error as error:
            if not self._blind:
                log.error("plan.unwatched", error=str(error))  # noqa: TRY400  # tried again at once
            self._blind = True
            return None
        self._blind = False
        self._seen = seen
        self._read_secrets()
        found = self._built()
        if self._shelf is not None:
            self._shelf.keep(found.plan)
        return found

    def _read_database(self, connection: driver.Connection) -> None:
        """Read the overrides, and the new plan if one was applied."""
        laid = overlay.read(connection)
        if laid.patients == self._overlay.patients:  # keep one copy of a big directory
            laid = replace(laid, patients=self._overlay.patients)
        self._overlay = laid
        newest = overlay.applied(connection)
        if newest is None or newest.id == self._applied:
            return
        if newest.hash != self._bare.hash and (found := _parsed(newest)):
            self._bare = found.plan
            log.info("plan.live", plan=newest.hash)
        self._applied = newest.id

    def _read_secrets(self) -> None:
        """Read the secrets file again; if it cannot be read, keep the old values."""
        if self._stamp() is None:
            return
        try:
            self._secrets = secrets.read(self._home.folder)
        except ConfigError as error:
            log.error("secrets.broken", error=str(error))  # noqa: TRY400  # the sentence says it all

    def _built(self) -> _Running:
        found = self._overlay.lay(self._bare)
        return _Running(found, self._dialed(found))

    def _dialed(self, plan: Plan) -> Book:
        """Return what is dialed for each person of this plan and of the plans of ongoing calls."""
        known = {one.hash: one for one in (*tuple(self._recent.values()), plan)}
        book: dict[str, Mapping[str, str]] = {}
        for one in known.values():
            for who, contacts in office.dial_strings(one, self._secrets).items():
                book[who] = {**book.get(who, {}), **contacts}
        return book

    def _stamp(self) -> object:
        """Return a value that changes whenever the secrets file does; None if there is no file."""
        try:
            found = (self._home.folder / secrets.FILE).stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
