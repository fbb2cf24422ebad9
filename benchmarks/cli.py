"""How long each command takes to begin, and the reading ones to answer, as a person waits for it.

Each is a process of its own; the floor is the interpreter that imports typer alone. Beginning is
`--help`, which imports all that a command's module needs at once; answering is over an empty home.
`python -m benchmarks.cli [--rounds N]`
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from time import perf_counter

import typer

import cli
from benchmarks.measured import Report, options, ratio, spread, table, taking_turns
from pbx.asterisk.engine import runtime
from pbx.config.home import Home
from pbx.db.database import open_database

ROUNDS = 7
FLOOR = "python, typer alone"
ONCALL_NOW_S = 0.4
READING = (
    ("oncall", "now"),
    ("hours", "now"),
    ("check",),
    ("explain", "--did", "+12125550100"),
    ("calls", "list"),
    ("inbox", "list"),
    ("people", "list"),
    ("report", "day"),
    ("reconcile",),
    ("audit", "verify"),
)


def every_command() -> list[tuple[str, ...]]:
    """List the words of each command that there is."""
    found: list[tuple[str, ...]] = []
    root = typer.main.get_command(cli.app)
    context = typer.Context(root)
    for name in root.list_commands(context):  # type: ignore[attr-defined]
        command = root.get_command(context, name)  # type: ignore[attr-defined]
        if hasattr(command, "list_commands"):
            below = command.list_commands(typer.Context(command))
            found += [(name, one) for one in below]
        else:
            found.append((name,))
    return found


def process(code: tuple[str, ...]) -> float:
    """Run Python with these words; return its seconds. An answer of no is an answer."""
    began = perf_counter()
    done = subprocess.run([sys.executable, *code], check=False, capture_output=True)
    if done.returncode > 1:
        raise SystemExit(f"{' '.join(code)}: {done.stderr.decode()}")
    return perf_counter() - began


def main() -> None:
    """Measure, print, write the JSON; exit 1 past the target."""
    given = options(__doc__, rounds=ROUNDS)
    with tempfile.TemporaryDirectory(prefix="officeline-bench-") as name:
        home = Home(Path(name) / "home")
        home.prepare(runtime.service_user())
        open_database(home.database).dispose()
        begins = ("-m", "cli", "--config", "config/office.toml", "--home", str(home.folder))
        works = {FLOOR: partial(process, ("-c", "import typer"))}
        for words in every_command():
            works[f"{' '.join(words)} --help"] = partial(process, (*begins, *words, "--help"))
        for words in READING:
            works[" ".join(words)] = partial(process, (*begins, *words))
        found = taking_turns(works, given.rounds, 1)
    report, rows = Report("cli"), []
    for what, seconds in sorted(found.items(), key=lambda item: spread(item[1])["p50"]):
        figures, floor = spread(seconds), ratio(seconds, found[FLOOR])
        report.figures[what] = {"s": figures, "to_floor": floor["p50"]}
        rows.append((what, figures["p50"], figures["most"], floor["p50"]))
    table(("command", "p50 s", "most s", "x floor"), rows)
    report.at_most("oncall now, s", report.figures["oncall now"]["s"]["p50"], ONCALL_NOW_S)
    report.finish(given.json)


if __name__ == "__main__":
    main()
