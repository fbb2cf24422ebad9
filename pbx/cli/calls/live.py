"""`officeline calls live`: the current state of the line, updated each second."""

from __future__ import annotations

import contextlib
import io
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pbx.base.errors import OfficeLineError
from pbx.cli.calls.live_shown import CarrierState, Seen
from pbx.cli.inbox import shown as inbox_shown
from pbx.config.home import Home
from pbx.db import driver
from pbx.ops import trunk
from pbx.ops.line_now import LineNow, line_now, step
from pbx.reports.display import Shown

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from pbx.cli.shared.context import Context
    from routing.model import Plan

KNOCK_S = 30.0  # time between two checks of the carrier


class LiveWatch:
    """Reads the state of the line; reloads the plan only after the database reports a change."""

    def __init__(self, place: Context, engine: Engine) -> None:
        self._place = place
        self._engine = engine
        self._home = Home(place.home)
        self._connection: driver.Connection = driver.read_only(self._home.database)
        self._revision = driver.revision(self._connection)
        self._plan: Plan = place.running()
        self._door = Door(place)

    def close(self) -> None:
        """Close the database and stop checking the carrier."""
        self._door.close()
        self._connection.close()

    def knock(self) -> None:
        """Check the carrier once, and wait for the answer."""
        self._door.knock()

    def follow(self) -> None:
        """Begin to check the carrier regularly in the background."""
        self._door.open()

    def look(self) -> Seen:
        """Return the current state; a part that cannot be read is replaced by a sentence."""
        now = datetime.now(UTC)
        try:
            self._read_plan()
            found = line_now(self._engine, self._home, self._plan, now)
        except OfficeLineError as error:
            return Seen(Shown(self._plan, now), None, self._door.carrier, str(error))
        return Seen(Shown(self._plan, now), found, self._door.carrier)

    def _read_plan(self) -> None:
        revision = driver.revision(self._connection)
        if revision != self._revision:
            with contextlib.redirect_stderr(io.StringIO()):  # it was reported at the start
                self._plan = self._place.running()
            self._revision = revision


class Door:
    """Checks whether the carrier answers."""

    def __init__(self, place: Context) -> None:
        try:
            table = place.configuration().trunk
        except OfficeLineError:  # the file is broken, but the line runs on the applied plan
            self._where, self._knocks = None, False
        else:
            self._where = (table.host, table.port)
            self._knocks = table.transport == "udp"  # the check works only over UDP
        self._answers: bool | None = None  # not known
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="carrier", daemon=True)

    @property
    def carrier(self) -> CarrierState:
        """Return the carrier's state, which is None before the first answer."""
        return CarrierState(None if self._where is None else self._where[0], self._answers)

    def open(self) -> None:
        """Begin to check regularly."""
        self._thread.start()

    def knock(self) -> None:
        """Check once; takes up to two seconds."""
        if self._where is not None and self._knocks:
            self._answers = trunk.reaches(*self._where)

    def close(self) -> None:
        """Stop checking, without waiting for a check in progress."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            self.knock()
            self._ended.wait(KNOCK_S)


def live(place: Context, engine: Engine, *, once: bool, as_json: bool) -> None:
    """Show the line until q is pressed; print only one state for a file, a pipe or a program."""
    import json

    from pbx.cli.calls import live_screen

    watched = LiveWatch(place, engine)
    try:
        if as_json or once or not (sys.stdin.isatty() and sys.stdout.isatty()):
            watched.knock()
            seen = watched.look()
            if seen.line is None:
                raise OfficeLineError(seen.trouble)
            if as_json:
                sys.stdout.write(json.dumps(to_json(seen.line, seen), ensure_ascii=False) + "\n")
            else:
                live_screen.print_once(seen)
            return
        watched.follow()
        live_screen.run(watched.look)
    finally:
        watched.close()


def to_json(line: LineNow, seen: Seen) -> dict[str, object]:
    """Return a state in the form that `calls live --json` prints."""
    shown = seen.shown
    return {
        "at": shown.iso(line.at),
        "daemon": {
            "runs": line.daemon.runs,
            "heartbeat_at": shown.iso(line.daemon.heartbeat_at),
            "heartbeat_came": line.daemon.came,
        },
        "asterisk": {"answers": line.asterisk},
        "carrier": {"host": seen.carrier.host, "answers": seen.carrier.answers},
        "oncall": [
            {
                "schedule": one.schedule,
                "oncall": list(one.people),
                "backup": one.backup,
                "until": shown.iso(one.until),
            }
            for one in line.oncall
        ],
        "calls": [
            {
                "id": one.id,
                "started_at": shown.iso(one.started_at),
                "line": one.line,
                "from": shown.number(one.caller),
                "patient": shown.patient(one.caller),
                "urgency": one.urgency,
                "step": step(one),
                "ringing": list(one.ringing) if one.person is None else [],
                "person": one.person,
            }
            for one in line.calls
        ],
        "messages": [
            {
                **inbox_shown.entry(one.item, shown),
                "calling": list(one.calling),
                "promised_by": shown.iso(one.promised),
            }
            for one in line.urgent
        ],
    }
