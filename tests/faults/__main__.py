"""Play the catalog, or some rows of it, and print the table: `./run faults [NUMBER ...]`.

With `--write FILE` the table is written there too, with the date and the machine. Times are judged
here and not in the tests: the longest wait of a row's tests, by the limit that the row promises.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.faults.catalog import CATALOG, Fault, Limit


@dataclass
class Row:
    """What was seen of one fault."""

    outcomes: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    waited_s: list[float] = field(default_factory=list)

    def holds(self, limit: Limit | None) -> bool:
        """Tell whether every test passed, there was one, and nobody waited longer than promised.

        Where a time is promised, one must have been measured.
        """
        passed = bool(self.outcomes) and set(self.outcomes) == {"passed"}
        return passed and (limit is None or (bool(self.waited_s) and self.longest_s <= limit.s))

    @property
    def longest_s(self) -> float:
        """The longest wait of all the tests."""
        return max(self.waited_s)


class Table:
    """A pytest plugin that sorts what tests say into the rows."""

    def __init__(self, faults: list[Fault]) -> None:
        self.rows: dict[int, Row] = defaultdict(Row)
        self._faults = faults

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a test's end."""
        if report.when != "call" and report.passed:
            return
        for fault in self._faults:
            if any(_is_of(report.nodeid, test) for test in fault.tests):
                row = self.rows[fault.number]
                row.outcomes.append(report.outcome)
                for name, value in report.user_properties if report.when == "call" else ():
                    if name == "seen":
                        row.seen.append(str(value))
                    elif name == "waited_s" and isinstance(value, float):
                        row.waited_s.append(value)

    def holds(self, fault: Fault) -> bool:
        """Tell whether a row holds."""
        return self.rows[fault.number].holds(fault.limit)

    def lines(self) -> list[str]:
        """Write the table in Markdown."""
        heads = ("#", "fault", "expected", "seen", "waited", "at most", "holds")
        found = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
        for fault in self._faults:
            row = self.rows[fault.number]
            count = f"{row.outcomes.count('passed')} of {len(row.outcomes)} tests"
            seen = "; ".join(dict.fromkeys(row.seen)) or count
            waited = f"{row.longest_s:.2f} s" if row.waited_s else ""
            limit = f"{fault.limit.s:g} s {fault.limit.counted}" if fault.limit else ""
            holds = "yes" if self.holds(fault) else "NO"
            cells = (str(fault.number), f"{fault.fault} ({fault.how})", fault.expected)
            found.append(f"| {' | '.join((*cells, seen, waited, limit, holds))} |")
        held = sum(self.holds(fault) for fault in self._faults)
        found.append(f"\n{held} of {len(self._faults)} faults had the expected result.")
        return found


READERS = """\
For IT people and engineers. After reading you know which failures OfficeLine was tested with, what
a caller notices of each, and whether the result was the expected one."""


def _is_of(node: str, test: str) -> bool:
    return node == test or node.startswith((f"{test}::", f"{test}["))


def main() -> int:
    """Play the rows; exit 1 if one of them does not hold."""
    parser = argparse.ArgumentParser(prog="./run faults", description="Play faults.")
    parser.add_argument("number", type=int, nargs="*", help="of the catalog; else all")
    parser.add_argument("--write", type=Path, help="a file for the table")
    wanted = parser.parse_args()
    faults = [one for one in CATALOG if not wanted.number or one.number in wanted.number]
    if not faults:
        parser.error(f"there are faults 1 to {CATALOG[-1].number}")
    table = Table(faults)
    nodes = list(dict.fromkeys(test for fault in faults for test in fault.tests))
    # one after the other: how long a caller waits is measured, too
    pytest.main(["-q", "-m", "", "-p", "no:xdist", *nodes], plugins=[table])
    lines = table.lines()
    sys.stdout.write("\n".join(["", *lines, ""]))
    if wanted.write:
        python = platform.python_version()
        machine = f"{os.cpu_count()} processors, {platform.system()}, Python {python}"
        now = datetime.now(UTC)
        played = f"Played on {now:%B} {now.day}, {now.year} with {machine}; `./run faults`."
        head = f"# Failures that were tested\n\n{READERS}\n\n{played}\n\n"
        wanted.write.write_text(head + "\n".join([*lines, ""]), encoding="utf-8")
    return 0 if all(table.holds(fault) for fault in faults) else 1


if __name__ == "__main__":
    sys.exit(main())
