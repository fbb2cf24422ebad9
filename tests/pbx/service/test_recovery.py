"""After a damaged database: what can be read is kept, and what cannot is heard once too often."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from dialplan.system import CDR_FIELDS
from pbx.asterisk.engine.runtime import ServiceUser
from pbx.base.clock import SystemClock
from pbx.calls.live import LivePlan
from pbx.calls.recent import RecentCallers
from pbx.calls.record.flags import FOUND
from pbx.calls.record.reconcile import cdr_path
from pbx.calls.standby.cache import PATIENTS
from pbx.calls.standby.keeper import PlanShelf, StandBy
from pbx.config.home import Home
from pbx.config.patients_file import PatientEntry
from pbx.config.secrets import Secrets
from pbx.db import audit, message_progress, messages, pins, retention_holds
from pbx.db.batch import write_batch
from pbx.db.calls import get_call, recent_callers
from pbx.db.database import open_database
from pbx.db.patients import list_patients, put_patients
from pbx.db.plans import apply_text
from pbx.db.records import CallStarted, MessageOpened
from pbx.service.recovery import recover
from routing.model import Patient
from tests.support.daemons import OFFICE, ROOT, parsed

TEXT = (ROOT / "config" / "office.toml").read_text()
PLAN = parsed(TEXT).plan
NOW = datetime.now(UTC)
PAGE = 4096
OPEN, CLOSED = 40, 120  # messages


def number(count: int) -> str:
    """A patient's number."""
    return f"+1917555{count:04d}"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with a log, messages, patients, tries of PINs and an audit, several pages of each."""
    found = Home(tmp_path / "home")
    found.prepare(ServiceUser(None, 0, 0))
    engine = open_database(found.database)
    apply_text(engine, TEXT, PLAN.hash, by="amy", now=NOW)
    entries = [
        PatientEntry(count, Patient(f"p{count}", f"Ann {count}"), (number(count // 2 * 2),))
        for count in range(300)
    ]
    put_patients(engine, entries, refused=False, partial=False, by="amy", now=NOW)
    for count in range(CLOSED + OPEN):
        call = f"{1_700_000_000 + count}.{count}"
        at = NOW - timedelta(hours=3) + timedelta(seconds=count)
        started = CallStarted(call, at, "main", OFFICE, number(count), "a")
        write_batch(engine, [started, MessageOpened(call, call)])
        (found.messages / f"{call}.wav").write_bytes(b"RIFF")
        messages.open_message(
            engine, message_id=call, call=call, at=at, urgency="urgent",
            callback_number=number(count), recording=f"messages/{call}.wav",
            due_at=NOW + timedelta(hours=1),
        )  # fmt: skip
        if count < CLOSED:
            message_progress.move(
                engine, PLAN, call, "closed", at=at, person="lee", disposition="fine"
            )
    pins.count_try(engine, "lee", "inbound", NOW)
    retention_holds.add_hold(engine, "1700000000.0", "a lawyer asked", by="amy", now=NOW)
    for _ in range(60):
        audit.record(engine, "made.up", by="amy", now=NOW)
    engine.dispose()
    live = LivePlan(PLAN, Secrets(), found)
    live.open()
    StandBy(PlanShelf(found), live, RecentCallers(), SystemClock()).write()
    live.close()
    return found


def spoil(database: Path, *pages: int) -> None:
    """Overwrite pages, the first of which is 0."""
    with database.open("r+b") as file:
        for page in pages:
            file.seek(page * PAGE)
            file.write(b"\xa5" * PAGE)


def pages_with(database: Path, *words: bytes) -> list[int]:
    """List the pages of rows that hold all these words."""
    data = database.read_bytes()
    pages = (data[begin : begin + PAGE] for begin in range(0, len(data), PAGE))
    leaf = b"\x0d"  # https://www.sqlite.org/fileformat.html#b_tree_pages
    return [
        count
        for count, page in enumerate(pages)
        if page.startswith(leaf) and all(word in page for word in words)
    ]


MESSAGES, PATIENT, AUDIT = (b"messages/17", b"+1917"), (b"Ann ",), (b"made.up",)


@pytest.fixture
def recovered(home: Home) -> Iterator[list[Engine]]:
    """Hold what is opened of the new database, and close it."""
    del home
    opened: list[Engine] = []
    yield opened
    for engine in opened:
        engine.dispose()


def after(home: Home, opened: list[Engine]) -> Engine:
    """Recover, and open the new database."""
    assert recover(home, SystemClock()) is not None
    opened.append(open_database(home.database))
    return opened[-1]


def held(engine: Engine) -> dict[str, messages.MessageRow]:
    """List the open messages by their recordings."""
    return {
        place: row
        for row in messages.list_open(engine)
        for place in messages.recordings(engine, row.id)
    }


def test_each_open_message_survives_the_loss_of_any_page(
    home: Home, recovered: list[Engine]
) -> None:
    """Its row with its timer, or at least an urgent one with its recording and its number."""
    whole = home.database.read_bytes()
    before = messages.list_open(open_database(home.database))
    wanted = {str(row.recording): row for row in before}
    assert len(wanted) == OPEN
    lost = 0
    for page in range(0, len(whole) // PAGE, 13):
        for old in home.folder.glob("officeline.db*"):
            old.unlink()
        home.database.write_bytes(whole)
        spoil(home.database, page)
        if recover(home, SystemClock()) is None:
            continue  # a page that holds nothing
        recovered.append(open_database(home.database))
        found = held(recovered[-1])
        assert set(wanted) <= set(found), f"page {page}"
        for place, row in wanted.items():
            kept = found[place]
            assert kept.urgency == "urgent"
            if FOUND in kept.flags:
                lost += 1
            else:
                assert (kept.due_at, kept.callback_number) == (row.due_at, row.callback_number)
    assert lost < OPEN * 4, "most pages cost no row of a message"


def test_rows_on_both_sides_of_a_damage_are_read(home: Home, recovered: list[Engine]) -> None:
    """Messages with who closed them, patients, tries, holds; the old file stays as it is."""
    rows = pages_with(home.database, *MESSAGES)
    pages = [*rows[len(rows) // 3 : len(rows) // 3 + 2], rows[-2]]
    data = home.database.read_bytes()
    damaged = b"".join(data[page * PAGE : (page + 1) * PAGE] for page in pages)
    spoil(home.database, *pages)
    before = home.database.read_bytes()
    engine = after(home, recovered)
    (aside,) = home.folder.glob("officeline.db.corrupt-????????-??????")
    assert aside.read_bytes() == before
    calls = [f"{1_700_000_000 + one}.{one}" for one in range(CLOSED + OPEN)]
    kept = {call: row for call in calls if (row := messages.get_message(engine, call)) is not None}
    unread = {one.decode() for one in re.findall(rb"messages/(17[0-9.]+)\.wav", damaged)}
    assert 10 < len(unread) < OPEN + CLOSED
    assert {call for call, row in kept.items() if row.closed_by and not row.disposition} == {
        call for call in unread if call in calls[:CLOSED]
    }, "the history knows that they were closed"
    assert {call for call, row in kept.items() if FOUND in row.flags} == {
        call for call in unread if call in calls[CLOSED:]
    }
    assert {kept[call].state for call in calls[:CLOSED]} == {"closed"}
    assert {kept[call].state for call in calls[CLOSED:]} == {"open"}
    assert len(list_patients(engine)) == 300
    assert pins.count_try(engine, "lee", "inbound", NOW).may
    with engine.connect() as connection:
        (wrong,) = connection.exec_driver_sql(
            "SELECT wrong FROM pin_tries WHERE person = 'lee'"
        ).one()
    assert wrong == 2
    assert [one.target for one in retention_holds.list_holds(engine)] == ["1700000000.0"]
    assert audit.verify(engine).ok, "no row of it was lost"
    assert recent_callers(engine, NOW, timedelta(hours=4))


def test_what_is_in_the_wal_is_read(home: Home, recovered: list[Engine]) -> None:
    """A process that was killed left its last messages there."""
    engine = open_database(home.database)
    with engine.connect():  # keeps the WAL
        messages.open_message(
            engine, message_id="9.9", call="9.9", at=NOW, urgency="urgent",
            callback_number=number(1), recording=None,
        )  # fmt: skip
        parts = {part: Path(f"{home.database}{part}").read_bytes() for part in ("", "-wal")}
    engine.dispose()
    for part, data in parts.items():
        Path(f"{home.database}{part}").write_bytes(data)
    spoil(home.database, pages_with(home.database, *PATIENT)[0])
    assert "9.9" in {row.id for row in messages.list_open(after(home, recovered))} or get_call(
        recovered[-1], "9.9"
    )


def test_an_audit_that_was_cut_shows_it(home: Home, recovered: list[Engine]) -> None:
    """Its last page is gone: the chain does not pretend to be whole, and goes on."""
    spoil(home.database, pages_with(home.database, *AUDIT)[-1])
    engine = after(home, recovered)
    found = audit.verify(engine)
    assert not found.ok
    whats = [one.what for one in audit.entries(engine)]
    assert whats.index("audit.torn") < whats.index("database.recovered")
    audit.record(engine, "made.up", by="amy", now=NOW)
    assert audit.verify(engine).broken_at == found.broken_at


def test_where_nothing_can_be_read_recordings_become_messages(
    home: Home, recovered: list[Engine]
) -> None:
    """Those of the last days urgent, older ones routine, much older ones left alone."""
    for age, call in ((10, "1700000000.0"), (40, "1700000001.1")):
        at = (NOW - timedelta(days=age)).timestamp()
        os.utime(home.messages / f"{call}.wav", (at, at))
    (home.messages / "note-1.1-3.wav").touch()
    call = "1700000159.159"
    log = cdr_path(home)
    log.parent.mkdir(parents=True)
    log.write_text(record(call, f"{NOW.timestamp():.6f}"))
    spoil(home.database, 0)
    engine = after(home, recovered)
    found = held(engine)
    assert len(found) == OPEN + CLOSED - 1
    assert found["messages/1700000000.0.wav"].urgency == "routine"
    named = found[f"messages/{call}.wav"]
    assert (named.urgency, named.callback_number) == ("urgent", number(159))
    assert FOUND in named.flags
    assert not audit.verify(engine).ok
    numbers = json.loads((home.standby / PATIENTS).read_text())
    assert sum(len(found) for found in numbers.values()) == 300
    assert {one.id: one.numbers for one in list_patients(engine)} == {
        f"p{count}": (number(count // 2 * 2),) for count in range(300)
    }


def record(call: str, at: str) -> str:
    """Write a call's record as Asterisk does."""
    values = {
        "linkedid": call, "uniqueid": call, "start": at, "answer": at, "end": at,
        "src": number(159), "dst": OFFICE, "dcontext": "from-trunk", "channel": "PJSIP/trunk-in-1",
        "dstchannel": "", "disposition": "ANSWERED", "billsec": "9", "userfield": "",
    }  # fmt: skip
    columns = (re.sub(r"CDR\((\w+).*", r"\1", one) for one in CDR_FIELDS)
    return ",".join(f'"{values[name]}"' for name in columns) + "\n"


def test_a_recovery_that_was_cut_off_begins_again(home: Home, recovered: list[Engine]) -> None:
    """The old database is set aside, and the new one was not there yet."""
    spoil(home.database, pages_with(home.database, *PATIENT)[0])
    home.database.rename(f"{home.database}.corrupt-20261128-021000")
    Path(f"{home.database}.new").write_bytes(b"half")
    engine = after(home, recovered)
    assert len(messages.list_open(engine)) == OPEN
    assert recover(home, SystemClock()) is None
