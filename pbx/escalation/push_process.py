"""Send one push, with address, title and text from stdin; exit 0 if the service accepted it."""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import suppress


def is_service(url: str) -> bool:
    """Return whether there is a service for this address; send nothing."""
    import apprise

    logging.disable()  # the library logs addresses, which contain secrets
    try:
        return apprise.Apprise.instantiate(url, suppress_exceptions=True) is not None
    finally:
        logging.disable(logging.NOTSET)


def main() -> int:
    """Send the push that stdin describes; return the exit code."""
    with suppress(OSError):  # a systemd unit may forbid it
        os.nice(10)  # calls have priority
    logging.disable()
    import apprise

    url, title, body = json.load(sys.stdin)
    service = apprise.Apprise()
    took = service.add(url) and service.notify(
        body, title=title, notify_type=apprise.NotifyType.WARNING
    )
    return 0 if took else 1


if __name__ == "__main__":
    sys.exit(main())
