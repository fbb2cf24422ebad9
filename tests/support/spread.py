"""How the tests are spread over the workers: phones beside sums, and a file stays where it began.

A call takes long and costs little; all else is the reverse. Where both went by in one row, the
processors were full first and idle then. A worker goes on with the file that it has, as the
Asterisk of a file's tests starts once per worker, and one that has nothing left helps the largest.
"""

from __future__ import annotations

from collections import Counter

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

CALLS = "tests/calls/"


def sums(worker: str, workers: int) -> bool:
    """Tell whether a worker ("gw0", "gw1", ...) begins with what needs the processor."""
    return int(worker.removeprefix("gw")) < max(1, workers // 3)


class Spread(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Give each worker the kind of test that is its own first, then whatever is left."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(CALLS) else _file(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        self.workqueue.move_to_end(self._next(node), last=False)
        super()._assign_work_unit(node)

    def _next(self, node: WorkerController) -> str:
        calls = not sums(node.gateway.id, self.numnodes)
        own = [one for one in self.workqueue if one.startswith(CALLS) == calls]
        mine: list[str] = own or list(self.workqueue)
        at = {other: _file(list(had)[-1]) for other, had in self.assigned_work.items() if had}
        taken = {file for other, file in at.items() if other is not node}
        left = Counter(map(_file, mine))

        def rank(scope: str) -> tuple[bool, bool, int]:
            file = _file(scope)
            return file == at.get(node), file not in taken, left[file]

        return max(mine, key=rank)


def _file(nodeid: str) -> str:
    return nodeid.split("::", 1)[0]
