"""The spool and the standby's cache: values come back as they were, and nothing else does."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pbx.asterisk.engine.runtime import ServiceUser
from pbx.base.clock import DemoClock
from pbx.calls.callflow import CallFlow
from pbx.calls.conversation import Question
from pbx.calls.live import LivePlan
from pbx.calls.recent import RecentCallers
from pbx.calls.record import json_codec as plain
from pbx.calls.record.catch_up import CatchUp
from pbx.calls.record.flags import CUT_OFF
from pbx.calls.record.intake import Intake
from pbx.calls.record.live_calls import LiveCall
from pbx.calls.record.spool import Fact, Spool, read
from pbx.calls.standby.cache import Cache, CachedPlans
from pbx.calls.turns import MessageDraft
from pbx.config import plan as plans
from pbx.config.home import Home
from pbx.config.secrets import Secrets
from pbx.db import follow_ups, message_progress, messages, records
from pbx.db.batch import write_batch
from pbx.db.calls import get_call
from pbx.db.database import StoreError, open_database
from pbx.db.deferred import CALLS_AGAIN
from pbx.db.writer import LogWriter
from routing.follow_up import FollowUpStage, Todo
from routing.model import Override, Patient, together

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 28, 7, 10, tzinfo=UTC)  # a Saturday night in New York
PLAN = plans.load(ROOT / "config" / "office.toml").plan
CALLER = "+12125550142"
REASON = MessageDraft(CALLER, "urgent", "urgent")
TURN = records.EventNoted("1.1", NOW, "turn", {"event": "arrived", "verb": "menu"})
START = records.CallStarted("1.1", NOW, "main", "+12125550100", CALLER, PLAN.hash)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home of our own user's."""
    found = Home(tmp_path / "home")
    found.prepare(ServiceUser(None, 0, 0))
    return found


@pytest.fixture
def catch_up(home: Home) -> Iterator[CatchUp]:
    """What takes facts in, on a new database."""
    engine = open_database(home.database)
    writer = LogWriter(lambda: open_database(home.database))
    writer.start()
    live = LivePlan(PLAN, Secrets(), home)
    clock = DemoClock(NOW)
    yield CatchUp(engine, home, writer, Intake(engine, home, live, clock, lambda: None), clock)
    writer.close()
    engine.dispose()


def test_what_a_database_refuses_is_not_taken_for_settled(home: Home) -> None:
    """Whoever asked is told, and tries again; a message that somebody took first is no error."""
    engine, live = open_database(home.database), LivePlan(PLAN, Secrets(), home)
    intake = Intake(engine, home, live, DemoClock(NOW), lambda: None)
    message = intake.opened("1.1", CALLER, "urgent", "urgent")
    call = LiveCall("urgent", CALLER, accepted_at=NOW - timedelta(seconds=2), person="lee")
    with contextlib.closing(sqlite3.connect(home.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="is locked by another program"):
            intake.accepted(message, "1.1", "lee", NOW)
        other.execute("ROLLBACK")
    intake.accepted(message, "1.1", "lee", NOW)
    intake.over(message, "1.1", call)
    held = messages.get_message(engine, message)
    assert held is not None
    assert (held.state, held.flags) == ("open", (CUT_OFF,))
    engine.dispose()


def test_a_plan_comes_back_as_it_was() -> None:
    """All its parts, with what is laid over it, through the text of a file."""
    shift = Override(1, "doctors", "add", "lee", None, NOW, NOW + timedelta(hours=1), "ill")
    plan = replace(PLAN, overrides=(shift,), patients={CALLER: Patient("p1", "A", "lee")})
    again = plain.decode(json.loads(json.dumps(plain.encode(plan))))
    assert again == plan
    assert plain.decode(plain.encode(plan.office.zone)) == plan.office.zone


@pytest.mark.parametrize(
    "data", [{"is": "Path", "of": "/"}, {"is": "eval", "of": "1"}, {"is": 1}, {"a": 1}]
)
def test_only_our_own_classes_are_made(data: object) -> None:
    """A file can name any class; none but the listed ones is ever made."""
    with pytest.raises(ValueError, match="no class of ours"):
        plain.decode(data)


FAMILY = together([Patient("p1", "Ann", "lee", frozenset({"vip"})), Patient("p2", "Bob")])


@pytest.mark.parametrize("known", [*FAMILY.members, FAMILY], ids=["one", "plain", "family"])
def test_the_standby_decides_as_the_daemon_does(home: Home, known: Patient) -> None:
    """From the cache, the same questions get the same verdicts; the directory's flags count."""
    held = Secrets(mobiles={"lee": "+12125550111", "osei": "+12125550112"}, token="a-token")
    live = LivePlan(PLAN, held, home)
    plan = replace(PLAN, patients={CALLER: known})
    Cache(home.standby, None).write(plan, live.book, (plan,))
    cached = CachedPlans(home.standby, CALLER)
    for did in ("+12125550100", "+12125550101"):
        for event, detail in (("arrived", ""), ("pressed", "1"), ("pressed", "2"), ("keyed", "")):
            question = Question("1.1", "1.1", "1", did, event, detail, "", CALLER)
            ours, theirs = (
                CallFlow(one, RecentCallers()).answer(question, NOW) for one in (live, cached)
            )
            assert (theirs.verb, theirs.variables) == (ours.verb, ours.variables)
    there, here = (
        [(one.id, one.panel, one.flags) for one in found.everyone]
        for found in (cached.plan.patients[CALLER], known)
    )
    assert there == here
    assert cached.plan.patients[CALLER].some == known.some
    assert CachedPlans(home.standby, "+12125550149").plan.patients == {}
    text = "".join(one.read_text() for one in home.standby.glob("*.json"))
    assert ("Ann" in text, "a-token" in text, "+12125550111" in text) == (False, False, True)


def test_plans_that_no_call_began_with_are_removed(home: Home) -> None:
    """A call ends with the plan that it began with, and the folder does not grow."""
    cache, book = Cache(home.standby, None), {"lee": {"mobile": "PJSIP/1@trunk-out"}}
    second = replace(PLAN, hash="second")
    cache.write(PLAN, book, (PLAN,))
    cache.write(second, dict(book), (PLAN, second))
    assert CachedPlans(home.standby, None).by_hash(PLAN.hash) == PLAN
    cache.write(second, dict(book), (second,))
    cached = CachedPlans(home.standby, None)
    assert (cached.plan, cached.by_hash(PLAN.hash)) == (second, None)


def test_a_fact_is_whole_or_not_there(home: Home) -> None:
    """Only its owner reads it; what is cut off, too large or a link is no fact."""
    spool = Spool(home.spool)
    fact = Fact("1.1", NOW, (START, TURN), REASON)
    spool.put(fact)
    (path,) = spool.waiting()
    assert read(path) == fact
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    cut = home.spool / "1.json"
    cut.write_bytes(path.read_bytes()[:-9])
    link = home.spool / "2.json"
    link.symlink_to(path)
    wrong = home.spool / "3.json"
    wrong.write_text(path.read_text().replace('"1.1"', "7", 1))
    assert [read(one) for one in (cut, link, wrong)] == [None, None, None]


def test_reported_twice_a_fact_is_taken_in_once(home: Home, catch_up: CatchUp) -> None:
    """A control layer that dies before it forgets the file finds nothing new in it."""
    spool = Spool(home.spool)
    spool.put(Fact("1.1", NOW, (START, TURN), REASON))
    (path,) = spool.waiting()
    data = path.read_bytes()
    for _ in range(2):
        assert catch_up.take(path) is not None
        assert spool.waiting() == []
        path.write_bytes(data)
    engine = open_database(home.database)
    history = get_call(engine, "1.1")
    found = messages.list_open(engine)
    engine.dispose()
    assert history is not None
    assert [one.what for one in history.events] == ["turn"]
    assert history.call.caller == CALLER
    assert [(one.id, one.urgency, one.callback_number) for one in found] == [
        ("1.1", "urgent", CALLER)
    ]


def test_what_is_no_fact_is_set_aside(home: Home, catch_up: CatchUp) -> None:
    """It is kept for whoever looks into it, and stops nothing."""
    (home.spool / "1.json").write_text("{}")
    assert catch_up.take(home.spool / "1.json") is None
    assert Spool(home.spool).waiting() == []
    assert (home.spool / "1.broken").read_text() == "{}"


def test_a_conversation_settles_no_other_call_of_the_same_number(
    home: Home, catch_up: CatchUp
) -> None:
    """Two patients of a nursing home: who spoke with one still owes the other, and hears of it."""
    intake = catch_up._intake  # noqa: SLF001  # the calls' side of it, as the recorder uses it
    engine = open_database(home.database)
    for call in ("1.1", "2.2"):
        assert intake.opened(call, CALLER, "urgent", "urgent") == "1.1"
    live = LiveCall("urgent", CALLER, accepted_at=NOW - timedelta(seconds=11), person="lee")
    intake.accepted("1.1", "2.2", "lee")
    intake.over("1.1", "2.2", live)
    (message,) = messages.list_open(engine)
    assert (message.state, message.acknowledged_by) == ("open", None)
    assert message.due_at is not None
    assert message.due_at < NOW + timedelta(minutes=1), "the follow-up goes on at once"
    intake.over("1.1", "1.1", live)  # nor does the first one's conversation settle the second
    assert [one.id for one in messages.list_open(engine)] == ["1.1"]
    engine.dispose()


@pytest.mark.parametrize("joined", [True, False])
def test_a_cut_off_call_does_not_reset_the_climb_of_another_patient(
    home: Home, catch_up: CatchUp, *, joined: bool
) -> None:
    """Everybody is called about the first one by now, and that goes on; alone it begins anew."""
    intake = catch_up._intake  # noqa: SLF001  # as above
    engine = open_database(home.database)
    call = "2.2" if joined else "1.1"
    for one in dict.fromkeys(("1.1", call)):
        intake.opened(one, CALLER, "urgent", "urgent")
    (before,) = message_progress.due_messages(engine, NOW + timedelta(hours=1), 9)
    todo = Todo("ring", FollowUpStage.EVERYONE)
    begun, next_ = NOW + timedelta(minutes=25), NOW + timedelta(minutes=25, seconds=40)
    follow_ups.begin_round(engine, before, todo, [], at=begun, due_at=next_)
    ended = begun + timedelta(seconds=20)
    live = LiveCall("urgent", CALLER, accepted_at=ended - timedelta(seconds=5), person="lee")
    intake.accepted("1.1", call, "lee", live.accepted_at)
    intake.over("1.1", call, live, ended)
    (view,) = message_progress.due_messages(engine, NOW + timedelta(hours=1), 9)
    since, stage = (
        (before.since, FollowUpStage.EVERYONE) if joined else (ended, FollowUpStage.ON_CALL)
    )
    assert (view.state, view.since, view.stage) == ("open", since, stage)
    (message,) = messages.list_open(engine)
    assert message.due_at == (next_ if joined else ended + CALLS_AGAIN)
    engine.dispose()


def test_a_conversation_settles_its_own_message(home: Home, catch_up: CatchUp) -> None:
    """Nobody else is in it: whoever spoke with the patient owes nothing."""
    intake = catch_up._intake  # noqa: SLF001  # as above
    engine = open_database(home.database)
    intake.opened("1.1", CALLER, "urgent", "urgent")
    live = LiveCall("urgent", CALLER, accepted_at=NOW - timedelta(seconds=11), person="lee")
    intake.accepted("1.1", "1.1", "lee")
    intake.over("1.1", "1.1", live)
    found = messages.get_message(engine, "1.1")
    assert found is not None
    assert (found.state, found.disposition) == ("closed", messages.SPOKEN)
    engine.dispose()


@pytest.mark.parametrize("call", ["1.1", "2.2"])
def test_what_the_failsafe_recorded_is_added_to_its_message(
    home: Home, catch_up: CatchUp, call: str
) -> None:
    """The control layer died in a call that had words already, or that joined: all is heard."""
    intake = catch_up._intake  # noqa: SLF001  # as above
    engine = open_database(home.database)
    (home.messages / "1.1.wav").touch()
    for one in ("1.1", "2.2"):
        message = intake.opened(one, CALLER, "urgent", "urgent")
        write_batch(
            engine, [replace(START, call=one), records.MessageOpened(one, message)], durable=True
        )
    message_progress.move(engine, PLAN, "1.1", "acknowledged", at=NOW, person="lee")
    later = home.messages / f"failsafe-{call}.wav"
    later.touch()
    for _ in range(2):
        catch_up.take_recording(call, later)
    (found,) = messages.list_open(engine)
    assert found.state == "open", "nobody has heard it"
    assert messages.recordings(engine, "1.1") == [
        "messages/1.1.wav", "messages/2.2.wav", f"messages/failsafe-{call}.wav",
    ]  # fmt: skip
    engine.dispose()


@pytest.mark.parametrize(("call", "own"), [("1.1", "1.1-2"), ("2.2", "2.2")])
@pytest.mark.parametrize("event", ["called back", "closed"])
def test_what_the_failsafe_recorded_of_a_settled_message_is_reported(
    home: Home, catch_up: CatchUp, call: str, own: str, event: message_progress.MessageMove
) -> None:
    """Whoever settled it cannot have heard that: it is an open message, and is one alone."""
    intake = catch_up._intake  # noqa: SLF001  # as above
    engine = open_database(home.database)
    for one in ("1.1", "2.2"):
        message = intake.opened(one, CALLER, "urgent", "urgent")
        write_batch(
            engine, [replace(START, call=one), records.MessageOpened(one, message)], durable=True
        )
    message_progress.move(engine, PLAN, "1.1", event, at=NOW, person="lee")
    (home.messages / f"{call}.wav").touch()
    later = home.messages / f"failsafe-{call}.wav"
    later.touch()
    for _ in range(2):
        catch_up.take_recording(call, later)
    found = [one for one in messages.list_open(engine) if one.id != "1.1"]
    assert [(one.id, one.state, one.callback_number) for one in found] == [(own, "open", CALLER)]
    places = [f"messages/{call}.wav", f"messages/failsafe-{call}.wav"]
    assert messages.recordings(engine, own) == places
    engine.dispose()
