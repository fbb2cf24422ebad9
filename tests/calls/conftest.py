"""One practice and one phone network per worker, on real Asterisk processes."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from pbx.demo.scenes import SATURDAY, TUESDAY
from pbx.demo.stage import Stage, staged

CONFIG = Path(__file__).parents[2] / "config" / "office.toml"
# What Asterisk may say at ERROR or WARNING while all is well.
EXPECTED = (
    "Abnormal 'Gosub(confirm",  # a phone hung up while it was asked to press 1
)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage() -> AsyncIterator[Stage]:
    """Start the example practice and a phone network around it."""
    with tempfile.TemporaryDirectory(prefix="officeline-calls-") as folder:
        async with staged(Path(folder), CONFIG, TUESDAY) as running:
            yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def walled() -> AsyncIterator[Stage]:
    """Start an office whose phones are at one address, so that a stranger is outside."""
    with tempfile.TemporaryDirectory(prefix="officeline-walled-") as name:
        config = Path(name) / "office.toml"
        text = CONFIG.read_text().replace("[network]", '[network]\nphones = ["127.0.0.3"]')
        config.write_text(text)
        async with staged(Path(name), config, SATURDAY) as stage:
            yield stage


@pytest.fixture(scope="session")
def _numbers() -> Iterator[int]:
    return itertools.count(200)


@pytest.fixture
def caller(_numbers: Iterator[int]) -> str:
    """Return a number that nobody has called from before."""
    return f"+1917555{next(_numbers):04d}"


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def _no_messages_left(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Close the messages that a test leaves open, or people would be called in the next."""
    names = [name for name in ("stage", "practice", "walled") if name in request.fixturenames]
    running: list[Stage] = [request.getfixturevalue(name) for name in names]
    yield
    for one in running:
        await one.settle()


@pytest.fixture(autouse=True)
def _no_complaints(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test during which the office's Asterisk logged an unexpected error.

    The mark `complains` names what a test provokes.
    """
    if "stage" not in request.fixturenames:
        yield
        return
    running: Stage = request.getfixturevalue("stage")
    path = running.home.asterisk / "log" / "messages.log"
    before = path.stat().st_size
    yield
    with path.open() as file:
        file.seek(before)
        lines = [line for line in file if " ERROR[" in line or " WARNING[" in line]
    marks = request.node.iter_markers("complains")
    expected = {*EXPECTED, *(text for mark in marks for text in mark.args)}
    complaints = [line for line in lines if not any(known in line for known in expected)]
    assert not complaints, "".join(complaints)
