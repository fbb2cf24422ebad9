"""Zones without daylight saving time, where the office's area has it."""

from __future__ import annotations

import pytest

from pbx.config import zones
from tests.support.offices import changed, found

NEW_YORK, PHOENIX, HONOLULU = "+12125550100", "+16025550100", "+18085550100"
CHICAGO, TOLL_FREE, LONDON = "+13125550100", "+18005550100", "+442079460000"


@pytest.mark.parametrize(
    ("zone", "number", "meant"),
    [
        ("EST", NEW_YORK, "America/New_York"),
        ("Etc/GMT+5", NEW_YORK, "America/New_York"),
        ("US/Arizona", NEW_YORK, "America/New_York"),
        ("UTC", CHICAGO, "America/Chicago"),
        ("Etc/GMT+6", CHICAGO, "America/Chicago"),
        ("UTC", LONDON, "Europe/London"),
        ("EST", TOLL_FREE, "America/New_York"),
        ("MST", TOLL_FREE, "America/Denver"),
        ("US/Arizona", TOLL_FREE, None),
        ("UTC", TOLL_FREE, None),
        ("MST", PHOENIX, None),
        ("America/Phoenix", PHOENIX, None),
        ("HST", HONOLULU, None),
        ("Pacific/Honolulu", HONOLULU, None),
        ("America/New_York", NEW_YORK, None),
        ("EST5EDT", NEW_YORK, None),
        ("America/Chicago", NEW_YORK, None),
    ],
)
def test_what_a_zone_without_summer_was_meant_to_be(
    zone: str, number: str, meant: str | None
) -> None:
    """The area of the number decides; a place that has none is right without one."""
    assert zones.meant(zone, number, 2026) == meant


def test_check_says_what_to_write() -> None:
    """A warning, at the line of the zone."""
    (one,) = found(changed(('"America/New_York"', '"EST"')))
    assert (one.code, one.severity, one.where) == (
        "no-daylight-saving",
        "warning",
        "office.timezone",
    )
    assert one.message.startswith("'EST' has no daylight saving time")
    assert one.fix == "Write 'America/New_York', or another time zone with daylight saving time."
