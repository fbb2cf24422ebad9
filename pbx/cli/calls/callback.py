"""`officeline callback`: a person's mobile rings, and then the patient's phone."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pbx.base.errors import OfficeLineError
from pbx.cli.shared.answers import answer, practice
from pbx.cli.shared.context import Context, whoever
from pbx.cli.shared.options import office
from pbx.config.home import Home

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from pbx.db.outbound_tables import OutboundCall

TAKEN_S = 5.0  # a running control layer accepts a request sooner
LONGEST_S = 180.0  # for the mobile to ring, the PIN, and the patient's phone to ring
LOOK_S = 0.2


def callback(
    context: typer.Context,
    person: Annotated[str, typer.Argument(help="Id of the person who places the call.")],
    number: Annotated[str, typer.Argument(help="Phone number of the patient.")],
) -> None:
    """Call a person on their mobile, then connect them to a patient.

    The patient sees the office's number. The person must press 1 and enter their PIN before the
    patient is called. Exits 1 if the two were not connected.

    Example: officeline callback lee "(212) 555-0147"
    """
    known = office(context)
    name, e164 = _checked(known, person, number)
    if not Home(known.home).database.exists():
        raise _not_running(known)
    from pbx.db import outbound

    engine = known.database()
    request = outbound.ask(engine, person, e164, by=whoever(), at=datetime.now(UTC))
    try:
        ended = _follow(known, engine, request, name)
    except KeyboardInterrupt:
        outbound.withdraw(engine, request, datetime.now(UTC))
        raise
    finally:
        engine.dispose()
    if ended is not None:
        answer(known, ended)
        raise typer.Exit(1)


def _checked(known: Context, person: str, number: str) -> tuple[str, str]:
    """Return the person's name and the patient's number (E.164), or raise OfficeLineError.

    The running control layer decides whether the number may be called.
    """
    from pbx.base.phone_numbers import to_e164
    from pbx.cli.oncall.words import person_named, the_person
    from pbx.config import secrets

    plan = known.running()
    name = person_named(plan, the_person(plan, person))
    e164 = to_e164(number, plan.office.country)
    if e164 is None:
        raise OfficeLineError("This is not a phone number; write it like +1 212 555 0147.")
    held = secrets.read(known.home)
    for what, has in (("mobile", held.mobiles), ("pin", held.pins)):
        if person not in has:
            raise OfficeLineError(
                f"{name} has no {'PIN' if what == 'pin' else what}; "
                f"set one with 'officeline people {what} {person}'."
            )
    return name, e164


def _follow(known: Context, engine: Engine, request: int, name: str) -> str | None:
    """Report progress on stderr; return why the patient was not reached, None if they were."""
    from pbx.db import outbound

    began, whose = time.monotonic(), practice(known)
    reported: set[str] = set()
    while True:
        row = outbound.get_request(engine, request)
        if row is None:
            raise OfficeLineError(f"Call {request} is no longer in the database; request it again.")
        for word, text in _progress(row, name, whose):
            if word not in reported:
                reported.add(word)
                sys.stderr.write(f"{text}\n")
        if row.state == "connected":
            return None
        if row.result is not None:
            return _why(row, name)
        waited = time.monotonic() - began
        if row.state == "asked" and waited > TAKEN_S:
            if outbound.withdraw(engine, request, datetime.now(UTC)):
                raise _not_running(known)
        elif waited > LONGEST_S:
            raise OfficeLineError(
                "The office stopped reporting on the call; check it with 'officeline doctor'."
            )
        time.sleep(LOOK_S)


def _progress(row: OutboundCall, name: str, whose: str) -> list[tuple[str, str]]:
    """List the events so far, each with a key and a text for people."""
    steps = [
        ("calling", f"{whose}: calling {name}'s mobile ..."),
        ("accepted", "Accepted; waiting for the PIN ..."),
        ("dialed", "Calling the patient ..."),
        ("connected", "Connected."),
    ]
    words = [word for word, _ in steps]
    return steps[: words.index(row.state) + 1] if row.state in words else []


def _why(row: OutboundCall, name: str) -> str:
    """Return a sentence that says why the two were not connected."""
    result = row.result or ""
    if result.startswith("refused: "):
        return f"This number cannot be called now: {result.removeprefix('refused: ')}."
    if result == "not reached":
        return "The patient did not answer."
    if result == "expired":
        return "The office received the request too late and called nobody."
    if row.state == "accepted":
        return f"{name} did not enter the right PIN; nobody else was called."
    return f"Nobody answered {name}'s mobile and pressed 1 ({result}); nobody else was called."


def _not_running(known: Context) -> OfficeLineError:
    return OfficeLineError(
        f"{practice(known)} is not running in {known.home}, so nobody was called; "
        "start it with 'officeline up'."
    )
