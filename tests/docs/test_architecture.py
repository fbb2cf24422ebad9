"""docs/architecture.md: what it names is there, and who writes a table is told of each."""

from __future__ import annotations

import re
from pathlib import Path

from sqlmodel import SQLModel

from dialplan.contexts import STATIC
from pbx.db import outbound_tables, shift_tables, tables, trust_tables

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
STORE = (tables, shift_tables, outbound_tables, trust_tables)  # importing fills the metadata


def test_every_path_is_there() -> None:
    """Modules, folders, and the decisions by their numbers."""
    paths = re.findall(r"`((?:pbx|dialplan|routing|asterisk|config|docs)/[\w/.]*|cli\.py)`", TEXT)
    assert len(paths) > 30  # whatever the pattern finds, not none
    assert [one for one in paths if not (ROOT / one).exists()] == []
    for number in re.findall(r"ADR (\d+)", TEXT):
        assert list((ROOT / "docs" / "adr").glob(f"{int(number):04d}-*.md")), number
    found = re.findall(r"`\[(\w+)\]`", TEXT)
    assert [one for one in found if f"\n[{one}]\n" not in STATIC] == []


def test_every_table_has_its_writer() -> None:
    """Each table once; the module that is named speaks of it, or of the class of its rows."""
    rows = re.findall(r"^\| ((?:`\w+` ?)+) \| (.*) \|$", TEXT, re.MULTILINE)
    reported = {table: cell for names, cell in rows for table in re.findall(r"`(\w+)`", names)}
    assert reported.keys() == SQLModel.metadata.tables.keys()
    classes = {
        one.__tablename__: name
        for module in STORE
        for name, one in vars(module).items()
        if isinstance(one, type) and issubclass(one, SQLModel) and one.__module__ == module.__name__
    }
    for table, cell in reported.items():
        for path in re.findall(r"`(pbx/[\w/.]+)`", cell):
            text = (ROOT / path).read_text(encoding="utf-8")
            assert re.search(rf"\b({table}|{classes[table]})\b", text), (table, path)
