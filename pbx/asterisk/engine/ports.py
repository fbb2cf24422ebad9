"""Allocate blocks of ports so that offices on the same machine never share one."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pbx.base.errors import EngineError

FIRST, LAST, SIZE = 20000, 31900, 100  # below Linux's ephemeral range, which begins at 32768


@dataclass(frozen=True)
class Ports:
    """Port numbers of one Asterisk and its daemon; the RTP range includes both ends."""

    sip: int
    ami: int
    agi: int
    rtp_first: int
    rtp_last: int
    tls: int = 0  # SIP over TLS; 0 in files written before TLS was supported

    @classmethod
    def of_block(cls, base: int) -> Self:
        """Return the ports of a block of 100: four from `base` for control, RTP from +10."""
        return cls(base, base + 1, base + 2, base + 10, base + SIZE - 1, base + 3)


class PortBlock:
    """A block of 100 ports, reserved with a file lock until `release`.

    The lock keeps two OfficeLine processes from choosing the same block before they bind its
    ports. A test bind shows whether another program already uses a port.
    """

    def __init__(self, ports: Ports, lock: int) -> None:
        self.ports = ports
        self._lock = lock

    @classmethod
    def take(cls, folder: Path | None = None, host: str = "127.0.0.1") -> Self:
        """Reserve the first block that is free on `host`; raise EngineError if there is none.

        `folder` holds the file locks (default: a folder in the system's temporary folder).
        """
        folder = folder or _locks()
        for base in range(FIRST, LAST + 1, SIZE):
            lock = _lock(folder, base)
            if lock is None:
                continue
            ports = Ports.of_block(base)
            control = (ports.ami, ports.agi)
            if is_free(ports.sip, host) and all(is_free(port) for port in control):
                return cls(ports, lock)
            os.close(lock)
        raise EngineError(
            f"No free block of {SIZE} ports between {FIRST} and {LAST} is left on this machine; "
            "stop another office or name the ports in [network]."
        )

    @classmethod
    def again(cls, ports: Ports, folder: Path | None = None) -> Self | None:
        """Reserve the block an office had before; None if it is locked or not a valid block."""
        base = ports.ami - 1
        if not FIRST <= base <= LAST or (base - FIRST) % SIZE:
            return None
        lock = _lock(folder or _locks(), base)
        return None if lock is None else cls(Ports.of_block(base), lock)

    def release(self) -> None:
        """Release the block; calling this twice is harmless."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _locks() -> Path:
    folder = Path(tempfile.gettempdir()) / f"officeline-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _lock(folder: Path, base: int) -> int | None:
    """Lock a block and return the file descriptor; None if another process holds the lock."""
    lock = os.open(folder / str(base), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether this port is free on `host` for both UDP and TCP."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:  # a server can bind a port that is in TIME_WAIT
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                    raise
                return False
    return True
