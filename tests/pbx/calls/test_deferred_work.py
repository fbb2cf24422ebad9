"""Work that can wait a moment."""

from __future__ import annotations

import asyncio
from functools import partial

from structlog.testing import capture_logs

from pbx.calls.record.deferred_work import DeferredWork


async def test_work_is_done_in_its_order_and_by_itself() -> None:
    """It waits for the pause, not for somebody to ask; then it is all done."""
    done: list[int] = []
    finished = asyncio.Event()
    deferred_work = DeferredWork(0.01)
    deferred_work.later(partial(done.append, 1))
    deferred_work.later(partial(done.append, 2))
    deferred_work.later(finished.set)
    assert done == []
    async with asyncio.timeout(5):
        await finished.wait()
    assert done == [1, 2]


async def test_what_goes_wrong_costs_itself_alone() -> None:
    """Neither the work behind it nor whoever settles is kept from going on; and it is told."""
    done: list[int] = []

    def breaks() -> None:
        raise ValueError("no number")

    deferred_work = DeferredWork()
    deferred_work.later(breaks)
    deferred_work.later(partial(done.append, 2))
    with capture_logs() as said:
        deferred_work.settle()
    assert done == [2]
    assert [one["event"] for one in said] == ["calllog.not_noted"]


async def test_who_must_rely_on_it_has_it_at_once() -> None:
    """Settled early, nothing is done twice, and what comes later waits anew."""
    done: list[int] = []
    finished = asyncio.Event()
    deferred_work = DeferredWork(0.01)
    deferred_work.later(partial(done.append, 1))
    deferred_work.settle()
    assert done == [1]
    deferred_work.later(partial(done.append, 2))
    deferred_work.later(finished.set)
    assert done == [1]
    async with asyncio.timeout(5):
        await finished.wait()
    assert done == [1, 2]
