"""The office at this moment: calls, urgent messages, people on call, and running processes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dialplan import names
from pbx.db import inbox
from pbx.db.under_way import UnderWay, called_now, calls_under_way
from pbx.ops import asterisk
from pbx.reports.display import promised_by
from pbx.service import heartbeat_file
from routing.oncall import at_instant

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from pbx.config.home import Home
    from routing.model import Plan

# What the caller is doing, by the last verdict
STEPS = {
    names.MENU: "hears the menu",
    names.NUMBER: "keys in a number",
    names.ESCALATION: "waits for a person",
    names.DESK: "waits for the front desk",
    names.WAIT: "waits",
    names.REASON: "says what it is about",
    names.MESSAGE: "leaves a message",
    names.GOODBYE: "hears goodbye",
    names.REJECT: "is refused",
    names.CALL_IN: "is in the physicians' menu",
}


@dataclass(frozen=True)
class OnCallNow:
    """Who is on call for a schedule, who is the backup, and until when."""

    schedule: str
    people: tuple[str, ...]
    backup: str | None
    until: datetime | None


@dataclass(frozen=True)
class UrgentMessage:
    """An open urgent message, with the people being called about it now and its deadline.

    `promised` is None after the patient was called back.
    """

    item: inbox.InboxItem
    calling: tuple[str, ...]
    promised: datetime | None


@dataclass(frozen=True)
class LineNow:
    """Everything at one moment; while the daemon is down, calls are in their last known state."""

    at: datetime
    daemon: heartbeat_file.LastHeartbeat
    asterisk: bool | None  # whether it answers; None if unknown
    oncall: tuple[OnCallNow, ...]
    calls: tuple[UnderWay, ...]
    urgent: tuple[UrgentMessage, ...]


def line_now(engine: Engine, home: Home, plan: Plan, now: datetime) -> LineNow:
    """Return the current state. Blocks."""
    calling, sign = called_now(engine), heartbeat_file.read_heartbeat(home)
    return LineNow(
        now,
        sign,
        True if sign.runs and sign.came else asterisk.manager_answers(home),
        tuple(_on_call(plan, now)),
        tuple(calls_under_way(engine, names.FAILSAFE_ENTERED)),
        tuple(
            UrgentMessage(item, calling.get(item.message.id, ()), promised_by(item.view, plan))
            for item in inbox.items(engine)
            if item.message.urgency == "urgent"
        ),
    )


def step(call: UnderWay) -> str:
    """Return in a few words what a caller is doing."""
    if call.person is not None:
        return f"talks with {call.person}"
    if call.failsafe:
        return "is in the failsafe"
    return STEPS.get(call.verb or "", "was just answered")


def _on_call(plan: Plan, now: datetime) -> Iterable[OnCallNow]:
    for schedule in plan.schedules:
        answer, _, until = at_instant(plan, schedule, now)
        yield OnCallNow(schedule, answer.people, answer.backup, until)
