"""A folder of dated backups; the oldest are removed only after a new one is complete.

A name contains the office and the time in UTC, so two offices can share a folder, and names sort by
time.
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

KEEP = 14  # default number of backups
_ID = 8  # letters of the audit's first hash, which a restored office keeps
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Series:
    """The backups of one office in one folder."""

    folder: Path
    office: str

    def name(self, now: datetime) -> Path:
        """Return the path of the backup made at a time."""
        return self.folder / f"officeline-{self.office}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.age"

    def own(self, before: str = "", after: str = "") -> list[Path]:
        """List this office's backups, oldest first, and no other files."""
        name = rf"officeline-{re.escape(self.office)}-\d{{8}}T\d{{6}}Z\.age"
        wanted = re.compile(re.escape(before) + name + re.escape(after))
        found = (path for path in self.folder.iterdir() if wanted.fullmatch(path.name))
        return sorted(path for path in found if path.is_file() and not path.is_symlink())


def check_folder(folder: Path, home: Home, keep: int) -> None:
    """Check that backups can be stored there; OfficeLineError if not. Changes nothing."""
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
    """Raise OfficeLineError if no backup would be kept."""
    if keep < 1:
        raise OfficeLineError("At least one backup must be kept; use --keep 1 or more.")


@contextlib.contextmanager
def series(home: Home, folder: Path) -> Iterator[Series]:
    """Be the only one to make a backup of this home; remove what a killed backup left."""
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
    """Write a backup with a new name and read it back; after OfficeLineError there is none."""
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
    with contextlib.suppress(OSError):  # some network disks cannot do this
        files.sync(found.folder)
    return file, items


def prune(found: Series, home: Home, newest: Path, keep: int) -> int:
    """Remove the oldest backups beyond `keep`; return how many were removed.

    Backups that a wrong clock dated after the newest are neither counted nor removed. If the
    database could not be restored, none is removed, and OfficeLineError says what is wrong.
    """
    if (why := _doubt(home)) is not None:
        raise OfficeLineError(
            f"{newest} is written, but {why}, so that 'officeline restore' refuses it; no older "
            "backup was removed, and the newest that can be restored is among them."
        )
    return _remove([path for path in found.own() if path.name <= newest.name][:-keep])


class _Summing:
    """Writes to a file and hashes what is written."""

    def __init__(self, file: BinaryIO, sum_: hashlib._Hash) -> None:
        self._file, self._sum = file, sum_

    def write(self, data: bytes) -> int:
        self._sum.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def file_sum(path: Path) -> bytes:
    """Return the SHA-256 of a file, read from the disk, not from the cache."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while block := file.read(_CHUNK):
            found.update(block)
    return found.digest()


def _doubt(home: Home) -> str | None:
    """Return why a restore would refuse this database; None if it would not."""
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
