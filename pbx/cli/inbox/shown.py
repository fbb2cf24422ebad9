"""Print messages as JSON, with a stable structure for tools, and as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from pbx.cli.calls import shown as calls_shown
from pbx.cli.shared.printing import plain_console, plain_table
from pbx.db.calls import History
from pbx.db.follow_ups import AttemptRow
from pbx.db.inbox import InboxItem
from pbx.db.messages import MessageEventRow
from pbx.reports.display import Shown, is_breached

WRITTEN = {"text", "disposition"}  # free text, which may contain phone numbers
ACTS = ("delivered", "acknowledged", "called_back", "closed")


@dataclass(frozen=True)
class Whole:
    """Everything about a message; `call` is None if it is not in the log."""

    item: InboxItem
    events: Sequence[MessageEventRow]
    attempts: Sequence[AttemptRow]
    call: History | None
    recordings: Sequence[str]
    missing: Sequence[str] = ()  # recordings whose files are missing


def entry(item: InboxItem, shown: Shown) -> dict[str, object]:
    """Return a message in the form that `inbox list --json` prints."""
    message = item.message
    return {
        "id": message.id,
        "state": message.state,
        "urgency": message.urgency,
        "opened_at": shown.iso(message.opened_at),
        "age_s": max(0, round((shown.now - message.opened_at).total_seconds())),
        "owner": message.owner,
        "attempts": item.attempts,
        "due_at": shown.iso(message.due_at),
        "breached": is_breached(item.view, shown.plan, shown.now),
        "from": shown.number(message.callback_number),
        "patient": shown.patient(message.callback_number),
    }


def to_json(whole: Whole, shown: Shown) -> dict[str, object]:
    """Return a message in the form that `inbox show --json` prints: the list entry and more."""
    message = whole.item.message
    done = {
        f"{act}_{part}": getattr(message, f"{act}_{part}") for act in ACTS for part in ("by", "at")
    }
    look = calls_shown.Display(shown.plan.office.times, shown.now, shown.reveal)
    return {
        "message": {
            **entry(whole.item, shown),
            **{key: shown.iso(at) if key.endswith("_at") else at for key, at in done.items()},
            "disposition": message.disposition and shown.words(message.disposition),
            "flags": list(message.flags),
            "recordings": list(whole.recordings),
            "missing": list(whole.missing),
        },
        "events": [
            {
                "at": shown.iso(one.at),
                "what": one.what,
                "person": one.person,
                "detail": _detail(one, shown),
            }
            for one in whole.events
        ],
        "attempts": [
            {
                "person": one.person,
                "via": one.via,
                "stage": one.stage.name.lower().replace("_", " "),
                "started_at": shown.iso(one.started_at),
                "ended_at": shown.iso(one.ended_at),
                "result": one.result,
            }
            for one in whole.attempts
        ],
        "call": whole.call and calls_shown.to_json(whole.call, look)["call"],
    }


def print_list(items: Sequence[InboxItem], shown: Shown) -> None:
    """Print messages as a table."""
    out = plain_console()
    if not items:
        out.print("The inbox is empty.")
        return
    rows = plain_table("message", "state", "urgency", "opened", "age", "from", "patient", "owner")
    for heading in ("attempts", "due", ""):
        rows.add_column(heading)
    for item in items:
        message = item.message
        rows.add_row(
            message.id,
            message.state,
            message.urgency,
            shown.column(message.opened_at),
            age(shown.now - message.opened_at),
            shown.number(message.callback_number) or "no number",
            shown.patient(message.callback_number) or "",
            message.owner or "nobody",
            str(item.attempts),
            shown.column(message.due_at),
            "BREACHED" if is_breached(item.view, shown.plan, shown.now) else "",
        )
    out.print(rows)


def print_one(whole: Whole, shown: Shown) -> None:
    """Print one message: its state, its history, who was called about it, and its call."""
    out = plain_console()
    message = whole.item.message
    patient = shown.patient(message.callback_number)
    number = shown.number(message.callback_number) or "no number"
    who = f"{number}, patient {patient}" if patient else number
    out.print(f"Message {message.id}: {message.urgency}, {message.state}; call {who}", style="bold")
    broken = is_breached(whole.item.view, shown.plan, shown.now)
    out.print(f"Opened {shown.time(message.opened_at)}" + ("; BREACHED" if broken else ""))
    owner, due = message.owner or "nobody", shown.time(message.due_at) or "never again"
    out.print(f"Owner: {owner}. Due: {due}. Call: {message.call}")
    for recording in whole.recordings:
        gone = " (the file is missing)" if recording in whole.missing else ""
        out.print(f"Recording: {recording}{gone}")
    for flag in message.flags:
        out.print(f"Flag: {flag}")
    if whole.events:
        rows = plain_table("at", "what", "who", "detail")
        for one in whole.events:
            detail = ", ".join(f"{key}: {value}" for key, value in _detail(one, shown).items())
            rows.add_row(shown.column(one.at), one.what, one.person or "", detail)
        out.print()
        out.print(rows)
    if whole.attempts:
        rows = plain_table("called", "person", "by", "stage", "result")
        for call in whole.attempts:
            stage = call.stage.name.lower().replace("_", " ")
            result = call.result or "goes on"
            rows.add_row(shown.column(call.started_at), call.person, call.via, stage, result)
        out.print()
        out.print(rows)
    if whole.call is not None:
        out.print()
        calls_shown.print_history(
            whole.call, calls_shown.Display(shown.plan.office.times, shown.now, shown.reveal)
        )


def age(passed: timedelta) -> str:
    """Return a duration as text: "40 s", "12 min", "3 h", "2 d"."""
    seconds = max(0, int(passed.total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (unit == "min" and seconds >= size):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _detail(event: MessageEventRow, shown: Shown) -> dict[str, object]:
    return {
        key: shown.words(str(value)) if key in WRITTEN else value
        for key, value in event.detail.items()
    }
