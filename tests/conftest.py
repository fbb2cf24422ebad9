"""For all tests: one that is a row of the fault suite says what was seen."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from tests.support.prepared import prepare
from tests.support.spread import Spread, sums

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


def pytest_configure() -> None:
    """Let phones go before sums where both want a processor."""
    if (worker := os.environ.get("PYTEST_XDIST_WORKER")) is not None:
        workers = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        os.nice(5 if sums(worker, workers) else 0)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Spread the tests as they need the processor."""
    return Spread(config, log)


@pytest.fixture(scope="session", autouse=True)
def _prepared() -> Iterator[None]:
    """Do once what else nearly every test would do again."""
    with pytest.MonkeyPatch.context() as patch:
        prepare(patch)
        yield


@pytest.fixture
def saw(record_property: Callable[[str, Any], None]) -> Saw:
    """Return what takes down for the table what was seen, and how long a caller waited (s)."""

    def note(text: str, waited_s: float | None = None) -> None:
        record_property("seen", text)
        if waited_s is not None:
            record_property("waited_s", round(waited_s, 2))

    return note
