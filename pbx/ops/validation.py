"""Decide whether an office's file may be applied; collect everything that speaks against it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pbx.config import plan, secrets
from pbx.config.findings.check import find_all
from pbx.config.home import Home
from pbx.db.overlay import laid_over
from pbx.reports import proof_text as proved
from routing import proof

if TYPE_CHECKING:
    from routing.people import Numbers

AHEAD = timedelta(days=365)
REPORTED = 3  # counterexamples to show; 'officeline prove' shows all


@dataclass(frozen=True)
class Judgment:
    """The parsed file, and the objections to it, which a user can override with a reason."""

    configuration: plan.Configuration
    objections: tuple[str, ...] = ()


def held_numbers(folder: Path | None) -> Numbers | None:
    """Return the numbers in a home's secrets file, for findings; None if it has none yet."""
    held = secrets.Secrets() if folder is None else secrets.read(folder)
    return held.reachable({*held.mobiles, *held.seconds}) or None


def validate(text: str, name: Path, home: Home, now: datetime) -> Judgment:
    """Validate a file's text for the year from `now` on, with the home's secrets.

    Raises ConfigError, which cannot be overridden, if no plan can be made from it.
    """
    configuration = plan.parse(text, name)
    whole = laid_over(configuration.plan, home.database)
    numbers = secrets.read(home.folder).reachable(whole.people)
    findings = find_all(text, now, held_numbers(home.folder)).findings
    objections = [one.sentence(name) for one in findings if one.severity == "error"]
    found = proof.prove(whole, numbers, now, now + AHEAD, most=REPORTED)
    if not found.holds:
        objections += proved.sentences(found, whole.office.times)
    return Judgment(configuration, tuple(objections))
