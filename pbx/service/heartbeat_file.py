"""The daemon's heartbeat file, which it keeps locked and updates at each heartbeat.

The file lock shows at once whether the daemon runs, even after a crash; the content shows whether
Asterisk answered the last heartbeat.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import dataclass
from datetime import datetime

import structlog

from pbx.config.home import Home

TRIES, PAUSE_S = 20, 0.05  # a reader holds the lock briefly
LARGEST = 500  # bytes

log = structlog.get_logger()


@dataclass(frozen=True)
class LastHeartbeat:
    """The file's content: when a heartbeat last arrived, and whether the newest one did.

    Both are None before the first heartbeat.
    """

    runs: bool
    heartbeat_at: datetime | None = None
    came: bool | None = None


class HeartbeatFile:
    """The daemon's side of the file. All methods block."""

    def __init__(self, home: Home) -> None:
        self._path = home.heartbeat
        self._handle: int | None = None
        self._last: datetime | None = None

    def open(self) -> None:
        """Take the lock; if that fails, log it and run anyway."""
        try:
            handle = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            log.warning("heartbeat_file.unlocked", error=error.strerror)
            return
        for _ in range(TRIES):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(PAUSE_S)
                continue
            os.truncate(handle, 0)
            self._handle = handle
            return
        os.close(handle)
        log.warning("heartbeat_file.unlocked", error="another daemon holds it")

    def beat(self, now: datetime, *, came: bool) -> None:
        """Write whether a heartbeat arrived."""
        if self._handle is None:
            return
        self._last = now if came else self._last
        reported = {"heartbeat_at": self._last and self._last.isoformat(), "came": came}
        # one write, so that a reader never sees half of it
        os.pwrite(self._handle, json.dumps(reported).ljust(LARGEST).encode(), 0)

    def close(self) -> None:
        """Release the lock."""
        if self._handle is not None:
            os.close(self._handle)
        self._handle = None


def read_heartbeat(home: Home) -> LastHeartbeat:
    """Return whether a daemon runs on this home, and its last heartbeat."""
    try:
        handle = os.open(home.heartbeat, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return LastHeartbeat(runs=False)
    try:
        reported = os.pread(handle, LARGEST, 0)
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(reported)
    else:
        return _read(reported, runs=False)
    finally:
        os.close(handle)


def _read(reported: bytes, *, runs: bool = True) -> LastHeartbeat:
    try:
        found = json.loads(reported)
        at = found["heartbeat_at"]
        return LastHeartbeat(
            runs, None if at is None else datetime.fromisoformat(at), bool(found["came"])
        )
    except (ValueError, TypeError, KeyError):  # no heartbeat yet
        return LastHeartbeat(runs)
