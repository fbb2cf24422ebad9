"""For all tests: one that is a row of the fault suite says what was seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import structlog
from hypothesis import settings

Saw = Callable[..., None]

# An example that takes long on a busy machine is no fault; the code is the same.
settings.register_profile("officeline", deadline=None)
settings.load_profile("officeline")

# Where rich is there, structlog takes seconds for a traceback with all its variables: in a test
# that breaks the database on purpose nothing else would happen meanwhile. The daemon's are plain.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper("iso"),
        structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        ),
    ]
)


@pytest.fixture
def saw(record_property: Callable[[str, Any], None]) -> Saw:
    """Return what takes down for the table what was seen, and how long a caller waited (s)."""

    def note(text: str, waited_s: float | None = None) -> None:
        record_property("seen", text)
        if waited_s is not None:
            record_property("waited_s", round(waited_s, 2))

    return note
