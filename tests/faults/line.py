"""One office under a fault: real processes, a patient on the phone, and the oracle at the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pbx.asterisk.engine import runtime
from pbx.base.errors import OfficeLineError
from pbx.db import messages
from pbx.db.calls import CallRow, list_calls
from pbx.db.database import open_database
from pbx.demo.carrier.handset import PhoneCall, Script
from pbx.demo.scenes import BACK_LINE, patient, physician
from pbx.demo.stage import MOBILES, TONES
from tests.faults import oracle
from tests.faults.oracle import DEADLINE
from tests.support.office_up import ROOT, Up, office_up, until

SABOTAGE = Path(__file__).parent / "sabotage"


@dataclass
class Line:
    """A running office, the calls that were placed, and what the table shall say."""

    up: Up
    fault: Path  # what the control layer reads at each question: see `sabotage/sitecustomize.py`
    calls: list[PhoneCall] = field(default_factory=list)
    waited_s: list[float] = field(default_factory=list)
    dialed_at: float = 0.0

    async def dials(self, did: str, script: Script, caller: str = "+19175550170") -> PhoneCall:
        """Let a patient call."""
        self.dialed_at = time.monotonic()
        call = await self.up.carrier.dials(did, caller=caller, script=script)
        self.calls.append(call)
        return call

    async def rings(self, *numbers: str) -> PhoneCall:
        """Wait until one of these phones (any mobile) rings; note how long the caller waited."""
        waits = [
            asyncio.create_task(self.up.carrier.rings(one, DEADLINE))
            for one in numbers or MOBILES.values()
        ]
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        phone = done.pop().result()
        self.waited_s.append((phone.rang_at or time.monotonic()) - self.dialed_at)
        return phone

    def answered(self) -> None:
        """Have each physician pick up, press 1, and talk for two seconds."""
        for person, number in MOBILES.items():
            self.up.carrier.answers(number, physician(person, talk=4))

    async def reaches(self, caller: str) -> None:
        """Call the back line; a physician is reached."""
        self.answered()
        call = await self.dials(BACK_LINE, patient(at_most=8), caller)
        await self.rings()
        await call.ended(DEADLINE)
        assert self.reached(call)

    def reached(self, call: PhoneCall) -> list[str]:
        """Name the physicians whom a patient heard."""
        return [person for person, tone in TONES.items() if call.heard_tone(tone)]

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send the control layer a signal."""
        os.kill(self.up.daemon_pid(), number)

    @contextlib.contextmanager
    def nobody_restarts(self) -> Iterator[None]:
        """Hold the supervisor, so that it cannot bring the control layer back."""
        os.kill(self.up.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.up.process.pid, signal.SIGCONT)

    async def console(self, text: str) -> str:
        """Say one line to the office's Asterisk."""
        process = await asyncio.create_subprocess_exec(
            *runtime.require().command,
            *("-C", str(self.up.home.asterisk / "etc" / "asterisk.conf"), "-rx", text),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        out, _ = await process.communicate()
        return out.decode()

    async def holds(self, *, serving: bool = True) -> list[CallRow]:
        """Judge all calls by the oracle; return them as the log has them, the oldest first."""
        await asyncio.gather(*(call.ended(DEADLINE) for call in self.calls))
        if serving:
            await self._serves()
        await oracle.no_channel_is_left(self.console)
        callers = (call.number for call in self.calls)
        oracle.dialed_nobody_else(self.up.carrier, *callers)
        return [await self._logged(call.number) for call in self.calls]

    async def _serves(self) -> None:
        def alive() -> bool:
            try:
                return self.up.daemon_pid() > 0
            except AssertionError:
                return False

        await until(alive)

    async def _logged(self, caller: str) -> CallRow:
        """Wait until a caller's newest call has its outcome, and judge it."""
        row: CallRow | None = None
        async with asyncio.timeout(DEADLINE):
            while row is None or row.outcome is None:
                await asyncio.sleep(0.2)
                row = await asyncio.to_thread(self._newest, caller)
        await asyncio.to_thread(oracle.ends_well, row, self.up.home.database)
        return row

    async def accepted(self, call: PhoneCall) -> None:
        """Wait until the log knows that somebody pressed 1 for a caller."""
        async with asyncio.timeout(DEADLINE):
            while (row := await asyncio.to_thread(self._newest, call.number)) is None or (
                row.acknowledged_at is None
            ):
                await asyncio.sleep(0.1)

    def _newest(self, caller: str) -> CallRow | None:
        with contextlib.suppress(OfficeLineError):
            engine = open_database(self.up.home.database)
            try:
                return next((row for row in list_calls(engine) if row.caller == caller), None)
            finally:
                engine.dispose()
        return None

    def leave_message(self, *, due_in_s: float) -> str:
        """Open an urgent message whose follow-up begins so soon, and return its id; blocking."""
        engine, at = open_database(self.up.home.database), datetime.now(UTC)
        try:
            return messages.open_message(
                engine,
                message_id="left",
                call="left",
                at=at,
                urgency="urgent",
                callback_number="+19175550161",
                recording=None,
                due_at=at + timedelta(seconds=due_in_s),
            )
        finally:
            engine.dispose()

    def open_messages(self) -> list[messages.MessageRow]:
        """List the messages that are not closed; blocking."""
        engine = open_database(self.up.home.database)
        try:
            return messages.list_open(engine)
        finally:
            engine.dispose()


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int, inodes: int = 0) -> Iterator[None]:
    """Mount a small file system of its own on a folder, which needs root; 0: none.

    `inodes` are how many files it takes, if there is a limit.
    """
    if not megabytes:
        yield
        return
    folder.mkdir()
    size = f"size={megabytes}m,nr_inodes={inodes}"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip("no file system of its own can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def read_only(database: Path) -> Iterator[None]:
    """Let nobody write a database, root and whoever has it open already included."""
    parts = [str(one) for one in database.parent.glob(f"{database.name}*")]
    done = subprocess.run(["chattr", "+i", *parts], check=False, capture_output=True)
    try:
        if done.returncode:
            pytest.skip("files cannot be made immutable here")
        yield
    finally:
        subprocess.run(["chattr", "-i", *parts], check=not done.returncode, capture_output=True)


@contextlib.asynccontextmanager
async def line_up(
    *,
    closed: bool = False,
    edit: Callable[[str], str] = str,
    disk_mb: int = 0,
    inodes: int = 0,
    rtp: tuple[int, int] | None = None,
    prefix: tuple[str, ...] = (),
    mqtt: str = "",
) -> AsyncIterator[Line]:
    """Run an office that can be sabotaged; `edit` changes its file before the start.

    With `disk_mb` its home is on a disk of its own, of so many megabytes; `rtp` is the carrier's,
    `prefix` the words that run `officeline up`, and `mqtt` the broker's password.
    """
    with (
        tempfile.TemporaryDirectory(prefix="officeline-fault-") as name,
        small_disk(Path(name) / "home", disk_mb, inodes),
    ):
        fault = Path(name) / "fault"
        path = f"{SABOTAGE}:{ROOT}"
        env = {**os.environ, "PYTHONPATH": path, "OFFICELINE_TEST_FAULT": str(fault)}
        async with office_up(
            Path(name), closed=closed, env=env, edit=edit, rtp=rtp, prefix=prefix, mqtt=mqtt
        ) as up:
            await up.prepared()
            line = Line(up, fault)
            line.answered()
            yield line
