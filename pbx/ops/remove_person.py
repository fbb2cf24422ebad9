"""Remove a person who leaves the office, once nothing in the office's file names them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from pbx.base import files
from pbx.base.errors import OfficeLineError
from pbx.config import people_file, secrets
from pbx.config import plan as plan_files
from pbx.config.findings.check import first_look
from pbx.config.home import Home
from pbx.db import audit, overlay
from pbx.db.pins import unlock


@dataclass(frozen=True)
class Leave:
    """What is to be removed; `patients` is how many have this person as their physician."""

    config: Path
    home: Home
    person: str
    before: str = field(repr=False)
    after: str = field(repr=False)
    patients: int = 0


def prepare_removal(config: Path, folder: Path, person: str, now: datetime) -> Leave:
    """Check that a person can be removed; OfficeLineError says what still names them."""
    home = Home(folder)
    before = plan_files.read_text(config)
    plan = overlay.laid_over(plan_files.parse(before, config).plan, home.database)
    after = people_file.removed(before, person)
    naming = _naming(after, person, config)
    for applied in overlay.applied_texts(home.database):
        name = Path(f"applied plan {applied.id}")
        if person in plan_files.parse(applied.text, name).plan.people:
            left = people_file.removed(applied.text, person)
            running = [one for one in _naming(left, person, name) if one not in naming]
            naming += [f"{one} of the plan that runs" for one in running]
    naming += [
        f"override {one.id} of schedule {one.schedule}"
        for one in plan.overrides
        if person in {one.person, one.instead_of} and one.end > now
    ]
    if naming:
        raise OfficeLineError(
            f"Cannot remove {person}: still named in {', '.join(naming)}. "
            "Remove them there and apply the change first."
        )
    patients = {
        one.id for found in plan.patients.values() for one in found.everyone if one.panel == person
    }
    return Leave(config, home, person, before, after, len(patients))


def perform(leave: Leave, engine: Engine, by: str, now: datetime) -> None:
    """Remove the person from office.toml, the secrets file and the wrong-PIN counts; audit it."""
    with audit.deed(engine, "person.removed", by=by, now=now, about=leave.person):
        _take_out(leave)
    unlock(engine, leave.person, by=by, now=now)


def _take_out(leave: Leave) -> None:
    with files.alone_at(leave.config):
        if plan_files.read_text(leave.config) != leave.before:
            raise OfficeLineError(f"{leave.config} was changed in the meantime; try again.")
        files.save_config(leave.config, leave.after)
    if (leave.home.folder / secrets.FILE).exists():
        secrets.change(leave.home.folder, lambda held: held.without(leave.person))


def _naming(text: str, person: str, path: Path) -> list[str]:
    """List the places in the file that name a person who is no longer in it."""
    named = [
        one.where
        for one in first_look(text).fatal
        if one.code == "unknown-name" and one.about == person
    ]
    if not named:
        plan_files.parse(text, path)  # raises if anything else is wrong with the file
    return list(dict.fromkeys(named))
