"""Print calls to patients as JSON and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pbx.cli.shared.printing import plain_console, plain_table

if TYPE_CHECKING:
    from pbx.cli.calls.shown import Display
    from pbx.db.outbound_tables import OutboundCall


def to_json(rows: Sequence[OutboundCall], look: Display) -> dict[str, object]:
    """Return calls to patients in the form that `calls outbound --json` prints."""
    return {"calls": [_item(row, look) for row in rows]}


def print_list(rows: Sequence[OutboundCall], look: Display) -> None:
    """Print calls to patients as a table."""
    console = plain_console()
    if not rows:
        console.print("No calls.")
        return
    table = plain_table("asked", "person", "to", "message", "result", "talked", "by")
    for row in rows:
        talked = ""
        if row.answered_at is not None and row.ended_at is not None:
            talked = f"{(row.ended_at - row.answered_at).total_seconds():.0f} s"
        table.add_row(
            look.column(row.asked_at),
            row.person,
            look.number(row.number),
            row.message,
            row.result or row.state,
            talked,
            row.by,
        )
    console.print(table)


def _item(row: OutboundCall, look: Display) -> dict[str, object]:
    return {
        "id": row.id,
        "asked_at": look.iso(row.asked_at),
        "person": row.person,
        "to": look.number(row.number),
        "message": row.message,
        "by": row.by or None,
        "call": row.call,
        "placed_at": look.iso(row.placed_at),
        "answered_at": look.iso(row.answered_at),
        "ended_at": look.iso(row.ended_at),
        "state": row.state,
        "result": row.result,
    }
