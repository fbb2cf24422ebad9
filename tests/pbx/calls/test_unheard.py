"""Calls that nobody of ours heard of, or heard out: each is in the log once, as it really was."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from dialplan import names
from pbx.asterisk.ami.events import event_of
from pbx.asterisk.ami.protocol import AmiEvent
from pbx.asterisk.engine.runtime import ServiceUser
from pbx.base.clock import DemoClock
from pbx.calls.callflow import CallFlow
from pbx.calls.conversation import Question, Verdict
from pbx.calls.live import LivePlan
from pbx.calls.recent import RecentCallers
from pbx.calls.record.catch_up import CatchUp
from pbx.calls.record.flags import CUT_OFF
from pbx.calls.record.reconcile import reconcile_day
from pbx.calls.record.recorder import Recorder
from pbx.calls.record.spool import Fact, Spool
from pbx.calls.record.spool_import import UNHEARD, UNRECORDED, SpoolImport
from pbx.calls.turns import turn_records
from pbx.config import plan as plans
from pbx.config.home import Home
from pbx.config.secrets import Secrets
from pbx.db import follow_ups, message_progress, messages, records
from pbx.db.calls import CallRow, get_call
from pbx.db.database import open_database
from pbx.db.messages import MessageRow
from pbx.db.writer import LogWriter
from routing.follow_up import RINGING, Todo
from tests.support.ledgers import Reported, cdr_lines, write_cdr

ROOT = Path(__file__).parents[3]
PLAN = plans.load(ROOT / "config" / "office.toml").plan
NOW = datetime(2026, 11, 28, 7, 10, tzinfo=UTC)  # a Saturday night in New York
MAIN, BACK_LINE, CALLER = "+12125550100", "+12125550101", "+12125550142"
CALL = "1.1"
NOTHING: frozenset[str] = frozenset()


class Office:
    """A recorder that hears what the test tells it, on a database of its own."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder / "home")
        self.home.prepare(ServiceUser(None, 0, 0))
        self.clock = DemoClock(NOW)
        self.live = LivePlan(PLAN, Secrets(mobiles={"lee": "+12125550111"}), self.home)
        self.writer = LogWriter(lambda: open_database(self.home.database))
        self.writer.start()
        self.recorder = self.begins()

    def begins(self) -> Recorder:
        """Begin to listen, as after a restart: nothing is known but what is in the database."""
        engine = open_database(self.home.database)
        self.recorder = Recorder(engine, self.writer, self.home, self.live, self.clock, "token")
        return self.recorder

    @property
    def catch_up(self) -> CatchUp:
        """What takes in what nobody heard."""
        return self.recorder.catch_up

    def turn(self, did: str, call: str = CALL, event: str = names.ARRIVED) -> None:
        """Answer a question about a call, and let the answer be noted."""
        self.recorder.turn(*self.asked(did, call, event))
        self.recorder.settle()

    def presses_urgent(self, call: str) -> None:
        """Let somebody of the caller's number wait for a physician, with an open message."""
        question, verdict = self.asked(MAIN, call, names.PRESSED)
        state = replace(verdict.state, urgency="urgent")
        verdict = replace(verdict, state=state, message="urgent")
        self.recorder.open_message(question, verdict)
        self.recorder.turn(question, verdict)
        self.recorder.settle()

    async def accepts(self, call: str, person: str = "lee") -> None:
        """Let a physician press 1."""
        reported_ = {"UserEvent": names.USER_EVENT, "Token": "token", "What": names.LEG_ACCEPTED}
        leg = {"Call": call, "Uniqueid": f"{call}9", "Linkedid": call, "Who": person}
        await self.recorder.event(
            event_of(AmiEvent("UserEvent", reported_ | leg), self.clock.now())
        )

    def is_held(self, message: MessageRow | None) -> None:
        """Assert that the follow-up waits for a caller who is on the line."""
        assert message is not None
        assert message.due_at is not None
        assert message.due_at > self.clock.now() + timedelta(minutes=5)

    def asked(self, did: str, call: str, event: str = names.ARRIVED) -> tuple[Question, Verdict]:
        """Make a question and its verdict."""
        question = Question(call, call, "1", did, event, "", "", CALLER)
        flow = CallFlow(self.live, RecentCallers())
        return question, flow.answer(question, self.clock.now())

    async def hangs_up(self, call: str = CALL) -> None:
        """Let the caller's channel end."""
        fields = {"Uniqueid": call, "Linkedid": call, "Channel": "PJSIP/trunk-00000001"}
        await self.recorder.event(event_of(AmiEvent("Hangup", fields), self.clock.now()))

    async def resync(self, *live: str) -> None:
        """Find these calls alive after a connection."""

        async def ask() -> frozenset[str]:
            return frozenset(live)

        await self.recorder.resync(ask)

    def asterisk_wrote(self, call: str = CALL, seconds: float = 60, *, accepted: bool) -> Reported:
        """Let Asterisk's records have a call that ended now."""
        outcome: records.Outcome = "connected" if accepted else "abandoned"
        began = self.clock.now() - timedelta(seconds=seconds)
        reported_ = Reported(call, began, outcome, seconds=seconds, caller=CALLER)
        write_cdr(self.home.folder, cdr_lines(reported_))
        return reported_

    def row(self, call: str = CALL) -> CallRow:
        """Read a call from the log."""
        return self._history(call)[0]

    def message(self, call: str = CALL) -> MessageRow | None:
        """Read a call's message."""
        return self._history(call)[1]

    def _history(self, call: str) -> tuple[CallRow, MessageRow | None]:
        assert self.writer.flush(10)
        engine = self.engine()
        found = get_call(engine, call)
        engine.dispose()
        assert found is not None
        return found.call, found.message

    def engine(self) -> Engine:
        """Open the database."""
        return open_database(self.home.database)

    def is_urgent(self, message: MessageRow | None) -> None:
        """Assert that a message is open, urgent, with a number, and in the follow-up's hands."""
        assert message is not None
        assert (message.state in RINGING, message.urgency) == (True, "urgent")
        assert message.callback_number == CALLER
        assert message.due_at is not None
        assert message.due_at <= self.clock.now()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Listen to a line by night."""
    found = Office(tmp_path)
    yield found
    found.writer.close()


async def test_a_call_that_begins_while_one_asks_is_not_ended(office: Office) -> None:
    """Asterisk's answer does not know it yet: it goes on, and is heard out."""
    office.turn(MAIN, "1.1")

    async def ask() -> frozenset[str]:
        office.turn(MAIN, "1.2")
        return frozenset({"1.1"})

    await office.recorder.resync(ask)
    assert (office.row("1.1").outcome, office.row("1.2").outcome) == (None, None)
    assert set(office.recorder.held(["1.1", "1.2"])) == {"1.1", "1.2"}
    await office.resync("1.2")
    assert (office.row("1.1").outcome, office.row("1.2").outcome) == ("interrupted", None)


async def test_a_call_of_the_log_that_begins_while_one_asks_is_not_ended(office: Office) -> None:
    """Nor one that another process wrote down meanwhile."""
    question, verdict = office.asked(MAIN, "1.2")

    async def ask() -> frozenset[str]:
        for record in turn_records(question, verdict, PLAN, office.clock.now()):
            office.writer.put(record)
        return NOTHING

    await office.recorder.resync(ask)
    assert office.row("1.2").outcome is None


@pytest.mark.parametrize(("accepted", "outcome"), [(True, "connected"), (False, "abandoned")])
async def test_a_call_that_nobody_heard_of_is_taken_in(
    office: Office, *, accepted: bool, outcome: str
) -> None:
    """Asterisk's records alone have it: whoever called, how it ended, and both ledgers agree."""
    call = office.asterisk_wrote(accepted=accepted)
    await office.resync()
    row = office.row()
    assert (row.caller, row.outcome, row.ended_at) == (CALLER, outcome, call.end)
    assert row.person == ("lee" if accepted else None)
    engine, zone = office.engine(), PLAN.office.zone
    day, later = NOW.astimezone(zone).date(), NOW + timedelta(hours=1)
    assert reconcile_day(engine, office.home, day, zone, later).unaccounted == ()
    engine.dispose()


async def test_whoever_could_press_no_key_yet_is_called_back(office: Office) -> None:
    """Asterisk died with the call at the menu, and left no record: it may have been urgent."""
    office.turn(MAIN)
    assert not office.row().urgency
    await office.resync()
    assert office.row().outcome == "interrupted"
    office.is_urgent(office.message())


async def test_what_was_accepted_while_nobody_listened_counts(office: Office) -> None:
    """A new control layer hears only the end of the call: Asterisk's records know the middle."""
    office.turn(BACK_LINE)
    assert office.row().outcome is None
    office.begins()
    await office.resync(CALL)
    call = office.asterisk_wrote(accepted=True)
    await office.hangs_up()
    assert office.row().outcome is None, "not judged by the half that was heard"
    assert CALL in office.recorder.unheard
    office.catch_up.end({CALL: NOW}, office.recorder.held([CALL]))
    row = office.row()
    assert (row.outcome, row.person, row.ended_at) == ("connected", "lee", call.end)
    assert office.message() is None


async def test_a_call_of_the_failsafe_is_in_the_log_at_once(office: Office) -> None:
    """Its beginning was never asked about; its end is heard, and its matter is urgent."""
    fields = {"UserEvent": names.USER_EVENT, "Token": "token", "What": names.FAILSAFE_ENTERED}
    call = {"Call": CALL, "Uniqueid": CALL, "Linkedid": CALL, "CallerIDNum": CALLER}
    await office.recorder.event(event_of(AmiEvent("UserEvent", fields | call), office.clock.now()))
    assert (office.row().caller, office.row().outcome) == (CALLER, None)
    await office.hangs_up()
    assert office.row().outcome == "failsafe"
    office.is_urgent(office.message())


async def test_whoever_did_not_wait_for_the_verdict_is_in_the_log(office: Office) -> None:
    """The control layer hung meanwhile; the call is looked up in Asterisk's records."""
    office.recorder.missed(*office.asked(BACK_LINE, CALL))
    assert (office.row().caller, office.row().urgency) == (CALLER, "urgent")
    assert CALL in office.recorder.unheard
    office.asterisk_wrote(seconds=2, accepted=False)
    office.catch_up.end({CALL: NOW}, office.recorder.held([CALL]))
    assert office.row().outcome == "message"
    office.is_urgent(office.message())


async def test_what_the_standby_reported_is_newer_than_a_late_verdict(office: Office) -> None:
    """The hung control layer wakes, and takes nothing back of what was said in its place."""
    question, verdict = office.asked(BACK_LINE, CALL)
    office.recorder.taken(Fact(CALL, NOW, (), None, question, verdict), None)
    office.recorder.missed(*office.asked(MAIN, CALL))
    assert office.recorder.held([CALL])[CALL].urgency == "urgent"
    assert CALL not in office.recorder.unheard


async def test_a_matter_that_is_reported_after_the_end_is_followed_up(office: Office) -> None:
    """The log has the call as abandoned; then the standby's fact says that it was urgent."""
    office.asterisk_wrote(seconds=2, accepted=False)
    await office.resync()
    assert (office.row().outcome, office.message()) == ("abandoned", None)
    question, verdict = office.asked(BACK_LINE, CALL)
    facts = tuple(turn_records(question, verdict, PLAN, NOW))
    verdict = replace(verdict, decision=None, facts=None)  # as the standby does
    Spool(office.home.spool).put(Fact(CALL, NOW, facts, None, question, verdict))
    for path in office.catch_up.waiting():
        assert office.catch_up.take(path) is not None
    office.catch_up.end({CALL: NOW}, {})
    assert office.row().outcome == "message"
    office.is_urgent(office.message())
    office.catch_up.end({CALL: NOW}, {})
    engine = office.engine()
    assert len(messages.list_open(engine)) == 1
    engine.dispose()


async def test_a_call_that_ended_is_assessed_when_the_standby_has_written(office: Office) -> None:
    """Its process may still be at it: what nobody heard out is looked up seconds later."""

    async def nobody() -> frozenset[str]:
        return NOTHING

    office.asterisk_wrote(seconds=2, accepted=False)
    await office.hangs_up()
    spool_import = SpoolImport(office.recorder, nobody, office.clock)
    await spool_import.once()
    engine = office.engine()
    assert get_call(engine, CALL) is None
    engine.dispose()
    office.clock.set(office.clock.now() + UNHEARD + timedelta(seconds=1))
    await spool_import.once()
    assert office.row().outcome == "abandoned"


async def test_what_the_standby_tells_of_a_call_that_broke_off_is_no_open_call(
    office: Office,
) -> None:
    """Asterisk died, and was asked for its calls, before the standby's word was taken in."""

    async def nobody() -> frozenset[str]:
        return NOTHING

    await office.resync()
    question, verdict = office.asked(BACK_LINE, CALL)
    facts = tuple(turn_records(question, verdict, PLAN, NOW))
    verdict = replace(verdict, decision=None, facts=None)  # as the standby does
    Spool(office.home.spool).put(Fact(CALL, NOW, facts, None, question, verdict))
    spool_import = SpoolImport(office.recorder, nobody, office.clock)
    await spool_import.once()
    assert office.row().outcome is None, "Asterisk may still be writing its record"
    office.clock.set(office.clock.now() + UNRECORDED)
    await spool_import.once()
    assert office.row().outcome == "interrupted"
    office.is_urgent(office.message())


async def test_an_acceptance_counts_while_the_database_is_locked(office: Office) -> None:
    """Its message cannot be told then; the call is connected all the same, and settles it."""
    office.turn(MAIN)
    office.presses_urgent(CALL)
    assert office.writer.flush(10)
    locks = sqlite3.connect(office.home.database, isolation_level=None)
    locks.execute("BEGIN IMMEDIATE")
    await office.accepts(CALL)
    locks.execute("ROLLBACK")
    locks.close()
    office.clock.set(office.clock.now() + timedelta(minutes=1))
    await office.hangs_up()
    assert (office.row().outcome, office.row().person) == ("connected", "lee")
    message = office.message()
    assert message is not None
    assert (message.state, message.closed_by) == ("closed", "lee")


async def test_a_recording_of_the_failsafe_has_its_callers_number(office: Office) -> None:
    """Heard of by nobody, or only its end: Asterisk's records name whom to call back."""

    async def nobody() -> frozenset[str]:
        return NOTHING

    recording = office.home.messages / f"failsafe-{CALL}.wav"
    recording.parent.mkdir(exist_ok=True)
    recording.write_bytes(b"RIFF")
    office.asterisk_wrote(accepted=False)
    await office.hangs_up()
    spool_import = SpoolImport(office.recorder, nobody, office.clock)
    await spool_import.once()
    engine = office.engine()
    assert messages.list_open(engine) == [], "its end is judged first"
    engine.dispose()
    office.recorder.unheard.clear()
    await spool_import.once()
    message = office.message()
    assert message is not None
    assert (message.callback_number, message.flags) == (CALLER, ())
    assert str(message.recording).endswith(recording.name)


async def test_who_hangs_up_does_not_end_the_hold_of_who_waits(office: Office) -> None:
    """Two of one number: the follow-up begins when the last of them waits no longer, not before."""
    office.presses_urgent("1.1")
    office.presses_urgent("2.2")
    await office.hangs_up("2.2")
    office.is_held(office.message("1.1"))
    await office.hangs_up("1.1")
    office.is_urgent(office.message("1.1"))


async def test_who_hangs_up_does_not_wait_for_who_speaks(office: Office) -> None:
    """The other one has a physician: about who was not heard the follow-up calls at once."""
    office.presses_urgent("1.1")
    office.presses_urgent("2.2")
    await office.accepts("1.1")
    office.is_held(office.message("1.1"))
    await office.hangs_up("2.2")
    office.is_urgent(office.message("1.1"))


async def test_what_was_held_for_calls_that_are_all_gone_is_followed_up(office: Office) -> None:
    """Nobody saw either end: as long as one of them goes on the message is held, and no longer."""
    office.presses_urgent("1.1")
    office.presses_urgent("2.2")
    await office.resync("2.2")
    office.is_held(office.message("1.1"))
    office.begins()
    await office.resync()
    office.is_urgent(office.message("1.1"))


async def test_earlier_attempts_do_not_keep_what_is_held_anew(office: Office) -> None:
    """Somebody was reached and took it up; then a call joined, whose end nobody saw."""
    office.presses_urgent("1.1")
    await office.hangs_up("1.1")
    engine, now = office.engine(), office.clock.now()
    (view,) = message_progress.due_messages(engine, now, 9)
    ring, later = Todo("ring", who={"lee": "mobile"}), now + timedelta(minutes=5)
    (attempt,) = follow_ups.begin_round(engine, view, ring, ["lee"], at=now, due_at=later) or []
    message_progress.move(engine, PLAN, "1.1", "acknowledged", at=now, person="lee")
    follow_ups.end_attempt(engine, attempt.id, "acknowledged", now)
    office.presses_urgent("2.2")
    office.is_held(office.message("1.1"))
    office.catch_up.release(())
    office.is_urgent(office.message("1.1"))
    engine.dispose()


@pytest.mark.parametrize("event", ["acknowledged", "called back", "closed"])
@pytest.mark.parametrize("cut_off", [False, True])
@pytest.mark.parametrize("call", ["1.1", "2.2"])
async def test_what_is_settled_while_a_caller_is_on_the_line_is_reported_anew(
    office: Office, call: str, event: message_progress.MessageMove, *, cut_off: bool
) -> None:
    """Whoever settled it has not heard that caller out, who spoke to nobody: somebody is called."""
    office.presses_urgent("1.1")
    office.presses_urgent("2.2")
    if cut_off:
        await office.accepts(call)
    engine = office.engine()
    message_progress.move(engine, PLAN, "1.1", event, at=office.clock.now(), person="osei")
    await office.hangs_up(call)
    message = office.message(call)
    assert message is not None
    if cut_off:
        assert (message.state, message.flags) == ("open", (CUT_OFF,))
    else:
        office.is_urgent(message)
    engine.dispose()


async def test_whoever_acknowledged_a_call_alone_owes_its_call_back(office: Office) -> None:
    """Nobody else is in the message: its caller hangs up, and is called back in time."""
    office.presses_urgent("1.1")
    engine = office.engine()
    now = office.clock.now()
    message_progress.move(engine, PLAN, "1.1", "acknowledged", at=now, person="osei")
    await office.hangs_up("1.1")
    message = office.message("1.1")
    assert message is not None
    assert (message.state, message.acknowledged_by) == ("acknowledged", "osei")
    engine.dispose()


async def test_what_was_settled_after_the_call_stays_so(office: Office) -> None:
    """Its end is taken in late: by then the words were heard, and nobody is called twice."""
    office.presses_urgent("1.1")
    office.presses_urgent("2.2")
    call = office.asterisk_wrote("2.2", accepted=False)
    engine = office.engine()
    later = call.end + timedelta(seconds=1)
    message_progress.move(engine, PLAN, "1.1", "closed", at=later, person="osei")
    office.catch_up.end({"2.2": call.at}, office.recorder.held(["2.2"]))
    message = office.message("2.2")
    assert message is not None
    assert (message.id, message.state) == ("1.1", "closed")
    engine.dispose()


@pytest.mark.parametrize("before", ["nothing", "own", "shared", "acknowledged"])
async def test_whoever_was_accepted_when_asterisk_died_is_reported_again(
    office: Office, before: str
) -> None:
    """How long they spoke nobody knows: as after a cut-off, whatever message there was."""
    engine, other = office.engine(), before in {"shared", "acknowledged"}
    if other:
        office.presses_urgent("0.1")
        await office.hangs_up("0.1")
    if before == "acknowledged":
        now = office.clock.now()
        message_progress.move(engine, PLAN, "0.1", "acknowledged", at=now, person="osei")
    if before == "nothing":
        office.turn(BACK_LINE)
    else:
        office.presses_urgent(CALL)
    await office.accepts(CALL)
    office.clock.set(office.clock.now() + timedelta(minutes=3))
    office.begins()
    await office.resync()
    for _ in range(2):
        assert office.row().outcome == "interrupted"
        message = office.message()
        office.is_urgent(message)
        assert message is not None
        assert CUT_OFF in message.flags
        assert message.id == ("0.1" if other else CALL)
        office.catch_up.end({CALL: NOW}, {})  # as what waits for the end of a standby's call
    engine.dispose()
