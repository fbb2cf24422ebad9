"""An urgent call that is cut off just after somebody accepted it is told again."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from dialplan import names
from pbx.asterisk.ami.events import event_of
from pbx.asterisk.ami.protocol import AmiEvent
from pbx.asterisk.engine.runtime import ServiceUser
from pbx.calls.record.flags import CUT_OFF
from pbx.calls.record.spool import Spool
from pbx.config.home import Home
from pbx.db import message_progress, messages
from pbx.db.calls import History, get_call, list_calls
from pbx.db.database import open_database
from pbx.db.deferred import CALLS_AGAIN
from pbx.db.messages import MessageRow
from pbx.service.daemon import Daemon
from routing import follow_up
from routing.follow_up import was_cut_off
from tests.support.ami_peer import until
from tests.support.daemons import DAY, PATIENT, ROOT, SECRETS, asked, parsed, serving
from tests.support.ledgers import Reported, cdr_lines, write_cdr

TEXT = (ROOT / "config" / "office.toml").read_text()
NIGHT = re.sub(r"^(mon-thu|fri) = \[.*\]$", "", TEXT, flags=re.MULTILINE)  # always closed
BACK_LINE = "+12125550101"
CALL, LEG = "1.1", "1.2"
NUMBERS = {person: frozenset({"mobile"}) for person in ("lee", "osei", "patel")}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home of our own user's."""
    found = Home(tmp_path / "home")
    found.prepare(ServiceUser(None, 0, 0))
    return found


@pytest.fixture
def engine(home: Home) -> Iterator[Engine]:
    """Look into the database of that home."""
    found = open_database(home.database)
    yield found
    found.dispose()


async def accepts(daemon: Daemon, person: str = "lee") -> None:
    """Let a physician press 1."""
    reported = {"UserEvent": names.USER_EVENT, "Token": SECRETS.token, "What": names.LEG_ACCEPTED}
    leg = {"Call": CALL, "Uniqueid": LEG, "Who": person, "Linkedid": CALL}
    await daemon.recorder.event(event_of(AmiEvent("UserEvent", reported | leg), daemon.clock.now()))


async def ends(daemon: Daemon, after_s: float, waits_s: float = 0) -> None:
    """Let the call end so many seconds later; what tells of it may have to wait."""
    at = daemon.clock.now() + timedelta(seconds=after_s)
    daemon.clock.set(at + timedelta(seconds=waits_s))
    caller = {"Uniqueid": CALL, "Linkedid": CALL, "Channel": "PJSIP/trunk-00000001"}
    await daemon.recorder.event(event_of(AmiEvent("Hangup", caller), at))
    assert daemon.writer.flush(10)


async def spoke(
    home: Home, seconds: float, did: str = BACK_LINE, text: str = TEXT, waits_s: float = 0
) -> History:
    """Let a call be accepted, last so long, and end; return it."""
    async with serving(home, text) as (daemon, port):
        await asked(port, CALL, PATIENT, did=did)
        await accepts(daemon)
        await ends(daemon, seconds, waits_s)
    return found(home)


def found(home: Home) -> History:
    """Read the call."""
    engine = open_database(home.database)
    history = get_call(engine, CALL)
    engine.dispose()
    assert history is not None
    return history


def is_reported_again(engine: Engine, message: MessageRow | None, ended_at: datetime) -> None:
    """Assert that it is open, says why, and that the follow-up rings whoever accepted, soon."""
    assert message is not None
    assert (message.state, message.urgency) == ("open", "urgent")
    assert message.callback_number == PATIENT
    assert message.flags == (CUT_OFF,)
    assert message.due_at == ended_at + CALLS_AGAIN
    assert message_progress.due_messages(engine, ended_at, 9) == []
    (view,) = message_progress.due_messages(engine, ended_at + CALLS_AGAIN, 9)
    todo = follow_up.todo_for(view, parsed(TEXT).plan, NUMBERS, ended_at + CALLS_AGAIN)
    assert todo.what == "ring"
    assert set(todo.who) == {"osei", "lee"}  # who is on call, and who accepted


async def test_who_is_cut_off_on_the_back_line_is_called_back(home: Home, engine: Engine) -> None:
    """Connected, and yet there is an open urgent message, about which who accepted is called."""
    history = await spoke(home, 9)
    assert (history.call.outcome, history.call.person) == ("connected", "lee")
    assert history.call.message == CALL
    assert history.call.ended_at is not None
    is_reported_again(engine, history.message, history.call.ended_at)


async def test_an_end_that_waits_for_the_database_was_when_it_was(
    home: Home, engine: Engine
) -> None:
    """The line was gone after four seconds, though we come to write it down much later."""
    history = await spoke(home, 4, waits_s=20)
    assert history.call.ended_at is not None
    is_reported_again(engine, history.message, history.call.ended_at)


async def test_who_spoke_has_no_message(home: Home) -> None:
    """Ten seconds are a conversation, by the plan; and what is not urgent is nobody's alarm."""
    history = await spoke(home, 10.5)
    assert (history.call.outcome, history.message) == ("connected", None)


async def test_the_plan_says_how_short_is_too_short(home: Home) -> None:
    """An office whose laboratory is brief can say so."""
    brief = TEXT.replace(
        "[escalation.urgent]", '[escalation.urgent]\nfollow_up = { cut_off = "5s" }'
    )
    assert brief != TEXT
    history = await spoke(home, 6, text=brief)
    assert (history.call.outcome, history.message) == ("connected", None)


async def test_a_routine_call_by_day_leaves_no_message(home: Home) -> None:
    """The front desk picks up, and the caller hangs up: there is nothing to tell anybody."""
    history = await spoke(home, 2, did="+12125550100")
    assert (history.call.outcome, history.message) == ("connected", None)


async def test_a_message_that_was_left_before_is_open_again(home: Home, engine: Engine) -> None:
    """By night the words are there already: they are told again, and not half an hour later."""
    async with serving(home, NIGHT) as (daemon, port):
        first = await asked(port, CALL, PATIENT)
        state = re.search(r"OL_STATE=([^,]*)", first)
        assert state, first
        await asked(port, CALL, PATIENT, names.PRESSED, state[1], detail="1")
        (message,) = messages.list_open(engine)
        await accepts(daemon)
        assert messages.list_open(engine)[0].state == "acknowledged"
        await ends(daemon, 4)
    history = found(home)
    assert history.message is not None
    assert history.message.id == message.id
    assert history.call.ended_at is not None
    is_reported_again(engine, history.message, history.call.ended_at)


@pytest.mark.parametrize("seconds", [14.0, 30.0])
async def test_a_call_that_ended_while_nobody_listened(
    home: Home, engine: Engine, seconds: float
) -> None:
    """The control layer was dead when the line broke: Asterisk's records lead to the same."""
    async with serving(home, TEXT) as (daemon, port):
        await asked(port, CALL, PATIENT, did=BACK_LINE)
        assert daemon.writer.flush(10)
        began = daemon.clock.now() - timedelta(seconds=seconds)
    call = Reported(CALL, began, seconds=seconds, legs=("lee",), caller=PATIENT)
    both = [line.replace("leg-00000002;2", "leg-00000001;2") for line in cdr_lines(call)]
    write_cdr(home.folder, both)  # accepted after ten seconds
    async with serving(home, TEXT):
        await until(lambda: all(row.outcome for row in list_calls(engine)))
    history = found(home)
    assert (history.call.outcome, history.call.person) == ("connected", "lee")
    if seconds < 20:  # four seconds together, or twenty
        is_reported_again(engine, history.message, call.end)
    else:
        assert history.message is None


async def test_a_database_that_refuses_gets_it_later(home: Home, engine: Engine) -> None:
    """What is left in the spool meanwhile is the same open message when it is taken in."""
    async with serving(home, TEXT) as (daemon, port):
        await asked(port, CALL, PATIENT, did=BACK_LINE)
        assert daemon.writer.flush(10)
        with closing(sqlite3.connect(home.database, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            await accepts(daemon)
            ending = asyncio.create_task(ends(daemon, 4))
            await until(lambda: len(Spool(home.spool).waiting()) > 1)
            other.execute("ROLLBACK")
            await ending
        await until(lambda: not Spool(home.spool).waiting())
        await until(lambda: bool(found(home).message and found(home).message.flags))  # type: ignore[union-attr]  # it has one
    history = found(home)
    assert history.call.ended_at is not None
    is_reported_again(engine, history.message, history.call.ended_at)


def test_a_clock_that_goes_back_hides_nobody() -> None:
    """A span that cannot be believed counts as too short: better told once too often."""
    plan = parsed(TEXT).plan
    assert was_cut_off(plan, "urgent", DAY, DAY - timedelta(seconds=30))
    assert was_cut_off(plan, "gone", DAY, DAY + timedelta(seconds=9))
    assert not was_cut_off(plan, "gone", DAY, DAY + timedelta(seconds=10))
