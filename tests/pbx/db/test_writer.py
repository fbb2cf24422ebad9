"""The writer: in order, once, never in a call's way."""

from __future__ import annotations

import itertools
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from pbx.db import messages, records
from pbx.db.calls import CallRow, History, get_call, list_calls
from pbx.db.database import StoreError, open_database, writing
from pbx.db.writer import LogWriter, mark_interrupted
from routing.decision import Reason

T0 = datetime(2026, 11, 28, 7, 10, tzinfo=UTC)
OFFICE, PATIENT = "+12125550100", "+12125550142"


def at(seconds: float) -> datetime:
    """Return the instant so many seconds into the call."""
    return T0 + timedelta(seconds=seconds)


STARTED = records.CallStarted("c1", at(0), "main", OFFICE, PATIENT, "abc")
MENU = records.Decided("c1", at(0), 1, "menu", "closed", None, (("hospitals", False, "main"),))
ESCALATION = records.Decided(
    "c1",
    at(5),
    2,
    "escalation",
    "urgent",
    "urgent",
    (Reason("urgent at night", True, "closed"),),
    {"presses": ["1"], "earlier": ["2026-11-28T07:00:00+00:00"]},
)
A_CALL: tuple[records.Record, ...] = (
    STARTED,
    MENU,
    records.CallAnswered("c1", at(0.5)),
    ESCALATION,
    records.LegStarted("c1", "c1.1", at(6), "lee", "mobile"),
    records.LegStarted("c1", "c1.2", at(6.5), "osei", "mobile"),
    records.LegAnswered("c1", "c1.1", at(8)),
    records.LegAcknowledged("c1", "c1.1", "lee", at(10)),
    records.LegEnded("c1", "c1.2", at(10.5), "canceled"),
    records.EventNoted("c1", at(11), "turn", {"verb": "escalation", "event": "pressed"}),
    records.LegEnded("c1", "c1.1", at(70), "declined"),
    records.CallEnded("c1", at(70), "connected"),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the place of the database."""
    return tmp_path / "officeline.db"


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    """Open the database that the tests look into."""
    engine = open_database(path)
    yield engine
    engine.dispose()


@pytest.fixture
def writer(path: Path, engine: Engine) -> Iterator[LogWriter]:
    """Run a writer on the same file."""
    assert engine is not None
    writer = LogWriter(lambda: open_database(path))
    writer.start()
    yield writer
    writer.close()


def written(writer: LogWriter, engine: Engine, *wanted: records.Record) -> History:
    """Put records, wait for them, and read the call they are about."""
    for record in wanted:
        writer.put(record)
    assert writer.flush(20)
    history = get_call(engine, wanted[0].call)
    assert history is not None
    return history


def test_a_call_is_written_whole(writer: LogWriter, engine: Engine) -> None:
    """Everything that was told of a call is found again, times aware and in UTC."""
    history = written(writer, engine, *A_CALL)
    assert history.call == CallRow(
        id="c1",
        started_at=at(0),
        answered_at=at(0.5),
        acknowledged_at=at(10),
        ended_at=at(70),
        line="main",
        did=OFFICE,
        caller=PATIENT,
        urgency="urgent",
        decision="escalation",
        outcome="connected",
        person="lee",
        message=None,
        plan="abc",
    )
    assert history.call.started_at.tzinfo is UTC
    assert (history.call.ring_s, history.call.talk_s) == (10.0, 60.0)
    assert [(one.turn, one.kind, one.target) for one in history.decisions] == [
        (1, "menu", "closed"),
        (2, "escalation", "urgent"),
    ]
    assert history.decisions[1].reasons == (Reason("urgent at night", True, "closed"),)
    assert [one.facts for one in history.decisions] == [
        {},
        {"presses": ["1"], "earlier": ["2026-11-28T07:00:00+00:00"]},
    ]
    assert [(leg.person, leg.kind, leg.result, leg.ended_at) for leg in history.legs] == [
        ("lee", "mobile", "accepted", at(70)),
        ("osei", "mobile", "canceled", at(10.5)),
    ]
    assert [(one.at, one.what, dict(one.detail)) for one in history.events] == [
        (at(11), "turn", {"verb": "escalation", "event": "pressed"})
    ]


def test_records_reported_twice_are_one(writer: LogWriter, engine: Engine) -> None:
    """A second telling, as after a reconnect, changes nothing."""
    once = written(writer, engine, *A_CALL)
    with capture_logs() as logged:
        assert written(writer, engine, *A_CALL) == once
    assert logged == []  # nothing was refused and dropped on the way


def test_the_order_of_records_does_not_matter(writer: LogWriter, engine: Engine) -> None:
    """Backwards, or with any record first, the same call comes out."""
    straight = written(writer, engine, *A_CALL)
    orders = [A_CALL[::-1], *(A_CALL[cut:] + A_CALL[:cut] for cut in range(1, len(A_CALL)))]
    for order in orders:
        with writing(engine) as connection:
            connection.exec_driver_sql("DELETE FROM call")
        assert written(writer, engine, *order) == straight


def test_a_call_known_by_hearsay_is_a_call(writer: LogWriter, engine: Engine) -> None:
    """A failsafe call, which nobody asked us about, is in the list with its outcome."""
    history = written(
        writer,
        engine,
        records.EventNoted("f1", at(3), "failsafe"),
        records.CallEnded("f1", at(9), "failsafe"),
    )
    assert (history.call.started_at, history.call.outcome) == (at(3), "failsafe")


def test_a_restarted_daemon_does_not_move_the_start(writer: LogWriter, engine: Engine) -> None:
    """A start that is told again in mid-call leaves the first one."""
    again = records.CallStarted("c1", at(40), "main", OFFICE, PATIENT, "def")
    history = written(writer, engine, *A_CALL, again)
    assert (history.call.started_at, history.call.plan) == (at(0), "abc")


OUTCOMES = ("connected", "message", "failsafe", "blocked", "abandoned", "interrupted")


@pytest.mark.parametrize(("strong", "weak"), list(itertools.combinations(OUTCOMES, 2)))
def test_the_stronger_outcome_stays(
    writer: LogWriter, engine: Engine, strong: str, weak: str
) -> None:
    """In either order, with the time that belongs to it."""
    for call, order in (("c1", (strong, weak)), ("c2", (weak, strong))):
        times = {strong: at(20), weak: at(30)}
        ends = [records.CallEnded(call, times[outcome], outcome) for outcome in order]
        found = written(writer, engine, *ends).call
        assert (found.outcome, found.ended_at) == (strong, at(20))


def test_a_leg_without_an_id_is_the_persons_last(writer: LogWriter, engine: Engine) -> None:
    """An acknowledgment that names only the person is that of their latest leg."""
    history = written(
        writer,
        engine,
        STARTED,
        records.LegStarted("c1", "c1.1", at(1), "lee", "mobile"),
        records.LegEnded("c1", "c1.1", at(20), "no answer"),
        records.LegStarted("c1", "c1.2", at(21), "lee", "mobile"),
        records.LegAcknowledged("c1", None, "lee", at(25)),
    )
    assert [leg.result for leg in history.legs] == ["no answer", "accepted"]
    assert (history.call.person, history.call.acknowledged_at) == ("lee", at(25))


def test_of_two_who_accept_the_first_counts(writer: LogWriter, engine: Engine) -> None:
    """One acknowledgment, whoever presses second, and whichever is told first."""
    for call, order in (("c1", (1, 2)), ("c2", (2, 1))):
        presses = {
            1: records.LegAcknowledged(call, f"{call}.1", "lee", at(10)),
            2: records.LegAcknowledged(call, f"{call}.2", "osei", at(10.1)),
        }
        found = written(writer, engine, *(presses[number] for number in order)).call
        assert (found.person, found.acknowledged_at) == ("lee", at(10))


def test_a_leg_answered_twice_was_answered_first(writer: LogWriter, engine: Engine) -> None:
    """The earlier time stays, in either order."""
    first, again = (records.LegAnswered("c1", "c1.1", at(seconds)) for seconds in (5, 6))
    for order in ((first, again), (again, first)):
        (leg,) = written(writer, engine, STARTED, *order).legs
        assert leg.answered_at == at(5)
        with writing(engine) as connection:
            connection.exec_driver_sql("DELETE FROM call")


def test_a_message_is_tied_to_its_call(writer: LogWriter, engine: Engine) -> None:
    """Even when nothing else is known of the call yet."""
    messages.open_message(
        engine,
        message_id="m1",
        call="c1",
        at=at(4),
        urgency="urgent",
        callback_number=PATIENT,
        recording="messages/c1.wav",
    )
    history = written(writer, engine, records.MessageOpened("c1", "m1"))
    assert (history.call.message, history.call.started_at) == ("m1", at(4))
    assert history.message == messages.get_message(engine, "m1")


def test_a_locked_database_costs_nothing_but_time(
    writer: LogWriter, engine: Engine, path: Path
) -> None:
    """While another connection holds the lock, put returns at once; then everything is written."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        for number in range(1000):
            writer.put(records.CallStarted(f"k{number:03}", at(number), "main", OFFICE, None, "a"))
        assert time.monotonic() - began < 1.0
        assert not writer.flush(2.5)
        other.execute("ROLLBACK")
    assert writer.flush(20)
    assert [call.id for call in list_calls(engine, limit=2000)] == [
        f"k{number:03}" for number in reversed(range(1000))
    ]
    assert writer.lost == 0


def test_overflow_is_counted_and_logged(path: Path, engine: Engine) -> None:
    """Beyond its room the writer keeps what came first, says so once, and goes on afterward."""
    writer = LogWriter(lambda: open_database(path), queue_size=3)
    with capture_logs() as logged:
        for number in range(5):
            writer.put(records.CallStarted(f"k{number}", at(number), "main", OFFICE, None, "a"))
        assert writer.lost == 2
        writer.start()
        assert writer.flush(20)
        written(writer, engine, STARTED)
        writer.close()
    assert [entry["event"] for entry in logged] == ["calllog.overflow", "calllog.records_lost"]
    assert [call.id for call in list_calls(engine)] == ["k2", "k1", "k0", "c1"]


def test_a_bad_record_does_not_hold_up_the_others(writer: LogWriter, engine: Engine) -> None:
    """What no column can hold is dropped and logged without a number; its neighbors are kept."""
    naive = records.CallStarted("bad1", datetime(2026, 1, 1), "main", OFFICE, PATIENT, "a")  # noqa: DTZ001  # the mistake itself
    odd = records.CallEnded("bad2", at(1), "nonsense")
    null = records.EventNoted("bad3", at(1), None)  # type: ignore[arg-type]  # the mistake itself
    huge = records.Decided("bad4", at(1), 2**70, "ring", "", None, ())
    broken = records.CallStarted("bad5", at(1), "\ud800", OFFICE, PATIENT, "a")
    with capture_logs() as logged:
        for record in (naive, odd, null, huge, broken):
            writer.put(record)
        written(writer, engine, STARTED)
    assert [entry["call"] for entry in logged] == [f"bad{number}" for number in range(1, 6)]
    assert {entry["event"] for entry in logged} == {"calllog.record_dropped"}
    assert PATIENT not in str(logged)
    assert [call.id for call in list_calls(engine)] == ["c1"]


def test_a_database_that_cannot_be_opened_is_tried_again(path: Path, engine: Engine) -> None:
    """The writer outlives a database that is not there yet."""
    tries = iter([StoreError("Not now; later."), None])
    tried_twice = threading.Event()

    def open_late() -> Engine:
        if error := next(tries):
            raise error
        tried_twice.set()
        return open_database(path)

    writer = LogWriter(open_late)
    writer.start()
    assert written(writer, engine, *A_CALL).call.outcome == "connected"
    assert tried_twice.is_set()
    writer.close()


def test_close_writes_what_waits(path: Path, engine: Engine) -> None:
    """Nothing that was put before close is missing after it; closing twice is no harm."""
    writer = LogWriter(lambda: open_database(path))
    for number in range(1200):
        writer.put(records.CallStarted(f"k{number}", at(number), "main", OFFICE, None, "a"))
    writer.start()
    writer.close()
    writer.close()
    assert len(list_calls(engine, limit=5000)) == 1200


def test_calls_that_nobody_saw_end_are_interrupted(writer: LogWriter, engine: Engine) -> None:
    """They end with the last thing heard of them; live and ended ones are left alone."""
    written(writer, engine, *A_CALL)
    for call in ("gone", "alive"):
        start = records.CallStarted(call, at(100), "main", OFFICE, None, "a")
        written(writer, engine, start, records.EventNoted(call, at(130), "turn"))
    assert mark_interrupted(engine, {"gone", "c1", "unknown"}) == {"gone"}
    found = {call.id: (call.outcome, call.ended_at) for call in list_calls(engine)}
    assert found == {
        "c1": ("connected", at(70)),
        "gone": ("interrupted", at(130)),
        "alive": (None, None),
    }
    ended = records.CallEnded("gone", at(140), "abandoned")
    assert written(writer, engine, ended).call.ended_at == at(140)


def test_a_locked_database_is_one_sentence_for_marking(engine: Engine, path: Path) -> None:
    """Who marks interrupted calls learns why it could not be done."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked by another program"):
            mark_interrupted(engine, frozenset())
    assert mark_interrupted(engine, frozenset()) == frozenset()
