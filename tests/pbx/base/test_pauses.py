"""Pauses between tries: each twice the one before, up to the longest."""

from __future__ import annotations

from pbx.base.pauses import Pauses


def test_pauses_grow_and_begin_again() -> None:
    """What goes on failing is tried less and less often; a success forgets that."""
    pauses = Pauses(0.5, 3.0)
    assert [pauses.take() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert pauses.taken == 5
    pauses.reset()
    assert pauses.taken == 0
    assert (pauses.pause, pauses.take(), pauses.take()) == (0.5, 0.5, 1.0)
