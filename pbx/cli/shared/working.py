"""What takes longer than a moment says so at a terminal."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator

AFTER_S = 1.0


@contextlib.contextmanager
def working(what: str) -> Iterator[None]:
    """Say on stderr what is being done once it lasts a second; a file is told nothing."""
    if not sys.stderr.isatty():
        yield
        return
    teller = threading.Timer(AFTER_S, sys.stderr.write, [f"{what} ...\n"])
    teller.daemon = True
    teller.start()
    try:
        yield
    finally:
        teller.cancel()
