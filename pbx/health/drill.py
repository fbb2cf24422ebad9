"""A drill of the failsafe: one call of our own, which nobody decides about, and whom it would ring.

It takes the real dialplan's way past a control layer and a standby that do not answer. What the
failsafe would dial is held against what it should dial at this instant; nobody's phone rings.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from dialplan import names
from dialplan.manager import USER
from pbx.ami.client import AmiClient, AmiUnavailable
from pbx.call.callflow import on_call_legs
from pbx.call.conversation import Plans
from pbx.errors import EngineError

CONNECT_S = 5.0
LONGEST_S = 20.0  # both watchdogs take four seconds each where something hangs
LOOK_S = 0.2
Ask = Callable[[str], str]


@dataclass(frozen=True)
class Login:
    """The manager's port on 127.0.0.1, and its secret."""

    port: int
    secret: str


@dataclass(frozen=True)
class Drilled:
    """What came of it: whom the failsafe would ring, after how many seconds, and what is wrong."""

    rings: tuple[str, ...]
    took_s: float
    wrong: tuple[str, ...]


def failsafe(ask: Ask, manager: Login, plans: Plans, now: datetime) -> Drilled:
    """Drill it; `ask` puts one line to Asterisk's console. Blocks for seconds."""
    number = str(int(now.timestamp() * 1000))
    began = time.monotonic()
    asyncio.run(_call(manager, number))
    found = None
    while found is None and time.monotonic() - began < LONGEST_S:
        time.sleep(LOOK_S)
        found = _told(ask, number)
    took = time.monotonic() - began
    if found is None:
        return Drilled((), took, ("the drill's call did not reach the failsafe",))
    rings = tuple(dict.fromkeys(re.findall(rf"Local/([a-z0-9_-]+)@{names.LEG}/", found)))
    return Drilled(
        rings, took, tuple(_wrong(ask, rings, on_call_legs(plans.plan, plans.book, now)))
    )


async def _call(manager: Login, number: str) -> None:
    """Place the drill's call; EngineError if Asterisk's manager does not take it."""
    client = AmiClient(
        host="127.0.0.1",
        port=manager.port,
        username=USER,
        secret=manager.secret,
        on_event=lambda _: None,
        on_resync=_nothing,
    )
    running = asyncio.create_task(client.run())
    try:
        await client.wait_connected(CONNECT_S)
        await client.action(
            "Originate",
            Channel=f"Local/s@{names.DRILL}/n",
            Context=names.DRILL,
            Exten="done",
            Priority="1",
            Async="true",
            Variable=f"OL_DRILL={number},CDR_PROP(disable)=1",
        )
    except (AmiUnavailable, TimeoutError) as error:
        raise EngineError(
            f"Asterisk's manager on port {manager.port} does not take the drill's call; "
            "look at the line with 'officeline doctor'."
        ) from error
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def _nothing(_client: AmiClient) -> None:
    """A drill has nothing to catch up with."""


def _told(ask: Ask, number: str) -> str | None:
    """Return the legs that this drill's call has left, or None so far."""
    value = _value(ask, names.DB_DRILLED)
    return value if value is not None and value.split(" ")[0] == number else None


def _value(ask: Ask, key: str) -> str | None:
    match = re.search(r"^Value: (.*)$", ask(f"database get {names.DB_FAMILY} {key}"), re.MULTILINE)
    return match and match[1].strip()


def _wrong(ask: Ask, rings: tuple[str, ...], due: dict[str, str]) -> list[str]:
    """Say what is not as it should be; without any number."""
    wrong = [f"{one} is on call, and would not be rung" for one in due if one not in rings]
    wrong += [f"{one} would be rung, and is not on call" for one in rings if one not in due]
    wrong += [
        f"what would be dialled for {one} is not what the vault holds now"
        for one in rings
        if one in due and _value(ask, f"{names.DB_TO}/{one}") != due[one]
    ]
    return wrong if rings else [*wrong, "nobody would be rung"]
