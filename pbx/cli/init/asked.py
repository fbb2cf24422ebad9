"""The questions of `officeline init`: each answer that no option gave is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pbx.base.errors import OfficeLineError
from pbx.cli.init.talk import Given, SetupQuestion, Talk
from pbx.config import zones
from pbx.config.carriers import carriers
from pbx.config.setup import answers as reading
from pbx.config.setup import ids
from pbx.config.setup.answers import LATER, OTHER, SetupAnswers, TrunkAnswer
from pbx.config.setup.country import country_of
from routing import day_spans

LOOPBACK = "127.0.0.1"


def refuse_bad(given: Given, country: str) -> None:
    """Raise OfficeLineError for a bad option before any question is asked."""
    readers: Mapping[str, Callable[[str], object]] = {
        "preset": reading.preset,
        "name": reading.title,
        "timezone": reading.timezone,
        "number": partial(reading.read_number, country=country),
        "backline": partial(_backline, country=country),
        "hours": reading.hours,
        "trunk": reading.carrier,
        "host": reading.host,
        "username": reading.username,
        "bind": reading.host,
    }
    for flag, read in readers.items():
        if given.get(flag) is not None:
            read(given[flag])
    for one in given.get("physician") or []:
        reading.read_physician(one)


def kind(talk: Talk) -> str:
    """Ask for the kind of practice."""
    kinds = "\n".join(f"  {name}: {about}" for name, about in reading.starts_about().items())
    why = f"The kind decides which rules the file starts with; you can change them later.\n{kinds}"
    question = SetupQuestion("preset", f"The kind of practice ({', '.join(reading.starts())})", why)
    return talk.answer(question, reading.preset) or ""


def asked(talk: Talk, file: Mapping[str, Any], *, fresh: bool) -> SetupAnswers:
    """Ask for everything except the mobiles; `file` has the defaults, unless it is fresh."""
    office = {} if fresh else file["office"]
    country = country_of(file)
    name = talk.answer(
        SetupQuestion(
            "name",
            "The practice's name",
            "Phones and reports show the name: letters, digits and .,&'()-",
            office.get("name"),
        ),
        reading.title,
    )
    timezone = talk.answer(
        SetupQuestion(
            "timezone",
            "The time zone, such as America/New_York",
            "Hours and handoffs use this time zone; choose a zone named after a city.",
            office.get("timezone"),
        ),
        reading.timezone,
        lambda zone: _doubted(zone, ""),
    )
    zone = str(timezone or office.get("timezone"))
    number = talk.answer(
        SetupQuestion(
            "number",
            "The office's number",
            "Patients dial this number, and it is the caller ID of the office's own calls.",
            office.get("number"),
        ),
        partial(reading.read_number, country=country),
        lambda e164: _doubted(zone, e164),
    )
    known = str(number or office.get("number"))
    backline = _asked_backline(talk, file, known, country, fresh=fresh)
    hours = talk.answer(
        SetupQuestion(
            "hours",
            "Open hours",
            "The front desk rings in these hours; at other times callers hear the night menu.",
            reading.hours_text(file.get("hours", {})),
        ),
        reading.hours,
        _swapped,
    )
    trunk = _trunk(talk, fresh=fresh)
    bind = _bind(talk, file.get("network", {}), trunk)
    people = _physicians(talk, file, fresh=fresh)
    return SetupAnswers(name, timezone, number, backline, hours, trunk, bind, people)


def mobiles(
    talk: Talk, lacking: Mapping[str, str], reported: Mapping[str, str], country: str
) -> dict[str, str]:
    """Ask for missing mobile numbers; return them by id. `lacking` maps ids to names."""
    found, read = dict(reported), partial(reading.read_number, country=country)
    for person, name in lacking.items():
        if person in found:
            continue
        if not talk.asks:
            raise OfficeLineError(
                f"The mobile number of {name} is missing; add --mobiles and pass it on standard "
                f"input, in a line such as {person}=+1 212 555 0111."
            )
        question = SetupQuestion(
            f"mobile {person}",
            f"The number on which {name} is called (kept in the secrets file)",
            "Urgent calls ring this phone; only the secrets file has its number, never a log.",
            has_flag=False,
        )
        taken = {number: one for one, number in found.items()}
        found[person] = talk.answer(question, read, _shared(taken)) or ""
    return found


def _shared(taken: Mapping[str, str]) -> Callable[[str], str | None]:
    """Return a function that warns about a number that somebody else has."""

    def note(e164: str) -> str | None:
        return f"{taken[e164]} has the same number." if e164 in taken else None

    return note


def _doubted(zone: str, number: str) -> str | None:
    """Return a warning about a zone without daylight saving time if the number's area has it."""
    meant = zones.meant(zone, number, datetime.now(UTC).year)
    if meant is None:
        return None
    return f"'{zone}' has no daylight saving time; you probably mean {meant}."


def _swapped(hours: reading.Hours) -> str | None:
    """Return a warning about hours that go through the night."""
    for text in (one for periods in hours.values() for one in periods):
        if meant := day_spans.probably(*day_spans.read_span(text)):
            return f"'{text}' goes through the night; you probably mean '{meant}'."
    return None


def _backline(text: str, country: str) -> str:
    return reading.read_number(text, country) if text else ""


def _asked_backline(
    talk: Talk, file: Mapping[str, Any], number: str, country: str, *, fresh: bool
) -> str | None:
    """Ask for the back line's number; empty if a fresh file gets none."""
    lines = {} if fresh else {one["name"]: one["did"] for one in file["lines"]}

    def read(text: str) -> str:
        found = _backline(text, country)
        if found == number and talk.asks:
            raise OfficeLineError("That is the office's main number; the back line needs another.")
        return found

    question = SetupQuestion(
        "backline",
        "The back line's number, for hospitals and pharmacies (empty: none)",
        "Hospitals that dial it reach the physician at any hour, without a menu.",
        lines.get("backline", ""),
    )
    found = talk.answer(question, read)
    return "" if fresh and found is None else found


def _trunk(talk: Talk, *, fresh: bool) -> TrunkAnswer | None:
    """Ask for the carrier, and for the settings that its preset does not have."""
    kept = LATER if fresh else "as it is"
    known = ", ".join((*carriers(), OTHER))
    why = f"The carrier connects you to the telephone network; '{OTHER}' is one that is not listed."
    question = SetupQuestion("trunk", f"The carrier ({known}, or {kept})", why, kept)
    carrier = talk.answer(question, reading.carrier)
    if carrier in {None, LATER}:
        _unheard(talk, ("host", "username"), "belongs to a carrier; add --trunk")
        return None
    reported = carriers().get(carrier or "", {})
    why = "Calls are sent to this host; your account page at the carrier shows it."
    host = talk.answer(
        SetupQuestion("host", "The carrier's SIP host", why, reported.get("host") or None),
        reading.host,
    )
    registers = reported.get("kind") == "registration"
    username = None
    if registers or carrier == OTHER:
        why = "Your account page shows it; a carrier that recognizes your IP address needs none."
        empty = "" if carrier == OTHER else None
        question = SetupQuestion("username", "The user name for the registration", why, empty)
        username = talk.answer(question, reading.username)
    else:
        _unheard(
            talk,
            ("username",),
            f"is not used with {carrier}, which recognizes the office by its IP address",
        )
    return TrunkAnswer(str(carrier), host or "", username or "")


def _unheard(talk: Talk, flags: tuple[str, ...], why: str) -> None:
    """Raise OfficeLineError for options that would have no effect."""
    for flag in flags:
        if talk.given.get(flag) is not None:
            raise OfficeLineError(f"--{flag} {why}.")


def _bind(talk: Talk, network: Mapping[str, Any], trunk: TrunkAnswer | None) -> str | None:
    """Ask for the address to listen on, if a carrier must reach it; None: unchanged."""
    if talk.given.get("bind") is None and trunk is None:
        return None
    present = network.get("bind", LOOPBACK)
    default = own_address() if present == LOOPBACK else present
    question = SetupQuestion(
        "bind",
        "The IP address at which phones and the carrier reach this machine",
        "OfficeLine listens only at this address.",
        default,
    )
    return talk.answer(question, reading.host) or default


def _physicians(talk: Talk, file: Mapping[str, Any], *, fresh: bool) -> dict[str, str]:
    """Ask for the physicians, by id; those in the file stay, unless it is fresh."""
    people = file.get("people", {})
    serves = any(one.get("role") == "service" for one in people.values())
    least = 0 if not fresh else 1 if serves else 2
    found = dict(reading.read_physician(one) for one in talk.given.get("physician") or [])
    if talk.asks and not found:
        found = _asked_physicians(talk, _taken(file, fresh=fresh), least)
    if len(found) < least:
        alone = "" if serves else ", or use --preset solo for one physician with a service"
        raise OfficeLineError(
            f"At least {least} physicians are needed; give each like --physician "
            f"lee='Dr. Ana Lee'{alone}."
        )
    return found


def _taken(file: Mapping[str, Any], *, fresh: bool) -> set[str]:
    """Return the ids that are taken; a fresh file's example physicians do not count."""
    people = file.get("people", {})
    stay = [one for one, table in people.items() if not fresh or table.get("role") != "physician"]
    others = (file.get(table, {}) for table in ("phones", "groups", "schedule"))
    return {*stay, *(name for table in others for name in table), *reading.reserved()}


def _asked_physicians(talk: Talk, taken: set[str], least: int) -> dict[str, str]:
    found: dict[str, str] = {}
    while True:
        is_enough, count = len(found) >= least, len(found) + 1
        question = SetupQuestion(
            f"physician {count}",
            "Another physician (empty: no more)" if is_enough else "A physician's name",
            "" if found else "Physicians take turns on call in the order in which you name them.",
            "" if is_enough else None,
            has_flag=False,
        )
        name = talk.answer(question, lambda text: reading.title(text) if text else "")
        if not name:
            return found
        found[_id(talk, name, {*taken, *found}, count)] = name


def _id(talk: Talk, name: str, taken: set[str], count: int) -> str:
    suggested = ids.suggested(name, taken)

    def read(text: str) -> str:
        if text in taken:
            raise OfficeLineError(f"The id '{text}' is already taken; choose another one.")
        return reading.read_physician(f"{text}={name}")[0]

    why = f"The file, commands and logs use this id for {name}."
    question = SetupQuestion(f"id {count}", "A short id", why, suggested, has_flag=False)
    return talk.answer(question, read) or suggested


def own_address() -> str:
    """Return this machine's own IP address for outgoing traffic; sends nothing."""
    import socket

    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # an address reserved for documentation (RFC 5737)
            return str(probe.getsockname()[0])
    except OSError:
        return LOOPBACK
