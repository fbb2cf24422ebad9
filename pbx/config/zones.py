"""Detect time zones without daylight saving time, such as "EST" for an office in New York."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

# By their offset from UTC in winter, in hours; what a name such as EST or Etc/GMT+5 may mean.
_SIBLINGS = {
    -4: "America/Halifax", -5: "America/New_York", -6: "America/Chicago", -7: "America/Denver",
    -8: "America/Los_Angeles", -9: "America/Anchorage",
}  # fmt: skip
_SPOKEN = {
    "eastern": "America/New_York", "et": "America/New_York", "edt": "America/New_York",
    "central": "America/Chicago", "ct": "America/Chicago", "cdt": "America/Chicago",
    "mountain": "America/Denver", "mt": "America/Denver", "mdt": "America/Denver",
    "pacific": "America/Los_Angeles", "pt": "America/Los_Angeles", "pdt": "America/Los_Angeles",
    "cst": "America/Chicago", "pst": "America/Los_Angeles", "alaska": "America/Anchorage",
    "hawaii": "Pacific/Honolulu", "arizona": "America/Phoenix",
}  # fmt: skip
_MOST = 8  # time zones of one area; a number that only shows the country has more


def meant(zone: str, number: str, year: int) -> str | None:
    """Return the zone that was probably meant instead of one without daylight saving, or None.

    The area of the office's number (E.164) shows whether there is daylight saving. If the number
    has no area, only a fixed offset such as EST is questioned.
    """
    winter, has_summer = _clock(zone, year)
    if has_summer:
        return None
    known = {place: _clock(place, year) for place in _places(number)}
    if not known:
        hours = winter // timedelta(hours=1)
        return _SIBLINGS.get(hours) if "/" not in zone or zone.startswith("Etc/") else None
    if (winter, False) in known.values():
        return None
    changing = [place for place, (_, summer) in known.items() if summer]
    same = [place for place in changing if known[place][0] == winter]
    return next(iter([*same, *changing]), None)


def zone_near(text: str) -> str | None:
    """Return the zone for a text such as "Chicago", "New York", "Eastern" or "Pacific time"."""
    word = text.lower().removesuffix(" time").replace(" ", "_")
    if word in _SPOKEN:
        return _SPOKEN[word]
    found = sorted(zone for zone in available_timezones() if zone.lower().endswith(f"/{word}"))
    return next((zone for zone in found if zone.startswith("America/")), None) or next(
        iter(found), None
    )


def _clock(zone: str, year: int) -> tuple[timedelta, bool]:
    """Return a zone's offset from UTC in winter, and whether it has daylight saving time."""
    known = ZoneInfo(zone)
    offsets = [
        datetime(year, month, 1, tzinfo=UTC).astimezone(known).utcoffset() for month in (1, 7)
    ]
    winter, summer = (one or timedelta() for one in offsets)
    return min(winter, summer), winter != summer


def _places(number: str) -> list[str]:
    """List the time zones of a number's area; empty if the number has no area."""
    import phonenumbers
    from phonenumbers import timezone

    try:
        found = timezone.time_zones_for_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return []
    places = [] if len(found) > _MOST else found
    return [place for place in places if _is_known(place)]


def _is_known(zone: str) -> bool:
    """Tell whether this machine knows a zone; "Etc/Unknown" does not count."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return zone != "Etc/Unknown"
