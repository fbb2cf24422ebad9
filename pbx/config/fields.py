"""Types of single values in office.toml; their errors show what a valid value looks like."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Callable
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from pbx.base import letters
from routing import day_names, day_spans, spans, turn_texts, window_texts

# A table refuses unknown keys, so that typing errors are noticed.
CLOSED = ConfigDict(extra="forbid", frozen=True)
# The last label of a host name must have a letter, so that 127.0.0.300 is not one.
_HOST = re.compile(
    r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*(?!\d+$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?",
    re.ASCII | re.IGNORECASE,
)
LONGEST_TITLE = 60
FIRST_DAY, LAST_DAY = dt.date(2000, 1, 1), dt.date(2099, 12, 31)


def _shaped(pattern: str, what: str) -> AfterValidator:
    """Accept texts of this shape; `what` completes the sentence "'x' is not a valid ..."."""
    shape = re.compile(pattern, re.ASCII)

    def check(text: str) -> str:
        if not shape.fullmatch(text):
            raise ValueError(f"'{text[:60]}' is not a valid {what}")
        return text

    return AfterValidator(check)


def _readable(read: Callable[[str], object]) -> AfterValidator:
    """Accept texts that `read` accepts, and keep them as written."""

    def check(text: str) -> str:
        try:
            read(text)
        except day_spans.BackwardsError as error:
            raise refusal_error("backwards-period", str(error)) from error
        return text

    return AfterValidator(check)


def _host(text: str) -> str:
    if _HOST.fullmatch(text):
        return text
    try:
        # a scope after a % could contain anything, even a line break
        ipaddress.ip_network(text.replace("%", " "), strict=False)
    except ValueError as error:
        raise ValueError(f"'{text[:60]}' is not a host name or address") from error
    return text


def _title(text: str) -> str:
    if not 0 < len(text) <= LONGEST_TITLE or not letters.is_name(text):
        shown, most = text[:LONGEST_TITLE], LONGEST_TITLE
        raise ValueError(f"'{shown}' is not a name of 1 to {most} letters, digits and .,&'()-")
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise refusal_error("bad-zone", f"there is no time zone '{text[:60]}'") from error
    return text


def _day(value: object) -> object:
    """Accept a date in quotes; TOML itself reads one without quotes."""
    return spans.day(value) if isinstance(value, str) else value


def _listed(value: object) -> object:
    """Turn a single period into a list, and "closed" into an empty list."""
    if value == "closed":
        return []
    return [value] if isinstance(value, str) else value


def _closed(text: str) -> object:
    """Accept days on which an office may close: holidays, or days of each year or month."""
    return window_texts.holiday_list(text) if "holiday" in text.lower() else day_names.yearly(text)


def _dates(day: dt.date) -> dt.date:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"{day} is not between {FIRST_DAY} and {LAST_DAY}")
    return day


def _local_time(text: str) -> dt.datetime:
    local = spans.local_datetime(text)
    _dates(local.date())
    return local


def _day_or_time(value: object) -> object:
    """Turn a date or a local time without quotes into text."""
    if isinstance(value, dt.datetime):
        local = value.tzinfo is None and (value.second, value.microsecond) == (0, 0)
        return f"{value:%Y-%m-%d %H:%M}" if local else value
    return value.isoformat() if isinstance(value, dt.date) else value


def _either(text: str) -> dt.datetime:
    local = spans.begin_of(text)
    _dates(local.date())
    return local


Id = Annotated[
    str, _shaped(r"[a-z][a-z0-9_-]{1,30}", "id such as 'lee' (2 to 31 of a-z, 0-9, - and _)")
]
E164 = Annotated[
    str, _shaped(r"\+[1-9][0-9]{6,14}", "telephone number with a + and 7 to 15 digits")
]
# +1 needs an area code: "+1" alone would allow every country that shares it, such as Jamaica.
NumberStart = Annotated[
    str,
    _shaped(
        r"\+(1[2-9][0-9]{2,9}|[2-9][0-9]{0,13})", "prefix of telephone numbers such as '+1876'"
    ),
]
Port = Annotated[int, Field(ge=1, le=65535)]
PemFile = Annotated[
    str, _shaped(r"/[A-Za-z0-9_.+@/-]{1,200}", "path of a PEM file such as /etc/officeline/key.pem")
]
PortRange = Annotated[str, _shaped(r"\d{4,5}-\d{4,5}", "range of ports such as 10000-10200")]
Seconds = Annotated[int, Field(ge=1, le=120)]
Prompt = Annotated[str, _shaped(r"[a-z0-9-]{1,40}", "name of a prompt such as 'menu-closed'")]
Urgency = Literal["urgent", "routine"]
HoursState = Literal["open", "closed"]
# No quotes, line breaks or invisible characters, because it goes into tables, files and headers.
Title = Annotated[str, AfterValidator(_title)]
Username = Annotated[str, _shaped(r"[A-Za-z0-9_.+-]{1,64}", "username")]
Language = Annotated[str, _shaped(r"[a-z]{2}", "language such as 'en'")]
Country = Annotated[str, _shaped(r"[A-Z]{2}", "country such as 'US'")]
Zone = Annotated[str, AfterValidator(_zone)]
Host = Annotated[str, AfterValidator(_host)]
Date = Annotated[dt.date, BeforeValidator(_day), AfterValidator(_dates)]
Span = Annotated[str, _readable(day_spans.read_span)]
Period = Annotated[str, _readable(day_spans.period)]
Periods = Annotated[list[Period], BeforeValidator(_listed)]
WindowText = Annotated[str, _readable(spans.weekly_windows)]
Days = Annotated[str, _readable(spans.weekdays)]
HolidayText = Annotated[str, BeforeValidator(_day_or_time), _readable(window_texts.read_holiday)]
ClosedText = Annotated[str, _readable(_closed)]
YearlyText = Annotated[str, _readable(day_names.yearly)]
Duration = Annotated[str, _readable(spans.seconds)]
LocalTime = Annotated[str, _readable(_local_time)]
DayOrTime = Annotated[str, BeforeValidator(_day_or_time), _readable(_either)]
LayerWindow = Annotated[str, _readable(window_texts.read_windows)]
Handoff = Annotated[str, _readable(turn_texts.read_turn_handoff)]
Every = Annotated[
    str,
    _shaped(r"[1-9]\d{0,2} (hour|day|week|month|holiday)s?", "length of a turn such as '1 week'"),
]
Kept = Annotated[str, _shaped(r"[1-9]\d{0,2} years?|[1-9]\d{0,4} days?", "time such as '6 years'")]
Repeat = Annotated[str, _shaped(r"([2-9]|1\d) in [1-9]\d{0,3}m", "repeat such as '3 in 60m'")]
Key = Annotated[str, _shaped(r"[0-9*]", "telephone key (0 to 9 and *)")]
FilePath = Annotated[str, _shaped(r"/[ -~]{1,200}", "path of a file, which begins with /")]
Sentence = Annotated[str, StringConstraints(min_length=1, max_length=120)]


def refusal_error(code: str, why: str) -> PydanticCustomError:
    """Return an error that becomes a finding with this code; see docs/findings.md."""
    return PydanticCustomError(code, "{why}", {"why": why})
