"""Write an absence into office.toml without changing anything else, comments included."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from pbx.config import plan as plan_files
from pbx.config.table_lists import append_tables, list_of, rewritten
from routing.instants import MIDNIGHT
from routing.model import Away, Plan


def add_away(text: str, name: Path, person: str, away: Away) -> tuple[str, Plan]:
    """Return the file's new text and its plan, in which only this absence is new.

    Raises OfficeLineError if the file cannot be edited that way.
    """
    before = plan_files.parse(text, name)
    known = before.plan.people[person]
    people = {**before.plan.people, person: replace(known, away=(*known.away, away))}

    def change(document: Any) -> None:
        values = dict(zip(("from", "to"), _texts(away), strict=True))
        append_tables(list_of(document["people"][person], "away"), [values])

    return rewritten(
        text,
        change,
        replace(before, plan=replace(before.plan, people=people)),
        f"This command cannot edit the table of {person} because of its layout. "
        f"Write [[people.{person}.away]] with 'from' and 'to' below it.",
    )


def _texts(away: Away) -> tuple[str, str]:
    """Write whole days as dates, the last one included, and other times with hour and minute."""
    if away.start.time() == away.end.time() == MIDNIGHT:
        return f"{away.start:%Y-%m-%d}", f"{away.end - timedelta(days=1):%Y-%m-%d}"
    return f"{away.start:%Y-%m-%d %H:%M}", f"{away.end:%Y-%m-%d %H:%M}"
