"""The officeline command. Each command imports the heavy packages that it needs."""

# ruff: noqa: E402  # Ctrl-C must be handled before the slow imports
from __future__ import annotations

import os
import signal
import sys

INTERRUPTED = 130
AS_COMMAND = sys.argv[0].rpartition("/")[2] in {"officeline", "cli.py"}


def _leave(*_: object) -> None:
    """Exit at once, because no work has started yet."""
    os._exit(INTERRUPTED)


# keep ignoring Ctrl-C if the parent process ignores it, as nohup does
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

# The exception that typer raises for invalid arguments; typer exports no name for it.
UsageError = cast("type[Exception]", typer.BadParameter.__bases__[0])

# Groups of commands: the module in pbx/cli and the help text
GROUPS = {
    "audit": ("records.audit", "List and verify who did what."),
    "calls": ("calls.calls", "List, show, watch and export calls."),
    "engine": ("line.engine", "Find, download or run Asterisk."),
    "events": ("line.events", "Show the events that are published by MQTT."),
    "hold": ("records.holds", "Keep calls and messages past their retention period."),
    "hours": ("hours.hours", "Show and change when the office is open."),
    "inbox": ("inbox.inbox", "List, play, assign and close messages from patients."),
    "oncall": ("oncall.oncall", "Show and change who is on call."),
    "patients": ("people.patients", "Manage the directory of patients who call."),
    "people": ("people.people", "Manage the people who can be called."),
    "prompts": ("plan.prompts", "Check and render the sentences that callers hear."),
    "report": ("reports.report", "Report calls, nights and on-call load."),
    "secrets": ("people.secrets", "Manage passwords and other secrets."),
}
# Single commands: the module that has a function of this name
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
    """Build the command; if the words name a command, with only the commands named.

    Importing all commands takes longer than running most of them.
    """
    composed = typer.Typer(
        name="officeline",
        help="Run and manage the phone line of a physician office.",
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
    """Print the version and exit, if asked for."""
    if wanted:
        from importlib.metadata import version

        typer.echo(f"OfficeLine {version('officeline')}")
        raise typer.Exit


def options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(envvar="OFFICELINE_CONFIG", help="Configuration file of the office."),
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option(
            envvar="OFFICELINE_HOME", help="Folder with the database, secrets file and messages."
        ),
    ] = None,
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=tell_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Take the global options."""
    del version
    context.obj = resolve(config, home)


# The command line imports only the command it runs; importers of this module get all commands.
app = compose(sys.argv[1:] if AS_COMMAND else ())


def prepare_streams() -> None:
    """Replace characters the terminal lacks, and show commands the way the user typed them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    if isinstance(sys.stdout, TextIOWrapper) and "--json" not in sys.argv:
        sys.stdout = typed.for_people(sys.stdout)
    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr = typed.for_people(sys.stderr)


def run() -> Any:
    """Run the command under the name the user typed; completion uses the real name."""
    if typed.name() == typed.NAME or any(word.endswith("-completion") for word in sys.argv):
        return app(prog_name=typed.NAME, standalone_mode=False)
    command = typed.help_as_typed(get_command(app))
    return command(
        prog_name=typed.name(), complete_var="_OFFICELINE_COMPLETE", standalone_mode=False
    )


def main() -> NoReturn:
    """Run the command; print known and system errors as one sentence on stderr and exit 2."""
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
        sys.stderr.write("Canceled. Nothing was changed.\n")
        sys.exit(1)
    except UnicodeDecodeError as error:
        sys.stderr.write(
            f"The input is not valid {error.encoding} text. Send it as UTF-8; if it already is, "
            "set PYTHONIOENCODING=utf-8.\n"
        )
        sys.exit(2)
    except OSError as error:  # from a file or from standard output
        sys.stderr.write(f"{unlikely(error)}\n")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # discard the unprinted rest
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        if AS_COMMAND:  # the remaining cleanup is short
            signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    main()
