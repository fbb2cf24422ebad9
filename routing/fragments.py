"""Windows of a layer that a handoff cuts, although the whole of them could be of one turn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from routing import turns
from routing.instants import DAY
from routing.model import Layer
from routing.windows import window_local_spans

LOOKED = 70 * DAY  # two months, for windows of one week in a month
SHORT = timedelta(hours=2)
PART = 4  # of windows longer than a turn a fragment is shorter than a quarter of one, too


@dataclass(frozen=True)
class Fragment:
    """What of a window lies before a handoff, or after it, in local times.

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
    """Tell whether a span is of whole days, which nobody means as one night or weekend."""
    return all(at.time() == time(0) for at in span)


def _torn(layer: Layer, span: tuple[datetime, datetime], *, whole: bool) -> Fragment | None:
    """Find the lesser part of a span that a handoff cuts; `whole` if one turn could have it."""
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
