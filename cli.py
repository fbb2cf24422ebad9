"""The officeline command: the one entrance. Heavy packages are imported by the commands alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pbx.commands import calls, engine, people, prompts, run
from pbx.commands.context import resolve
from pbx.errors import OfficeLineError

INTERRUPTED = 130

app = typer.Typer(
    name="officeline",
    help="The phone line of a physician office.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
run.add_to(app)
app.add_typer(calls.app, name="calls", help="The call log: who called, what was decided and why.")
app.add_typer(engine.app, name="engine", help="The Asterisk underneath: find it or fetch it.")
app.add_typer(people.app, name="people", help="The people who can be called.")
app.add_typer(prompts.app, name="prompts", help="The sentences that callers hear.")


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(envvar="OFFICELINE_CONFIG", help="The office's file.")
    ] = None,
    home: Annotated[
        Path | None, typer.Option(envvar="OFFICELINE_HOME", help="Database, vault and messages.")
    ] = None,
) -> None:
    """Take the global options."""
    context.obj = resolve(config, home)


def main() -> None:
    """Run the command; a known error is one sentence on stderr and exit 2."""
    try:
        app()
    except OfficeLineError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
