"""The catalog is whole, what it names is there, and each word of `run` is told."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

from tests.faults.__main__ import Row
from tests.faults.catalog import CATALOG, Limit
from tests.support.office_up import ROOT

ROWS = 36  # of the table of faults to survive
SECRET_WORDS = {"help", "-h", "--help"}


def named_in(path: Path) -> set[str]:
    """Name the functions of a file."""
    tree = ast.parse(path.read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {one.name for one in ast.walk(tree) if isinstance(one, functions)}


def test_every_row_is_there_with_tests_that_exist() -> None:
    """Renaming a test must not take a row's proof away."""
    numbers = [fault.number for fault in CATALOG]
    assert numbers == sorted(set(numbers))
    assert set(numbers) >= set(range(1, ROWS + 1))
    for fault in CATALOG:
        assert fault.tests, fault
        for node in fault.tests:
            name, _, function = node.partition("::")
            found = named_in(ROOT / name)
            assert found, node
            assert not function or function in found, node


def test_every_test_of_the_suite_belongs_to_a_row() -> None:
    """A fault that is played is in the table; the catalog and the soak are played elsewhere."""
    named = {node for fault in CATALOG for node in fault.tests}
    for path in sorted((ROOT / "tests" / "faults").glob("test_*.py")):
        if path.name in {"test_catalog.py", "test_soak.py"}:
            continue
        file = path.relative_to(ROOT)
        tests = {one for one in named_in(path) if one.startswith("test_")}
        assert not {f"{file}::{one}" for one in tests} - named


def test_a_limit_is_assessed_by_the_longest_wait() -> None:
    """Too long is no, and so is a promised time that nobody measured."""
    limit = Limit(0.3, "more than alive")
    assert Row(["passed"], [], [0.1, 0.3]).holds(limit)
    assert not Row(["passed"], [], [0.1, 0.31]).holds(limit)
    assert not Row(["passed"], [], []).holds(limit)
    assert Row(["passed"], [], []).holds(None)
    assert not Row(["passed", "failed"], [], [0.1]).holds(limit)
    assert not Row([], [], []).holds(None)


def test_every_word_of_run_is_reported() -> None:
    """Each is explained by `./run help`, and nothing else is."""
    text = (ROOT / "run").read_text()
    cases = text[text.rindex("\ncase $word in") :]
    arms = re.findall(r"^([a-z][a-z -|]*)\)$", cases, re.MULTILINE)
    words = {word for arm in arms for word in arm.split(" | ")} - SECRET_WORDS
    done = subprocess.run([ROOT / "run", "help"], capture_output=True, text=True, check=True)
    reported = re.findall(r"^\./run (\w+)", done.stdout, re.MULTILINE)
    assert len(reported) == len(set(reported))
    assert set(reported) == words


def test_the_soak_in_short_is_played() -> None:
    """`./run long` plays it: it is in no row, and would be in no one's hands."""
    text = (ROOT / "run").read_text()
    (arm,) = re.findall(r"^long\)\n(.*?)^    ;;$", text, re.MULTILINE | re.DOTALL)
    assert "tests/faults/test_soak.py" in arm
