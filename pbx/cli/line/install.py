"""`officeline install`: print or write systemd units and the files that they need."""

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
    "No backup unit was written, because it needs a public key (keep the secret key elsewhere) and "
    "a folder. Give --backup-to age1... --backup-folder DIR; see docs/install.md."
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
    """Return the settings of nightly backups, or None; OfficeLineError if they would fail."""
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
    """Return the office's time zone; empty if there is no file yet."""
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
