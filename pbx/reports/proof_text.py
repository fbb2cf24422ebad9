"""Format a proof for people and scripts, the shortest counterexample first."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from pbx.base import when
from routing.proof import Counterexample, Proof
from routing.time_text import TimeText


def to_json(found: Proof, zone: ZoneInfo) -> dict[str, object]:
    """Return a proof in the form that `prove --json` prints; `times` counts failures of a path.

    `across` counts the paths of calls that are ongoing at one of the `changes`.
    """
    return {
        "holds": found.holds,
        "checked": {
            "from": when.iso(found.start, zone),
            "to": when.iso(found.end, zone),
            "intervals": found.intervals,
            "paths": found.paths,
            "changes": found.changes,
            "across": found.across,
        },
        "counterexamples": [
            {
                "from": when.iso(one.spans[0][0], zone),
                "to": when.iso(one.spans[0][1], zone),
                "line": one.failure.line,
                "urgency": one.failure.urgency,
                "path": list(one.failure.path),
                "why": one.failure.why,
                "times": len(one.spans),
            }
            for one in found.counterexamples
        ],
    }


def sentences(found: Proof, times: TimeText) -> list[str]:
    """Return a proof as sentences, the shortest counterexample first."""
    checked = (
        f"{found.paths} paths in {found.intervals} intervals from "
        f"{times.span(found.start, found.end)}"
    )
    if found.holds:
        return [f"It holds: all {checked} reach a human.", *_across(found)]
    return [
        f"It does not hold, for some of the {checked}:",
        *(f"  {_reported(one, times)}" for one in found.counterexamples),
    ]


def _across(found: Proof) -> list[str]:
    """Say that calls that are ongoing at a change were checked, if there was any change."""
    if not found.changes:
        return []
    changes = f"{found.changes} change{'s' if found.changes > 1 else ''} of hours or on-call people"
    reported = f"all {found.across} paths follow the rules of their beginning and reach a human"
    return [f"Calls that go on during one of {changes} were checked, too: {reported}."]


def _reported(one: Counterexample, times: TimeText) -> str:
    failure, (start, end) = one.failure, one.spans[0]
    more = len(one.spans) - 1
    again = f" (and {more} more time{'s' if more > 1 else ''} in this span)" if more else ""
    return (
        f"From {times.span(start, end)} on the line {failure.line}: "
        f"{', '.join(failure.path)}; {failure.why}{again}."
    )
