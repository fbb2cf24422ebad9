"""A folder of dated backups: the oldest of our own go, but only once a new one is whole.

A name says whose backup it is and when it was made, in UTC: two offices may share a folder, and
names sort as their times do.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from pbx.base import files
from pbx.base.errors import OfficeLineError
from pbx.base.os_errors import os_sentence
from pbx.config.home import Home
from pbx.db import audit, driver
from pbx.db.database import open_database
from pbx.ops import backup
from pbx.ops.age_keys import Lock

KEEP = 14  # backups, unless said otherwise
_ID = 8  # letters of the audit's first hash, which an office keeps when it is restored
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Series:
    """The backups of one office in one folder."""

    folder: Path
    office: str

    def name(self, now: datetime) -> Path:
        """Name the backup of a moment."""
        return self.folder / f"officeline-{self.office}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.age"

    def own(self, before: str = "", after: str = "") -> list[Path]:
        """List our own files, the oldest first; nothing that anybody else put there."""
        name = rf"officeline-{re.escape(self.office)}-\d{{8}}T\d{{6}}Z\.age"
        wanted = re.compile(re.escape(before) + name + re.escape(after))
        found = (path for path in self.folder.iterdir() if wanted.fullmatch(path.name))
        return sorted(path for path in found if path.is_file() and not path.is_symlink())


def check_folder(folder: Path, home: Home, keep: int) -> None:
    """See that backups can be kept there; OfficeLineError says why not, and nothing is done."""
    check_keep(keep)
    what = f"Backups cannot be kept in {folder}"
    try:
        if not folder.is_dir():
            raise _refused(errno.ENOTDIR if folder.exists() else errno.ENOENT, folder)
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
            is_read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
            raise _refused(errno.EROFS if is_read_only else errno.EACCES, folder)
    except OSError as error:
        raise OfficeLineError(os_sentence(what, error, so="nothing was written")) from error
    if folder.resolve().is_relative_to(home.folder.resolve()):
        raise OfficeLineError(
            f"{what} because it would be lost together with {home.folder}; name another one."
        )


def check_keep(keep: int) -> None:
    """Refuse to keep none."""
    if keep < 1:
        raise OfficeLineError("At least one backup must be kept; use --keep 1 or more.")


@contextlib.contextmanager
def series(home: Home, folder: Path) -> Iterator[Series]:
    """Be the one that makes a backup of this home; what a killed one left is removed."""
    with backup.backup_lock(home):
        engine = open_database(home.database)
        try:
            found = Series(folder, audit.first(engine)[:_ID])
        finally:
            engine.dispose()
        _remove(found.own(before=".", after=".part"))
        yield found


def make_dated_backup(
    found: Series, home: Home, config: Path, lock: Lock, now: datetime
) -> tuple[Path, list[backup.BackupItem]]:
    """Write a backup of a new name, and read it back; OfficeLineError leaves none behind."""
    file, written = found.name(now), hashlib.sha256()

    def locking(plain: BinaryIO, locked: BinaryIO) -> None:
        lock(plain, _Summing(locked, written))  # type: ignore[arg-type]  # age only writes

    def proof(part: Path) -> None:
        if file_sum(part) != written.digest():
            raise OfficeLineError(
                f"The folder {found.folder} did not return what was written to it, and no backup "
                "was kept; look at its disk, and name another folder."
            )

    if file.exists():
        raise OfficeLineError(f"{file} already exists; run the command again.")
    items = backup.make_backup(home, config, file, locking, now, proof)
    with contextlib.suppress(OSError):  # not every network disk can
        files.sync(found.folder)
    return file, items


def prune(found: Series, home: Home, newest: Path, keep: int) -> int:
    """Remove the oldest backups beyond so many; return how many went.

    What a wrong clock dated after the newest is neither counted nor removed. None goes while
    what was backed up could not be restored: then OfficeLineError says what is wrong with it.
    """
    if (why := _doubt(home)) is not None:
        raise OfficeLineError(
            f"{newest} is written, but {why}, so that 'officeline restore' refuses it; no older "
            "backup was removed, and the newest that can be restored is among them."
        )
    return _remove([path for path in found.own() if path.name <= newest.name][:-keep])


class _Summing:
    """Writes to a file, and hashes what is written."""

    def __init__(self, file: BinaryIO, sum_: hashlib._Hash) -> None:
        self._file, self._sum = file, sum_

    def write(self, data: bytes) -> int:
        self._sum.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def file_sum(path: Path) -> bytes:
    """Return the SHA-256 of a file as its disk has it, which is asked again."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while block := file.read(_CHUNK):
            found.update(block)
    return found.digest()


def _doubt(home: Home) -> str | None:
    """Say why a restore would refuse this database; None if it would not."""
    if not driver.is_sound(home.database):
        return f"the database {home.database} is damaged"
    engine = open_database(home.database)
    try:
        found = audit.verify(engine)
    finally:
        engine.dispose()
    return None if found.ok else f"the audit is broken at row {found.broken_at}"


def _remove(paths: list[Path]) -> int:
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            what = f"The old backup {path} cannot be removed"
            raise OfficeLineError(os_sentence(what, error, path)) from error
    return len(paths)


def _refused(number: int, path: Path) -> OSError:
    return OSError(number, os.strerror(number), str(path))
