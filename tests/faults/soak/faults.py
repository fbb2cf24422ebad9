"""The faults of a soak, each played on the running office and ended again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from tests.faults.line import Line
from tests.faults.soak.plan import Fault
from tests.support.office_up import until


@dataclass
class Faults:
    """Plays faults, one at a time; says what the trunk says and when there was no Asterisk.

    `blind` holds spans of monotonic seconds in which a caller could reach nothing of ours.
    """

    line: Line
    trunk_says: int | None = None
    blind: list[tuple[float, float]] = field(default_factory=list)
    played: list[Fault] = field(default_factory=list)

    async def play(self, fault: Fault) -> None:
        """Play one, and return when it is over."""
        async with self._lasting(fault):
            await asyncio.sleep(fault.lasts)
        self.played.append(fault)

    @contextlib.asynccontextmanager
    async def _lasting(self, fault: Fault) -> AsyncIterator[None]:
        match fault.kind:
            case "kill":
                self._signal(signal.SIGKILL)
                yield
            case "stop":
                with self._stopped(self._daemon()):
                    yield
            case "asterisk stands":
                with self._stopped(self._asterisk()):
                    yield
            case "asterisk dies":
                await self._asterisk_dies()
                yield
            case "ami kick":
                await self._kick()
                yield
            case "database locked":
                with self._locked():
                    yield
            case "trunk errs":
                self.trunk_says = fault.status
                yield
                self.trunk_says = None
            case _:
                words = f"slow {fault.lasts:.1f}" if fault.kind == "slow" else fault.kind
                self.line.fault.write_text(words)
                yield
                self.line.fault.unlink()

    def _daemon(self) -> int | None:
        try:
            return self.line.up.daemon_pid()
        except AssertionError:
            return None  # an earlier fault ended it, and it is being started

    def _asterisk(self) -> int | None:
        try:
            text = (self.line.up.home.asterisk / "run" / "asterisk.pid").read_text()
            return int(text)
        except (OSError, ValueError):
            return None

    def _signal(self, number: signal.Signals) -> None:
        pid = self._daemon()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    @contextlib.contextmanager
    def _stopped(self, pid: int | None) -> Iterator[None]:
        with contextlib.suppress(ProcessLookupError):
            if pid is not None:
                os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                if pid is not None:
                    os.kill(pid, signal.SIGCONT)

    async def _asterisk_dies(self) -> None:
        pid = self._asterisk()
        if pid is None:
            return
        connected = self.line.up.reported("ami.connected")
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        await until(lambda: self.line.up.reported("ami.connected") > connected)
        self.blind.append((began, time.monotonic()))

    async def _kick(self) -> None:
        sessions = (await self.line.console("manager show connected")).splitlines()
        for line in sessions:
            if line.startswith("  officeline"):
                await self.line.console(f"manager kick session {line.split()[4]}")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with closing(
            sqlite3.connect(self.line.up.home.database, isolation_level=None, timeout=2)
        ) as other:
            with contextlib.suppress(sqlite3.OperationalError):  # somebody writes just now
                other.execute("BEGIN EXCLUSIVE")
            yield
            if other.in_transaction:
                other.execute("ROLLBACK")
