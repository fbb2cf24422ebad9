"""The control layer's watchdog: it notifies the process that started it after each heartbeat.

It uses systemd's protocol (sd_notify), so that both `officeline up` and a unit with WatchdogSec can
listen: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from pathlib import Path

READY, ALIVE = "READY=1", "WATCHDOG=1"
SOCKET = "NOTIFY_SOCKET"


def tell(*words: str) -> None:
    """Notify the process that started us, without waiting; nobody needs to listen."""
    address = os.environ.get(SOCKET, "")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.setblocking(False)
        out.sendto("\n".join(words).encode(), address.replace("@", "\0", 1))


class Watchdog:
    """Listens on its own socket, and forwards messages to the process that started us."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.served = False  # whether the process was ever ready
        self._ready = False
        self._last = 0.0
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        path.chmod(0o600)
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._hear)

    def begin(self) -> dict[str, str]:
        """Forget the last process, and return the environment for the next one."""
        self._ready = False
        return {**os.environ, SOCKET: str(self.path)}

    def silent(self, seconds: float) -> bool:
        """Return whether a process that was ready has been silent for this long."""
        return self._ready and asyncio.get_running_loop().time() - self._last > seconds

    def close(self) -> None:
        """Stop listening and close the socket."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self.path.unlink(missing_ok=True)

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while words := self._socket.recv(4096).decode(errors="replace").split("\n"):
                self._last = asyncio.get_running_loop().time()
                if READY in words:
                    self._ready = self.served = True
                tell(*words)
