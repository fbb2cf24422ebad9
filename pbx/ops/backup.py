"""Make a backup: everything of an office that cannot be recreated, in one file encrypted by age.

It contains a tar of the files and, at its end, a manifest of their SHA-256. SQLite itself copies
the database, so calls continue; every recording that it names was on the disk before.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, BinaryIO

from pbx.base import files
from pbx.base.errors import OfficeLineError
from pbx.base.os_errors import os_sentence
from pbx.base.paths import SPOOL
from pbx.calls.record.reconcile import cdr_path
from pbx.calls.record.spool import Spool
from pbx.config import secrets
from pbx.config.home import Home
from pbx.db import audit, driver, overlay
from pbx.ops.age_keys import Lock

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

FORMAT = 1
MANIFEST, DATABASE, CONFIG = "manifest.json", "officeline.db", "office.toml"
STAGE = ".backup-"  # prefix of the folder for temporary copies in the home


@dataclass(frozen=True)
class BackupItem:
    """A file in a backup: its name, its size in bytes and its SHA-256."""

    name: str
    size: int
    sha256: str


class Hashing:
    """Reads a file and hashes what was read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes."""
        found = self._file.read(size)
        self.sha256.update(found)
        return found


class _Target(io.FileIO):
    """A file that keeps the original OSError, because age replaces it by an error of its own."""

    refused: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        """Write to the file; remember and raise OSError."""
        try:
            return super().write(data)
        except OSError as error:
            self.refused = error
            raise


@contextlib.contextmanager
def backup_lock(home: Home) -> Iterator[None]:
    """Be the only one to make a backup of this home; remove what a killed backup left."""
    if not home.database.exists():
        raise OfficeLineError(f"There is no office in {home.folder} yet; name it with --home.")
    try:
        # the next backup may run as another user, who only needs to open the file
        handle = os.open(home.backing_up, os.O_CREAT | os.O_RDONLY | os.O_CLOEXEC, 0o644)
    except OSError as error:
        what = f"The home {home.folder} cannot be backed up"
        raise OfficeLineError(os_sentence(what, error, home.folder)) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OfficeLineError(
                f"Another backup of {home.folder} is being made; try again when it has ended."
            ) from error
        for left in home.folder.glob(f"{STAGE}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        os.close(handle)


def make_backup(  # `proof` checks the written file before it is renamed
    home: Home,
    config: Path,
    file: Path,
    lock: Lock,
    now: datetime,
    proof: Callable[[Path], None] = lambda _: None,
) -> list[BackupItem]:
    """Write a backup to a new file with mode 0600; after OfficeLineError there is none.

    The caller holds `backup_lock`.
    """
    if not config.is_file():
        raise OfficeLineError(f"There is no {config} to keep; name the office's with --config.")
    part = file.with_name(f".{file.name}.part")
    try:
        if file.exists():
            raise OfficeLineError(f"{file} already exists; name another file.")
        with contextlib.ExitStack() as stack:
            raw = _Target(part, "xb")
            target = stack.enter_context(io.BufferedWriter(raw))
            stack.callback(part.unlink, missing_ok=True)
            part.chmod(0o600)
            folder = tempfile.TemporaryDirectory(prefix=STAGE, dir=home.folder)
            copies = Path(stack.enter_context(folder))
            _copy_spool(home, copies)
            _snapshot(home.database, copies / DATABASE)
            try:
                items = _through(
                    lock, target, lambda plain: _pack(home, config, copies, plain, now)
                )
            except Exception as error:
                if raw.refused is not None:
                    raise raw.refused from error
                raise
            target.flush()
            files.sync(part)
            proof(part)
            part.rename(file)
    except FileExistsError as error:
        raise OfficeLineError(
            f"Another backup is being written to {file}; remove {part} if none is."
        ) from error
    except OSError as error:
        raise OfficeLineError(
            os_sentence(f"The backup {file} cannot be written", error, file)
        ) from error
    return items


def _copy_spool(home: Home, copies: Path) -> None:
    """Copy the spool before the database, so that each fact is in at least one of the two."""
    (copies / SPOOL).mkdir()
    for path in Spool(home.spool).waiting():
        with contextlib.suppress(FileNotFoundError):  # imported since
            if not path.is_symlink():
                shutil.copyfile(path, copies / SPOOL / path.name)


def _snapshot(database: Path, copy: Path) -> None:
    """Copy a consistent state of the database while others write to it."""
    try:
        driver.copy_database(database, copy)
    except driver.Error as error:
        raise overlay.unreadable(database, error) from error


def _through(
    lock: Lock, target: BinaryIO, pack: Callable[[BinaryIO], list[BackupItem]]
) -> list[BackupItem]:
    """Pack in a second thread into a pipe, and encrypt in this one."""
    read_end, write_end = os.pipe()
    items: list[BackupItem] = []
    failed: list[BaseException] = []

    def packing() -> None:
        try:
            with os.fdopen(write_end, "wb") as plain:
                items.extend(pack(plain))
        except BaseException as error:  # noqa: BLE001  # raised below, in the thread that waits
            failed.append(error)

    thread = Thread(target=packing)
    thread.start()
    try:
        with os.fdopen(read_end, "rb") as plain:
            lock(plain, target)
    finally:
        thread.join()
    if failed:
        raise failed[0]
    return items


def _pack(
    home: Home, config: Path, copies: Path, plain: BinaryIO, now: datetime
) -> list[BackupItem]:
    """Write the tar; return its items."""
    items = []
    with tarfile.open(fileobj=plain, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for name, path in _files(home, config, copies):
            with contextlib.suppress(FileNotFoundError):  # deleted since it was listed
                items.append(_add(tar, name, path))
        manifest = {
            "format": FORMAT,
            "made_at": now.isoformat(timespec="seconds"),
            "audit_head": _head(copies / DATABASE),
            "files": [asdict(item) for item in items],
        }
        content = json.dumps(manifest, indent=1).encode()
        info = tarfile.TarInfo(MANIFEST)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return items


def _add(tar: tarfile.TarFile, name: str, path: Path) -> BackupItem:
    with path.open("rb") as file:
        info = tarfile.TarInfo(name)
        info.size = os.fstat(file.fileno()).st_size  # what is appended later is in the next backup
        reader = Hashing(file)
        tar.addfile(info, reader)
    return BackupItem(name, info.size, reader.sha256.hexdigest())


def _files(home: Home, config: Path, copies: Path) -> Iterator[tuple[str, Path]]:
    """Yield names and paths of the files; the database first, because the others only grow."""
    yield DATABASE, copies / DATABASE
    yield CONFIG, config
    yield secrets.FILE, home.folder / secrets.FILE
    records = cdr_path(home)
    folders = sorted(
        path for place in (home.messages, home.recordings) for path in place.rglob("*")
    )
    for path in (records, *folders):
        if path.is_file() and not path.is_symlink():
            yield str(path.relative_to(home.folder)), path
    for path in Spool(copies / SPOOL).waiting():
        yield str(home.spool.relative_to(home.folder) / path.name), path


def _head(copy: Path) -> str:
    """Return the newest hash of the copied audit."""
    with contextlib.closing(driver.read_only(copy)) as connection:
        return overlay.audit_head(connection) or audit.GENESIS
