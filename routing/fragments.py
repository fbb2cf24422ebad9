"""Detects windows of a layer that a handoff splits although one turn could have all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from routing import turns
from routing.instants import DAY
from routing.model import Layer
from routing.windows import window_local_spans

LOOKED = 70 * DAY  # the days to search: over two months, for windows that come once a month
SHORT = timedelta(hours=2)
PART = 4  # in a window longer than a turn, a fragment is also shorter than a quarter turn


@dataclass(frozen=True)
class Fragment:
    """The part of a window before or after a handoff, in local times.

    It belongs to a different turn than the rest of the window.
    """

    start: datetime
    end: datetime
    handoff: datetime


def fragment(layer: Layer) -> Fragment | None:
    """Return a layer's first fragment, or None; holiday turns begin with windows and have none."""
    if layer.unit == "holidays":
        return None
    first = turns.handoff(layer, 0)
    last = (first + LOOKED).date()
    spans = sorted(
        span for one in layer.only for span in window_local_spans(one, first.date(), last)
    )
    joined: list[tuple[datetime, datetime]] = []
    for begins, ends in spans:
        if joined and begins <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(ends, joined[-1][1]))
        else:
            joined.append((begins, ends))
    torn = [_torn(layer, span, whole=False) for span in joined]
    torn += [_torn(layer, span, whole=True) for span in spans if not _is_of_days(span)]
    found = [one for one in torn if one is not None]
    return min(found, key=lambda one: one.start) if found else None


def _is_of_days(span: tuple[datetime, datetime]) -> bool:
    """Return whether a span consists of whole days, so that splitting it is harmless."""
    return all(at.time() == time(0) for at in span)


def _torn(layer: Layer, span: tuple[datetime, datetime], *, whole: bool) -> Fragment | None:
    """Return the shorter part of a span that a handoff splits; `whole` if one turn could fit it."""
    begins, ends = span
    moment = timedelta(microseconds=1)
    first = turns.handoff(layer, turns.index_of(layer, begins - moment) + 1)
    last = turns.handoff(layer, turns.index_of(layer, ends - moment))
    if not begins < last < ends:
        return None
    turn = turns.handoff(layer, turns.index_of(layer, first) + 1) - first
    parts = [Fragment(begins, first, first)] * (first > begins) + [Fragment(last, ends, last)]
    least = min(parts, key=lambda one: one.end - one.start)
    if whole and layer.unit in {"days", "weeks"} and ends - begins <= turn:
        return least
    return least if least.end - least.start <= min(SHORT, turn / PART) else None
