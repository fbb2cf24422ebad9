"""Windows of a layer that begin or end shortly beside a handoff, so that a little is torn off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from routing import turns
from routing.instants import DAY
from routing.model import Layer
from routing.windows import local_spans

LOOKED = 70 * DAY  # two months, for windows of one week in a month
SHORT = timedelta(hours=2)
PART = 4  # a fragment is shorter than a quarter of a turn, too


@dataclass(frozen=True)
class Fragment:
    """What of a window lies before its first handoff, or after its last, in local times.

    It belongs to another turn than the rest of the window.
    """

    start: datetime
    end: datetime
    handoff: datetime


def fragment(layer: Layer) -> Fragment | None:
    """Find the first one of a layer; turns of holidays begin with their windows and have none."""
    if layer.unit == "holidays":
        return None
    first = turns.handoff(layer, 0)
    last = (first + LOOKED).date()
    spans = sorted(span for one in layer.only for span in local_spans(one, first.date(), last))
    joined: list[tuple[datetime, datetime]] = []
    for begins, ends in spans:
        if joined and begins <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(ends, joined[-1][1]))
        else:
            joined.append((begins, ends))
    found = (one for span in joined for one in _torn(layer, *span))
    return next(found, None)


def _torn(layer: Layer, begins: datetime, ends: datetime) -> list[Fragment]:
    moment = timedelta(microseconds=1)
    first = turns.handoff(layer, turns.place_of(layer, begins - moment) + 1)
    last = turns.handoff(layer, turns.place_of(layer, ends - moment))
    if not begins <= first < ends:
        return []
    found = []
    following = turns.handoff(layer, turns.place_of(layer, first) + 1)
    most = min(SHORT, (following - first) / PART)
    if timedelta(0) < first - begins <= most:
        found.append(Fragment(begins, first, first))
    if timedelta(0) < ends - last <= most:
        found.append(Fragment(last, ends, last))
    return found
