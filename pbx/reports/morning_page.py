"""The morning sheet as one self-contained HTML page, to be read, printed and signed."""

from __future__ import annotations

from collections.abc import Iterable

from pbx.db.inbox import InboxItem
from pbx.reports.display import Shown, is_breached
from pbx.reports.frame import page
from pbx.reports.morning import Night, NightCall, TimedAct
from pbx.reports.table import cell_text


def sheet(night: Night, shown: Shown, accounts: Iterable[str]) -> str:
    """Return the page; `accounts` are its last sentences, about the calls and the audit."""
    return page(
        "morning.html",
        title=f"{shown.plan.office.name}: the night to {shown.plan.office.times.day(night.day)}",
        span=shown.plan.office.times.span(night.start, night.end),
        now=shown.time(shown.now),
        to_do=[_row(item, shown) for item in to_do(night, shown)],
        calls=[_call(one, night, shown) for one in in_order(night, shown)],
        accounts=accounts,
    )


def to_do(night: Night, shown: Shown) -> list[InboxItem]:
    """List open messages, and the night's messages that exceeded their response time."""
    found = {item.message.id: item for item in night.still_open}
    for call in night.calls:
        if call.item is not None and is_breached(call.item.view, shown.plan, shown.now):
            found.setdefault(call.item.message.id, call.item)
    return sorted(
        found.values(),
        key=lambda item: (
            not is_breached(item.view, shown.plan, shown.now),
            item.message.urgency != "urgent",
            item.message.opened_at,
        ),
    )


def in_order(night: Night, shown: Shown) -> list[NightCall]:
    """Sort the calls: first those with an open or breached message, then by time."""
    waiting = {item.message.id for item in to_do(night, shown)}
    return sorted(
        night.calls,
        key=lambda one: (
            one.item is None or one.item.message.id not in waiting,
            one.call.started_at,
        ),
    )


def _row(item: InboxItem, shown: Shown) -> dict[str, object]:
    message = item.message
    return {
        "cells": (
            message.id,
            message.urgency,
            message.state,
            shown.column(message.opened_at),
            _who(message.callback_number, shown),
            message.owner or "nobody",
        ),
        "breached": is_breached(item.view, shown.plan, shown.now),
    }


def _call(one: NightCall, night: Night, shown: Shown) -> dict[str, object]:
    call, message = one.call, one.message
    number = message.callback_number if message is not None else None
    lines = [
        ("Call", f"{call.id} on the line {call.line or 'unknown'}, {call.outcome or 'goes on'}"),
        ("Reason", shown.words(one.reason)),
        (
            "Answered" if one.spoke else "Acknowledged",
            _done(one.acknowledged, night, shown) or one.without("acknowledged"),
        ),
        ("Called back", _done(one.called_back, night, shown) or one.without("called_back")),
    ]
    if message is not None:
        lines.append(("Message", f"{message.state}, owner {message.owner or 'nobody'}"))
        if message.disposition:
            lines.append(("Disposition", shown.words(message.disposition)))
    for note in one.notes:
        words = shown.words(str(note.detail.get("text", "")))
        lines.append(("Note", f"{words} ({note.person}, {shown.time(note.at)})"))
    who = _who(number or call.caller, shown)
    return {
        "heading": f"{shown.time(call.started_at)}, {who}, {call.urgency or 'urgency unknown'}",
        "breached": one.item is not None and is_breached(one.item.view, shown.plan, shown.now),
        "lines": lines,
    }


def _who(number: str | None, shown: Shown) -> str:
    """Return a patient's id in the directory and the number's last digits."""
    masked = shown.number(number) or "anonymous"
    patient = shown.patient(number)
    return masked if patient is None else f"patient {patient} ({masked})"


def _done(moment: TimedAct | None, night: Night, shown: Shown) -> str:
    if moment is None:
        return ""
    known = night.past.at(moment.at).people.get(moment.person)
    who = known.name if known is not None else moment.person
    return f"{who}, {shown.time(moment.at)}, after {cell_text(moment.seconds, 's')}"
