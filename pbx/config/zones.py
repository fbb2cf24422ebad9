"""Time zones without daylight saving, named for a place that has it: "EST" for New York."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

# By the hours that their winter differs from UTC; what a name such as EST or Etc/GMT+5 may mean.
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
_MOST = 8  # zones of one area; a number for a whole country names more


def meant(zone: str, number: str, year: int) -> str | None:
    """Name the zone that was probably meant by one without daylight saving, or None.

    The area of the office's number (E.164) decides whether there is daylight saving; of a number
    without an area only a fixed offset, such as EST, is doubted.
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
    """Name the zone that somebody means by "Chicago", "New York", "Eastern" or "Pacific time"."""
    word = text.lower().removesuffix(" time").replace(" ", "_")
    if word in _SPOKEN:
        return _SPOKEN[word]
    found = sorted(zone for zone in available_timezones() if zone.lower().endswith(f"/{word}"))
    return next((zone for zone in found if zone.startswith("America/")), None) or next(
        iter(found), None
    )


def _clock(zone: str, year: int) -> tuple[timedelta, bool]:
    """Return how far a zone's winter is from UTC, and whether its summer is another."""
    known = ZoneInfo(zone)
    offsets = [
        datetime(year, month, 1, tzinfo=UTC).astimezone(known).utcoffset() for month in (1, 7)
    ]
    winter, summer = (one or timedelta() for one in offsets)
    return min(winter, summer), winter != summer


def _places(number: str) -> list[str]:
    """List the time zones of a number's area; none for a number that has no area."""
    import phonenumbers
    from phonenumbers import timezone

    try:
        found = timezone.time_zones_for_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return []
    places = [] if len(found) > _MOST else found
    return [place for place in places if _is_known(place)]


def _is_known(zone: str) -> bool:
    """Tell whether this machine knows a zone; the word for an unknown area is none."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return zone != "Etc/Unknown"
