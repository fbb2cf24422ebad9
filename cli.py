"""The officeline command: the one entrance. Heavy packages are imported by the commands alone."""

# ruff: noqa: E402  # Ctrl-C is seen to before anything is imported that takes time
from __future__ import annotations

import os
import signal
import sys

INTERRUPTED = 130
AS_COMMAND = sys.argv[0].rpartition("/")[2] in {"officeline", "cli.py"}


def _leave(*_: object) -> None:
    """End at once: nothing has begun yet."""
    os._exit(INTERRUPTED)


# where Ctrl-C is ignored from the start, as under nohup, it stays so
if AS_COMMAND and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _leave)

from collections.abc import Collection
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, NoReturn, cast

import typer
from typer.main import get_command

from pbx.base.errors import OfficeLineError
from pbx.base.os_errors import unlikely
from pbx.cli.shared import typed
from pbx.cli.shared.context import resolve
from pbx.cli.shared.usage import sentence

# What typer raises for what it does not understand; it has no public name there.
UsageError = cast("type[Exception]", typer.BadParameter.__bases__[0])

# Groups of commands: the module in pbx/cli, and what its help says
GROUPS = {
    "audit": ("records.audit", "Who did what, in a chain that shows its gaps."),
    "calls": ("calls.calls", "The call log: who called, what was decided and why."),
    "engine": ("line.engine", "The Asterisk underneath: find it or fetch it."),
    "events": ("line.events", "What the line tells the world, by MQTT."),
    "hold": ("records.holds", "What must be kept, however old it is."),
    "hours": ("hours.hours", "When the office is open."),
    "inbox": ("inbox.inbox", "Messages of patients: hear, own, note, close."),
    "oncall": ("oncall.oncall", "Who is on call, when, and in whose place."),
    "patients": ("people.patients", "The directory of patients who call."),
    "people": ("people.people", "The people who can be called."),
    "prompts": ("plan.prompts", "The sentences that callers hear."),
    "report": ("reports.report", "What happened, to be read and signed."),
    "secrets": ("people.secrets", "What is held of whom, and the line's secrets."),
}
# Commands of their own: the module that has a function of this name
COMMANDS = {
    "init": "init.init",
    "demo": "line.run",
    "up": "line.run",
    "serve": "line.run",
    "doctor": "line.run",
    "status": "line.status",
    "stop": "line.stop",
    "logs": "line.logs",
    "install": "line.install",
    "check": "plan.check",
    "diff": "plan.plans",
    "apply": "plan.plans",
    "rollback": "plan.plans",
    "history": "plan.plans",
    "explain": "plan.explain",
    "prove": "plan.prove",
    "simulate": "plan.simulate",
    "replay": "plan.replay",
    "reconcile": "reports.reconcile",
    "retention": "records.retention",
    "backup": "records.backups",
    "restore": "records.backups",
    "callback": "calls.callback",
    "drill": "line.drill",
    "canary": "line.canary",
}


def compose(words: Collection[str]) -> typer.Typer:
    """Put the command together; if a command's name is among the words, these commands alone.

    Importing all of them takes longer than many a command itself.
    """
    composed = typer.Typer(
        name="officeline",
        help="The phone line of a physician office.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
    )
    composed.callback()(options)
    known = {*COMMANDS, *GROUPS}
    wanted = known.intersection(words) or known
    for name, module in COMMANDS.items():
        if name in wanted:
            composed.command(name)(getattr(import_module(f"pbx.cli.{module}"), name))
    for name, (module, about) in GROUPS.items():
        if name in wanted:
            group = import_module(f"pbx.cli.{module}").app
            composed.add_typer(group, name=name, help=about)
    return composed


def tell_version(wanted: bool) -> None:  # noqa: FBT001  # as typer calls it
    """Print the version and end, if that is asked for."""
    if wanted:
        from importlib.metadata import version

        typer.echo(f"OfficeLine {version('officeline')}")
        raise typer.Exit


def options(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(envvar="OFFICELINE_CONFIG", help="The office's file.")
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option(envvar="OFFICELINE_HOME", help="Database, secrets file and messages."),
    ] = None,
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=tell_version, is_eager=True, help="Tell it.")
    ] = False,
) -> None:
    """Take the global options."""
    del version
    context.obj = resolve(config, home)


# What runs the command imports what it needs; who imports this module may need all of it.
app = compose(sys.argv[1:] if AS_COMMAND else ())


def prepare_streams() -> None:
    """Let a terminal that lacks a letter show another, and name commands as they are typed."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    if isinstance(sys.stdout, TextIOWrapper) and "--json" not in sys.argv:
        sys.stdout = typed.for_people(sys.stdout)
    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr = typed.for_people(sys.stderr)


def run() -> Any:
    """Run the command by the name that it is typed by; the shell completes it by its own."""
    if typed.name() == typed.NAME or any(word.endswith("-completion") for word in sys.argv):
        return app(prog_name=typed.NAME, standalone_mode=False)
    command = typed.help_as_typed(get_command(app))
    return command(
        prog_name=typed.name(), complete_var="_OFFICELINE_COMPLETE", standalone_mode=False
    )


def main() -> NoReturn:
    """Run the command; a known error, or the machine's, is one sentence on stderr and exit 2."""
    prepare_streams()
    try:
        if signal.getsignal(signal.SIGINT) is _leave:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.exit(run())
    except OfficeLineError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except UsageError as error:
        sys.stderr.write(sentence(error))
        sys.exit(2)
    except typer.Abort:  # the answer to a question was no
        sys.stderr.write("Nothing was done.\n")
        sys.exit(1)
    except UnicodeDecodeError as error:
        sys.stderr.write(
            f"What came in is no text in {error.encoding}; give it in UTF-8, and set "
            "PYTHONIOENCODING=utf-8 if it is.\n"
        )
        sys.exit(2)
    except OSError as error:  # of a file, or under what is printed
        sys.stderr.write(f"{unlikely(error)}\n")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left of it is dropped
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        if AS_COMMAND:  # what is left to do takes no time, and its end is known
            signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    main()
