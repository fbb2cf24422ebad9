"""File locks for what only one process of a home may do, and the end of a leftover process.

A file lock ends with its process, even after a crash; the file contains the process id.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import structlog

from pbx.base.errors import EngineError
from pbx.base.watchdog import SOCKET
from pbx.config.home import Home

TRIES, PAUSE_S = 20, 0.05  # a reader holds the lock briefly
END_S = 15.0  # time for a control layer to write what is queued and end
KILLED_S = 5.0  # time for the kernel to remove a killed process
WORDS = 20  # bytes of a process id

log = structlog.get_logger()


@contextlib.contextmanager
def asterisk_of(home: Home) -> Iterator[None]:
    """Be the only process that runs Asterisk on this home; EngineError names another one."""
    with _held(home.running, f"OfficeLine is already running on {home.folder}"):
        yield


@contextlib.contextmanager
def control_layer_of(home: Home) -> Iterator[None]:
    """Be the only control layer of this home; EngineError names another one."""
    with _held(home.serving, f"A control layer is already running on {home.folder}"):
        yield


def holder(lock: Path) -> int | None:
    """Return the process id of a lock's holder: 0 if unknown, None if nobody holds it."""
    try:
        handle = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        words = os.pread(handle, WORDS, 0).split()
        return int(words[0]) if words and words[0].isdigit() else 0
    else:
        return None
    finally:
        os.close(handle)


async def end_survivor(home: Home) -> None:
    """End a control layer whose 'officeline up' was killed; EngineError if others started it.

    Otherwise both would call people.
    """
    pid = holder(home.serving)
    if pid is None:
        return
    if not _was_begun_by_up(pid, home):
        raise EngineError(_refusal(f"A control layer is already running on {home.folder}", pid))
    log.warning("daemon.leftover_ended", pid=pid)
    for number, seconds in ((signal.SIGTERM, END_S), (signal.SIGKILL, KILLED_S)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        async for _ in _for(seconds):
            if holder(home.serving) != pid:
                return
    raise EngineError(
        f"The control layer of an earlier run on {home.folder} (process {pid}) does not end; "
        "end it and try again."
    )


@contextlib.contextmanager
def _held(lock: Path, taken: str) -> Iterator[None]:
    """Hold a lock, with our process id in its file; EngineError if it is taken."""
    handle = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        for _ in range(TRIES):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(PAUSE_S)
        else:
            raise EngineError(_refusal(taken, holder(lock) or 0))
        # one write of fixed length, so that a reader never sees half of it
        os.pwrite(handle, str(os.getpid()).ljust(WORDS).encode(), 0)
        yield
    finally:
        os.close(handle)


def _refusal(taken: str, pid: int) -> str:
    who = f" (process {pid})" if pid else ""
    return f"{taken}{who}; stop it, or use another --home."


def _was_begun_by_up(pid: int, home: Home) -> bool:
    """Return whether a process is a control layer that 'officeline up' started on this home.

    We must not end one that systemd or a person started.
    """
    try:
        process = Path(f"/proc/{pid}")
        words = (process / "cmdline").read_bytes().split(b"\0")
        environment = (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"serve" in words and os.fsencode(f"{SOCKET}={home.watchdog}") in environment


async def _for(seconds: float) -> AsyncIterator[None]:
    """Yield repeatedly until the time has passed."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        yield
        await asyncio.sleep(PAUSE_S)
