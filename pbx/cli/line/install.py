"""`officeline install`: the units of systemd's, and what goes with them; printed or written."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pbx.base.errors import OfficeLineError
from pbx.cli.shared import typed
from pbx.cli.shared.answers import answer
from pbx.cli.shared.context import Context
from pbx.cli.shared.options import office

if TYPE_CHECKING:
    from pbx.ops.install import Backups, Machine

_NO_BACKUPS = (
    "No backup unit was written: it needs a public key, whose secret key is kept elsewhere, and "
    "a folder. Give --backup-to age1... --backup-folder DIR; docs/install.md says how."
)


def install(
    context: typer.Context,
    *,
    write: Annotated[
        Path | None,
        typer.Option(help="Write the files below this folder, such as /etc (default: print them)."),
    ] = None,
    user: Annotated[
        str, typer.Option(help="System user that runs the office (never root).")
    ] = "officeline",
    backup_to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RECIPIENT", help="Back up every night, encrypted for this age public key."
        ),
    ] = None,
    backup_folder: Annotated[
        Path | None, typer.Option(help="Folder for the backups, on a different disk from the home.")
    ] = None,
    keep: Annotated[
        int | None, typer.Option(help="Number of backups to keep (default: 14).")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Replace existing files that differ, without asking.")
    ] = False,
) -> None:
    """Print the systemd units that run this office, or write them with --write.

    They include timers, a system user and log rotation. With --backup-to and --backup-folder they
    also include a nightly backup.

    Example: officeline install --write /etc
    """
    from pbx.asterisk.engine.runtime import SHARED_CACHE
    from pbx.ops import install as units

    place = office(context)
    program = Path(sys.executable).parent / "officeline"
    machine = units.Machine(
        program,
        place.config,
        place.home,
        SHARED_CACHE,
        user,
        _zone(place),
        _backups(backup_to, backup_folder, keep),
    )
    files = units.rendered(machine)
    if write is None:
        typer.echo("\n".join(files.values()), nl=False)
    else:
        paths = units.write_units(files, write.absolute(), replace=yes)
        answer(place, f"{len(paths)} files were written; they run the office with {place.config}.")
        typer.echo("\n".join(map(str, paths)))
        typer.echo(_next(machine))
    if machine.backups is None:
        there = [] if write is None else units.backups_below(write.absolute())
        stay = f"Existing backup units were left unchanged: {', '.join(map(str, there))}."
        typer.echo(stay if there else _NO_BACKUPS, err=True)


def _backups(recipients: list[str] | None, folder: Path | None, keep: int | None) -> Backups | None:
    """Read what backups are to be; OfficeLineError for what would fail each night."""
    from pbx.ops import age_keys, dated
    from pbx.ops.install import Backups

    if not recipients and folder is None:
        if keep is not None:
            raise OfficeLineError(
                "--keep applies only to backups; give --backup-to and --backup-folder."
            )
        return None
    if not recipients or folder is None:
        raise OfficeLineError(
            "A backup each night needs both a key and a folder: --backup-to RECIPIENT "
            "--backup-folder DIR."
        )
    age_keys.for_recipients(recipients)
    keep = dated.KEEP if keep is None else keep
    dated.check_keep(keep)
    return Backups(tuple(one.strip() for one in recipients), folder.resolve(), keep)


def _zone(place: Context) -> str:
    """Name the office's time zone; empty as long as there is no file."""
    with contextlib.suppress(OfficeLineError):
        return place.zone().key
    return ""


def _next(machine: Machine) -> str:
    from pbx.asterisk.engine.runtime import SHARED_CACHE

    backups, user = machine.backups, machine.user
    folder = f"install -d -m 700 -o {user} -g {user} {backups.folder}; " if backups else ""
    timers = " officeline-backup.timer" if backups else ""
    return (
        f"Next: systemd-sysusers; {folder}sudo OFFICELINE_CACHE={SHARED_CACHE} "
        f"{typed.name()} engine fetch; systemctl daemon-reload; "
        f"systemctl enable --now officeline-asterisk officeline{timers}; "
        "once the carrier brings calls, also officeline-canary.timer"
    )
