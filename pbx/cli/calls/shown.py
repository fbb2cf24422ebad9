"""Print calls as JSON, with a stable structure for tools, and as tables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pbx.base import when
from pbx.base.phone_numbers import mask
from pbx.cli.shared.printing import plain_console, plain_table
from pbx.db.calls import CallRow, History
from routing.decision import Reason
from routing.time_text import TimeText

if TYPE_CHECKING:
    from rich.console import Console

_E164 = re.compile(r"\+\d{5,15}")


@dataclass(frozen=True)
class Display:
    """How to show calls: the office's time format, and whether to show full numbers."""

    times: TimeText
    now: datetime
    reveal: bool = False

    def iso(self, at: datetime | None) -> str | None:
        """Return an instant in ISO format, for tools."""
        return None if at is None else when.iso(at, self.times.zone)

    def column(self, at: datetime | None) -> str:
        """Return an instant for people, for a column of a table."""
        return "" if at is None else self.times.short(at, self.now)

    def exact(self, at: datetime | None) -> str:
        """Return an instant with seconds for people, for a column of a table."""
        return "" if at is None else self.times.short(at, self.now, seconds=True)

    def number(self, number: str | None) -> str | None:
        """Return a number, masked unless `reveal`; None if there is none."""
        return mask(number) if number and not self.reveal else number or None

    def words(self, text: str) -> str:
        """Return free text, with phone numbers in it masked unless `reveal`."""
        return text if self.reveal else _E164.sub(lambda found: mask(found[0]), text)


def list_document(rows: Iterable[CallRow], look: Display) -> dict[str, object]:
    """Return calls in the form that `calls list --json` prints."""
    return {"calls": [_item(row, look) for row in rows]}


def to_json(history: History, look: Display) -> dict[str, object]:
    """Return one call in the form that `calls show --json` prints: the list item and more."""
    message = history.message
    return {
        "call": whole(history.call, look),
        "decisions": [
            {**_shape(one, look), "reasons": [_why(why, look) for why in one.reasons]}
            for one in history.decisions
        ],
        "legs": [_shape(leg, look) for leg in history.legs],
        "events": [
            {**_shape(one, look), "detail": {key: look.words(value) for key, value in one.detail}}
            for one in history.events
        ],
        "message": message
        and {**_shape(message, look), "callback_number": look.number(message.callback_number)},
    }


def whole(row: CallRow, look: Display) -> dict[str, object]:
    """Return a call with all its columns: the list item and more."""
    return {
        **_item(row, look),
        "did": look.number(row.did),
        "answered_at": look.iso(row.answered_at),
        "acknowledged_at": look.iso(row.acknowledged_at),
        "ended_at": look.iso(row.ended_at),
        "plan": row.plan,
    }


def print_list(rows: list[CallRow], look: Display) -> None:
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
            look.column(row.started_at),
            row.line,
            look.number(row.caller) or "anonymous",
            row.urgency,
            row.decision,
            row.outcome or "goes on",
            row.person,
            _seconds(row.ring_s),
            _seconds(row.talk_s),
            row.message,
        )
    console.print(table)


def print_history(history: History, look: Display) -> None:
    """Print one call: its decisions with reasons, the legs, and the events."""
    console = plain_console()
    call, message = history.call, history.message
    caller = look.number(call.caller) or "an anonymous caller"
    console.print(f"Call {call.id} from {caller} on line '{call.line}'", style="bold")
    console.print(_lasted(call, look.times))
    accepted = f", {call.person} accepted" if call.person else ""
    console.print(f"Outcome: {call.outcome or 'goes on'}{accepted}")
    if message is not None:
        number = look.number(message.callback_number) or "no number"
        console.print(f"Message {message.id}: {message.state}, {message.urgency}, {number}")
    _print_decisions(console, history, look)
    _print_rest(console, history, look)


def _lasted(call: CallRow, times: TimeText) -> str:
    """Return text that says from when to when a call lasted."""
    if call.ended_at is None:
        return f"{times.moment(call.started_at, seconds=True)} to now"
    return times.span(call.started_at, call.ended_at, seconds=True)


def _print_decisions(console: Console, history: History, look: Display) -> None:
    for one in history.decisions:
        words = f"{one.kind} {one.target}".rstrip() + (f", {one.urgency}" if one.urgency else "")
        console.print(f"\n{look.exact(one.at)}  turn {one.turn}: {words}", style="bold")
        table = plain_table("matched", "rule", "because")
        for why in one.reasons:
            table.add_row(
                "yes" if why.matched else "no", look.words(why.rule), look.words(why.because)
            )
        console.print(table)


def _print_rest(console: Console, history: History, look: Display) -> None:
    if history.legs:
        unfinished = "goes on" if history.call.outcome is None else "not known"
        table = plain_table("rang", "person", "phone", "accepted", "ended", "result")
        for leg in history.legs:
            times = (leg.started_at, leg.acknowledged_at, leg.ended_at)
            rang, accepted, ended = (look.exact(at) for at in times)
            table.add_row(rang, leg.person, leg.kind, accepted, ended, leg.result or unfinished)
        console.print()
        console.print(table)
    if history.events:
        table = plain_table("at", "what", "detail")
        for one in history.events:
            detail = ", ".join(f"{key}: {look.words(value)}" for key, value in one.detail)
            table.add_row(look.exact(one.at), one.what, detail)
        console.print()
        console.print(table)


def _item(row: CallRow, look: Display) -> dict[str, object]:
    return {
        "id": row.id,
        "started_at": look.iso(row.started_at),
        "line": row.line,
        "from": look.number(row.caller),
        "urgency": row.urgency,
        "decision": row.decision,
        "outcome": row.outcome,
        "person": row.person,
        "ring_s": row.ring_s,
        "talk_s": row.talk_s,
        "message": row.message,
    }


def _why(reason: Reason, look: Display) -> dict[str, object]:
    return {
        "rule": look.words(reason.rule),
        "matched": reason.matched,
        "because": look.words(reason.because),
    }


def _shape(row: Any, look: Display) -> dict[str, object]:
    """Return a database row as a dictionary with the same names."""
    return {
        key: look.iso(value) if isinstance(value, datetime) else value
        for key, value in asdict(row).items()
    }


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} s"
