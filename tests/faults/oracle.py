"""The oracle: what must hold after every fault, whichever office it happened to.

Every call is in the log with an outcome; an urgent one reached a human, or left an open message; no
channel is left; and nobody was dialed whom the plan does not name.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from pbx.db import messages
from pbx.db.calls import CallRow
from pbx.db.database import open_database
from pbx.demo.carrier.network import Carrier
from pbx.demo.stage import MOBILES

DEADLINE = 90.0
REACHED = frozenset({"connected", "failsafe"})
_INVITED = re.compile(r"^INVITE sip:(\+?\d+)@", re.MULTILINE)


def invited(carrier: Carrier) -> list[str]:
    """List the numbers that the office dialed, once for each call."""
    calls: dict[str, str] = {}
    for message in carrier.messages():
        if message.received and (found := _INVITED.match(message.text)):
            calls.setdefault(message.call_id, found[1])
    return list(calls.values())


def dialed_nobody_else(carrier: Carrier, *callers: str) -> None:
    """Every INVITE that reached the carrier was for a mobile of ours, or for who called."""
    assert not set(invited(carrier)) - {*MOBILES.values(), *callers}
    assert not carrier.refused


async def no_channel_is_left(console: Callable[[str], Awaitable[str]]) -> None:
    """Wait until the office's Asterisk has none; `console` says one line to it."""
    async with asyncio.timeout(DEADLINE):
        while "0 active channels" not in (said := await console("core show channels")):
            assert said, "Asterisk does not answer"
            await asyncio.sleep(0.2)


def ends_well(row: CallRow, database: Path) -> None:
    """An urgent call reached somebody, or its message waits for somebody; blocking."""
    assert row.outcome is not None, row
    if row.urgency != "urgent" or row.outcome in REACHED:
        return
    assert row.message, row
    engine = open_database(database)
    try:
        message = messages.get_message(engine, row.message)
    finally:
        engine.dispose()
    assert message is not None, row
    assert message.state != "closed", message
