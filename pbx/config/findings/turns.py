"""People in a rotation who never have a turn, and turns that differ from what the file suggests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from pbx.config.findings.draft import Draft
from pbx.config.findings.finding import Finding
from pbx.config.findings.times import DAY_MINUTES, WEEK_MINUTES, minutes_of_week
from routing import idle, spans, turns
from routing.clocks import WEEKDAYS
from routing.fragments import Fragment, fragment
from routing.instants import local_day
from routing.model import Window

if TYPE_CHECKING:
    from pbx.config.findings.lines import Path
    from routing.model import Layer, Schedule
    from routing.time_text import TimeText

LATE = timedelta(days=730)  # a later beginning is probably a typing error
WEEK = (1 << WEEK_MINUTES) - 1  # every minute of a week, as bits


def find(draft: Draft, now: datetime) -> Iterator[Finding]:
    """Find people without a turn and layers with doubtful times, as of this aware instant."""
    if not draft.whole("schedule", "office"):
        return
    zone = draft.plan.office.zone
    for name, schedule in draft.plan.schedules.items():
        for number, layer in enumerate(schedule.layers):
            if turns.over(layer, zone, now):
                yield draft.find(
                    "layer-over",
                    (*_at(draft, name, number), "until"),
                    f"schedule {name}",
                    f"the layer of {_named(layer.rotation)} ended on {_until(layer, draft.times)}",
                    "Delete the layer, or fix its 'until'.",
                )
            if torn := fragment(layer):
                yield _torn_off(draft, (*_at(draft, name, number), "only"), name, torn)
            yield from _far(draft, name, number, now)
        for one in idle.idle(schedule, zone, now):
            message, fix = _never(schedule, one, draft.times)
            at = (*_at(draft, name, one.layer), "rotation")
            yield draft.find("never-on-call", at, f"schedule {name}", message, fix)


def _far(draft: Draft, name: str, number: int, now: datetime) -> Iterator[Finding]:
    """Find a layer or a person that begins so late that the year is probably a typing error."""
    layer, at = draft.plan.schedules[name].layers[number], _at(draft, name, number)
    late = local_day(now, draft.plan.office.zone) + LATE
    fix = "Fix the year if it is wrong."
    if layer.since > late:
        since = draft.times.day(layer.since)
        message = f"the layer of {_named(layer.rotation)} does not begin before {since}"
        yield draft.find("since-far", (*at, "since"), f"schedule {name}", message, fix)
    for person, day in layer.joins:
        if day > late:
            message = f"{person} does not join before {draft.times.day(day)}"
            yield draft.find("since-far", (*at, "joins", person), f"schedule {name}", message, fix)


def _at(draft: Draft, name: str, number: int) -> Path:
    """Find the place of a layer in the file; the schedule's own rotation is the lowest."""
    if draft.file.schedule[name].rotation is None:
        return ("schedule", name, "layers", number)
    return ("schedule", name) if number == 0 else ("schedule", name, "layers", number - 1)


def _torn_off(draft: Draft, at: Path, name: str, torn: Fragment) -> Finding:
    edge = torn.start if torn.end == torn.handoff else torn.end
    shown = draft.times
    side = "begins before" if edge == torn.start else "ends after"
    message = (
        f"a window of the layer {side} the handoff ({shown.weekday(torn.handoff)}), so "
        f"the time from {shown.weekday(torn.start)} to {shown.weekday(torn.end)} belongs to "
        "another turn than the rest"
    )
    verb = side.partition(" ")[0].removesuffix("s")
    fix = (
        f"Let the window {verb} at {shown.clock(torn.handoff)}, or set the handoff to "
        f"{shown.clock(edge)}."
    )
    return draft.find("window-split", at, f"schedule {name}", message, fix)


def _until(layer: Layer, times: TimeText) -> str:
    """Return the last day of a layer with an end, as text."""
    return "" if layer.until is None else times.day(layer.until)


def _never(schedule: Schedule, one: idle.Idle, times: TimeText) -> tuple[str, str]:
    layer, who = schedule.layers[one.layer], _named(one.people)
    never = f"{who} never {'has' if len(one.people) == 1 else 'have'} a turn in this rotation"
    if one.why == "ended":
        first = f"the first turn begins after the layer ends on {_until(layer, times)}"
        return f"{never}: {first}", "Set 'until' to a later day, or delete the layer."
    if one.why == "between":
        fix = (
            "Write an earlier day in 'joins' or a later one in 'leaves' or 'until', or remove "
            "them from the rotation."
        )
        return f"{never} within the days of 'joins', 'leaves' and 'until'", fix
    free = _free(layer, [up for up in schedule.layers[one.layer + 1 :] if up.place == layer.place])
    if free == [] or set(one.people) == set(layer.rotation):
        fix = "Limit the layer above to some times with 'only', or delete this one."
        return f"{never}: a layer above always applies", fix
    quoted = ", ".join(f'"{text}"' for text in free or ())
    left = f"only = [{quoted}]" if free else "the other times as 'only'"
    return (
        f"{never}: a layer above covers each of their turns",
        f"Write {left} into this layer, so that its turns count only where it applies.",
    )


def _free(layer: Layer, above: Iterable[Layer]) -> list[str] | None:
    """Return the times of a week at which a layer decides, as windows; None if weeks differ."""
    layers = (layer, *above)
    windows = [[one for one in each.only if isinstance(one, Window)] for each in layers]
    if any(len(weekly) < len(one.only) for weekly, one in zip(windows, layers, strict=True)):
        return None
    if any(one.nth or one.weeks > 1 for weekly in windows for one in weekly):
        return None
    if any(one.until is not None for one in layers):
        return None
    left = minutes_of_week(windows[0]) if layer.only else WEEK
    for weekly in windows[1:]:
        left &= ~(minutes_of_week(weekly) if weekly else WEEK)
    return _texts(left)


def _texts(week: int) -> list[str]:
    """Return minutes of a week as windows; days with the same hours are merged."""
    daily: dict[str, list[int]] = {}
    found: list[str] = []
    for start, length in _runs(week):
        day, begin = divmod(start, DAY_MINUTES)
        until, end = divmod((start + length) % WEEK_MINUTES, DAY_MINUTES)
        clocks = "-".join(f"{time(one // 60, one % 60):%H:%M}" for one in (begin, end))
        if length <= DAY_MINUTES:
            daily.setdefault(clocks, []).append(day)
        else:
            first, last = clocks.split("-")
            found.append(f"{WEEKDAYS[day]} {first}-{WEEKDAYS[until]} {last}")
    same = [f"{spans.weekdays_text(tuple(days))} {clocks}" for clocks, days in daily.items()]
    return same + found


def _runs(week: int) -> Iterator[tuple[int, int]]:
    """List the runs of set bits (start and length) of a week, whose end joins its beginning."""
    begins = [
        one
        for one in range(WEEK_MINUTES)
        if week >> one & 1 and not week >> (one - 1) % WEEK_MINUTES & 1
    ]
    for begin in begins:
        length = 1
        while week >> (begin + length) % WEEK_MINUTES & 1:
            length += 1
        yield begin, length


def _named(people: Iterable[str]) -> str:
    *others, last = dict.fromkeys(people)
    return f"{', '.join(others)} and {last}" if others else last
