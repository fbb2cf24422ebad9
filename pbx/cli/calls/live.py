"""`officeline calls live`: the line as it is now, again each second; numbers are masked."""

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

KNOCK_S = 30.0  # between two knocks at the carrier's door


class LiveWatch:
    """Looks at the line; the plan is read again only when the database says it was changed."""

    def __init__(self, place: Context, engine: Engine) -> None:
        self._place = place
        self._engine = engine
        self._home = Home(place.home)
        self._connection: driver.Connection = driver.read_only(self._home.database)
        self._revision = driver.revision(self._connection)
        self._plan: Plan = place.running()
        self._door = Door(place)

    def close(self) -> None:
        """Let go of the database, and of the carrier."""
        self._door.close()
        self._connection.close()

    def knock(self) -> None:
        """Ask the carrier once, and wait for the answer."""
        self._door.knock()

    def follow(self) -> None:
        """Ask the carrier now and then, beside everything else."""
        self._door.open()

    def look(self) -> Seen:
        """Look once; what cannot be read is told in a sentence in its place."""
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
            with contextlib.redirect_stderr(io.StringIO()):  # it was said at the beginning
                self._plan = self._place.running()
            self._revision = revision


class Door:
    """The carrier's door: whether anything answers there."""

    def __init__(self, place: Context) -> None:
        try:
            table = place.configuration().trunk
        except OfficeLineError:  # the file is broken; the line runs on the applied plan
            self._where, self._knocks = None, False
        else:
            self._where = (table.host, table.port)
            self._knocks = table.transport == "udp"  # another door hears no knock of ours
        self._answers: bool | None = None  # nobody knows
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="carrier", daemon=True)

    @property
    def carrier(self) -> CarrierState:
        """Say what is known; None before the first answer."""
        return CarrierState(None if self._where is None else self._where[0], self._answers)

    def open(self) -> None:
        """Begin to knock."""
        self._thread.start()

    def knock(self) -> None:
        """Knock once; up to two seconds."""
        if self._where is not None and self._knocks:
            self._answers = trunk.reaches(*self._where)

    def close(self) -> None:
        """Knock no more; a knock that is under way is not waited for."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            self.knock()
            self._ended.wait(KNOCK_S)


def live(place: Context, engine: Engine, *, once: bool, as_json: bool) -> None:
    """Show the line until q is pressed; one state alone for a file, a pipe or a program."""
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
    """Lay a state out as `calls live --json` prints it."""
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
