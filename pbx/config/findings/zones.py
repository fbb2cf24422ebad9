"""A time zone without daylight saving for an office whose area has it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from pbx.config import zones

if TYPE_CHECKING:
    from pbx.config.findings.draft import Draft
    from pbx.config.findings.finding import Finding


def find(draft: Draft, now: datetime) -> Iterator[Finding]:
    """Find a zone whose summer would be an hour off."""
    office = draft.file.office
    if not draft.whole("office"):
        return
    if meant := zones.meant(office.timezone, office.number, now.year):
        yield draft.find(
            "no-daylight-saving",
            ("office", "timezone"),
            "office.timezone",
            zone_sentence(office.timezone),
            f"Write '{meant}', or another time zone with daylight saving time.",
        )


def zone_sentence(zone: str) -> str:
    """Return a phrase that says what is wrong with a zone without daylight saving time."""
    return (
        f"'{zone}' has no daylight saving time, so in summer all hours and handoffs would be "
        "one hour off"
    )
