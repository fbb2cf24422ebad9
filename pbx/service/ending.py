"""End the processes of an office from another process, except those that systemd started.

A process is opened as a pidfd before it is checked, so that no other process that gets its number
can be ended by mistake.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pbx.asterisk.engine.process import STOP_DEADLINE, running_in
from pbx.base.errors import EngineError
from pbx.base.watchdog import SOCKET
from pbx.config.home import Home
from pbx.service.only_one import END_S, holder

GONE_S = END_S + STOP_DEADLINE + 15.0  # time for `up` to end its control layer and Asterisk
UNIT = re.compile(r"/([\w@.:-]+)\.service$", re.MULTILINE)
UP = "'officeline up'"
OURS = {"officeline", "officeline-asterisk"}


@dataclass(frozen=True)
class Part:
    """A process of the office: its number, its pidfd, and what it is."""

    pid: int
    handle: int
    what: str


@contextlib.contextmanager
def running_parts(home: Home) -> Iterator[list[Part]]:
    """Find a home's processes in the order in which to end them; EngineError if one is not ours."""
    found: list[Part] = []
    try:
        for lock, what in ((home.running, UP), (home.serving, "The control layer")):
            if (pid := holder(lock)) is not None:
                found.append(_part(pid, lock, what, home))
        if not any(part.what == UP for part in found):  # left over from an `up` that was killed
            found += [
                Part(pid, os.pidfd_open(pid), "Asterisk") for pid in running_in(home.asterisk)
            ]
        yield found
    finally:
        for part in found:
            os.close(part.handle)


def end_processes(found: list[Part]) -> None:
    """Ask each to end and wait until it has; EngineError names one that does not."""
    for part in found:
        with contextlib.suppress(ProcessLookupError):  # the previous one has ended it
            try:
                signal.pidfd_send_signal(part.handle, signal.SIGTERM)
            except PermissionError as error:
                raise _foreign(part.pid, part.what) from error
        gone = select.poll()
        gone.register(part.handle, select.POLLIN)
        if not gone.poll(GONE_S * 1000):
            raise EngineError(
                f"{part.what} (process {part.pid}) has not ended after "
                f"{GONE_S:.0f} s; kill it with 'kill -9 {part.pid}'; the next 'officeline up' "
                "cleans up after it."
            )


def unheard(count: int) -> str | None:
    """Say how many urgent messages are not followed up while nothing runs; None if none is open."""
    if not count:
        return None
    those = "1 urgent message is open" if count == 1 else f"{count} urgent messages are open"
    return (
        f"{those}, and nobody is called about {'it' if count == 1 else 'them'} until "
        "'officeline up' runs again; 'officeline inbox list' shows them."
    )


def unit_of(pid: int, home: Home) -> str | None:
    """Return the systemd unit of a process; None if a person started it."""
    process = Path(f"/proc/{pid}")
    try:
        found = UNIT.search((process / "cgroup").read_text(encoding="utf-8"))
    except OSError:
        found = None
    unit = found[1] if found else "officeline"
    if found and unit in OURS:
        return unit
    try:
        words = (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return None
    reported = dict(word.partition(b"=")[::2] for word in words)
    notified = reported.get(SOCKET.encode(), b"")
    is_main = reported.get(b"SYSTEMD_EXEC_PID") == str(pid).encode()
    return unit if is_main or notified not in {b"", os.fsencode(home.watchdog)} else None


def _part(pid: int, lock: Path, what: str, home: Home) -> Part:
    """Open the process that holds a file lock; EngineError if it is systemd's or not visible."""
    if not pid:
        raise EngineError(f"{what} on {home.folder} is just starting; try again in a moment.")
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError as error:
        raise _elsewhere(what, home) from error
    try:
        _refuse_foreign(pid, lock, what, home)
    except BaseException:
        os.close(handle)
        raise
    return Part(pid, handle, what)


def _refuse_foreign(pid: int, lock: Path, what: str, home: Home) -> None:
    """Raise EngineError for a process that systemd would restart or that we cannot reach."""
    unit = unit_of(pid, home)
    if unit is not None:
        units = "officeline officeline-asterisk" if unit in OURS else unit
        raise EngineError(
            f"systemd runs the office on {home.folder}, and would restart what this command "
            f"stops; stop it with 'systemctl stop {units}'."
        )
    if not _has_open(pid, lock, what):
        raise _elsewhere(what, home)


def _has_open(pid: int, lock: Path, what: str) -> bool:
    """Return whether a process has a file open; a number from another container is wrong here."""
    wanted = lock.stat()
    try:
        for opened in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(opened.stat(), wanted):
                    return True
    except PermissionError as error:
        raise _foreign(pid, what) from error
    except FileNotFoundError:
        return False
    return False


def _foreign(pid: int, what: str) -> EngineError:
    return EngineError(
        f"{what} (process {pid}) belongs to another user; run this command "
        "as that user, or with sudo."
    )


def _elsewhere(what: str, home: Home) -> EngineError:
    return EngineError(
        f"{what} on {home.folder} runs where this command cannot see it, such "
        "as in another container; stop it there."
    )
