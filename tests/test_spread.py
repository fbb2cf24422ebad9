"""The tests are spread over the workers as they need the processor."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from tests.support.spread import Spread, sums

CALLS = [f"tests/calls/test_{name}.py::test_{place}" for name in "ab" for place in range(3)]
FILES = ["tests/pbx/test_c.py", "tests/pbx/test_d.py"]


@dataclass(eq=False)
class Worker:
    """A worker as the scheduler knows it."""

    gateway: SimpleNamespace

    def send_runtest_some(self, _indices: list[int]) -> None:
        """Take a part of the work."""


@pytest.mark.parametrize(("workers", "those"), [(6, 2), (4, 1), (2, 1), (1, 1)])
def test_a_third_of_the_workers_begins_with_sums(workers: int, those: int) -> None:
    """And at least one, so that none of the two waits for the other."""
    assert sum(sums(f"gw{place}", workers) for place in range(workers)) == those


def test_a_worker_stays_with_its_file_and_helps_the_other_then() -> None:
    """Calls are handed out one by one, all else by the file."""
    spread = Spread.__new__(Spread)
    spread.numnodes = 3
    first, second, third = (Worker(SimpleNamespace(id=f"gw{place}")) for place in range(3))
    units = {one: {f"{one}::test": False} for one in FILES} | {one: {one: False} for one in CALLS}
    spread.workqueue = OrderedDict(units)
    tests = [test for unit in units.values() for test in unit]
    spread.assigned_work = {one: {} for one in (first, second, third)}
    spread.registered_collections = dict.fromkeys((first, second, third), tests)
    for worker in (first, second, third, second, third, first, first):
        spread._assign_work_unit(worker)  # noqa: SLF001  # what the scheduler calls
    had = {one.gateway.id: list(work) for one, work in spread.assigned_work.items()}
    assert had == {
        "gw0": [*FILES, CALLS[2]],
        "gw1": CALLS[0:2],
        "gw2": CALLS[3:5],
    }
