"""`officeline people push`: set the service that pushes urgent messages to a person."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pbx.base.errors import ConfigError, OfficeLineError
from pbx.cli.shared.answers import answer, practice
from pbx.cli.shared.audited import deed
from pbx.cli.shared.context import Context
from pbx.cli.shared.options import Yes, office
from pbx.config import secrets

LONGEST = 1000  # characters of a URL


def push(
    context: typer.Context,
    person: str,
    *,
    from_stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the address from standard input.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Stop sending pushes to this person.")
    ] = False,
    test: Annotated[bool, typer.Option("--test", help="Send a test push now.")] = False,
    yes: Yes = False,
) -> None:
    """Set where a person receives a push message when they are called.

    Managers receive one, too, when the carrier is away. The address is asked for and has the form
    of an Apprise URL, such as ntfys://TOPIC or pover://USER@TOKEN.

    Example: officeline people push lee
    """
    place = office(context)
    if from_stdin + remove + test > 1:
        raise OfficeLineError("Give only one of --stdin, --remove and --test.")
    known = place.configuration().plan.people
    if person not in known:
        raise ConfigError(
            f"There is no person '{person}' in {place.config}; "
            f"it has {', '.join(known) or 'no people'}."
        )
    name = known[person].name
    if test:
        _test(place, person, name)
        return
    if remove and not yes:
        typer.confirm(
            f"Stop sending push messages to {name} of {practice(place)}?", abort=True, err=True
        )
    url = None if remove else _given(from_stdin=from_stdin)
    with deed(place, "person.push", person, removed=remove):
        secrets.change(place.home, lambda held: held.with_push(person, url))
    answer(
        place,
        f"{name} no longer gets push messages."
        if remove
        else f"{name} gets a push message with each call about an urgent message; "
        f"'officeline people push {person} --test' sends a test.",
    )


def _given(*, from_stdin: bool) -> str:
    """Return a valid push URL; errors do not repeat it, because it has secrets."""
    from pbx.escalation.push_process import is_service

    if from_stdin:
        found = sys.stdin.readline().strip()
    elif sys.stdin.isatty():
        found = str(typer.prompt("Address of the push service", hide_input=True)).strip()
    else:
        raise OfficeLineError(
            "An address can be asked for only at a terminal; use --stdin to pass it."
        )
    if not found.isprintable() or not 0 < len(found) <= LONGEST or not is_service(found):
        raise OfficeLineError(
            "This is not the address of a push service; write it as an Apprise URL, "
            "such as ntfys://TOPIC or pover://USER@TOKEN."
        )
    return found


def _test(place: Context, person: str, name: str) -> None:
    import asyncio

    from pbx.escalation.push import send

    url = secrets.read(place.home).push.get(person)
    if url is None:
        raise OfficeLineError(
            f"{name} has no push service; set one with 'officeline people push {person}'."
        )
    why = asyncio.run(send(url, place.configuration().plan.office.name, "This is a test."))
    if why is not None:
        raise OfficeLineError(
            f"The push to {name} failed ({why}); check the network and the address, and set it "
            f"again with 'officeline people push {person}'."
        )
    typer.echo(f"The push service accepted a test push to {name}.")
