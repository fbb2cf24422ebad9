"""`officeline people`: list, add and remove people; set their mobiles and PINs."""

from __future__ import annotations

import json
import sys
import tomllib
from datetime import UTC, datetime
from typing import Annotated

import typer

from pbx.base.errors import ConfigError, OfficeLineError
from pbx.base.phone_numbers import mask, to_e164
from pbx.cli.people import push as people_push
from pbx.cli.shared.answers import answer, note_if_down, practice
from pbx.cli.shared.audited import deed, revealing
from pbx.cli.shared.context import Context, whoever
from pbx.cli.shared.options import AsJson, Reveal, Yes, office
from pbx.config import secrets

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_(
    context: typer.Context,
    *,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """List people with masked numbers, and show who has a PIN or is locked out.

    Example: officeline people list
    """
    place = office(context)
    known = _people(place)
    held = secrets.read(place.home)
    locked = _locked(place)
    shown = str if revealing(place, "people list", reveal=reveal) else mask
    rows = [
        {
            "id": key,
            "name": name,
            "mobile": shown(held.mobiles[key]) if key in held.mobiles else None,
            "second": shown(held.seconds[key]) if key in held.seconds else None,
            "pin": key in held.pins,
            "push": key in held.push,
            "code": held.codes.get(key),
            "locked": sorted(way for person, way in locked if person == key),
        }
        for key, name in known.items()
    ]
    if as_json:
        typer.echo(json.dumps({"people": rows}, ensure_ascii=False))
        return
    for row in rows:
        numbers = ", ".join(str(row[via]) for via in ("mobile", "second") if row[via])
        pin = f"PIN after {row['code']}" if row["pin"] else "no PIN"
        push = ", push" if row["push"] else ""
        lock = "  LOCKED" if row["locked"] else ""
        typer.echo(
            f"{row['id']:<12} {row['name']:<28} {numbers or 'no mobile yet':<16} {pin}{push}{lock}"
        )


@app.command()
def mobile(
    context: typer.Context,
    person: str,
    number: Annotated[
        str | None,
        typer.Argument(help="Phone number (default: ask for it, because sudo logs command lines)."),
    ] = None,
    *,
    second: Annotated[
        bool, typer.Option("--second", help="Set the second number instead of the first.")
    ] = False,
) -> None:
    """Set a person's mobile number, which is stored only in the secrets file.

    Example: officeline people mobile lee "(212) 555-0111"
    """
    known = office(context)
    name = _name(known, person)
    text = str(typer.prompt("Mobile")) if number is None else number
    e164 = to_e164(text, known.country())
    if e164 is None:
        raise OfficeLineError("This is not a phone number; write it like +1 212 555 0111.")
    with deed(known, "person.mobile", person, second=second):
        secrets.change(
            known.home,
            lambda held: (
                held.with_second(person, e164) if second else held.with_mobile(person, e164)
            ),
        )
    what = "second number" if second else "mobile"
    answer(known, f"{name}'s {what} is {mask(e164)}, starting with the next call.")
    note_if_down(known)


@app.command()
def add(
    context: typer.Context,
    person: Annotated[str, typer.Argument(help="Short id, such as lee.")],
    *,
    name: Annotated[str, typer.Option(help='Full name, such as "Dr. Ana Lee".')],
    role: Annotated[
        str, typer.Option(help="Role: physician, nurse, staff, manager or service.")
    ] = "physician",
) -> None:
    """Add a person to the configuration file; the rest of the file stays as it is.

    Example: officeline people add kim --name "Dr. Jo Kim" --role physician
    """
    known = office(context)
    from pbx.base import files
    from pbx.config import people_file, plan

    config = known.config
    with files.alone_at(config):
        text = plan.read_text(config)
        if person in plan.parse(text, config).plan.people:
            raise OfficeLineError(f"{config} already has a '{person}'; choose another id.")
        changed = people_file.added(text, person, name, role)
        plan.parse(changed, config)
        with deed(known, "person.added", person, role=role):
            files.save_config(config, changed)
    answer(
        known,
        f"{name} is in {config}, not yet applied (run 'officeline apply'). Next: "
        f"'officeline people mobile {person} NUMBER' and 'officeline people pin {person}'.",
    )


@app.command()
def remove(context: typer.Context, person: str, *, yes: Yes = False) -> None:
    """Remove a person from the configuration file and the secrets file.

    Refuses if a schedule or rule still names them.

    Example: officeline people remove kim
    """
    from pbx.ops import remove_person as leaving

    place = office(context)
    name = _name(place, person)
    leave = leaving.prepare_removal(place.config, place.home, person, datetime.now(UTC))
    if not yes:
        question = (
            f"Remove {name} of {practice(place)}, with their numbers and PIN? This cannot be undone"
        )
        typer.confirm(question, abort=True, err=True)
    engine = place.database()
    leaving.perform(leave, engine, whoever(), datetime.now(UTC))
    engine.dispose()
    answer(
        place,
        f"{name} was removed from {place.config} and the secrets file; run 'officeline apply' "
        "to apply it. Asterisk's failsafe keeps their number until 'officeline up' restarts.",
    )
    if leave.patients:
        typer.echo(f"{leave.patients} patients still have {person} as their physician.")


@app.command()
def pin(
    context: typer.Context,
    person: str,
    *,
    from_stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the PIN from the first line of standard input.")
    ] = False,
    unlock: Annotated[
        bool, typer.Option("--unlock", help="Unlock the person and keep the current PIN.")
    ] = False,
) -> None:
    """Set a person's PIN and unlock them. The PIN is asked for twice and never shown.

    Example: officeline people pin lee
    """
    from pbx.db import pins as tries

    place = office(context)
    name = _name(place, person)
    if unlock:
        if from_stdin:
            raise OfficeLineError("Give either --unlock or --stdin; a new PIN also unlocks.")
        engine = place.database()
        was = tries.unlock(engine, person, by=whoever(), now=datetime.now(UTC))
        engine.dispose()
        answer(place, f"{name} {'is unlocked' if was else 'was not locked'}.")
        return
    hashed = _chosen(place, person, sys.stdin.readline().rstrip("\r\n") if from_stdin else None)
    with deed(place, "person.pin", person):
        held = secrets.change(place.home, lambda held: held.with_pin(person, hashed))
    engine = place.database()
    tries.unlock(engine, person, by=whoever(), now=datetime.now(UTC))
    engine.dispose()
    answer(
        place,
        f"{name}'s PIN is set. To call in, enter {held.codes[person]} and then the PIN; "
        "when the office calls, enter only the PIN.",
    )


def _chosen(place: Context, person: str, given: str | None) -> str:
    """Return the hash of a valid PIN; asks for it twice if it was not given."""
    from pbx.escalation import pins

    if given is None:
        if not sys.stdin.isatty():
            raise OfficeLineError(
                "A PIN can be asked for only at a terminal; use --stdin to pass it."
            )
        given = str(typer.prompt("PIN (six digits)", hide_input=True, confirmation_prompt=True))
    held = secrets.read(place.home)
    configuration = place.configuration()
    ours = [configuration.plan.office.number, *(line.did for line in configuration.plan.lines)]
    wrong = pins.weakness(given, [*held.contacts(person).values(), *ours])
    if wrong is not None:
        raise OfficeLineError(wrong)
    return pins.hashed(given)


def _locked(place: Context) -> set[tuple[str, str]]:
    """Return who is locked out and how; empty if there is no database yet."""
    from pbx.config.home import Home

    if not Home(place.home).database.exists():
        return set()
    from pbx.db import pins as tries

    engine = place.database()
    found = tries.locked(engine, datetime.now(UTC))
    engine.dispose()
    return {(one.person, one.way) for one in found}


def _name(place: Context, person: str) -> str:
    """Return a person's name; ConfigError if nobody has this id."""
    known = _people(place)
    if person not in known:
        raise ConfigError(
            f"There is no person '{person}' in {place.config}; "
            f"it has {', '.join(known) or 'no people'}."
        )
    return known[person]


def _people(context: Context) -> dict[str, str]:
    """Return names by id; the rest of the file is not checked."""
    try:
        people = tomllib.loads(context.config.read_text(encoding="utf-8-sig"))["people"]
        return {key: str(person["name"]) for key, person in people.items()}
    # a file that is not TOML, or not even text, raises ValueError
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"Cannot read the people in {context.config}; "
            "fix the file, or give another one with --config FILE."
        ) from error


app.command()(people_push.push)
