"""Hostile input for every reader, a few hundred of each kind; `./run bench fuzz` feeds 100,000."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.fuzz import READERS, Reader, changed, measure
from pbx.base.errors import OfficeLineError

EXAMPLES = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # a calendar has its own deadline


@pytest.mark.parametrize("one", READERS, ids=lambda one: one.name)
@EXAMPLES
@given(st.integers(0, 2**64))
def test_a_good_input_made_bad(one: Reader, seed: int) -> None:
    """It is read, or refused with the declared error; `take` raises for anything else."""
    dice = random.Random(seed)  # noqa: S311  # hypothesis chooses the inputs
    one.take(changed(one.seeds, dice))


@pytest.mark.parametrize("one", READERS, ids=lambda one: one.name)
@EXAMPLES
@given(st.binary(max_size=5000))
def test_anything_at_all(one: Reader, data: bytes) -> None:
    """Bytes without any sense, too."""
    one.take(data)


def test_a_crash_is_seen() -> None:
    """A reader that raises something else ends the measurement, and its input is told."""

    def crashes(_data: bytes) -> None:
        raise ValueError("undeclared")

    with pytest.raises(ValueError, match="undeclared") as caught:
        measure(Reader("crashes", (b"x",), crashes), 10)
    assert "crashes, input 0: b" in caught.value.__notes__[0]


def test_an_error_shows_nothing_that_a_terminal_obeys() -> None:
    """Whatever a foreign file held, its sentence is text."""
    error = OfficeLineError("'a\x1b[2J\0\u202eb\r' names nobody;\n  and so on")
    assert str(error) == "'a\ufffd[2J\ufffd\ufffdb\ufffd' names nobody;\n  and so on"
