"""What an office says of itself, each answer read as people write it or refused in a sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pbx.base.errors import OfficeLineError
from pbx.base.paths import data_folder
from pbx.base.phone_numbers import to_e164
from pbx.config import zones
from pbx.config.carriers import carriers
from routing import spans

LATER, OTHER = "later", "other"  # no carrier yet; one that has no preset
STARTS = "starts"
PLACEHOLDER = "127.0.0.2"  # the carrier's host in a file that has no carrier yet

# Days and their hours, parted from the next: by a semicolon, or a comma before other weekdays.
_PARTS = re.compile(
    r"[;\n]|(?:(?<=\d)|(?<=[ap]m)|(?<=[ap]\.m\.)|(?<=noon)|(?<=closed)),\s*(?=[a-z])(?!noon|midnight)",
    re.IGNORECASE,
)
_CLOSED = re.compile(r"\s*(.+?):? (?:closed|off)\s*", re.IGNORECASE)

Hours = Mapping[str, tuple[str, ...]]  # periods by days, as the file has them


@dataclass(frozen=True)
class TrunkAnswer:
    """A carrier: a preset's name or `OTHER`; empty texts are left to the preset."""

    carrier: str
    host: str = ""
    username: str = ""


@dataclass(frozen=True)
class SetupAnswers:
    """All that is to be in the file, and mobiles for the secrets file; None stays as it is.

    An empty `backline` takes the back line out of a fresh file. `physicians` are names by id,
    `mobiles` E.164 by id.
    """

    name: str | None = None
    timezone: str | None = None
    number: str | None = None
    backline: str | None = None
    hours: Hours | None = None
    trunk: TrunkAnswer | None = None
    bind: str | None = None
    physicians: Mapping[str, str] = field(default_factory=dict)
    mobiles: Mapping[str, str] = field(default_factory=dict, repr=False)


def starts() -> tuple[str, ...]:
    """Name the kinds of practice that a file can begin with."""
    return tuple(sorted(path.stem for path in (data_folder("config") / STARTS).glob("*.toml")))


def start_text(preset: str) -> str:
    """Read the file that a kind of practice begins with."""
    return (data_folder("config") / STARTS / f"{preset}.toml").read_text(encoding="utf-8")


def starts_about() -> dict[str, str]:
    """Say of each kind of practice what it is, as its file does in its first line."""
    return {name: start_text(name).partition("\n")[0].lstrip("# ") for name in starts()}


def reserved() -> frozenset[str]:
    """Name the words that mean something else than a person."""
    from pbx.config.findings.names import RESERVED

    return RESERVED


def preset(text: str) -> str:
    """Read a kind of practice."""
    return _one_of(text, starts(), "kind of practice")


def carrier(text: str) -> str:
    """Read a carrier's name, `OTHER` or `LATER`."""
    return _one_of(text, (*carriers(), OTHER, LATER), "carrier")


def title(text: str) -> str:
    """Read the name of a practice or a person."""
    from pbx.config.fields import Title

    return _field(Title, text)


def timezone(text: str) -> str:
    """Read a time zone's name."""
    from pbx.config.fields import Zone

    near = zones.zone_near(text.strip())
    return _field(
        Zone,
        text,
        f" Did you mean {near}?" if near else " Use one with a city, such as America/Denver.",
    )


def host(text: str) -> str:
    """Read a host's name or address."""
    from pbx.config.fields import Host

    return _field(Host, text)


def username(text: str) -> str:
    """Read the name that a carrier gave for the registration."""
    from pbx.config.fields import Username

    return _field(Username, text)


def read_number(text: str, country: str) -> str:
    """Read a phone number, as people of the office's country write it, as E.164."""
    e164 = to_e164(text, country)
    if e164 is None:
        raise OfficeLineError("This is not a phone number; write it like +1 212 555 0100.")
    return e164


def hours(text: str) -> Hours:
    """Read opening hours: "Mon-Thu 8:30-12 and 1-5; Fri 8:30am-noon", or "M-F 9-5"."""
    found: dict[str, tuple[str, ...]] = {}
    for part in filter(str.strip, _PARTS.split(text)):
        closed = _CLOSED.fullmatch(part)
        try:
            if closed:  # as every day is that is not named
                spans.weekdays(closed[1])
                continue
            days, periods = spans.read_weekly(part)
        except ValueError as error:
            raise OfficeLineError(f"The opening hours cannot be read: {error}.") from error
        if not periods or days in found:
            raise OfficeLineError(
                f"'{days}' has no hours, or has them twice. "
                "Write them like: Mon-Thu 8:30-12 and 1-5; Fri 8:30am-noon"
            )
        found[days] = periods
    if not found:
        raise OfficeLineError("Write the hours of a week, like: Mon-Fri 8:30am-5pm.")
    return found


def hours_text(reported: Mapping[str, Any]) -> str:
    """Write opening hours so that `hours` reads them back."""
    listed = {days: [one] if isinstance(one, str) else one for days, one in reported.items()}
    return "; ".join(f"{days} {' '.join(periods)}" for days, periods in listed.items())


def read_physician(text: str) -> tuple[str, str]:
    """Read "lee=Dr. Ana Lee"."""
    from pbx.config.fields import Id

    key, sign, name = text.partition("=")
    if not sign:
        raise OfficeLineError(f"'{text}' has no name. Write it like lee=Dr. Ana Lee.")
    return _field(Id, key.strip()), title(name.strip())


def mobiles(text: str, country: str) -> dict[str, str]:
    """Read lines such as "lee=+1 212 555 0111"; a line that cannot be read is told by its count."""
    found = {}
    for count, line in enumerate(text.splitlines(), start=1):
        key, sign, reported = line.partition("=")
        e164 = to_e164(reported, country)
        if line.strip() and (not sign or e164 is None):
            raise OfficeLineError(
                f"Line {count} of the mobiles cannot be read. Write it like lee=+1 212 555 0111."
            )
        if e164 is not None:
            found[key.strip()] = e164
    return found


def _one_of(text: str, known: tuple[str, ...], what: str) -> str:
    found = text.strip().lower()
    if found not in known:
        raise OfficeLineError(f"'{text}' is not a known {what}. Use one of {', '.join(known)}.")
    return found


def _field(kind: Any, text: str, fix: str = "") -> str:
    """Read a text as a value of office.toml."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return str(TypeAdapter(kind).validate_python(text.strip()))
    except ValidationError as error:
        reported = error.errors()[0]
        why = str(reported.get("ctx", {}).get("error", reported["msg"]))
        raise OfficeLineError(f"This answer is not accepted: {why}.{fix}") from error
