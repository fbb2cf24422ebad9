"""Read the answers of `officeline init`; each bad answer is refused in one sentence."""

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

LATER, OTHER = "later", "other"  # no carrier yet; a carrier without a preset
STARTS = "starts"
PLACEHOLDER = "127.0.0.2"  # the carrier's host in a file without a carrier

# Days with their hours end at a semicolon, or at a comma before other weekdays.
_PARTS = re.compile(
    r"[;\n]|(?:(?<=\d)|(?<=[ap]m)|(?<=[ap]\.m\.)|(?<=noon)|(?<=closed)),\s*(?=[a-z])(?!noon|midnight)",
    re.IGNORECASE,
)
_CLOSED = re.compile(r"\s*(.+?):? (?:closed|off)\s*", re.IGNORECASE)

Hours = Mapping[str, tuple[str, ...]]  # periods by days, as in the file


@dataclass(frozen=True)
class TrunkAnswer:
    """A carrier: a preset's name or `OTHER`; the preset fills in empty texts."""

    carrier: str
    host: str = ""
    username: str = ""


@dataclass(frozen=True)
class SetupAnswers:
    """Answers for office.toml, and mobiles for the secrets file; None leaves a value unchanged.

    An empty `backline` removes the back line from a new file. `physicians` maps ids to names,
    `mobiles` ids to E.164 numbers.
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
    """List the kinds of practice that have a starting file."""
    return tuple(sorted(path.stem for path in (data_folder("config") / STARTS).glob("*.toml")))


def start_text(preset: str) -> str:
    """Return the starting file of a kind of practice."""
    return (data_folder("config") / STARTS / f"{preset}.toml").read_text(encoding="utf-8")


def starts_about() -> dict[str, str]:
    """Return a description of each kind of practice: the first line of its file."""
    return {name: start_text(name).partition("\n")[0].lstrip("# ") for name in starts()}


def reserved() -> frozenset[str]:
    """Return the words that cannot be a person's id."""
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
    """Return a phone number, written as in the office's country, as E.164."""
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
            if closed:  # days that are not named are closed
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
    """Return opening hours as text that `hours` can read."""
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
    """Read lines such as "lee=+1 212 555 0111"; an error gives the line number, not the line."""
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
    """Check a text as a value of office.toml; OfficeLineError if it is not valid."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return str(TypeAdapter(kind).validate_python(text.strip()))
    except ValidationError as error:
        reported = error.errors()[0]
        why = str(reported.get("ctx", {}).get("error", reported["msg"]))
        raise OfficeLineError(f"This answer is not accepted: {why}.{fix}") from error
