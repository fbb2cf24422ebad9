"""`officeline init`: set up a practice, check and prove its file, and place a test call."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pbx.base.errors import EngineError, OfficeLineError
from pbx.cli.shared import lookup, typed
from pbx.cli.shared.context import Context, resolve
from pbx.cli.shared.options import office

if TYPE_CHECKING:
    from pbx.cli.init.talk import Talk


def init(
    context: typer.Context,
    *,
    preset: Annotated[
        str | None, typer.Option(help="Kind of practice: concierge, group or solo.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the practice.")] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Time zone, such as America/New_York.")
    ] = None,
    number: Annotated[str | None, typer.Option(help="Phone number that patients dial.")] = None,
    backline: Annotated[
        str | None, typer.Option(help="Phone number that hospitals and pharmacies dial.")
    ] = None,
    hours: Annotated[
        str | None,
        typer.Option(help="Office hours, such as 'Mon-Thu 8:30-12 and 1-5; Fri 8:30am-noon'."),
    ] = None,
    trunk: Annotated[
        str | None, typer.Option(help="Carrier named in presets.toml, 'other', or 'later'.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="SIP host of the carrier.")] = None,
    username: Annotated[
        str | None, typer.Option(help="User name, if the carrier requires registration.")
    ] = None,
    bind: Annotated[str | None, typer.Option(help="IP address of this machine.")] = None,
    physician: Annotated[
        list[str] | None, typer.Option(metavar="ID=NAME", help="Physician to add (repeatable).")
    ] = None,
    mobiles: Annotated[
        bool,
        typer.Option(
            "--mobiles", help="Read mobile numbers from standard input, as lines ID=NUMBER."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask any questions.")] = False,
    call: Annotated[
        bool, typer.Option("--call/--no-call", help="Place a test call at the end, or do not.")
    ] = True,
) -> None:
    """Set up a practice, or change it, by answering questions.

    Each answer can also be given as an option, and is checked at once. Type 'back' to return to
    the previous question. After Ctrl-C the command continues from the answers given so far.
    Answers may also be piped in, one per line.

    Example: officeline init --preset group --name "Lakeside Internal Medicine"
    """
    from pbx.cli.init.asked import refuse_bad
    from pbx.cli.init.talk import Talk

    given = {
        "preset": preset, "name": name, "timezone": timezone, "number": number,
        "backline": backline, "hours": hours, "trunk": trunk, "host": host,
        "username": username, "bind": bind, "physician": physician,
    }  # fmt: skip
    place = _place(context)
    refuse_bad(given, place.country())
    reported = sys.stdin.read() if mobiles else ""
    _settle(place, Talk(place.config, given, asks=not (yes or mobiles)), reported)
    context.obj = place
    ok = _looked_at(context)
    if call:
        ok = _called(place) and ok
    _tell_pins(place)
    typer.echo(f"Next: {_command(place)} {_next(place)}")
    if not ok:
        raise typer.Exit(1)


def _place(context: typer.Context) -> Context:
    """Return the place of the practice: as given, or this folder; never the shipped example.

    The practice in /etc/officeline is changed only if it is given.
    """
    options = context.find_root().params
    config, home = options.get("config"), options.get("home")
    known = office(context)
    ours = [Path.cwd(), *([] if home is None else [known.home.parent])]
    if config is None and not any(known.file and known.file.is_relative_to(one) for one in ours):
        known = resolve(lookup.BESIDE[0], home)
    if lookup.is_example(known.config):
        raise OfficeLineError(
            f"{known.config} is the example, which cannot be changed; make a folder for your "
            "practice and start there, or give a file with --config FILE."
        )
    return known


def _settle(place: Context, talk: Talk, reported: str) -> None:
    """Ask for everything, and only then write it, all or nothing."""
    from pbx.cli.shared.audited import deed
    from pbx.config.setup import answers
    from pbx.config.setup import write as land

    before = land.read_existing(place.config)
    if before is not None and talk.given["preset"] is not None:
        raise OfficeLineError(
            f"{place.config} already exists, and --preset is only for a new file; leave it out."
        )
    handed = answers.mobiles(reported, place.country())
    after, numbers = talk.hold(lambda: _learned(place, talk, before, handed))
    land.make_folder(place.config)
    with deed(place, "office.written", fresh=before is None, mobiles=sorted(numbers)):
        land.land(place.config, place.home, before, after, numbers)
    talk.forget()
    _tell(place, before, after, numbers)


def _learned(
    place: Context, talk: Talk, before: str | None, handed: Mapping[str, str]
) -> tuple[str, dict[str, str]]:
    """Ask for everything; return the file's new text, and the numbers for the secrets file."""
    from pbx.cli.init import asked as init_asked
    from pbx.config import plan, secrets
    from pbx.config.setup import answers, office_text
    from pbx.config.setup.country import country_of

    fresh = before is None
    text = answers.start_text(init_asked.kind(talk)) if before is None else before
    plan.parse(text, place.config)
    learned = init_asked.asked(talk, tomllib.loads(text), fresh=fresh)
    after = office_text.with_answers(text, learned, fresh=fresh)
    people = plan.parse(after, place.config).plan.people
    held = secrets.read(place.home)
    lacking = {
        one.id: one.name
        for one in sorted(people.values(), key=lambda one: one.role != "physician")
        if not held.contacts(one.id)
        and any(contact.via == "mobile" for contact in one.contacts)
        and (fresh or talk.asks or one.id in learned.physicians)
    }
    numbers = init_asked.mobiles(talk, lacking, handed, country_of(tomllib.loads(text)))
    if strangers := [one for one in numbers if one not in people]:
        raise OfficeLineError(
            f"There is no person '{strangers[0]}' in the file; use one of {', '.join(people)}."
        )
    return after, numbers


def _tell(place: Context, before: str | None, after: str, numbers: Mapping[str, str]) -> None:
    """Print what was written, and what is still missing."""
    from pbx.base.phone_numbers import mask
    from pbx.config import secrets
    from pbx.config.setup.answers import PLACEHOLDER

    config = place.config
    done = "was written" if before is None else "was changed" if before != after else "is unchanged"
    typer.echo(f"{config} {done}; the secrets file and messages are in {place.home}.")
    for person, e164 in numbers.items():
        typer.echo(f"{person} will be called at {mask(e164)}.")
    configuration = place.configuration()
    if before is None:
        _prompts(place, configuration.plan.office.language)
    known = set(tomllib.loads(before)["people"]) if before is not None else None
    if known is not None and (
        new := [one for one in configuration.plan.people if one not in known]
    ):
        typer.echo(
            f"The on-call order is unchanged: add {', '.join(new)} to a schedule's rotation."
        )
    if configuration.trunk.kind == "registration" and not secrets.read(place.home).trunk:
        typer.echo("The carrier's password is not set yet: run 'officeline secrets set trunk'.")
    if configuration.trunk.host == PLACEHOLDER:
        typer.echo("There is no carrier yet: choose one with 'officeline init --trunk NAME'.")


def _tell_pins(place: Context) -> None:
    """Print who has no PIN yet; it is not asked for here, as each person chooses their own."""
    from pbx.config import secrets

    held = secrets.read(place.home)
    lacking = [one for one in place.configuration().plan.people if one not in held.pins]
    if lacking:
        typer.echo("A PIN is required to hear messages by phone. Have each person choose one:")
    for person in lacking:
        typer.echo(f"  {_command(place)} people pin {person}")


def _prompts(place: Context, language: str) -> None:
    """Prepare the prompts, and a folder for the office's own recordings."""
    from pbx.asterisk.speech import prompts
    from pbx.config.home import Home

    home = Home(place.home)
    home.recordings.mkdir(exist_ok=True)
    prompts.assemble(language, home.sounds, home.recordings)
    typer.echo(f"The prompts are ready; put the office's own recordings in {home.recordings}.")


def _looked_at(context: typer.Context) -> bool:
    """Run `check` and `prove`; tell whether both passed."""
    from pbx.cli.plan.check import check
    from pbx.cli.plan.prove import prove

    ok = True
    for look in (check, prove):
        try:
            look(context)
        except typer.Exit:
            ok = False
    return ok


def _called(place: Context) -> bool:
    """Place a nighttime call on a simulated network; tell whether somebody was reached."""
    import asyncio
    import tempfile

    from pbx.base import logs
    from pbx.demo.first_call import first_call

    logs.configure(quiet=True)
    typer.echo("Placing a test call on a simulated phone network on this machine ...", err=True)
    try:
        with tempfile.TemporaryDirectory(prefix="officeline-init-") as folder:
            reported = asyncio.run(first_call(Path(folder), place.configuration()))
    except EngineError as error:
        typer.echo(f"The test call was not possible: {error}")
        return True
    typer.echo(reported.sentence)
    return reported.ok


def _next(place: Context) -> str:
    """Return the next command: `apply` if a plan is running, or else `up`."""
    from pbx.config.home import Home
    from pbx.db.overlay import applied_texts

    running = next(iter(applied_texts(Home(place.home).database)), None)
    return "up" if running is None else "apply"


def _command(place: Context) -> str:
    """Return the command with its options for this place."""
    if resolve(None, None) == place:
        return typed.name()
    return f"{typed.name()} --config {place.config} --home {place.home}"
