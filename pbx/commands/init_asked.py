"""The conversation of `officeline init`: what no flag gave is asked for until it is good."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import typer

from pbx.errors import OfficeLineError
from pbx.setup import answers as reading
from pbx.setup import ids
from pbx.setup.answers import LATER, OTHER, Answers, TrunkAnswer

INTERRUPTED = 130
LOOPBACK = "127.0.0.1"
T = TypeVar("T")
Given = Mapping[str, Any]  # what the flags say, by their names without dashes


@dataclass(frozen=True)
class Talk:
    """Asks at a terminal; elsewhere, and with --yes, what has no default must have been given."""

    asks: bool
    given: Given

    def answer(
        self, flag: str, question: str, read: Callable[[str], T], default: str | None = None
    ) -> T | None:
        """Return what was given, or is answered; None where an empty answer means the default."""
        given = self.given.get(flag)
        if given is not None:
            return read(given)
        if not self.asks:
            if default is None:
                raise OfficeLineError(
                    f"{question} is missing; give it with --{flag}, or begin at a terminal."
                )
            return None
        return self._asked(question, read, default)

    def _asked(self, question: str, read: Callable[[str], T], default: str | None) -> T | None:
        while True:
            told = prompt(question, default)
            if told == default:
                return None
            try:
                return read(told)
            except OfficeLineError as error:
                typer.echo(str(error), err=True)


def prompt(question: str, default: str | None) -> str:
    """Ask one question; Ctrl-C ends it all, with everything as it was."""
    try:
        shown = bool(default)
        found = typer.prompt(question, default=default, show_default=shown, err=True)
    except (typer.Abort, KeyboardInterrupt) as error:
        typer.echo("\nNothing was changed.", err=True)
        raise typer.Exit(INTERRUPTED) from error
    return str(found).strip()


def kind(talk: Talk) -> str:
    """Learn what kind of practice it is."""
    question = f"The kind of practice ({', '.join(reading.starts())})"
    return talk.answer("preset", question, reading.preset) or ""


def asked(talk: Talk, file: Mapping[str, Any], *, fresh: bool) -> Answers:
    """Learn everything but the mobiles; `file` holds what the defaults are, unless it is fresh."""
    office = {} if fresh else file["office"]
    lines = {} if fresh else {one["name"]: one["did"] for one in file["lines"]}
    name = talk.answer("name", "The practice's name", reading.title, office.get("name"))
    timezone = talk.answer(
        "timezone",
        "The time zone, such as America/New_York",
        reading.timezone,
        office.get("timezone"),
    )
    number = talk.answer("number", "The office's number", reading.number, office.get("number"))
    backline = talk.answer(
        "backline",
        "The back line's number, for hospitals and pharmacies (empty: none)",
        lambda text: reading.number(text) if text else "",
        lines.get("backline", ""),
    )
    hours = talk.answer(
        "hours", "Open hours", reading.hours, reading.hours_text(file.get("hours", {}))
    )
    trunk = _trunk(talk, fresh=fresh)
    bind = _bind(talk, file.get("network", {}), trunk)
    return Answers(
        name,
        timezone,
        number,
        "" if fresh and backline is None else backline,
        hours,
        trunk,
        bind,
        _physicians(talk, file, fresh=fresh),
    )


def mobiles(talk: Talk, lacking: Mapping[str, str], told: Mapping[str, str]) -> dict[str, str]:
    """Learn the numbers of those who have none yet, by id; `lacking` are their names."""
    found = dict(told)
    for person, name in lacking.items():
        if person in found:
            continue
        if not talk.asks:
            raise OfficeLineError(
                f"The mobile of {name} is missing; hand it over on standard input with --mobiles, "
                f"in a line such as {person}=+1 212 555 0111."
            )
        question = f"The number on which {name} is called (kept in the vault)"
        found[person] = talk.answer("", question, reading.number) or ""
    return found


def _trunk(talk: Talk, *, fresh: bool) -> TrunkAnswer | None:
    """Learn the carrier, and what its preset does not know."""
    kept = LATER if fresh else "as it is"
    known = ", ".join((*reading.carriers(), OTHER))
    carrier = talk.answer("trunk", f"The carrier ({known}, or {kept})", reading.carrier, kept)
    if carrier in {None, LATER}:
        _unheard(talk, ("host", "username"), "belongs to a carrier; name it with --trunk, too")
        return None
    told = reading.carriers().get(carrier or "", {})
    host = talk.answer("host", "The carrier's SIP host", reading.host, told.get("host") or None)
    registers = told.get("kind") == "registration"
    username = None
    if registers or carrier == OTHER:
        question = "The user name for the registration"
        empty = "" if carrier == OTHER else None
        username = talk.answer("username", question, reading.username, empty)
    else:
        _unheard(talk, ("username",), f"is not for {carrier}, which knows us by our address")
    return TrunkAnswer(str(carrier), host or "", username or "")


def _unheard(talk: Talk, flags: tuple[str, ...], why: str) -> None:
    """Refuse what was given and would change nothing."""
    for flag in flags:
        if talk.given.get(flag) is not None:
            raise OfficeLineError(f"--{flag} {why}.")


def _bind(talk: Talk, network: Mapping[str, Any], trunk: TrunkAnswer | None) -> str | None:
    """Learn where this machine listens, once a carrier must reach it; None: as it is."""
    if talk.given.get("bind") is None and trunk is None:
        return None
    present = network.get("bind", LOOPBACK)
    default = own_address() if present == LOOPBACK else present
    question = "This machine's address, as phones and the carrier reach it"
    return talk.answer("bind", question, reading.host, default) or default


def _physicians(talk: Talk, file: Mapping[str, Any], *, fresh: bool) -> dict[str, str]:
    """Learn the physicians by id; those who are in the file stay, unless it is fresh."""
    people = file.get("people", {})
    serves = any(one.get("role") == "service" for one in people.values())
    least = 0 if not fresh else 1 if serves else 2
    found = dict(reading.physician(one) for one in talk.given.get("physician") or [])
    if talk.asks and not found:
        while True:
            is_enough = len(found) >= least
            question = "Another physician (empty: no more)" if is_enough else "A physician's name"
            name = talk.answer("", question, reading.title, "" if is_enough else None)
            if not name:
                break
            taken = {**dict.fromkeys(() if fresh else people, ""), **found}
            found[_id(talk, name, ids.suggested(name, taken), taken)] = name
    if len(found) < least:
        alone = "" if serves else "; one alone takes the preset solo, with an answering service"
        raise OfficeLineError(
            f"At least {least} of the practice's physicians must be named, each as in "
            f"--physician lee='Dr. Ana Lee'{alone}."
        )
    return found


def _id(talk: Talk, name: str, suggested: str, taken: Mapping[str, str]) -> str:
    def read(text: str) -> str:
        if text in taken:
            raise OfficeLineError(f"There is a '{text}' already; choose another id.")
        return reading.physician(f"{text}={name}")[0]

    return talk.answer("", "A short id for the file and the logs", read, suggested) or suggested


def own_address() -> str:
    """Name the address from which this machine reaches others; nothing is sent."""
    import socket

    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # set aside for documents
            return str(probe.getsockname()[0])
    except OSError:
        return LOOPBACK
