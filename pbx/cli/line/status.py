"""`officeline status`: show what is running, and what needs attention."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

from pbx.base.errors import OfficeLineError
from pbx.cli.shared.context import Context
from pbx.cli.shared.options import AsJson, office
from routing.time_text import TimeText

if TYPE_CHECKING:
    from datetime import datetime

    from pbx.ops.standing import LineStanding

TRUNK = {
    "Registered": "has registered us",
    "Avail": "answers",
    "Unavail": "does not answer",
}


def status(
    context: typer.Context,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what is running, the plan, calls, open messages and the carrier's state.

    Exits 1 if Asterisk or the control layer is not running.

    Example: officeline status
    """
    from pbx.config.home import Home
    from pbx.ops.standing import line_standing

    known = office(context)
    found = line_standing(Home(known.home))
    if as_json:
        typer.echo(json.dumps(_document(found, str(known.home))))
    else:
        for line in _lines(found, known):
            typer.echo(line)
    if not found.ok:
        raise typer.Exit(1)


def _document(found: LineStanding, home: str) -> dict[str, object]:
    return {
        "ok": found.ok,
        "home": home,
        "asterisk": found.asterisk,
        "asterisk_since": _iso(found.asterisk_since),
        "control_layer": found.sign.runs,
        "control_layer_since": _iso(found.control_layer_since),
        "heartbeat_at": _iso(found.sign.heartbeat_at),
        "plan": found.plan,
        "calls": found.calls,
        "messages": {"open": found.messages, "urgent": found.urgent},
        "trunk": found.trunk,
        "unresolved_names": list(found.unresolved),
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _lines(found: LineStanding, known: Context) -> list[str]:
    line = {True: "is running", False: "is not running", None: "cannot be checked by this user"}
    runs = "is running" if found.sign.runs else "is not running"
    lines = [
        f"Asterisk {line[found.asterisk]}{_since(found.asterisk_since, known)}.",
        f"The control layer {runs}{_since(found.control_layer_since, known)}.",
        f"The plan is {found.plan}." if found.plan else "No plan was applied yet.",
        _work(found),
        _carrier(found.trunk),
    ]
    if found.unresolved:
        names = " and ".join(found.unresolved)
        lines.append(f"{names} cannot be looked up: CALLS FROM THERE ARE ASKED FOR A PASSWORD.")
    return lines


def _carrier(state: str | None) -> str:
    if state is None:
        return "The carrier's state is unknown; Asterisk checks it every minute while it runs."
    return f"The carrier {TRUNK.get(state, f'has not registered us (Asterisk says: {state})')}."


def _since(at: datetime | None, known: Context) -> str:
    if at is None:
        return ""
    try:
        times = known.times()
    except OfficeLineError:  # the file is broken or missing, but the line may run
        times = TimeText(ZoneInfo("UTC"))
    return f", since {times.moment(at)}"


def _work(found: LineStanding) -> str:
    """Return a sentence about current calls and open messages."""
    if found.trouble:
        return f"Calls and messages cannot be read: {found.trouble}"
    calls = "1 call is" if found.calls == 1 else f"{found.calls or 'no'} calls are"
    those = "1 message is" if found.messages == 1 else f"{found.messages or 'no'} messages are"
    urgent = f" ({found.urgent} urgent)" if found.urgent else ""
    return f"{calls[0].upper()}{calls[1:]} under way, and {those} open{urgent}."
