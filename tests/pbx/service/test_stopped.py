"""A physician presses 1 in the moment in which the caller gives up waiting: nobody spoke."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from dialplan import names
from pbx.asterisk.ami.events import event_of
from pbx.asterisk.ami.protocol import AmiEvent
from pbx.asterisk.engine.runtime import ServiceUser
from pbx.config.home import Home
from pbx.db.calls import get_call
from pbx.db.database import open_database
from tests.support.daemons import PATIENT, ROOT, SECRETS, asked, serving

TEXT = (ROOT / "config" / "office.toml").read_text()
NIGHT = re.sub(r"^(mon-thu|fri) = \[.*\]$", "", TEXT, flags=re.MULTILINE)  # always closed


async def test_who_accepts_when_the_caller_has_given_up_closes_no_message(tmp_path: Path) -> None:
    """The caller is at the message already: it stays open, and the leg was too late."""
    home = Home(tmp_path / "home")
    home.prepare(ServiceUser(None, 0, 0))
    async with serving(home, NIGHT) as (daemon, port):
        first = await asked(port, "1.1", PATIENT)
        state = re.search(r'OL_STATE[="\\]+([^"\\]*)', first)
        assert state, first
        await asked(port, "1.1", PATIENT, names.STOPPED, state[1])
        reported = {
            "UserEvent": names.USER_EVENT,
            "Token": SECRETS.token,
            "What": names.LEG_ACCEPTED,
        }
        leg = {"Call": "1.1", "Uniqueid": "1.2", "Who": "lee", "Linkedid": "1.1"}
        await daemon.recorder.event(
            event_of(AmiEvent("UserEvent", reported | leg), daemon.clock.now())
        )
        daemon.writer.flush()
        engine = open_database(home.database)
        history = get_call(engine, "1.1")
        engine.dispose()
    assert history is not None
    assert (history.call.person, history.legs[0].result) == (None, "too late")


async def test_who_gives_up_while_the_press_is_written_down_has_an_open_message(
    tmp_path: Path,
) -> None:
    """The database is slow, and the star comes before it has taken the press: nobody spoke."""
    home = Home(tmp_path / "home")
    home.prepare(ServiceUser(None, 0, 0))
    async with serving(home, NIGHT) as (daemon, port):
        state = state_of(await asked(port, "1.1", PATIENT))
        state = state_of(await asked(port, "1.1", PATIENT, names.PRESSED, state, detail="1"))
        with closing(sqlite3.connect(home.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            reported = {
                "UserEvent": names.USER_EVENT,
                "Token": SECRETS.token,
                "What": names.LEG_ACCEPTED,
            }
            leg = {"Call": "1.1", "Uniqueid": "1.2", "Who": "lee", "Linkedid": "1.1"}
            press = asyncio.create_task(
                daemon.recorder.event(
                    event_of(AmiEvent("UserEvent", reported | leg), daemon.clock.now())
                )
            )
            await asyncio.sleep(0)  # the press is on its way
            await asked(port, "1.1", PATIENT, names.STOPPED, state)
            daemon.recorder.settle()
            other.execute("ROLLBACK")
        await press
        caller = {"Uniqueid": "1.1", "Linkedid": "1.1", "Channel": "PJSIP/trunk-00000001"}
        daemon.clock.set(daemon.clock.now() + timedelta(seconds=30))
        await daemon.recorder.event(event_of(AmiEvent("Hangup", caller), daemon.clock.now()))
        assert daemon.writer.flush(10)
        engine = open_database(home.database)
        history = get_call(engine, "1.1")
        engine.dispose()
    assert history is not None
    assert history.message is not None
    assert (history.call.person, history.message.state) == (None, "open")


def state_of(answer: str) -> str:
    """Take the call's state out of a verdict."""
    found = re.search(r"OL_STATE=([^,]*)", answer)
    assert found, answer
    return found[1]
