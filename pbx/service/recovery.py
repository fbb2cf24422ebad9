"""Replace a damaged database by a new one with everything that can be recovered.

First come the readable rows of the old one (`pbx.db.recover_rows`), then the plan that ran and its
overrides, which have files of their own. A recording without a message gets a new message, because
hearing it twice is better than never. The new database is put in place when it is complete; an
interrupted recovery starts over.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import Engine

from pbx.base import files
from pbx.base.clock import Clock
from pbx.base.phone_numbers import US
from pbx.calls.record import cdr_outcomes
from pbx.calls.record.flags import FOUND, NO_NUMBER
from pbx.calls.record.intake import FAILSAFE
from pbx.calls.record.reconcile import cdr_path
from pbx.calls.standby.cache import PATIENTS, CachedPlans
from pbx.config import plan
from pbx.config.home import Home
from pbx.db import audit, messages, retention
from pbx.db import recover_rows as extract
from pbx.db.changes import add_hours_change, add_overrides
from pbx.db.damage import aside_of, set_aside
from pbx.db.database import file_of, open_database
from pbx.db.patients import put_unnamed
from pbx.db.plans import apply_text
from routing import outbound
from routing.model import Plan

log = structlog.get_logger()

WHY = "the database was damaged"
BY = "officeline"
URGENT_FOR = timedelta(days=7)  # a recording this recent without a row may be unheard
ROUTINE_FOR = timedelta(days=31)  # so may an older one, but nobody is called about it
_RECORDING = re.compile(rf"(?:{FAILSAFE})?(\d+\.\d+)\.wav")


def recover(home: Home, clock: Clock) -> Path | None:
    """Replace a damaged database; return the old one's new path, None if it was not damaged."""
    if not home.folder.is_dir():
        return None
    with files.folder_lock(home.folder):  # if two processes start, only one recovers
        return _recover(home, clock)


def _recover(home: Home, clock: Clock) -> Path | None:
    aside = set_aside(home.database)
    if aside is None and not home.database.exists() and (before := aside_of(home.database)):
        aside = home.database.with_name(before[-1])  # an interrupted recovery
    if aside is None:
        return None
    new = home.database.with_name(f"{home.database.name}.new")
    for part in ("", "-wal", "-shm"):
        Path(f"{new}{part}").unlink(missing_ok=True)
    engine = open_database(new)
    try:
        for step in (_extract, _begin, _keep_patients, _open_lost):
            try:
                step(engine, home, aside, clock.now())
            except Exception:  # after any error, start anyway
                log.exception("database.less_recovered", why=step.__name__)
    finally:
        engine.dispose()  # closing the last connection merges SQLite's files into one
    new.rename(home.database)
    return aside


def _extract(engine: Engine, home: Home, aside: Path, now: datetime) -> None:
    """Copy the readable rows, and log how many they were."""
    del home
    found = extract.extract(aside, file_of(engine), now)
    torn = sorted(found.torn)
    log.error("database.recovered", records=sum(found.rows.values()), why=" ".join(torn) or "whole")
    detail = {"rows": found.rows, "torn": torn}
    audit.record(engine, "database.recovered", by=BY, now=now, about=aside.name, detail=detail)


def _begin(engine: Engine, home: Home, aside: Path, now: datetime) -> None:
    """Apply the plan that ran last, and restore its overrides."""
    del aside
    text = home.applied.read_text(encoding="utf-8")
    hash_ = plan.parse(text, home.applied).plan.hash
    live = CachedPlans(home.standby, None).plan
    apply_text(engine, text, hash_, by=BY, now=now, note=WHY)
    add_overrides(engine, live.overrides, by=BY, now=now)
    for change in live.changes:
        add_hours_change(engine, change, by=BY, now=now)


def _keep_patients(engine: Engine, home: Home, aside: Path, now: datetime) -> None:
    """Restore lost patients from the standby's file, which has no names."""
    del aside, now
    rows = json.loads((home.standby / PATIENTS).read_bytes())
    put_unnamed(engine, rows)


def _open_lost(engine: Engine, home: Home, aside: Path, now: datetime) -> None:
    """Open a message for each recording and each recent call whose message was lost."""
    del aside
    lost = extract.lost(engine)
    known = {path for paths in retention.message_recordings(engine).values() for path in paths}
    words: dict[str, list[str]] = {}
    began = {call: at for call, _, at in lost}
    for path in sorted(home.messages.glob("*.wav")):
        place, match = f"{home.messages.name}/{path.name}", _RECORDING.fullmatch(path.name)
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        if match is not None and place not in known and now - at < ROUTINE_FOR:
            words.setdefault(match[1], []).append(place)
            began.setdefault(match[1], at)
    numbers = {call: caller for call, caller, _ in lost}
    plan = _plan(home)
    country = US if plan is None else plan.office.country
    for call, one in cdr_outcomes.read_outcomes(cdr_path(home), began, country).items():
        numbers[call] = numbers.get(call) or one.caller
    for call, at in began.items():
        number = numbers.get(call)
        number = number if plan is None else outbound.callback_number(plan, number)
        _open_one(engine, call, number, at, words.get(call, []), now)
    if began:
        log.error("database.messages_reopened", records=len(began))


def _plan(home: Home) -> Plan | None:
    """Read the plan that ran last; None if no file has it."""
    try:
        return CachedPlans(home.standby, None).plan
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _open_one(  # one message, from what is left of it
    engine: Engine,
    call: str,
    number: str | None,
    at: datetime,
    places: list[str],
    now: datetime,
) -> None:
    """Reopen a call's message, or add to the one that has the call; it is due at once."""
    message = messages.open_message(
        engine,
        message_id=call,
        call=call,
        at=at,
        urgency="urgent" if now - at < URGENT_FOR else "routine",
        callback_number=number,
        recording=places[0] if places else None,
        due_at=now,
    )
    for place in places:
        if place not in messages.recordings(engine, message):
            messages.add_recording(engine, message, call, place, now)
    messages.flag(engine, message, [FOUND, *([] if number else [NO_NUMBER])], now)
