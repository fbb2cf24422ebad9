"""`officeline backup` and `restore`: copy an office to one encrypted file, and back."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pbx.base.errors import OfficeLineError
from pbx.cli.shared.answers import answer
from pbx.cli.shared.audited import recorded
from pbx.cli.shared.context import Context, whoever
from pbx.cli.shared.options import office
from pbx.config.home import Home

if TYPE_CHECKING:
    from pbx.ops.age_keys import Lock
    from pbx.ops.backup import BackupItem

Passphrase = Annotated[
    bool, typer.Option("--passphrase", help="Ask for a passphrase at the terminal.")
]
PassphraseFile = Annotated[
    Path | None, typer.Option(help="Read the passphrase from this file's first line.")
]


def backup(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="The backup file to create.")] = None,
    *,
    folder: Annotated[
        Path | None,
        typer.Option(help="Write a dated file into this folder instead (requires --to)."),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(help="Number of dated backups to keep in the folder (default: 14)."),
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="RECIPIENT", help="Age public key to encrypt for (repeatable)."),
    ] = None,
    passphrase: Passphrase = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Back up the whole office to one encrypted file; calls continue meanwhile.

    The backup holds the database, the secrets file, the recordings, office.toml and Asterisk's
    call records. With --folder the file is named officeline-OFFICE-TIME.age, with the time in UTC.
    After the backup is written and verified, the oldest backups of this office beyond --keep are
    removed. Exits 2 if any step fails.

    Exactly one kind of encryption is required: --to, --passphrase or --passphrase-file.

    Example: officeline backup /media/stick/office.age --to age1...
    """
    from pbx.ops import age_keys

    place = office(context)
    _see_where(file, folder, keep)
    if bool(to) + passphrase + (passphrase_file is not None) != 1:
        raise OfficeLineError(
            "Give exactly one kind of encryption: --to RECIPIENT, --passphrase or "
            "--passphrase-file FILE."
        )
    if folder is not None and not to:
        raise OfficeLineError(
            "Backups in a folder must be encrypted for a public key, so that no secret is on this "
            "machine; give --to RECIPIENT."
        )
    home = Home(place.home)
    if not home.database.exists():
        raise OfficeLineError(f"There is no office in {home.folder} yet; give it with --home.")
    lock = (
        age_keys.for_recipients(to)
        if to
        else age_keys.for_passphrase(_words(passphrase_file, confirm=True))
    )
    if file is not None:
        _into_file(place, home, file, lock, len(to or ()))
    elif folder is not None:
        _into_folder(place, home, folder, keep, lock, len(to or ()))


def _see_where(file: Path | None, folder: Path | None, keep: int | None) -> None:
    if (file is None) == (folder is None):
        raise OfficeLineError("Give either a new file, or a folder with --folder DIR.")
    if keep is not None and folder is None:
        raise OfficeLineError("--keep applies only to a folder; give one with --folder DIR.")


def _into_file(place: Context, home: Home, file: Path, lock: Lock, recipients: int) -> None:
    from pbx.ops import backup

    with backup.backup_lock(home):
        recorded(place, "backup.begun", recipients=recipients)
        typer.echo(f"Backing up {home.folder} ...", err=True)
        items = backup.make_backup(home, place.config, file, lock, datetime.now(UTC))
        recorded(place, "backup.made", files=len(items))
    answer(
        place,
        f"{_reported(file, items, home)}; test it with 'officeline --home EMPTY restore {file}'.",
    )


def _into_folder(
    place: Context, home: Home, folder: Path, keep: int | None, lock: Lock, recipients: int
) -> None:
    from pbx.ops import dated

    keep, folder = dated.KEEP if keep is None else keep, folder.absolute()
    dated.check_folder(folder, home, keep)
    recorded(place, "backup.begun", recipients=recipients)
    typer.echo(f"Backing up {home.folder} ...", err=True)
    with dated.series(home, folder) as series:
        file, items = dated.make_dated_backup(series, home, place.config, lock, datetime.now(UTC))
        recorded(place, "backup.made", files=len(items))
        gone = dated.prune(series, home, file, keep)
        stay = len(series.own())
    removed = f"older ones removed: {gone}" if gone else "no older one was removed"
    answer(
        place, f"{_reported(file, items, home)}; {removed}, {folder} now has {stay} of this office."
    )


def _reported(file: Path, items: list[BackupItem], home: Home) -> str:
    size = sum(item.size for item in items) / 1e6
    return f"{file} holds {len(items)} files of {home.folder}, {size:.1f} MB"


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The backup file to restore.")],
    *,
    identity: Annotated[
        Path | None,
        typer.Option(metavar="KEYFILE", help="File with the secret key from age-keygen."),
    ] = None,
    passphrase: Passphrase = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Restore a backup into an empty home folder.

    Verifies the whole backup first; if anything is wrong, nothing is restored.

    Example: officeline --home /srv/office restore /media/stick/office.age --identity key.txt
    """
    from pbx.asterisk.engine.runtime import service_user
    from pbx.ops import age_keys
    from pbx.ops.restore import restore as put_back

    if not file.exists():
        raise OfficeLineError(
            f"There is no backup at {file}; give the file that 'officeline backup' wrote."
        )
    if (identity is not None) + passphrase + (passphrase_file is not None) != 1:
        raise OfficeLineError(
            "Give exactly one way to decrypt it: --identity KEYFILE, --passphrase or "
            "--passphrase-file FILE."
        )
    place = office(context)
    unlock: Lock = (
        age_keys.by_identity(identity)
        if identity is not None
        else age_keys.by_passphrase(_words(passphrase_file, confirm=False))
    )
    typer.echo(f"Restoring {file} to {place.home} ...", err=True)
    now = datetime.now(UTC)
    found = put_back(file, place.home, unlock, service_user(), by=whoever(), now=now)
    restored = Context(found.config, place.home)
    made_at = _shown(found.made_at, restored)
    answer(
        restored,
        f"Restored {found.files} files from {made_at} to {place.home}, with {found.config}. Start "
        f"the office with 'officeline --home {place.home} up'; in that folder, commands need no "
        "--home.",
    )


def _shown(made_at: str, office: Context) -> str:
    """Return when a backup was made; in UTC as stored if the office's zone is not known."""
    try:
        return office.times().moment(datetime.fromisoformat(made_at))
    except (ValueError, OfficeLineError):
        return made_at


def _words(file: Path | None, *, confirm: bool) -> str:
    """Return a passphrase from a file, or ask for it."""
    if file is None:
        if not sys.stdin.isatty():
            raise OfficeLineError(
                "A passphrase can be asked for only at a terminal; use --passphrase-file."
            )
        return str(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm))
    try:
        words = file.read_text(encoding="utf-8-sig").partition("\n")[0].rstrip("\r")
    except (OSError, ValueError) as error:
        raise OfficeLineError(f"{file} cannot be read; give a file with a passphrase.") from error
    if not words:
        raise OfficeLineError(f"{file} has no passphrase in its first line.")
    return words
