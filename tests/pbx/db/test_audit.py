"""The audit's chain: appended to alone, and any gap in it is found."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from pbx.db import audit
from pbx.db.database import StoreError, changing, open_database, reading

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
COLUMNS = ("seq", "at", "who", "what", "about", "detail", "hash")
TRIGGERS = ("audit_in_order", "audit_never_changed", "audit_never_deleted")
ROWS = 8


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Open a database."""
    engine = open_database(tmp_path / "officeline.db")
    yield engine
    engine.dispose()


def fill(engine: Engine) -> str:
    """Write some rows, and return the chain's head."""
    for count in range(ROWS):
        audit.record(
            engine,
            "plan.applied",
            by="amy",
            now=NOW + timedelta(minutes=count),
            about=count,
            detail={"reason": "storm", "count": count},
        )
    return audit.verify(engine).head


def test_rows_come_back_and_hold(engine: Engine) -> None:
    """In their order, and chosen by time, by who and by what."""
    assert audit.verify(engine) == audit.Verified(True, 0, audit.GENESIS, None)
    audit.record(engine, "plan.applied", by="amy", now=NOW, about=3, detail={"forced": True})
    audit.record(engine, "planet.seen", by="bob", now=NOW + timedelta(hours=1))
    first, second = audit.entries(engine)
    assert (first.seq, first.at, first.who, first.about) == (1, NOW, "amy", "3")
    assert first.detail == {"forced": True}
    assert audit.entries(engine, what="plan") == [first]
    assert audit.entries(engine, what="plan.applied", who="bob") == []
    assert audit.entries(engine, start=NOW + timedelta(minutes=1)) == [second]
    assert audit.entries(engine, until=NOW + timedelta(minutes=1)) == [first]
    found = audit.verify(engine)
    assert (found.ok, found.entries, found.head) == (True, 2, second.hash)


def test_no_number_is_kept(engine: Engine) -> None:
    """Neither in who nor in a reason; an id that looks like one stays."""
    reason = {"reason": "call +1 212 555 0111"}
    audit.record(engine, "x.y", by="212-555-0112", now=NOW, about="1795456091.0", detail=reason)
    (entry,) = audit.entries(engine)
    assert (entry.who, entry.about) == ("…0112", "1795456091.0")
    assert entry.detail == {"reason": "call …0111"}


def test_a_row_goes_with_its_deed(engine: Engine) -> None:
    """What is undone has no row, and no row is written where another process could be first."""
    with contextlib.suppress(RuntimeError), changing(engine) as connection:
        audit.append(connection, "x.y", by="amy", now=NOW)
        raise RuntimeError
    assert audit.verify(engine).entries == 0
    with reading(engine) as session, pytest.raises(ValueError, match="write transaction"):
        audit.append(session.connection(), "x.y", by="amy", now=NOW)


def test_a_row_that_cannot_be_written_is_reported(engine: Engine, tmp_path: Path) -> None:
    """Whoever wanted to do something must not do it then."""
    with closing(sqlite3.connect(tmp_path / "officeline.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked"):
            audit.record(engine, "x.y", by="amy", now=NOW)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET who = 'bob' WHERE seq = 2",
        "UPDATE OR REPLACE audit SET seq = 1 WHERE seq = 2",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE seq = 8",
        "INSERT OR REPLACE INTO audit SELECT seq, at, 'bob', what, about, detail, hash FROM audit",
        "INSERT INTO audit SELECT 0, at, who, what, about, detail, hash FROM audit WHERE seq = 1",
        "INSERT INTO audit SELECT 20, at, who, what, about, detail, hash FROM audit WHERE seq = 1",
        "INSERT INTO audit VALUES (9, 'at', x'00', 'what', 'about', '{}', 'hash')",
    ],
)
def test_sqlite_refuses_to_change_rows(engine: Engine, tmp_path: Path, statement: str) -> None:
    """From any program."""
    fill(engine)
    with (
        closing(sqlite3.connect(tmp_path / "officeline.db")) as other,
        pytest.raises(sqlite3.IntegrityError),
    ):
        other.execute(statement)
    assert audit.verify(engine).ok


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Engine, str]]:
    """Fill a database whose audit has lost its triggers, and keep its head elsewhere."""
    path = tmp_path_factory.mktemp("audit") / "officeline.db"
    engine = open_database(path)
    head = fill(engine)
    with closing(sqlite3.connect(path)) as other:
        for trigger in TRIGGERS:
            other.execute(f"DROP TRIGGER {trigger}")
    yield path, engine, head
    engine.dispose()


EDITS = st.tuples(
    st.just("edit"),
    st.integers(1, ROWS),
    st.sampled_from(COLUMNS[1:]),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20),
)
REMOVALS = st.tuples(st.just("remove"), st.integers(1, ROWS), st.booleans())
RENUMBERINGS = st.tuples(st.just("number"), st.integers(1, ROWS))
INSERTIONS = st.tuples(st.just("insert"), st.integers(1, ROWS), st.integers(1, ROWS))


@settings(deadline=None, max_examples=150)
@given(tampering=EDITS | REMOVALS | INSERTIONS | RENUMBERINGS)
def test_any_gap_is_found(filled: tuple[Path, Engine, str], tampering: tuple[object, ...]) -> None:
    """One edit, removal or insertion anywhere; the end with the head that was kept elsewhere."""
    path, engine, head = filled
    with closing(sqlite3.connect(path)) as other:
        before = other.execute("SELECT * FROM audit ORDER BY seq").fetchall()
        try:
            where = tamper(other, tampering)
            after = other.execute("SELECT * FROM audit ORDER BY seq").fetchall()
            other.commit()
            found = audit.verify(engine, head)
            assert found.ok == (after == before)
            assert found.broken_at == (None if found.ok else where)
        finally:
            other.execute("DELETE FROM audit")
            other.executemany("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)", before)
            other.commit()


def tamper(other: sqlite3.Connection, tampering: tuple[object, ...]) -> object:
    """Edit, remove or insert a row, and say where."""
    match tampering:
        case "edit", seq, column, value:
            other.execute(f"UPDATE audit SET {column} = ? WHERE seq = ?", (value, seq))  # noqa: S608  # our own names
            return seq
        case "number", seq:
            other.execute("UPDATE audit SET seq = 100 WHERE seq = ?", (seq,))
            return seq
        case "remove", seq, closed:
            other.execute("DELETE FROM audit WHERE seq = ?", (seq,))
            if closed:  # the gap is closed, too
                shift(other, int(str(seq)), -1)
            return seq
        case "insert", seq, copied:
            row = other.execute("SELECT * FROM audit WHERE seq = ?", (copied,)).fetchone()
            shift(other, int(str(seq)) - 1, 1)
            other.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)", (seq, *row[1:]))
            return int(str(seq)) + (seq == copied)  # a copy of itself: the next one is wrong
    raise AssertionError(tampering)


def shift(other: sqlite3.Connection, after: int, by: int) -> None:
    """Number the rows after one anew."""
    other.execute("UPDATE audit SET seq = -seq WHERE seq > ?", (after,))
    other.execute("UPDATE audit SET seq = -seq + ? WHERE seq < 0", (by,))


def test_a_cut_end_shows_by_the_head_alone(filled: tuple[Path, Engine, str]) -> None:
    """Without it the rest is a chain like any other; an older head is still in it."""
    path, engine, head = filled
    with closing(sqlite3.connect(path)) as other:
        before = other.execute("SELECT * FROM audit ORDER BY seq").fetchall()
        other.execute("DELETE FROM audit WHERE seq > 5")
        other.commit()
        assert audit.verify(engine).ok
        assert audit.verify(engine, before[3][-1]).ok
        assert audit.verify(engine, head).broken_at == 6  # the first that is gone
        other.executemany("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)", before[5:])
        other.commit()


def test_two_processes_cannot_fork_the_chain(engine: Engine, tmp_path: Path) -> None:
    """Whoever writes has read the last row while nobody else could write."""
    script = (
        "import sys; from pathlib import Path; from datetime import datetime, UTC;"
        "from pbx.db.database import open_database; from pbx.db import audit;"
        "engine = open_database(Path(sys.argv[1]));"
        "[audit.record(engine, 'x.y', by=sys.argv[2], now=datetime.now(UTC)) for _ in range(40)]"
    )
    path = str(tmp_path / "officeline.db")
    writers = [
        subprocess.Popen([sys.executable, "-c", script, path, name], cwd=Path(__file__).parents[3])
        for name in ("amy", "bob")
    ]
    assert [one.wait(60) for one in writers] == [0, 0]
    found = audit.verify(engine)
    assert (found.ok, found.entries) == (True, 80)
    assert {one.who for one in audit.entries(engine)} == {"amy", "bob"}
