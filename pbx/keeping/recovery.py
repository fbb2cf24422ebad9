"""The start after a damaged database: a new one, with the plan that ran and what lay over it."""

from __future__ import annotations

from pathlib import Path

import structlog

from pbx.clock import Clock
from pbx.errors import OfficeLineError
from pbx.home import Home
from pbx.officefile import plan
from pbx.paths import data_folder
from pbx.standby.cache import CachedPlans
from pbx.store.changes import add_hours_change, add_overrides
from pbx.store.damage import set_aside
from pbx.store.database import open_database
from pbx.store.plans import apply_text

log = structlog.get_logger()

WHY = "the database was damaged"


def recover(home: Home, clock: Clock) -> Path | None:
    """Set a damaged database aside and begin a new one; return the old one's new name, or None."""
    aside = set_aside(home.database)
    if aside is not None:
        try:
            _begin(home, clock)
        except (OSError, ValueError, TypeError, OfficeLineError) as error:
            log.error("database.without_plan", error=type(error).__name__)  # noqa: TRY400  # one line
    return aside


def _begin(home: Home, clock: Clock) -> None:
    """Apply the plan that ran last, and give back the changes that lay over it."""
    text = home.applied.read_text(encoding="utf-8")
    presets = data_folder("config") / "presets.toml"
    hash_ = plan.parse(text, home.applied, presets).plan.hash
    live = CachedPlans(home.standby, None).plan
    now = clock.now()
    engine = open_database(home.database)
    try:
        apply_text(engine, text, hash_, by="officeline", now=now, note=WHY)
        add_overrides(engine, live.overrides, by="officeline", now=now)
        for change in live.changes:
            add_hours_change(engine, change, by="officeline", now=now)
    finally:
        engine.dispose()
