"""One way to the database: statements over its tables, each of which one module writes."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from sqlmodel import SQLModel

from pbx.db import outbound_tables, shift_tables, tables, trust_tables

ROOT = Path(__file__).parents[3]
MODELS = {
    name: str(model.__tablename__)
    for module in (tables, outbound_tables, shift_tables, trust_tables)
    for name, model in vars(module).items()
    if isinstance(model, type) and issubclass(model, SQLModel) and hasattr(model, "__table__")
}
# The driver itself, and Asterisk's own database, which is none of ours.
DRIVER = {"pbx/db/driver.py", "pbx/asterisk/engine/astdb.py"}
# What the driver's connections are read by, and why is in their docstrings: before SQLAlchemy is
# imported, and around damage.
DRIVEN = {"pbx/db/overlay.py", "pbx/db/recover_rows.py"}
OPENS = {"pbx/db/database.py"}
WRITES = {"insert", "update", "delete"}
BY_SESSION = {".add", ".add_all", ".delete", ".merge", ".flush", ".commit"}
SUSPECT = {"Session", ".connect", ".exec_driver_sql", ".execute", ".executemany", *BY_SESSION}
MAYBE = re.compile(
    r"sqlite3|sqlalchemy|\.exec|Session\(|ngine\.connect|ession\.(add|delete|merge|flush|commit)"
)
TEXTS = {"sqlalchemy.text", "sqlalchemy.DDL", "sqlalchemy.literal_column"}


@cache
def sources() -> dict[str, str]:
    """Map the product's modules, as paths, to their sources; migrations are made for their time."""
    paths = [*(ROOT / "pbx").rglob("*.py"), ROOT / "cli.py"]
    found = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}
    return {path: text for path, text in found.items() if "/migrations/" not in path}


def imports(tree: ast.AST) -> Iterator[str]:
    """Name what a module imports, as module.name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{one.name}" for one in node.names)


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Give each call with the last word of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node.func.id, node
            elif isinstance(node.func, ast.Attribute):
                yield f".{node.func.attr}", node


def detours(path: str, source: str) -> list[str]:
    """Say how a module goes to the database in any other way than by reading and writing."""
    if not MAYBE.search(source):
        return []
    tree = ast.parse(source)
    names = set(imports(tree))
    found = [f"{name} is for the driver's module" for name in names & {"sqlite3"}]
    found = [] if path in DRIVER else found
    found += [f"{name} is SQL as text" for name in names & TEXTS]
    found += [why for name, call in calls(tree) if (why := detour(path, name, call))]
    return [f"{path}: {why}; use the tables, with `reading` or `writing`" for why in found]


def detour(path: str, name: str, call: ast.Call) -> str | None:
    """Say what is wrong with a call, if anything is."""
    if name not in SUSPECT:
        return None
    of = ast.unparse(call.func).rsplit(".", 1)[0].lower()
    is_text = bool(call.args) and (
        isinstance(call.args[0], ast.JoinedStr)
        or (isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str))
    )
    if path not in OPENS and (name == "Session" or (name == ".connect" and of.endswith("engine"))):
        return "it opens the database itself"
    if path not in DRIVER and name == ".exec_driver_sql":
        return "it calls the driver"
    if of.endswith("session") and name in BY_SESSION:
        return "it writes through a session"
    if path not in DRIVER | DRIVEN and name in {".execute", ".executemany"} and is_text:
        return "it executes SQL as text"
    return None


def table_names(tree: ast.AST) -> dict[str, str]:
    """Map a module's own names for tables to those tables' names in the database."""
    found = dict(MODELS)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        targets, values = node.targets[0], node.value
        pairs = (
            zip(targets.elts, values.elts, strict=False)
            if isinstance(targets, ast.Tuple) and isinstance(values, ast.Tuple)
            else [(targets, values)]
        )
        for target, value in pairs:
            name = named(value, found)
            if name is not None and isinstance(target, ast.Name):
                found[target.id] = name
    return found


def named(node: ast.expr, known: dict[str, str]) -> str | None:
    """Name the table that an expression is: a name, `table_of(Model)` or `Table("name", ...)`."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute) and node.attr == "__table__":
        return named(node.value, known)
    if isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Name):
        first = node.args[0]
        if node.func.id == "table_of":
            return named(first, known)
        if node.func.id == "Table" and isinstance(first, ast.Constant):
            return str(first.value)
    return None


@cache
def written(source: str) -> set[str]:
    """Name the tables that a module writes; one that is not plain counts as all that it names."""
    if not any(f"{word}(" in source for word in WRITES):
        return set()
    tree = ast.parse(source)
    if not any(name.rsplit(".", 1)[-1] in {*WRITES, "table_of"} for name in imports(tree)):
        return set()
    known = table_names(tree)
    own = {known[name] for name in known if name not in MODELS}
    own |= {
        table
        for name, call in calls(tree)
        if name == "table_of" and (table := named(call, known)) is not None
    }
    found = set()
    for name, call in calls(tree):
        if name in WRITES and call.args:
            table = named(call.args[0], known)
            found |= own if table is None else {table}
        elif name.removeprefix(".") in WRITES and isinstance(call.func, ast.Attribute):
            table = named(call.func.value, known)
            found |= set() if table is None else {table}
    return found


def writers(modules: dict[str, str]) -> dict[str, list[str]]:
    """Map tables to the modules that write them."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path, source in modules.items():
        for table in written(source):
            found[table].append(path)
    return dict(found)


def test_everybody_reads_and_writes_in_one_way() -> None:
    """Statements over tables, in a session of `reading` or a connection of `writing`."""
    assert [line for path, source in sources().items() for line in detours(path, source)] == []


def test_each_table_has_one_module_that_writes_it() -> None:
    """Whoever asks how a row came about has one place to look; none is written by nobody."""
    found = writers(sources())
    assert {table: where for table, where in found.items() if len(where) > 1} == {}
    assert set(MODELS.values()) <= set(found)


@pytest.mark.parametrize(
    ("source", "table"),
    [
        ("from sqlalchemy import update\n_M = table_of(Message)\nupdate(_M).values(state='open')",
         "message"),
        ("from sqlalchemy import delete\ndelete(Message)", "message"),
        ("from pbx.db.statements import insert\ninsert(table_of(AuditRow)).values()", "audit"),
        ("from pbx.db.statements import table_of\n_A, _B = Call, table_of(Leg)\n_B.update()",
         "leg"),
        ("from sqlalchemy import delete\n_A = table_of(Attempt)\nfor a in (_A,):\n    delete(a)",
         "attempt"),
    ],
)  # fmt: skip
def test_a_second_writer_is_found(source: str, table: str) -> None:
    """The test above can fail, whatever the second module calls the table."""
    found = writers({**sources(), "pbx/calls/second.py": source})
    assert "pbx/calls/second.py" in found[table]
    assert len(found[table]) > 1


@pytest.mark.parametrize(
    "source",
    [
        "import sqlite3",
        "from sqlalchemy import text",
        "connection.exec_driver_sql('DELETE FROM call')",
        "connection.execute('DELETE FROM call')",
        "connection.execute(f'DELETE FROM {name}')",
        "with self._engine.connect() as connection:\n    pass",
        "with Session(connection) as session:\n    pass",
        "session.add(Message())",
        "session.delete(row)",
    ],
)
def test_a_detour_is_found(source: str) -> None:
    """As is every other way around `reading` and `writing`."""
    assert detours("pbx/calls/second.py", source)
