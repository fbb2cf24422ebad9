"""What holds for every test here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Undo what a command does to the log, which is the whole process's."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
