"""Messages: durable before anything else, once, and never less urgent."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from pbx.base.errors import OfficeLineError
from pbx.config.plan import load
from pbx.db import follow_ups, message_progress, messages, records
from pbx.db.calls import list_calls
from pbx.db.database import open_database, writing
from pbx.db.message_progress import MessageMove, NotAllHeardError, RefusedError
from pbx.db.writer import LogWriter
from routing.follow_up import AFTER, EVENTS, Todo

ROOT = Path(__file__).parents[3]
PLAN = load(ROOT / "config/office.toml").plan
T0 = datetime(2026, 11, 28, 7, 10, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Open a database."""
    engine = open_database(tmp_path / "officeline.db")
    yield engine
    engine.dispose()


def leave(
    engine: Engine,
    message_id: str = "m1",
    *,
    after_s: float = 0,
    urgency: str = "urgent",
    callback_number: str | None = "+12125550142",
    call: str = "c1",
) -> str:
    """Open a message."""
    return messages.open_message(
        engine,
        message_id=message_id,
        call=call,
        at=T0 + timedelta(seconds=after_s),
        urgency=urgency,
        callback_number=callback_number,
        recording=f"messages/{call}.wav",
    )


def act(
    engine: Engine, event: MessageMove, person: str | None = "lee", after_s: float = 60
) -> None:
    """Let something happen to the message m1."""
    at = T0 + timedelta(seconds=after_s)
    message_progress.move(engine, PLAN, "m1", event, at=at, person=person)


def found(engine: Engine, message_id: str = "m1") -> messages.MessageRow:
    """Read a message that there is."""
    row = messages.get_message(engine, message_id)
    assert row is not None
    return row


def test_a_message_survives_our_death(tmp_path: Path) -> None:
    """Killed the moment open_message returned, the process leaves the message behind."""
    script = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from pbx.db import messages
from pbx.db.database import open_database
engine = open_database(Path(sys.argv[1]))
messages.open_message(engine, message_id="m1", call="c1", at=datetime.now(UTC), urgency="urgent",
                      callback_number=None, recording=None)
os.kill(os.getpid(), signal.SIGKILL)
"""
    path = tmp_path / "officeline.db"
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False, cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    engine = open_database(path)
    assert [message.id for message in messages.list_open(engine)] == ["m1"]
    engine.dispose()


def test_two_processes_write_side_by_side(engine: Engine, tmp_path: Path) -> None:
    """Another process's messages and our log wait for each other, and none is lost."""
    script = """
import itertools, select, sys
from datetime import UTC, datetime
from pathlib import Path
from pbx.db import messages
from pbx.db.database import open_database
engine = open_database(Path(sys.argv[1]))
for number in itertools.count():
    messages.open_message(engine, message_id=str(number), call="c1", at=datetime.now(UTC),
                          urgency="urgent", callback_number=None, recording=None)
    if number == 0:
        print("ready", flush=True)
    if select.select([sys.stdin], [], [], 0)[0]:
        break
print(number + 1)
"""
    path = tmp_path / "officeline.db"
    writer = LogWriter(lambda: open_database(path))
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        writer.start()
        for number in range(3000):
            writer.put(records.CallStarted(f"k{number}", T0, "main", "", None, "a"))
        assert writer.flush(30)
        left, _ = other.communicate(timeout=30)  # closes its stdin
        assert other.returncode == 0
    writer.close()
    assert len(list_calls(engine, limit=5000)) == 3000
    assert len(messages.list_open(engine)) == int(left)


def test_a_message_is_read_as_it_was_left(engine: Engine) -> None:
    """Its time comes back in UTC, wherever it was told."""
    zone = timezone(timedelta(hours=-5))
    messages.open_message(
        engine,
        message_id="m1",
        call="c1",
        at=T0.astimezone(zone),
        urgency="routine",
        callback_number="+12125550142",
        recording="messages/c1.wav",
    )
    assert messages.get_message(engine, "m1") == messages.MessageRow(
        id="m1",
        call="c1",
        opened_at=T0,
        state="open",
        urgency="routine",
        callback_number="+12125550142",
        recording="messages/c1.wav",
        flags=(),
        due_at=T0,
    )
    assert messages.get_message(engine, "m2") is None


def test_opened_twice_it_is_one_message(engine: Engine) -> None:
    """A second opening adds what was missing, and takes nothing away; the last number counts."""
    leave(engine, urgency="routine", callback_number="+12125550199")
    leave(engine, after_s=9, urgency="urgent", callback_number="+12125550142")
    leave(engine, after_s=20, urgency="routine", callback_number=None)
    (row,) = messages.list_open(engine)
    assert (row.opened_at, row.urgency, row.callback_number) == (
        T0,
        "urgent",
        "+12125550142",
    )


def test_open_messages_come_oldest_first_without_closed_ones(engine: Engine) -> None:
    """Delivered and acknowledged messages are still somebody's."""
    for number, state in enumerate(["open", "closed", "acknowledged", "delivered", "called back"]):
        leave(engine, state, after_s=-number, callback_number=None)
        with writing(engine) as connection:
            connection.execute(text("UPDATE message SET state = id"))
    listed = [message.id for message in messages.list_open(engine)]
    assert listed == ["called back", "delivered", "acknowledged", "open"]


def test_a_recording_can_come_later(engine: Engine) -> None:
    """The place of the recording is replaced; an unknown message is ignored."""
    leave(engine)
    messages.attach_recording(engine, "m1", "messages/other.wav")
    messages.attach_recording(engine, "unknown", "messages/other.wav")
    assert found(engine).recording == "messages/other.wav"


def test_a_message_that_cannot_be_written_is_an_error(engine: Engine, tmp_path: Path) -> None:
    """A locked database is told in time for the call to go on, as both kinds of error."""
    with closing(sqlite3.connect(tmp_path / "officeline.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(messages.NotDurableError) as caught:
            leave(engine)
    assert isinstance(caught.value, OSError)
    assert isinstance(caught.value, OfficeLineError)
    assert str(caught.value).startswith("A message could not be written to ")
    leave(engine)
    assert messages.get_message(engine, "m1") is not None


def test_an_error_holds_no_number(engine: Engine) -> None:
    """What is logged of a refused row is not the row."""
    with pytest.raises(messages.NotDurableError) as caught:
        leave(engine, urgency=None)  # type: ignore[arg-type]  # no column takes it
    assert "NOT NULL" in str(caught.value.__cause__)
    assert "5550142" not in str(caught.value.__cause__)


def test_a_damaged_database_is_an_error_not_a_crash(engine: Engine, tmp_path: Path) -> None:
    """Pages overwritten under our feet are reported in the same way."""
    leave(engine)
    engine.dispose()  # the last connection moves everything out of the WAL
    path = tmp_path / "officeline.db"
    with path.open("r+b") as file:
        file.seek(0)
        file.write(b"\xff" * Path(path).stat().st_size)
    with pytest.raises(messages.NotDurableError):
        leave(engine, "m2")


@pytest.mark.parametrize(
    ("events", "joins"),
    [
        ((), True),
        (("delivered",), True),
        (("acknowledged",), True),
        (("acknowledged", "called back"), False),
        (("closed",), False),
    ],
)
def test_a_second_call_joins_what_waits_for_its_call_back(
    engine: Engine,
    events: tuple[MessageMove, ...],
    joins: bool,  # noqa: FBT001  # a column of the table above
) -> None:
    """Before the call back it is the same matter, and open again; afterward another one."""
    leave(engine)
    for event in events:
        act(engine, event)
    timer = found(engine).due_at
    second = leave(engine, "m2", after_s=120, urgency="routine", call="c2")
    assert second == ("m1" if joins else "m2")
    assert leave(engine, "m2", after_s=125, urgency="routine", call="c2") == second  # told twice
    if not joins:
        assert messages.recordings(engine, "m1") == ["messages/c1.wav"]
        return
    row = found(engine)
    assert (row.state, row.urgency) == ("open", "urgent")
    assert row.due_at == (T0 + timedelta(seconds=120) if "acknowledged" in events else timer)
    assert messages.recordings(engine, "m1") == ["messages/c1.wav", "messages/c2.wav"]
    assert [one.what for one in messages.message_history(engine, "m1")].count("joined") == 1


@pytest.mark.parametrize(
    ("event", "again"), [("acknowledged", "m1"), ("called back", "m2"), ("closed", "m2")]
)
def test_what_a_call_says_after_its_message_was_settled_is_reported(
    engine: Engine, event: MessageMove, again: str
) -> None:
    """It joined and was not heard yet, when somebody settled the words of the call before."""
    leave(engine)
    leave(engine, "m2", after_s=20, call="c2")
    act(engine, event)
    assert leave(engine, "m2", after_s=70, call="c2") == again
    row = found(engine, again)
    assert (row.state, row.urgency) == ("open", "urgent")
    assert row.due_at == T0 + timedelta(seconds=70)
    assert leave(engine, "m2", after_s=75, call="c2") == again
    assert messages.recordings(engine, "m1") == ["messages/c1.wav", "messages/c2.wav"]


def test_who_heard_fewer_calls_than_joined_settles_nothing(engine: Engine) -> None:
    """Looked at in the transaction that would settle it; who heard them all may."""
    leave(engine)
    leave(engine, "m2", after_s=20, call="c2")
    with pytest.raises(NotAllHeardError, match="Message m1 is unchanged, because somebody called"):
        message_progress.move(engine, PLAN, "m1", "closed", at=T0, person="lee", joins=0)
    assert found(engine).state == "open"
    message_progress.move(engine, PLAN, "m1", "closed", at=T0, person="lee", joins=1)
    assert found(engine).state == "closed"


def test_the_first_call_of_a_settled_message_is_reported_as_well(engine: Engine) -> None:
    """Its message was closed by what a later call said, while the first caller went on waiting."""
    leave(engine)
    leave(engine, "m2", after_s=20, call="c2")
    act(engine, "closed")
    again = leave(engine, after_s=70)
    assert again == leave(engine, after_s=75) == "m1-2"
    assert (found(engine, again).state, found(engine, again).call) == ("open", "c1")
    assert messages.recordings(engine, again) == ["messages/c1.wav"]
    assert found(engine).state == "closed"


@pytest.mark.parametrize(
    ("urgency", "number"), [("urgent", None), ("urgent", "+12125550143"), ("routine", "own")]
)
def test_other_callers_and_routine_matters_stay_apart(
    engine: Engine, urgency: str, number: str | None
) -> None:
    """Without a number, with another one, or where only a routine message waits."""
    number = "+12125550142" if number == "own" else number
    leave(engine, urgency=urgency, callback_number=number)
    other = "+12125550142" if number != "+12125550142" or urgency == "routine" else None
    assert leave(engine, "m2", callback_number=number and other, call="c2") == "m2"


def test_a_message_that_becomes_urgent_is_due_at_once(engine: Engine) -> None:
    """Its timer no longer waits for the opening."""
    leave(engine, urgency="routine")
    (view,) = message_progress.due_messages(engine, T0, 9)
    message_progress.put_off(engine, [(view, T0 + timedelta(hours=9))])
    assert message_progress.due_messages(engine, T0 + timedelta(hours=8), 9) == []
    leave(engine, after_s=30)
    assert [
        one.id for one in message_progress.due_messages(engine, T0 + timedelta(seconds=30), 9)
    ] == ["m1"]


def test_who_did_what_and_when_is_kept(engine: Engine) -> None:
    """Four different things, each with its person and time; the history has them in order."""
    leave(engine)
    people = {"delivered": "lee", "acknowledged": "osei", "called back": "patel", "closed": "kim"}
    for number, (event, person) in enumerate(people.items()):
        at = T0 + timedelta(minutes=number)
        why = "sent to hospital" if event == "closed" else None
        message_progress.move(
            engine,
            PLAN,
            "m1",
            event,  # type: ignore[arg-type]  # they are its words
            at=at,
            person=person,
            disposition=why,
        )
    row = found(engine)
    by = (row.delivered_by, row.acknowledged_by, row.called_back_by, row.closed_by)
    assert by == tuple(people.values())
    times = (row.delivered_at, row.acknowledged_at, row.called_back_at, row.closed_at)
    assert times == tuple(T0 + timedelta(minutes=number) for number in range(4))
    assert (row.state, row.disposition, row.due_at) == ("closed", "sent to hospital", None)
    reported = [(one.what, one.person) for one in messages.message_history(engine, "m1")]
    assert reported == [("opened", None), *people.items()]
    assert messages.list_open(engine) == []


def test_what_does_not_fit_is_refused_and_changes_nothing(engine: Engine) -> None:
    """A second acknowledgment, anything after the end, an unknown message, nobody."""
    leave(engine)
    act(engine, "acknowledged", "osei")
    before = found(engine), messages.message_history(engine, "m1")
    with pytest.raises(RefusedError, match="a message that is acknowledged cannot be acknowledged"):
        act(engine, "acknowledged", "lee")
    with pytest.raises(ValueError, match="somebody must have closed the message"):
        act(engine, "closed", None)
    assert (found(engine), messages.message_history(engine, "m1")) == before
    act(engine, "closed")
    with pytest.raises(RefusedError, match=r"Message m1 is unchanged, because .* 'officeline in"):
        act(engine, "called back")
    with pytest.raises(RefusedError, match="There is no message m2"):
        message_progress.move(engine, PLAN, "m2", "closed", at=T0, person="lee")


def test_nobody_is_called_about_what_was_taken_up_a_moment_ago(engine: Engine) -> None:
    """Acknowledged between the look and the call, a message is left alone."""
    leave(engine)
    (view,) = message_progress.due_messages(engine, T0, 9)
    act(engine, "acknowledged")
    before = found(engine)
    todo = Todo("ring", who={"osei": "mobile"}, breach=True)
    later = T0 + timedelta(minutes=5)
    assert follow_ups.begin_round(engine, view, todo, ["osei"], at=T0, due_at=later) is None
    assert follow_ups.attempts(engine, "m1") == []
    assert found(engine) == before


@given(st.lists(st.sampled_from((*EVENTS, "restart")), max_size=10))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_walk_keeps_its_promises(engine: Engine, events: list[str]) -> None:
    """Closed is the end; who acknowledged is known; nothing that is not closed lacks a timer."""
    with writing(engine) as connection:
        for table in ("message_event", "attempt", "message"):
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608  # names of ours
    leave(engine)
    for number, event in enumerate(events):
        before = found(engine)
        after_s = 60.0 * (number + 1)
        if event == "joined":
            joined = leave(engine, "m2", after_s=after_s, call=f"c{number}") == "m1"
            assert joined == ((before.state, event) in AFTER)
            if not joined:
                return
        elif event == "restart":
            follow_ups.take_up_messages(engine, T0 + timedelta(seconds=after_s))
        elif (before.state, event) in AFTER:
            act(engine, event, after_s=after_s)  # type: ignore[arg-type]  # one of its words
        else:
            with pytest.raises(RefusedError):
                act(engine, event, after_s=after_s)  # type: ignore[arg-type]  # one of its words
            assert found(engine) == before
        row = found(engine)
        assert before.state != "closed" or row == before
        assert (row.due_at is None) == (row.state == "closed")
        if row.state == "acknowledged":
            assert row.acknowledged_by == "lee"
            assert row.acknowledged_at is not None
