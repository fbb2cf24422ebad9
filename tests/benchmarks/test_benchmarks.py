"""The benchmarks: each runs at a tiny size and writes its JSON; nothing here looks at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.measured import Report, percentile, ratio, taking_turns

ROOT = Path(__file__).parents[2]
TINY = {
    "pdd": ("--calls", "2", "--paced", "3", "--greetings", "2"),
    "failover": ("--calls", "2", "--slow", "1"),
    "calls": ("--seconds", "1", "--least", "20", "--most", "20"),
    "footprint": ("--calls", "10", "--rate", "5"),
    "log": ("--most", "300", "--events", "1000"),
    "escalation": ("--most", "1", "--timers", "30"),
    "cli": ("--rounds", "1"),
    "routing": (),
}


@pytest.mark.long
@pytest.mark.parametrize("name", TINY)
def test_it_runs(name: str, tmp_path: Path) -> None:
    """It prints a table, and holds its figures against what is to be reached; 1: not reached."""
    kept = tmp_path / "found.json"
    words = (sys.executable, "-m", f"benchmarks.{name}", *TINY[name], "--json", str(kept))
    done = subprocess.run(words, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode in {0, 1}, done.stderr
    assert kept.exists(), done.stderr
    found = json.loads(kept.read_text())
    assert found["benchmark"] == name
    assert {"date", "python", "asterisk", "processors"} <= set(found)
    assert found["goals"]
    assert (done.returncode == 0) == all(goal["reached"] for goal in found["goals"])
    assert "| --" in done.stdout


def test_works_take_turns() -> None:
    """Each is called once a round, and over the rounds each follows every other, itself too."""
    order: list[str] = []

    def work(name: str) -> float:
        order.append(name)
        return len(order)

    found = taking_turns({one: partial(work, one) for one in "abc"}, rounds=40, warm_up=2)
    rounds = [order[at : at + 3] for at in range(0, len(order), 3)]
    assert len(rounds) == 42
    assert {"".join(sorted(one)) for one in rounds} == {"abc"}
    assert {"".join(pair) for pair in pairwise(order)} == {a + b for a in "abc" for b in "abc"}
    assert found["a"] == [3 * at + one.index("a") + 1 for at, one in enumerate(rounds) if at >= 2]


def test_a_percentile_is_a_value_that_occurred() -> None:
    """By nearest rank; a single value is all of them."""
    values = [float(one) for one in range(100, 0, -1)]
    assert [percentile(values, rank) for rank in (50, 90, 99, 100)] == [50, 90, 99, 100]
    assert [percentile([7.0], rank) for rank in (0, 50, 99)] == [7, 7, 7]


def test_a_ratio_tells_how_noisy_it_is() -> None:
    """Drift of the machine cancels in its parts; a route that differs in one part shows there."""
    drifting = [float(one) for one in range(1, 51)]
    even = ratio([2 * one for one in drifting], drifting)
    assert even == {"p50": 2, "p99": 2, "low": 2, "high": 2}
    odd = ratio([3 * one if one > 40 else 2 * one for one in drifting], drifting)
    assert (odd["low"], odd["high"]) == (2, 3)


def test_a_goal_that_is_missed_fails(tmp_path: Path) -> None:
    """The JSON is written all the same."""
    report = Report("some", {"figure": 3})
    report.at_most("met", 1, 1)
    report.at_most("missed", 1.1, 1)
    with pytest.raises(SystemExit) as ended:
        report.finish(tmp_path / "some.json")
    assert ended.value.code == 1
    found = json.loads((tmp_path / "some.json").read_text())
    assert [goal["reached"] for goal in found["goals"]] == [True, False]
    assert found["figure"] == 3
