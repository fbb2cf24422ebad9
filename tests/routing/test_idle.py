"""Who never has a turn: found exactly where looking at every half hour finds it, too."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from routing import turns
from routing.idle import Idle, idle
from routing.model import Layer, Schedule, Unit, Window

ZONE = ZoneInfo("UTC")
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SINCE = date(2026, 1, 5)
HALF_HOUR = timedelta(minutes=30)
CLOCKS = st.sampled_from([time(0), time(8), time(17), time(20)])
WEEKDAY = st.integers(0, 6)
WINDOWS = st.builds(Window, WEEKDAY, CLOCKS, WEEKDAY, CLOCKS)
UNITS: list[tuple[int, Unit]] = [
    *((12, "hours"), (8, "hours"), (1, "days"), (2, "days"), (1, "weeks"), (2, "weeks")),
]


@st.composite
def layers(draw: st.DrawFn, *, most: int) -> Layer:
    """Draw a layer that began in winter, with windows of every week or none."""
    every, unit = draw(st.sampled_from(UNITS))
    people = tuple("abcd")[: draw(st.integers(1, most))]
    only = tuple(draw(st.lists(WINDOWS, max_size=2)))
    return Layer(people, SINCE, draw(CLOCKS), draw(WEEKDAY), every, unit, only)


def seen(layer: Layer, above: Layer) -> set[str]:
    """Look at every half hour of eight weeks for each of the people, or as many turns."""
    length = {"hours": timedelta(hours=1), "days": timedelta(days=1), "weeks": timedelta(days=7)}
    each = max(timedelta(days=56), 8 * layer.every * length[layer.unit])
    found, at = set[str](), NOW
    while at < NOW + len(layer.rotation) * each and len(found) < len(layer.rotation):
        whose = turns.turn(layer, ZONE, at)
        if whose is not None and turns.turn(above, ZONE, at) is None:
            found.add(whose.queue[0])
        at += HALF_HOUR
    return found


@given(layer=layers(most=3), above=layers(most=1))
@settings(max_examples=8, deadline=None)
@example(
    Layer(("a", "b"), SINCE, time(8), every=12, unit="hours"),
    Layer(("c",), SINCE, time(8), every=1, unit="days", only=(Window(0, time(8), 0, time(8)),)),
)
def test_who_is_idle_is_who_is_never_seen(layer: Layer, above: Layer) -> None:
    """Nobody is missed, and nobody named who has a turn."""
    found = [one for one in idle(Schedule("doctors", (layer, above)), ZONE, NOW) if one.layer == 0]
    never = tuple(one for one in layer.rotation if one not in seen(layer, above))
    assert found == ([Idle(0, never, "above")] if never else [])


def test_a_seat_of_its_own_hides_nobody() -> None:
    """Who is on call beside the others, or is the backup, is above no other place."""
    base = Layer(("a", "b"), SINCE, time(8))
    for place in ("beside", "backup"):
        other = replace(base, rotation=("c",), place=place)
        assert list(idle(Schedule("doctors", (base, other)), ZONE, NOW)) == []
    hidden = replace(base, rotation=("c",))
    assert list(idle(Schedule("doctors", (base, hidden)), ZONE, NOW)) == [
        Idle(0, ("a", "b"), "above")
    ]
