"""Percentiles by nearest rank, so that each is a value that really occurred."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Histogram = Mapping[int, int]  # value (whole seconds or a count) to how often it occurred

RANKS = (50, 90, 95, 99)


@dataclass(frozen=True)
class Spread:
    """The distribution of values: `mean`, percentiles and `most` are None without values."""

    count: int
    mean: float | None
    p50: int | None
    p90: int | None
    p95: int | None
    p99: int | None
    most: int | None


def spread(found: Histogram) -> Spread:
    """Return a histogram's percentiles: the least value with that percentage at or below it."""
    count = sum(found.values())
    if not count:
        return Spread(0, None, None, None, None, None, None)
    wanted = [-(-count * rank // 100) for rank in RANKS]
    values: list[int] = []
    passed = 0
    for value in sorted(found):
        passed += found[value]
        while len(values) < len(wanted) and passed >= wanted[len(values)]:
            values.append(value)
    mean = sum(value * times for value, times in found.items()) / count
    p50, p90, p95, p99 = values
    return Spread(count, round(mean, 1), p50, p90, p95, p99, max(found))


def within(found: Histogram, limit: int) -> int:
    """Return how many values are at most the limit."""
    return sum(times for value, times in found.items() if value <= limit)


def add_up(some: Iterable[Histogram]) -> Histogram:
    """Return the sum of the histograms."""
    total: Counter[int] = Counter()
    for one in some:
        total.update(one)
    return total
