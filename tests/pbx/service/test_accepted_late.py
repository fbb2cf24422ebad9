"""Who accepts when the call has gone on counts for nothing, in whatever order it is heard."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from dialplan import names
from pbx.asterisk.ami.events import event_of
from pbx.asterisk.ami.protocol import AmiEvent
from pbx.asterisk.engine.runtime import ServiceUser
from pbx.base.clock import DemoClock
from pbx.calls.record.reconcile import cdr_path
from pbx.config.home import Home
from pbx.db.calls import History, get_call
from pbx.db.database import open_database
from pbx.service.daemon import Daemon
from tests.pbx.service.test_stopped import NIGHT, state_of
from tests.support.daemons import PATIENT, SECRETS, asked, serving

CALL = "1.1"


def prepared(folder: Path) -> Home:
    """Make a home."""
    home = Home(folder / "home")
    home.prepare(ServiceUser(None, 0, 0))
    return home


async def accepts(daemon: Daemon, person: str, leg: str, turn: int | str) -> None:
    """Tell that somebody pressed 1 who was called in this turn."""
    reported = {"UserEvent": names.USER_EVENT, "Token": SECRETS.token, "What": names.LEG_ACCEPTED}
    who = {"Call": CALL, "Uniqueid": leg, "Who": person, "Linkedid": CALL, "Turn": str(turn)}
    await daemon.recorder.event(event_of(AmiEvent("UserEvent", reported | who), daemon.clock.now()))


async def hangs_up(daemon: Daemon) -> None:
    """Let the caller hang up half a minute later."""
    assert isinstance(daemon.clock, DemoClock)
    daemon.clock.set(daemon.clock.now() + timedelta(seconds=30))
    caller = {"Uniqueid": CALL, "Linkedid": CALL, "Channel": "PJSIP/trunk-00000001"}
    await daemon.recorder.event(event_of(AmiEvent("Hangup", caller), daemon.clock.now()))


def logged(daemon: Daemon, home: Home) -> History:
    """Read the call."""
    assert daemon.writer.flush(10)
    engine = open_database(home.database)
    history = get_call(engine, CALL)
    engine.dispose()
    assert history is not None
    return history


async def begun(port: int) -> str:
    """Call by night with something urgent, up to the escalation policy's first step (turn 2)."""
    state = state_of(await asked(port, CALL, PATIENT))
    return state_of(await asked(port, CALL, PATIENT, names.PRESSED, state, detail="1", turn=2))


@pytest.mark.parametrize("heard_first", [True, False])
async def test_an_acceptance_of_an_earlier_step_is_too_late(
    tmp_path: Path, *, heard_first: bool
) -> None:
    """Nobody else takes the call: it names nobody, and its message is open."""
    home = prepared(tmp_path)
    async with serving(home, NIGHT) as (daemon, port):
        state = await begun(port)
        if heard_first:
            await accepts(daemon, "lee", "1.2", 2)
        await asked(port, CALL, PATIENT, names.RANG, state, turn=3)
        if not heard_first:
            await accepts(daemon, "lee", "1.2", 2)
        await hangs_up(daemon)
        history = logged(daemon, home)
    assert (history.call.person, history.call.acknowledged_at) == (None, None)
    assert history.call.outcome == "message"
    assert [leg.result for leg in history.legs] == ["too late"]
    assert history.message is not None
    assert history.message.state == "open"


async def test_the_log_names_who_really_talked(tmp_path: Path) -> None:
    """The first was too late, the second was joined and talked: the message is theirs."""
    home = prepared(tmp_path)
    async with serving(home, NIGHT) as (daemon, port):
        state = await begun(port)
        await accepts(daemon, "lee", "1.2", 2)
        await asked(port, CALL, PATIENT, names.RANG, state, turn=3)
        await accepts(daemon, "patel", "1.3", 3)
        await hangs_up(daemon)
        history = logged(daemon, home)
    assert (history.call.person, history.call.outcome) == ("patel", "connected")
    assert {leg.channel: leg.result for leg in history.legs} == {
        "1.2": "too late",
        "1.3": "accepted",
    }
    assert history.message is not None
    assert (history.message.state, history.message.closed_by) == ("closed", "patel")


async def test_whoever_leaves_words_with_the_failsafe_was_joined_to_nobody(
    tmp_path: Path,
) -> None:
    """A press fell into the end of its Dial: the words come later, and somebody must hear them."""
    home = prepared(tmp_path)
    async with serving(home, NIGHT) as (daemon, port):
        await begun(port)
        await accepts(daemon, "lee", "1.2", "1.1/2")
        reported = {"UserEvent": names.USER_EVENT, "Token": SECRETS.token}
        words = {"What": names.FAILSAFE_RECORDED, "Call": CALL, "Uniqueid": CALL, "Linkedid": CALL}
        await daemon.recorder.event(
            event_of(AmiEvent("UserEvent", reported | words), daemon.clock.now())
        )
        await hangs_up(daemon)
        history = logged(daemon, home)
    assert history.call.person is None
    assert [leg.result for leg in history.legs] == ["too late"]
    assert history.message is not None
    assert history.message.state == "open"


async def test_an_acceptance_that_the_ledger_refutes_is_taken_back(tmp_path: Path) -> None:
    """The control layer died before the next question; Asterisk's records join nobody."""
    home = prepared(tmp_path)
    async with serving(home, NIGHT) as (daemon, port):
        await begun(port)
        await accepts(daemon, "lee", "1.2", 2)
        row = logged(daemon, home).call
        assert row.person == "lee"
    start = row.started_at.timestamp()
    record = (
        *(f"{start:.6f}", f"{start:.6f}", f"{start + 90:.6f}", PATIENT, "s", "do"),
        *("PJSIP/trunk-00000001", "Local/lee@leg-00000001;1", "NO ANSWER", "0", CALL, "", CALL),
    )
    cdr_path(home).parent.mkdir(parents=True, exist_ok=True)
    cdr_path(home).write_text(",".join(f'"{one}"' for one in record) + "\n")
    async with serving(home, NIGHT) as (daemon, _port):
        history = logged(daemon, home)
    assert (history.call.person, history.call.outcome) == (None, "message")
    assert history.message is not None
    assert history.message.state == "open"
