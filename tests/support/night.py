"""The night's transition tables as a drawing, in the words of Mermaid's state diagrams."""

from __future__ import annotations

from collections.abc import Iterable

from routing import follow_up, shift_start

BEGIN, END = "<!-- drawn from routing/ -->", "<!-- end of the drawing -->"

Row = tuple[tuple[str, str], str]  # state and event, and the state after


def drawing(title: str, first: str, after: Iterable[Row]) -> list[str]:
    """Draw one table; events that lead from one state to the same other share an arrow."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (state, event), then in after:
        arrows.setdefault((state, then), []).append(event)
    lines = [f"## {title}", "", "```mermaid", "stateDiagram-v2", f"    [*] --> {_id(first)}"]
    states = dict.fromkeys(one for pair in arrows for one in pair)
    lines += [f'    state "{one}" as {_id(one)}' for one in states if _id(one) != one]
    lines += [
        f"    {_id(state)} --> {_id(then)}: {', '.join(events)}"
        for (state, then), events in arrows.items()
    ]
    begun = {state for state, _ in arrows}
    lines += [f"    {_id(one)} --> [*]" for one in states if one not in begun]
    return [*lines, "```", ""]


def drawn() -> str:
    """Draw both tables, between the marks."""
    blocks: Iterable[list[str]] = (
        drawing("A message", "open", follow_up.AFTER.items()),
        drawing("The start of a shift", "waiting", shift_start.AFTER.items()),
    )
    return "\n".join([BEGIN, "", *(line for block in blocks for line in block), END])


def renewed(document: str) -> str:
    """Put the drawing of today into a document, in the place of the one between the marks."""
    head, _, rest = document.partition(BEGIN)
    return head + drawn() + rest.partition(END)[2]


def _id(state: str) -> str:
    return state.replace(" ", "_")
