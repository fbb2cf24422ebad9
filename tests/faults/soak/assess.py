"""The reckoning after a soak: every call that was placed is held against both ledgers.

A caller who was answered is in the log, once. Whoever came with something urgent and stayed was
heard by a physician, or has a message; and what the log says of a call is what its phone heard.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from pbx.calls.record.reconcile import SETTLING, Reconciliation, cdr_path, reconcile
from pbx.config.plan import load
from pbx.db import messages
from pbx.db.calls import CallRow, list_calls
from pbx.db.database import open_database
from routing.follow_up import shortest_cut_off
from tests.faults.line import Line
from tests.faults.soak.play import Placed, Soak

SETTLED_S = 150.0  # until the last call's outcome is in the log, and the follow-up has rung
LEAVES_EARLY = {"leaves in the menu", "leaves after the key", "leaves before the answer"}
DURATION = 11  # the column of Asterisk's concise list, in seconds
FOLLOW_UP_S = 150
STAYS = {"urgent", "back line", "silent", "anonymous", "again", "star"}
BLIND_AFTER_S = 35.0  # an INVITE that nobody answered is given up by then
TALKED_S = 3.0  # in which somebody must have been heard, also if Asterisk stood still for two
FLAT_MB = 12.0  # what a daemon may grow between its first minute and its last
FLAT_AFTER_S = 30
SAMPLE_S = 2


@dataclass(frozen=True)
class Verdict:
    """What came of it: figures by their names, and each violation in a sentence."""

    figures: Mapping[str, str]
    lost: tuple[str, ...]


async def settle(line: Line) -> list[str]:
    """Wait until nothing is under way any more; return what is all the same."""
    ends = time.monotonic() + SETTLED_S
    left = ["nothing was looked at"]
    while left and time.monotonic() < ends:
        await asyncio.sleep(1)
        left = [*await _channels(line), *await asyncio.to_thread(_unfinished, line)]
    return left


async def _channels(line: Line) -> list[str]:
    said = await line.console("core show channels concise")
    found = [one.split("!") for one in said.splitlines() if "!" in one]
    # the follow-up goes on calling about open messages, each time for a minute or two
    return [
        f"a channel is left: {one[0]}"
        for one in found
        if one[0].startswith("PJSIP/trunk-0") or int(one[DURATION]) > FOLLOW_UP_S
    ]


def _unfinished(line: Line) -> list[str]:
    engine = open_database(line.up.home.database)
    try:
        rows = [f"call {row.id} has no outcome" for row in all_calls(engine) if row.outcome is None]
        soon = datetime.now(UTC) + timedelta(minutes=6)  # the follow-up tries again every five
        held = [
            f"message {one.id} is {one.state}, and the follow-up comes to it at {one.due_at}"
            for one in messages.list_open(engine)
            if one.urgency == "urgent"
            and (one.due_at is None or one.due_at > soon)
            and one.state in {"open", "delivered"}
        ]
        return [*rows, *held]
    finally:
        engine.dispose()


def all_calls(engine: Engine) -> list[CallRow]:
    """Read every call of the log, the oldest first."""
    return sorted(list_calls(engine, limit=1_000_000), key=lambda row: row.started_at)


def assess(soak: Soak, began: datetime, left: list[str]) -> Verdict:
    """Hold all that was placed against the ledgers; blocking."""
    home = soak.line.up.home
    engine = open_database(home.database)
    try:
        later = datetime.now(UTC) + 2 * SETTLING
        plan = load(home.folder.parent / "office.toml").plan
        cut_off = shortest_cut_off(plan)
        found = reconcile(engine, cdr_path(home), began, later, later, cut_off)
        rows = all_calls(engine)
        known = {row.message for row in rows if row.message} & _message_ids(engine)
    finally:
        engine.dispose()
    lost = [*left, *_unaccounted(found), *_callers(soak, rows, known), *_memory(soak)]
    return Verdict(_figures(soak, found), tuple(lost))


def _message_ids(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.exec_driver_sql("SELECT id FROM message").scalars())


def _unaccounted(found: Reconciliation) -> Iterator[str]:
    for one in found.unaccounted:
        yield f"call {one.id} is unaccounted for: {'; '.join(one.why)}"
    if found.going_on:
        yield f"{found.going_on} calls go on, and nobody is on the phone"


def _callers(soak: Soak, rows: list[CallRow], known: set[str]) -> Iterator[str]:
    placed = defaultdict(list)
    logged = defaultdict(list)
    for one in soak.placed:
        placed[one.caller.number].append(one)
    for row in rows:
        logged[row.caller].append(row)
    for number, calls in placed.items():
        yield from _answered(soak, calls)
        up = [one for one in calls if one.phone.answered_at is not None]
        held = logged.pop(number, [])
        if not len(up) <= len(held) <= len(calls):
            yield f"{_named(calls[0])}: answered {len(up)} times, in the log {len(held)} times"
        elif len(held) == len(calls):
            for one, row in zip(calls, held, strict=True):
                yield from _one(one, row, known)
        elif number is not None and len(held) == len(up):
            for one, row in zip(up, held, strict=True):
                yield from _one(one, row, known)
    for rest in logged.values():
        yield f"call {rest[0].id} is in the log, and nobody placed it"


def _answered(soak: Soak, calls: list[Placed]) -> Iterator[str]:
    """Whoever stayed was answered, unless there was no Asterisk to do it."""
    for one in calls:
        if one.error:
            yield f"{_named(one)}: {one.error}"
        if one.phone.answered_at is not None or one.caller.leaves is not None:
            continue
        ended = one.phone.ended_at or one.began
        blind = soak.faults.blind
        if not any(one.began < until + 1 and ended > since for since, until in blind):
            yield f"{_named(one)}: was not answered ({one.phone.failure})"


def _one(one: Placed, row: CallRow, known: set[str]) -> Iterator[str]:
    what = f"{_named(one)} (call {row.id}, {row.outcome})"
    talked = row.talk_s or 0  # whoever hung up just then is called back
    if row.outcome == "connected" and not one.heard and talked > TALKED_S and _stays(one):
        yield f"{what}: the log has {row.person}, and the caller heard nobody"
    if one.heard and row.outcome not in {"connected", "interrupted", "failsafe"}:
        yield f"{what}: the caller heard {' and '.join(one.heard)}"
    has_message = row.message in known
    is_urgent = _stays(one) and one.phone.answered_at is not None
    reached = bool(one.heard) or (row.person is not None and talked <= TALKED_S)
    if is_urgent and not reached and not has_message:
        yield f"{what}: urgent, heard nobody and has no message"
    elif row.urgency == "urgent" and row.outcome != "connected" and not has_message:
        yield f"{what}: logged as urgent without a message"
    if one.caller.kind == "routine" and one.phone.answered_at and not (one.heard or has_message):
        yield f"{what}: left a message that is not there"


def _stays(one: Placed) -> bool:
    """Tell whether a caller came with something urgent, and did not leave."""
    return one.caller.kind in STAYS


def _named(one: Placed) -> str:
    return f"{one.caller.number or 'anonymous'}, {one.caller.kind}, at {one.caller.at:.1f} s"


def _memory(soak: Soak) -> Iterator[str]:
    for pid, series in soak.memory.items():
        first, last = _ends(series)
        if last - first > FLAT_MB:
            yield f"daemon {pid} grew from {first:.0f} to {last:.0f} MB"


def _ends(series: list[float]) -> tuple[float, float]:
    """Return a daemon's MB when it was warm and at its end, the same if it lived short."""
    warm = series[FLAT_AFTER_S // SAMPLE_S :]
    if not warm:
        return max(series), max(series)
    part = max(1, len(warm) // 4)
    return statistics.median(warm[:part]), statistics.median(warm[-part:])


def _figures(soak: Soak, found: Reconciliation) -> dict[str, str]:
    up = [one for one in soak.placed if one.phone.answered_at is not None]
    kinds = Counter(one.kind for one in soak.faults.played)
    most = max(map(max, soak.memory.values()), default=0)
    longest = max(soak.memory.values(), key=len, default=[0.0])
    first, last = _ends(longest)
    return {
        "calls placed": str(len(soak.placed)),
        "answered": str(len(up)),
        "heard a physician": str(sum(bool(one.heard) for one in soak.placed)),
        **{f"in the log as {name}": str(count) for name, count in found.outcomes.items()},
        "in both ledgers together": str(found.placed),
        "unaccounted": str(len(found.unaccounted)),
        "faults": f"{len(soak.faults.played)}: "
        + ", ".join(f"{count} x {kind}" for kind, count in sorted(kinds.items())),
        "without an Asterisk": f"{sum(end - at for at, end in soak.faults.blind):.0f} s",
        "daemons": str(len(soak.memory)),
        "memory of a daemon": f"at most {most:.0f} MB; the one that lived longest "
        f"({len(longest) * SAMPLE_S} s): {first:.0f}, then {last:.0f} MB",
    }
