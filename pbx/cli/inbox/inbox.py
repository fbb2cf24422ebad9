"""`officeline inbox`: list, show, play, claim, annotate and close patients' messages."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pbx.base.errors import OfficeLineError
from pbx.base.os_errors import os_sentence
from pbx.cli.calls.calls import open_log
from pbx.cli.shared.answers import answer, practice
from pbx.cli.shared.audited import recorded, revealing
from pbx.cli.shared.options import AsJson, Reveal, office
from pbx.config.home import Home

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from pbx.cli.inbox.shown import Whole
    from routing.model import Plan

app = typer.Typer(no_args_is_help=True)

PLAYERS = (("aplay", "-q"), ("play", "-q"))
LONGEST = 2000  # characters of a note

Message = Annotated[str, typer.Argument(metavar="ID")]
By = Annotated[str, typer.Option(help="Id of the person who does this.")]


@app.command("list")
def list_(
    context: typer.Context,
    *,
    every: Annotated[bool, typer.Option("--all", help="Include closed messages.")] = False,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """List open messages, urgent ones first, then the oldest.

    Example: officeline inbox list --all
    """
    known = office(context)
    engine = open_log(known)
    plan = known.running()
    from pbx.cli.inbox import shown as inbox_shown
    from pbx.db.inbox import items
    from pbx.reports.display import Shown

    found = items(engine, closed=every)
    shown = Shown(plan, datetime.now(UTC), revealing(known, "inbox list", reveal=reveal))
    if as_json:
        listed = {"messages": [inbox_shown.entry(one, shown) for one in found]}
        typer.echo(json.dumps(listed, ensure_ascii=False))
    else:
        inbox_shown.print_list(found, shown)


@app.command()
def show(
    context: typer.Context, message_id: Message, *, reveal: Reveal = False, as_json: AsJson = False
) -> None:
    """Show a message and its history: what happened, who was called, and its call.

    Example: officeline inbox show 1795456091.0
    """
    known = office(context)
    engine = open_log(known)
    plan = known.running()
    from pbx.cli.inbox import shown as inbox_shown
    from pbx.reports.display import Shown

    whole = _whole(engine, message_id)
    whole_numbers = revealing(known, "inbox show", message_id, reveal=reveal)
    shown = Shown(plan, datetime.now(UTC), whole_numbers)
    if as_json:
        typer.echo(json.dumps(inbox_shown.to_json(whole, shown), ensure_ascii=False))
    else:
        inbox_shown.print_one(whole, shown)


@app.command()
def play(
    context: typer.Context,
    message_id: Message,
    *,
    to: Annotated[Path | None, typer.Option(help="Copy the recording to this new file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show where a message's recordings are, and play them at a terminal with a player.

    Example: officeline inbox play 1795456091.0 --to /media/stick/message.wav
    """
    known = office(context)
    paths, gone = _recordings(open_log(known), Home(known.home), message_id)
    for path in gone:
        typer.echo(f"The recording {path} is missing.", err=True)
    recorded(known, "recording.played", message_id, count=len(paths), copied=to is not None)
    if to is not None:
        paths = _copied(paths, to)
    if as_json:
        typer.echo(json.dumps({"recordings": [str(path) for path in paths]}, ensure_ascii=False))
        return
    for path in paths:
        typer.echo(str(path))
    player = next((words for words in PLAYERS if shutil.which(words[0])), None)
    if to is None and player is not None and sys.stdout.isatty():
        for path in paths:
            subprocess.run([*player, str(path)], check=False)


@app.command()
def claim(context: typer.Context, message_id: Message, person: str) -> None:
    """Assign a message to a person, a desk phone or a group.

    The message stays open, and calls about an urgent one go on until somebody acknowledges it.
    'officeline inbox list' shows the ids of the messages.

    Example: officeline inbox claim 1795456091.0 frontdesk
    """
    known = office(context)
    engine = open_log(known)
    owner = _somebody(known.running(), person)
    from pbx.db.inbox import claim as claiming

    claiming(engine, message_id, owner, datetime.now(UTC))
    answer(known, f"Message {message_id} belongs to {owner}.")


@app.command()
def note(context: typer.Context, message_id: Message, text: str, *, by: By) -> None:
    """Add a note to the history of a message.

    Example: officeline inbox note 1795456091.0 "line was busy" --by desk1
    """
    known = office(context)
    engine = open_log(known)
    person = _somebody(known.running(), by)
    from pbx.db.inbox import add_note

    add_note(engine, message_id, _words(text, "note"), person, datetime.now(UTC))
    answer(known, f"Added the note to the history of message {message_id}.")


@app.command()
def close(
    context: typer.Context,
    message_id: Message,
    *,
    disposition: Annotated[
        str, typer.Option(help="How the message was resolved, such as 'refill sent'.")
    ],
    by: By,
    yes: Annotated[
        bool, typer.Option("--yes", help="Close even if nobody called the patient back.")
    ] = False,
) -> None:
    """Close a message. Asks for confirmation if nobody called the patient back.

    Example: officeline inbox close 1795456091.0 --disposition "refill sent" --by lee
    """
    known = office(context)
    engine = open_log(known)
    plan = known.running()
    person, words = _somebody(plan, by), _words(disposition, "disposition")
    from pbx.db import message_progress, messages
    from pbx.db.inbox import no_such_message

    message = messages.get_message(engine, message_id)
    if message is None:
        raise no_such_message(message_id)
    if message.called_back_at is None and message.state != "closed" and not yes:
        asked = f"{practice(known)}: nobody called back about message {message_id}; close it?"
        typer.confirm(asked, abort=True)
    now = datetime.now(UTC)
    message_progress.move(
        engine, plan, message_id, "closed", at=now, person=person, disposition=words
    )
    answer(known, f"Message {message_id} is closed.")


def _whole(engine: Engine, message_id: str) -> Whole:
    from pbx.cli.inbox.shown import Whole
    from pbx.db import follow_ups, messages
    from pbx.db.calls import get_call
    from pbx.db.inbox import items, no_such_message

    (item,) = items(engine, named=[message_id]) or (None,)
    if item is None:
        raise no_such_message(message_id)
    from pbx.calls.record.missing import missing_recordings
    from pbx.db.database import file_of

    return Whole(
        item,
        messages.message_history(engine, message_id),
        follow_ups.attempts(engine, message_id),
        get_call(engine, item.message.call),
        messages.recordings(engine, message_id),
        missing_recordings(engine, file_of(engine).parent, item.message),
    )


def _recordings(engine: Engine, home: Home, message_id: str) -> tuple[list[Path], list[Path]]:
    """Return a message's recordings, oldest first, and the files that are missing.

    Raises OfficeLineError if there is no recording at all.
    """
    from pbx.calls.record.missing import is_there, missing_recordings
    from pbx.db import messages
    from pbx.db.inbox import no_such_message

    message = messages.get_message(engine, message_id)
    if message is None:
        raise no_such_message(message_id)
    gone = [home.folder / one for one in missing_recordings(engine, home.folder, message)]
    named = [home.folder / one for one in messages.recordings(engine, message_id)]
    there = [path for path in named if is_there(path)]
    rest = f"'officeline inbox show {message_id}' shows the rest."
    if not there and gone:
        raise OfficeLineError(
            f"Message {message_id} no longer has a recording: the file {gone[0]} is gone; {rest}"
        )
    if not there:
        raise OfficeLineError(
            f"Message {message_id} has no recording, because the caller said nothing; {rest}"
        )
    return there, gone


def _copied(paths: list[Path], to: Path) -> list[Path]:
    """Copy the recordings to a file; further ones get a number in their names."""
    copies = [
        to if number == 1 else to.with_stem(f"{to.stem}-{number}")
        for number in range(1, len(paths) + 1)
    ]
    for path, copy in zip(paths, copies, strict=True):
        try:
            with path.open("rb") as source, copy.open("xb") as target:
                copy.chmod(0o600)
                shutil.copyfileobj(source, target)
        except FileExistsError as error:
            raise OfficeLineError(f"{copy} already exists; choose another file.") from error
        except OSError as error:
            what, other = f"{copy} cannot be written", "choose a file in one of your folders"
            raise OfficeLineError(os_sentence(what, error, copy, otherwise=other)) from error
    return copies


def _somebody(plan: Plan, name: str) -> str:
    """Return a name that is a person, a desk phone or a group in the plan; or OfficeLineError."""
    known = [*plan.people, *plan.phones, *plan.groups]
    if name not in known:
        raise OfficeLineError(f"There is no '{name}' in the plan; use one of {', '.join(known)}.")
    return name


def _words(text: str, what: str) -> str:
    words = text.strip()
    if not words or len(words) > LONGEST:
        raise OfficeLineError(f"The {what} must have 1 to {LONGEST} characters; write it shorter.")
    return words
