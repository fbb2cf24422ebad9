"""Sends one push and ends: 0 if the service took it. Address, title and text come by stdin."""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import suppress


def is_service(url: str) -> bool:
    """Tell whether there is a service for this address; nothing is sent."""
    import apprise

    logging.disable()  # what is logged there holds addresses, and secrets in them
    try:
        return apprise.Apprise.instantiate(url, suppress_exceptions=True) is not None
    finally:
        logging.disable(logging.NOTSET)


def main() -> int:
    """Send what stdin holds."""
    with suppress(OSError):  # a unit of systemd's may not let us
        os.nice(10)  # calls come first
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
