"""Show at a terminal that a slow operation is in progress."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator

AFTER_S = 1.0


@contextlib.contextmanager
def working(what: str) -> Iterator[None]:
    """Print on stderr what is being done if it takes over a second; only at a terminal."""
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
