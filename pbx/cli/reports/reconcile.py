"""`officeline reconcile`: compare a day's call log with Asterisk's records, call by call."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from pbx.base import when
from pbx.base.errors import OfficeLineError
from pbx.base.phone_numbers import mask
from pbx.cli.calls.calls import open_log
from pbx.cli.shared.audited import revealing
from pbx.cli.shared.context import Context
from pbx.cli.shared.options import AsJson, Reveal, office
from pbx.cli.shared.working import working
from pbx.config.home import Home
from routing.callers import is_nobodys
from routing.instants import local_day

if TYPE_CHECKING:
    from pbx.calls.record.reconcile import Reconciliation, Unaccounted
    from routing.time_text import TimeText

# The keys in JSON, in their fixed order, and their names for people
COUNTED = {
    "connected": "connected",
    "message": "left a message",
    "abandoned": "hung up",
    "failsafe": "in the failsafe",
    "blocked": "blocked",
    "interrupted": "interrupted",
}


def reconcile(
    context: typer.Context,
    *,
    day: Annotated[
        str, typer.Option(help="Day to check, in the office's time zone.")
    ] = "yesterday",
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """Compare a day's call log with Asterisk's call records.

    Exits 1 if a call is not accounted for.

    Example: officeline reconcile --day 2026-11-27
    """
    known = office(context)
    zone = known.zone()
    wanted = day_of(day, zone)
    with working("Comparing the call log with Asterisk's records"):
        found = reconciled(known, wanted, zone)
    whole = revealing(known, "reconcile", wanted.isoformat(), reveal=reveal)
    if as_json:
        shown = to_json(found, wanted, zone, Home(known.home), reveal=whole)
        typer.echo(json.dumps(shown, ensure_ascii=False))
    else:
        _print(found, wanted, known.times(), reveal=whole)
    if found.unaccounted:
        raise typer.Exit(1)


def day_of(text: str, zone: ZoneInfo) -> date:
    """Return the day that a text gives; OfficeLineError if it is not a day, or too far away."""
    found = local_day(when.parse_time(text, zone, datetime.now(zone), past=True), zone)
    if not date.min.year < found.year < date.max.year:
        raise OfficeLineError(f"'{text}' is too far away; give a day closer to today.")
    return found


def reconciled(known: Context, day: date, zone: ZoneInfo) -> Reconciliation:
    """Account for the calls of a local day, as of now."""
    engine = open_log(known)
    from pbx.base import logs
    from pbx.calls.record.reconcile import reconcile_day

    logs.configure()  # damaged records are reported on stderr, because stdout is for the answer
    cut_off = _cut_off(known)
    return reconcile_day(engine, Home(known.home), day, zone, datetime.now(UTC), cut_off)


def _cut_off(known: Context) -> timedelta:
    """Return the running plan's limit for calls that were cut off; the default if it is broken."""
    from pbx.calls.record.reconcile import CUT_OFF
    from routing.follow_up import shortest_cut_off

    try:
        return shortest_cut_off(known.running())
    except OfficeLineError:
        return CUT_OFF


def to_json(
    found: Reconciliation, day: date, zone: ZoneInfo, home: Home, *, reveal: bool = False
) -> dict[str, object]:
    """Return a day in the form that `reconcile --json` prints."""
    return {
        "day": day.isoformat(),
        "placed": found.placed,
        "connected": found.outcomes["connected"],
        "messages": found.outcomes["message"],
        "abandoned": found.outcomes["abandoned"],
        "failsafe": found.outcomes["failsafe"],
        "blocked": found.outcomes["blocked"],
        "interrupted": found.outcomes["interrupted"],
        "going_on": found.going_on,
        "unaccounted": [_item(one, zone, home, reveal=reveal) for one in found.unaccounted],
    }


def line(found: Reconciliation) -> str:
    """Return one line that says how a span's calls ended."""
    reported = [f"{count} {COUNTED[name]}" for name, count in found.outcomes.items() if count]
    if found.going_on:
        reported.append(f"{found.going_on} still going on")
    if found.unaccounted:
        reported.append(f"{len(found.unaccounted)} unaccounted for")
    calls = f"{found.placed} call{'' if found.placed == 1 else 's'}"
    return f"{calls}: {', '.join(reported)}." if reported else "No calls."


def _item(one: Unaccounted, zone: ZoneInfo, home: Home, *, reveal: bool) -> dict[str, object]:
    ours, theirs = one.ours, one.asterisks
    recording = home.messages / f"failsafe-{one.id}.wav"
    return {
        "id": one.id,
        "started_at": when.iso(one.started_at, zone),
        "from": _caller(one, reveal=reveal),
        "line": ours.line if ours else None,
        "urgency": ours.urgency if ours else None,
        "outcome": ours.outcome if ours else None,
        "person": ours.person if ours else None,
        "message": one.message,
        "recording": str(recording.relative_to(home.folder)) if recording.exists() else None,
        "ours": ours is not None,
        "asterisk": theirs
        and {
            "started_at": when.iso(theirs.start, zone),
            "ended_at": when.iso(theirs.end, zone),
            "answered": theirs.answered,
            "last_in": theirs.contexts[-1] if theirs.contexts else None,
        },
        "why": "; ".join(one.why),
    }


def _caller(one: Unaccounted, *, reveal: bool) -> str | None:
    number = (one.ours and one.ours.caller) or (one.asterisks and one.asterisks.src)
    if not number or is_nobodys(number):
        return None
    return number if reveal else mask(number)


def _print(found: Reconciliation, day: date, times: TimeText, *, reveal: bool) -> None:
    from pbx.cli.shared.printing import plain_console, plain_table

    out = plain_console()
    out.print(f"{times.day(day)}. {line(found)}")
    if not found.unaccounted:
        out.print("Every call is accounted for, in the call log and in Asterisk's records.")
        return
    out.print("These calls are not accounted for; see each with 'officeline calls show CALL'.\n")
    now = datetime.now(times.zone)
    rows = plain_table("call", "started", "line", "from", "urgency", "outcome", "why")
    for one in found.unaccounted:
        ours = one.ours
        rows.add_row(
            one.id,
            times.short(one.started_at, now),
            ours.line if ours else "",
            _caller(one, reveal=reveal) or "anonymous",
            (ours.urgency if ours else None) or "",
            (ours.outcome if ours else None) or "",
            "; ".join(one.why),
        )
    out.print(rows)
