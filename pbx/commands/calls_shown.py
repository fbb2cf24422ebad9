"""How calls look: as JSON, whose shape tools rely on, and as tables; every number is masked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pbx.commands.printing import plain_console, plain_table
from pbx.numbers import mask
from pbx.store.calls import CallRow, History
from routing.decision import Reason

if TYPE_CHECKING:
    from rich.console import Console

_E164 = re.compile(r"\+\d{5,15}")
_TIME = "%Y-%m-%d %H:%M:%S %Z"


def list_document(rows: Iterable[CallRow], zone: ZoneInfo) -> dict[str, Any]:
    """Lay out a list of calls as `calls list --json` prints it."""
    return {"calls": [_item(row, zone) for row in rows]}


def document(history: History, zone: ZoneInfo) -> dict[str, Any]:
    """Lay out one call as `calls show --json` prints it; its item is that of the list, and more."""
    call, message = history.call, history.message
    more = {
        "did": mask(call.did),
        "answered_at": _iso(call.answered_at, zone),
        "acknowledged_at": _iso(call.acknowledged_at, zone),
        "ended_at": _iso(call.ended_at, zone),
        "plan": call.plan,
    }
    return {
        "call": {**_item(call, zone), **more},
        "decisions": [
            {**_shape(one, zone), "reasons": [_why(why) for why in one.reasons]}
            for one in history.decisions
        ],
        "legs": [_shape(leg, zone) for leg in history.legs],
        "events": [
            {**_shape(one, zone), "detail": {key: _masked(value) for key, value in one.detail}}
            for one in history.events
        ],
        "message": message
        and {**_shape(message, zone), "callback_number": _number(message.callback_number)},
    }


def print_list(rows: list[CallRow], zone: ZoneInfo) -> None:
    """Print calls as a table."""
    console = plain_console()
    if not rows:
        console.print("No calls.")
        return
    table = plain_table(
        "call", "started", "line", "from", "urgency", "decision", "outcome", "person"
    )
    for heading in ("rang", "talked", "message"):
        table.add_column(heading)
    for row in rows:
        table.add_row(
            row.id,
            _clock(row.started_at, zone),
            row.line,
            _number(row.caller) or "anonymous",
            row.urgency,
            row.decision,
            row.outcome or "goes on",
            row.person,
            _seconds(row.ring_s),
            _seconds(row.talk_s),
            row.message,
        )
    console.print(table)


def print_history(history: History, zone: ZoneInfo) -> None:
    """Print one call: what it was, what was decided and why, who rang, what happened."""
    console = plain_console()
    call, message = history.call, history.message
    caller = _number(call.caller) or "an anonymous caller"
    console.print(f"Call {call.id} from {caller} on line '{call.line}'", style="bold")
    console.print(f"{_clock(call.started_at, zone)} to {_clock(call.ended_at, zone) or 'now'}")
    accepted = f", {call.person} accepted" if call.person else ""
    console.print(f"Outcome: {call.outcome or 'goes on'}{accepted}")
    if message is not None:
        number = _number(message.callback_number) or "no number"
        console.print(f"Message {message.id}: {message.state}, {message.urgency}, {number}")
    _print_decisions(console, history, zone)
    _print_rest(console, history, zone)


def _print_decisions(console: Console, history: History, zone: ZoneInfo) -> None:
    for one in history.decisions:
        words = f"{one.kind} {one.target}".rstrip() + (f", {one.urgency}" if one.urgency else "")
        console.print(f"\n{_clock(one.at, zone)}  turn {one.turn}: {words}", style="bold")
        table = plain_table("matched", "rule", "because")
        for why in one.reasons:
            table.add_row("yes" if why.matched else "no", _masked(why.rule), _masked(why.because))
        console.print(table)


def _print_rest(console: Console, history: History, zone: ZoneInfo) -> None:
    if history.legs:
        unfinished = "goes on" if history.call.outcome is None else "not known"
        table = plain_table("rang", "person", "phone", "accepted", "ended", "result")
        for leg in history.legs:
            times = (leg.started_at, leg.acknowledged_at, leg.ended_at)
            rang, accepted, ended = (_clock(at, zone) for at in times)
            table.add_row(rang, leg.person, leg.kind, accepted, ended, leg.result or unfinished)
        console.print()
        console.print(table)
    if history.events:
        table = plain_table("at", "what", "detail")
        for one in history.events:
            detail = ", ".join(f"{key}: {_masked(value)}" for key, value in one.detail)
            table.add_row(_clock(one.at, zone), one.what, detail)
        console.print()
        console.print(table)


def _item(row: CallRow, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "id": row.id,
        "started_at": _iso(row.started_at, zone),
        "line": row.line,
        "from": _number(row.caller),
        "urgency": row.urgency,
        "decision": row.decision,
        "outcome": row.outcome,
        "person": row.person,
        "ring_s": row.ring_s,
        "talk_s": row.talk_s,
        "message": row.message,
    }


def _why(reason: Reason) -> dict[str, Any]:
    return {
        "rule": _masked(reason.rule),
        "matched": reason.matched,
        "because": _masked(reason.because),
    }


def _shape(row: Any, zone: ZoneInfo) -> dict[str, Any]:
    """Lay out a row of the store under its own names."""
    return {
        key: _iso(value, zone) if isinstance(value, datetime) else value
        for key, value in asdict(row).items()
    }


def _iso(at: datetime | None, zone: ZoneInfo) -> str | None:
    return None if at is None else at.astimezone(zone).isoformat(timespec="seconds")


def _clock(at: datetime | None, zone: ZoneInfo) -> str:
    return "" if at is None else at.astimezone(zone).strftime(_TIME)


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} s"


def _number(number: str | None) -> str | None:
    return mask(number) if number else None


def _masked(text: str) -> str:
    """Mask every number within a free text."""
    return _E164.sub(lambda found: mask(found[0]), text)
