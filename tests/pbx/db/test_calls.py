"""Reading the log: filters, and their cost at a hundred thousand calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from pbx.db import messages
from pbx.db.calls import get_call, list_calls
from pbx.db.database import StoreError, open_database, writing
from pbx.db.tables import utc_text
from pbx.db.writer import mark_interrupted

CALLS = 100_000
T0 = datetime(2026, 1, 1, tzinfo=UTC)
LINES = ("main", "backline")
OUTCOMES = ("connected", "message", "abandoned", "blocked", "failsafe", "interrupted")


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Seed calls, one a minute, each with a leg, a decision, an event; every tenth a message."""
    engine = open_database(tmp_path_factory.mktemp("seeded") / "officeline.db")
    rows = [
        {
            "call": f"{number}.0",
            "at": utc_text(T0 + timedelta(minutes=number)),
            "line": LINES[number % 2],
            "o": OUTCOMES[number % 7] if number % 7 < 6 else None,
        }
        for number in range(CALLS)
    ]
    parts = (
        "INSERT INTO call (id, line, started_at, did, outcome) VALUES (:call, :line, :at, '', :o)",
        "INSERT INTO leg (call, channel, person, started_at) VALUES (:call, :call, 'lee', :at)",
        "INSERT INTO decision VALUES (:call, 1, :at, 'ring', '', NULL, '[]', '{}')",
        "INSERT INTO event (call, at, what, detail) VALUES (:call, :at, 'turn', '{}')",
    )
    message = (
        "INSERT INTO message (id, call, opened_at, state, urgency, flags) "
        "VALUES (:call, :call, :at, 'closed', 'routine', '[]')"
    )
    with writing(engine) as connection:
        for part in parts:
            connection.execute(text(part), rows)
        connection.execute(text(message), rows[::10])
    yield engine
    engine.dispose()


def plans(engine: Engine, act: Callable[[], object]) -> list[str]:
    """Run something and return how SQLite would find the rows of each of its statements."""
    asked: list[tuple[str, Any]] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        asked.append((statement, parameters))

    act()
    event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        return [
            str(row.detail)
            for statement, parameters in asked
            if statement.lstrip().startswith(("SELECT", "UPDATE"))
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]


FILTERS: list[dict[str, Any]] = [
    {},
    {"since": T0 + timedelta(days=3)},
    {"since": T0 + timedelta(days=3), "until": T0 + timedelta(days=4)},
    {"line": "main"},
    {"outcome": "failsafe"},
    {"line": "main", "outcome": "message", "until": T0 + timedelta(days=9)},
    {"line": "no such line"},
]


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_a_list_walks_an_index_in_order(seeded: Engine, filters: dict[str, Any]) -> None:
    """No list reads the whole table or sorts, whatever it asks for."""
    found = plans(seeded, lambda: list_calls(seeded, **filters))
    assert len(found) == 1
    assert "USING INDEX call_by_" in found[0]
    assert filters.keys() & {"line", "outcome"} == {
        key for key in ("line", "outcome") if f"{key}=?" in found[0]
    }
    assert ("started_at" in found[0]) == bool(filters.keys() & {"since", "until"})


def test_one_call_is_found_by_its_keys(seeded: Engine) -> None:
    """Showing a call reads its own rows alone."""
    found = plans(seeded, lambda: get_call(seeded, "77777.0"))
    assert len([plan for plan in found if plan.startswith("SEARCH")]) == 5
    assert not [plan for plan in found if plan.startswith("SCAN")]


def test_open_calls_and_open_messages_are_found_by_index(seeded: Engine) -> None:
    """What runs at every reconnect does not grow with the log."""
    found = plans(seeded, lambda: messages.list_open(seeded))
    assert "INDEX message_by_state" in found[0]
    found = plans(seeded, lambda: mark_interrupted(seeded, ()))
    assert found
    assert "INDEX call_by_outcome (outcome=?)" in found[0]


def test_a_message_is_opened_without_a_look_through_those_of_years(seeded: Engine) -> None:
    """A caller waits for it: messages are found by their number, or among the open ones alone."""
    found = plans(
        seeded,
        lambda: messages.open_message(
            seeded,
            message_id="1.1",
            call="1.1",
            at=T0,
            urgency="urgent",
            callback_number="+19175550100",
            recording=None,
        ),
    )
    searched = [plan for plan in found if "message" in plan]
    assert len(searched) >= 3
    assert not [plan for plan in searched if plan.startswith("SCAN") or "by_opening" in plan]


def test_filters_choose_and_the_latest_come_first(seeded: Engine) -> None:
    """Each filter holds, `until` is without its end, and a limit cuts the oldest."""
    since, until = T0 + timedelta(minutes=100), T0 + timedelta(minutes=130)
    found = list_calls(seeded, since, until, "backline", "message", 2)
    assert [(call.id, call.line, call.outcome) for call in found] == [
        ("127.0", "backline", "message"),
        ("113.0", "backline", "message"),
    ]
    around = list_calls(seeded, T0, T0 + timedelta(minutes=2))
    assert [call.id for call in around] == ["1.0", "0.0"]


def test_an_unknown_call_is_none(seeded: Engine) -> None:
    """The caller says so in its own words."""
    assert get_call(seeded, "1.5") is None


def test_a_database_damaged_while_open_is_one_sentence(tmp_path: Path) -> None:
    """A reader names the file and the fix."""
    path = tmp_path / "officeline.db"
    engine = open_database(path)
    engine.dispose()
    path.write_bytes(b"\xff" * path.stat().st_size)
    with pytest.raises(StoreError, match=r"is damaged or not a database; move it aside"):
        list_calls(engine)
    engine.dispose()
