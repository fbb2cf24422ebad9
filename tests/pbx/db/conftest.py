"""What holds for the tests of the database's file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.prepared import migrations

THROUGH_MIGRATIONS = {"test_database", "test_refused", "test_upgrade"}


@pytest.fixture(scope="module", autouse=True)
def _migrated(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have each new database go through the migrations where they are what is tested."""
    if request.module.__name__.rpartition(".")[2] not in THROUGH_MIGRATIONS:
        yield
        return
    with migrations():
        yield
