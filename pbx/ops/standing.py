"""The status of an office: what runs, since when, and how much there is to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dialplan import names
from pbx.base.errors import OfficeLineError
from pbx.config import hosts
from pbx.config.home import Home
from pbx.db.database import open_database
from pbx.db.inbox import items
from pbx.db.overlay import applied_texts
from pbx.db.under_way import calls_under_way
from pbx.ops import asterisk
from pbx.ops.trunk import trunk_state
from pbx.service import heartbeat_file


@dataclass(frozen=True)
class LineStanding:
    """The status; `trouble` says why the counts are missing, `trunk` is the state in Asterisk.

    `unresolved` lists host names without an address.
    """

    asterisk: bool | None
    asterisk_since: datetime | None
    sign: heartbeat_file.LastHeartbeat
    control_layer_since: datetime | None
    plan: str | None = None
    calls: int | None = None
    messages: int | None = None
    urgent: int | None = None
    trunk: str | None = None
    unresolved: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def ok(self) -> bool:
        """Return whether callers are answered by the control layer."""
        return bool(self.asterisk and self.sign.runs)


def line_standing(home: Home) -> LineStanding:
    """Return the status without waiting; create no files."""
    answers, sign = asterisk.manager_answers(home), heartbeat_file.read_heartbeat(home)
    began = (
        _written(home.asterisk / "run" / "asterisk.pid") if answers else None,
        sign,
        _written(home.serving) if sign.runs else None,  # each start writes its process id there
    )
    carrier = (_trunk(home), tuple(hosts.unknown_hosts(home))) if answers else (None, ())
    try:
        plan = next((one.hash for one in applied_texts(home.database)), None)
        calls, messages, urgent = _counts(home)
    except OfficeLineError as error:
        return LineStanding(answers, *began, None, None, None, None, *carrier, trouble=str(error))
    return LineStanding(answers, *began, plan, calls, messages, urgent, *carrier)


def _counts(home: Home) -> tuple[int, int, int]:
    """Return the numbers of ongoing calls, open messages and urgent open messages."""
    if not home.database.exists():
        return 0, 0, 0
    engine = open_database(home.database)
    try:
        waiting = items(engine)
        calls = calls_under_way(engine, names.FAILSAFE_ENTERED)
    finally:
        engine.dispose()
    urgent = sum(item.message.urgency == "urgent" for item in waiting)
    return len(calls), len(waiting), urgent


def _trunk(home: Home) -> str | None:
    from pbx.ops.security.asked import console  # only a running office needs it

    try:
        return trunk_state(console(home))
    except (OfficeLineError, OSError):  # belongs to another user
        return None


def _written(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None
