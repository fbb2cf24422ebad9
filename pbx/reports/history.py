"""The plans that ran in the past, from the database.

A plan that this version cannot read is replaced by the nearest readable one: the next one, which
was made from it, else the previous one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from pbx.base import when
from pbx.base.errors import ConfigError
from pbx.config.plan import parse
from pbx.db import changes, plans
from routing.config_history import ConfigHistory, Ran

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Engine

    from routing.model import Plan


def past(engine: Engine, running: Plan, start: datetime, end: datetime) -> ConfigHistory:
    """Return what ran in [start, end), aware; the first plan also counts for earlier times."""
    shelf = _Shelf(engine, running, start)
    if not shelf.applied:
        return ConfigHistory(running, (Ran(start, end, running),))
    # if the clock was set back, a plan still does not run before the one it replaced
    begins = (start, *accumulate((one.at for one in shelf.applied[1:]), max), end)
    spans = ((max(one, start), min(two, end)) for one, two in pairwise(begins))
    ran = tuple(
        Ran(one, two, *shelf.nearest(place)) for place, (one, two) in enumerate(spans) if one < two
    )
    return ConfigHistory(running, ran)


def of_call(engine: Engine, running: Plan, hash_: str | None, at: datetime) -> Ran:
    """Return the plan that answered a call: by its hash, else the one that ran at that time."""
    shelf = _Shelf(engine, running, at)
    if not shelf.applied:
        return Ran(at, at, running)
    begun = [place for place, one in enumerate(shelf.applied) if one.at <= at] or [0]
    named = [place for place in begun if shelf.applied[place].hash == hash_]
    return Ran(at, at, *shelf.nearest((named or begun)[-1]))


def history_sentence(known: ConfigHistory) -> str:
    """Say which plans could not be read and what replaces them; empty if none."""
    unread = [one for one in known.ran if one.unread is not None]
    if not unread:
        return ""
    times = known.running.office.times
    reported = "; ".join(
        f"plan {one.unread} ({times.span(one.start, one.end)}) is measured by plan {one.plan.hash}"
        for one in unread
    )
    return f"This version cannot read every plan that ran, so it uses the nearest one: {reported}."


def changed(known: ConfigHistory) -> str:
    """Say when other plans took effect within the span; empty if none did."""
    shown = known.running.office.times.moment
    times = [shown(two.start) for one, two in pairwise(known.ran) if _differ(one, two)]
    if not times:
        return ""
    return f"The plan changed at {'; '.join(times)}. Each moment counts by the plan that ran then."


def to_json(known: ConfigHistory) -> list[dict[str, object]]:
    """Return which plan ran when, for the JSON of reports."""
    zone = known.running.office.zone
    return [
        {
            "plan": one.unread or one.plan.hash,
            "from": when.iso(one.start, zone),
            "to": when.iso(one.end, zone),
            "assessed_by": one.plan.hash,
        }
        for one in known.ran
    ]


def _differ(one: Ran, two: Ran) -> bool:
    return (one.unread or one.plan.hash) != (two.unread or two.plan.hash)


class _Shelf:
    """The applied plans with all overrides; each is parsed once, when it is needed."""

    def __init__(self, engine: Engine, running: Plan, start: datetime) -> None:
        self._engine = engine
        self._running = running
        self.applied = plans.list_times(engine)
        self._overrides = tuple(_in_force(changes.list_overrides(engine, after=start)))
        self._changes = tuple(_in_force(changes.list_hours_changes(engine, after=start)))
        self._known: dict[str, Plan | None] = {running.hash: self._laid(running)}

    def nearest(self, place: int) -> tuple[Plan, str | None]:
        """Return a plan by index; if unreadable, the nearest one and the missing one's hash."""
        wanted = self.applied[place].hash
        for one in (*self.applied[place:], *reversed(self.applied[:place])):
            if (found := self._read(one)) is not None:
                return found, None if found.hash == wanted else wanted
        return self._running, wanted

    def _read(self, one: plans.PlanTime) -> Plan | None:
        if one.hash not in self._known:
            name = Path(f"the applied plan {one.id}")
            try:
                read = parse(plans.get_applied(self._engine, one.id).text, name).plan
                self._known[one.hash] = self._laid(read)
            except ConfigError:
                self._known[one.hash] = None
        return self._known[one.hash]

    def _laid(self, plan: Plan) -> Plan:
        patients = self._running.patients  # no history of patients is kept
        return replace(plan, overrides=self._overrides, changes=self._changes, patients=patients)


def _in_force(made: Sequence[changes.Made[changes.Change]]) -> Iterator[changes.Change]:
    """Limit each change to its effective time: from its creation until it was canceled."""
    for one in made:
        start = max(one.change.start, one.made_at)
        end = min(one.change.end, one.canceled_at or one.change.end)
        if start < end:
            yield replace(one.change, start=start, end=end)
