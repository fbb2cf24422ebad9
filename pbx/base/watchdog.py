"""The control layer's sign of life: told after each heartbeat, heard by whoever runs it.

The words are systemd's (sd_notify), so that `officeline up` and a unit with WatchdogSec can listen
alike: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
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
    """Tell whoever started us; nobody may listen, and nothing waits for them."""
    address = os.environ.get(SOCKET, "")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.setblocking(False)
        out.sendto("\n".join(words).encode(), address.replace("@", "\0", 1))


class Watchdog:
    """Listens on a socket of its own; hands on what it hears to whoever started us."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.served = False  # whether it ever was ready
        self._ready = False
        self._last = 0.0
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        path.chmod(0o600)
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._hear)

    def begin(self) -> dict[str, str]:
        """Forget the last process, and return the environment of the next."""
        self._ready = False
        return {**os.environ, SOCKET: str(self.path)}

    def silent(self, seconds: float) -> bool:
        """Tell whether a process that was ready has been silent for so long."""
        return self._ready and asyncio.get_running_loop().time() - self._last > seconds

    def close(self) -> None:
        """Listen no more."""
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
