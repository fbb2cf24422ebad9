"""`officeline logs`: show the logs of the control layer and Asterisk."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pbx.cli.shared.options import office

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pbx.ops.logged import LogLine

LINES = 50
PAUSE_S = 0.3


def logs(
    context: typer.Context,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", help="Keep showing new lines until Ctrl-C.")
    ] = False,
    since: Annotated[str | None, typer.Option(help="Show all lines since this time.")] = None,
    lines: Annotated[
        int | None,
        typer.Option(min=1, max=100_000, help=f"Number of lines to show (default: {LINES})."),
    ] = None,
) -> None:
    """Show the newest log lines of the control layer and Asterisk, with masked numbers.

    Reads the control layer's log from systemd's journal, or from the file that 'officeline up'
    writes. Exits 1 if there is no log.

    Example: officeline logs --since "yesterday 17:00"
    """
    from pbx.base import when
    from pbx.config.home import Home
    from pbx.ops import logged

    place = office(context)
    home, now = Home(place.home), datetime.now(UTC)
    start = None if since is None else when.parse_time(since, place.zone(), now, past=True)
    found = logged.places(home)
    if found.note:
        typer.echo(found.note, err=True)
    if not (found.files or found.journal):
        typer.echo(
            f"There are no logs in {home.folder}; logging starts with 'officeline up'.",
            err=True,
        )
        raise typer.Exit(1)
    follower = logged.Follower(found) if follow else None
    try:
        _print(logged.lines(found, start, lines or (None if since else LINES)))
        while follower is not None:
            _print(follower.more())
            time.sleep(PAUSE_S)
    finally:
        if follower is not None:
            follower.close()


def _print(lines: Iterable[LogLine]) -> None:
    for line in lines:
        typer.echo(f"{line.who:<10}  {line.text}")
