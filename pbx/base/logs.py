"""The log on stderr: only known fields, no phone numbers, no values of variables."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING

# structlog imports rich for a developer's console: 4 MB that a daemon never uses
_spared = "rich" not in sys.modules
if _spared:
    sys.modules["rich"] = None  # type: ignore[assignment]  # as import has it: there is none
try:
    import structlog
finally:
    if _spared:
        del sys.modules["rich"]

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

# Any other field is dropped, so that new code cannot log personal data by accident.
FIELDS = frozenset(
    {
        "event", "level", "timestamp", "exception", "call", "callback", "code", "end", "error",
        "event_name", "limit", "line", "lost", "pause_s", "person", "pid", "plan", "port", "queue",
        "record", "records", "schedule", "script", "since_start", "start", "tries", "waiting",
        "way", "where", "why",
    }
)  # fmt: skip
_NUMBER = re.compile(r"\+?\d{7,}(?!\.\d)")  # not a call's id, which has a point


def configure(*, quiet: bool = False) -> None:
    """Set up logging; `quiet` logs only errors. Tracebacks contain no local variables."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper("iso", utc=True),
            structlog.processors.format_exc_info,
            _known_fields,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.ERROR if quiet else logging.INFO
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _known_fields(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Return the event without unknown fields, and with anything like a phone number masked."""
    kept = {key: value for key, value in event.items() if key in FIELDS}
    return {
        key: _NUMBER.sub(lambda match: f"…{match[0][-4:]}", value)
        if isinstance(value, str) and key not in {"call", "plan", "timestamp"}
        else value
        for key, value in kept.items()
    }
