"""Percentiles by nearest rank."""

from __future__ import annotations

from collections import Counter
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from pbx.base.percentiles import Spread, add_up, spread, within


def test_of_one_to_a_hundred_they_are_their_own_names() -> None:
    """The definition, where anybody can count."""
    assert spread(dict.fromkeys(range(1, 101), 1)) == Spread(100, 50.5, 50, 90, 95, 99, 100)


def test_of_nothing_there_are_none() -> None:
    """No zero that would look like a fast answer."""
    assert spread({}) == Spread(0, None, None, None, None, None, None)


@given(st.lists(st.integers(0, 500), min_size=1))
def test_each_is_the_value_at_its_rank(values: list[int]) -> None:
    """As sorting all of them would find it."""
    found = spread(Counter(values))
    ranked = sorted(values)
    wanted = [ranked[ceil(len(values) * rank / 100) - 1] for rank in (50, 90, 95, 99)]
    assert [found.p50, found.p90, found.p95, found.p99] == wanted
    assert (found.count, found.most) == (len(values), max(values))


def test_a_limit_is_within_and_histograms_add_up() -> None:
    """A call that was answered after 30 s was answered within 30 s."""
    both = add_up([{29: 1, 30: 2}, {30: 1, 31: 4}])
    assert within(both, 30) == 4
    assert sum(both.values()) == 8
