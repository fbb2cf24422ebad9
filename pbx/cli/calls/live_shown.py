"""Lay out the current state of the line for a screen of at least eighty columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from pbx.cli.shared.typed import as_typed
from pbx.ops.line_now import LineNow, UrgentMessage, step
from pbx.reports.display import Shown, is_breached

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pbx.db.under_way import UnderWay
    from pbx.ops.line_now import OnCallNow

BAD, HEAD = "bold red", "bold"
HOUR_S = 3600


@dataclass(frozen=True)
class CarrierState:
    """The carrier's host and whether it answers (None: not known)."""

    host: str | None
    answers: bool | None


@dataclass(frozen=True)
class Seen:
    """One state of the line; if `line` is None, `trouble` is a sentence that says why."""

    shown: Shown
    line: LineNow | None
    carrier: CarrierState
    trouble: str = ""


def parts(seen: Seen) -> Iterator[RenderableType]:
    """Return the parts of the screen, from the top."""
    shown = seen.shown
    clock = shown.plan.office.times.moment(shown.now, seconds=True)
    yield Text(f"{shown.plan.office.name}   {clock}", style=HEAD)
    if seen.line is None:
        yield Text(as_typed(seen.trouble), style=BAD)
        return
    yield _daemon(seen.line)
    yield _carrier(seen.carrier)
    yield from (_on_call(one, shown) for one in seen.line.oncall)
    yield Text()
    yield Text(f"Calls ({len(seen.line.calls)})", style=HEAD)
    yield _calls(seen.line, shown) if seen.line.calls else Text("Nobody is on the line.")
    yield Text()
    yield Text(f"Urgent messages ({len(seen.line.urgent)})", style=HEAD)
    if seen.line.urgent:
        yield _messages(seen.line, shown)
    else:
        yield Text("None is open.")


def _daemon(line: LineNow) -> Text:
    sign = line.daemon
    if not sign.runs:
        meets = {
            True: "The control layer is DOWN. Calls go to the standby.",
            False: "Nothing is running. CALLERS REACH NOTHING, and nobody is called.",
            None: "The control layer is DOWN. It is unknown whether callers reach Asterisk.",
        }[line.asterisk]
        start = as_typed("Start it with 'officeline up'. Below is the last known state.")
        return Text(f"{meets} {start}", style=BAD)
    if sign.came is None and line.asterisk is not False:
        return Text("The control layer is running, but has had no heartbeat yet.")
    ago = "never" if sign.heartbeat_at is None else f"{passed(line.at - sign.heartbeat_at)} ago"
    if not line.asterisk:
        dead = "Asterisk does not answer. CALLERS REACH NOTHING."
        return Text(f"{dead} The last heartbeat came {ago}.", style=BAD)
    if not sign.came:
        slow = "Asterisk answers, but does not return heartbeats. Calls go to the standby."
        return Text(f"{slow} The last heartbeat came {ago}.", style=BAD)
    return Text(f"The control layer is running; Asterisk answered {ago}.")


def _carrier(carrier: CarrierState) -> Text:
    if carrier.host is None:
        return Text("The carrier cannot be read from the configuration file.", style=BAD)
    if carrier.answers is None:
        return Text(f"It is not known whether the carrier ({carrier.host}) answers.")
    if carrier.answers:
        return Text(f"The carrier ({carrier.host}) answers.")
    return Text(f"The carrier ({carrier.host}) does NOT answer.", style=BAD)


def _on_call(one: OnCallNow, shown: Shown) -> Text:
    if not one.people:
        return Text(f"NOBODY is on call for '{one.schedule}'.", style=BAD)
    backup = f"; backup: {one.backup}" if one.backup else ""
    until = f" until {shown.time(one.until)}" if one.until else ""
    return Text(f"On call for '{one.schedule}': {', '.join(one.people)}{until}{backup}.")


def _calls(line: LineNow, shown: Shown) -> Table:
    rows = _table("since", "for", "from", "line", "step", "rings")
    for one in line.calls:
        style = "bold" if one.urgency == "urgent" else ""
        rows.add_row(*_call(one, line, shown), style=style)
    return rows


def _call(one: UnderWay, line: LineNow, shown: Shown) -> tuple[str, ...]:
    known = shown.patient(one.caller)
    number = shown.number(one.caller) or "anonymous"
    ringing = ", ".join(one.ringing) if one.person is None else ""
    return (
        shown.plan.office.times.time(one.started_at, seconds=True),
        passed(line.at - one.started_at),
        f"{number} {known}" if known else number,
        one.line or "?",
        f"{step(one)}{', urgent' if one.urgency == 'urgent' else ''}",
        ringing,
    )


def _messages(line: LineNow, shown: Shown) -> Table:
    rows = _table("message", "state", "from", "age", "promise", "calls now")
    for one in line.urgent:
        message = one.item.message
        words, style = countdown(one, line, shown)
        rows.add_row(
            message.id,
            message.state,
            shown.number(message.callback_number) or "no number",
            passed(line.at - message.opened_at),
            Text(words, style=style),
            ", ".join(one.calling) or "-",
        )
    return rows


def countdown(one: UrgentMessage, line: LineNow, shown: Shown) -> tuple[str, str]:
    """Return the time left of the promised response time, or "BROKEN", with a style."""
    if one.promised is not None and one.promised > line.at:
        words = f"{passed(one.promised - line.at)} left"
        broken = is_breached(one.item.view, shown.plan, line.at)
        return (f"BROKEN, {words}", BAD) if broken else (words, "")
    if is_breached(one.item.view, shown.plan, line.at):
        since = "" if one.promised is None else f" {passed(line.at - one.promised)} ago"
        return f"BROKEN{since}", BAD
    return "kept", ""


def passed(span: timedelta) -> str:
    """Return a duration as 0:07, 12:34 or 1:02:03."""
    seconds = max(0, int(span.total_seconds()))
    minutes = f"{seconds % HOUR_S // 60}:{seconds % 60:02}"
    return minutes if seconds < HOUR_S else f"{seconds // HOUR_S}:{minutes.rjust(5, '0')}"


def _table(*headings: str) -> Table:
    table = Table(*headings, box=None, pad_edge=False, header_style="dim")
    for column in table.columns:
        column.overflow = "fold"
    return table
