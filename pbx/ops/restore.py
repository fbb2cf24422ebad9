"""Restore a backup into an empty home: complete and checked, or not at all.

Everything is written to a folder in the home and moved up only after all checks: age has verified
the last byte, each file matches the manifest, and the database and its audit are intact.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from threading import Thread
from typing import BinaryIO

from pbx.asterisk.engine.runtime import ServiceUser
from pbx.base.errors import OfficeLineError
from pbx.base.os_errors import os_sentence
from pbx.calls.record.reconcile import cdr_path
from pbx.config import secrets
from pbx.config.home import Home
from pbx.db import audit, driver
from pbx.db.database import open_database
from pbx.ops.age_keys import Lock
from pbx.ops.backup import CONFIG, DATABASE, FORMAT, MANIFEST, BackupItem, Hashing

STAGE = ".restoring"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Restored:
    """What was restored: the number of files, the backup's time, and where office.toml is now."""

    files: int
    made_at: str
    config: Path


@dataclass(frozen=True)
class _Manifest:
    made_at: str
    audit_head: str
    items: dict[str, BackupItem]


def restore(  # user and time are for the audit
    file: Path, folder: Path, unlock: Lock, user: ServiceUser, *, by: str, now: datetime
) -> Restored:
    """Restore a backup into an empty home; after OfficeLineError the home is unchanged."""
    made = not folder.exists()
    try:
        if not made and any(folder.iterdir()):
            raise OfficeLineError(
                f"{folder} is not empty; name an empty or new folder with --home."
            )
        with file.open("rb") as locked:
            stage = folder / STAGE
            stage.mkdir(mode=0o700, parents=True)
            try:
                manifest = _unpack(locked, unlock, stage)
                _prove(stage, manifest, by, now)
                _move_up(stage, folder, user)
            except BaseException:
                shutil.rmtree(folder if made else stage, ignore_errors=True)
                raise
    except OSError as error:
        what = f"{file} cannot be restored to {folder}"
        raise OfficeLineError(
            os_sentence(what, error, folder, so="nothing was restored")
        ) from error
    return Restored(len(manifest.items), manifest.made_at, folder / CONFIG)


def _unpack(locked: BinaryIO, unlock: Lock, stage: Path) -> _Manifest:
    """Write every file of a backup; OfficeLineError if age cannot verify it."""
    read_end, write_end = os.pipe()
    failed: list[BaseException] = []

    def unlocking() -> None:
        try:
            with os.fdopen(write_end, "wb") as plain:
                unlock(locked, plain)
        except BaseException as error:  # noqa: BLE001  # raised below, in the thread that waits
            failed.append(error)

    thread = Thread(target=unlocking)
    thread.start()
    try:
        with os.fdopen(read_end, "rb") as plain:
            found, manifest = _extract(plain, stage)
            while plain.read(_CHUNK):  # to the end, because age verifies the end, too
                pass
    except tarfile.TarError as error:
        thread.join()
        raise _reason(failed) from error
    finally:
        thread.join()
    if failed:
        raise _reason(failed) from failed[0]
    if manifest is None or found != manifest.items or not {DATABASE, CONFIG} <= found.keys():
        raise _altered()
    return manifest


def _extract(plain: BinaryIO, stage: Path) -> tuple[dict[str, BackupItem], _Manifest | None]:
    found: dict[str, BackupItem] = {}
    with tarfile.open(fileobj=plain, mode="r|") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is None or member.name in found:
                raise _altered()
            if member.name == MANIFEST:
                return found, _manifest(content.read())
            if not _is_ours(member.name):
                raise _altered()
            path = stage / member.name
            path.parent.mkdir(parents=True, exist_ok=True)  # below a folder that only we can enter
            reader = Hashing(content)  # type: ignore[arg-type]  # it only reads
            with path.open("xb") as target:
                path.chmod(0o600)
                shutil.copyfileobj(reader, target, _CHUNK)
            found[member.name] = BackupItem(member.name, member.size, reader.sha256.hexdigest())
    return found, None


def _is_ours(name: str) -> bool:
    """Return whether a backup may contain this file; anybody with the public key can make one."""
    records = str(cdr_path(Home(Path())))
    spool = PurePosixPath(Home(Path()).spool)
    path = PurePosixPath(name)
    below = path.parts[:1] in {("messages",), ("prompts",)} and len(path.parts) > 1
    below = below or path.parent == spool
    plain = str(path) == name and ".." not in path.parts
    return name in {DATABASE, CONFIG, secrets.FILE, records} or (below and plain)


def _manifest(content: bytes) -> _Manifest:
    try:
        read = json.loads(content)
        if read["format"] != FORMAT:
            raise OfficeLineError(
                f"The backup has format {read['format']}; restore it with the OfficeLine "
                "version that made it."
            )
        items = [BackupItem(**one) for one in read["files"]]
        made_at, head = str(read["made_at"]), str(read["audit_head"])
        return _Manifest(made_at, head, {one.name: one for one in items})
    except (ValueError, TypeError, KeyError) as error:
        raise _altered() from error


def _prove(stage: Path, manifest: _Manifest, by: str, now: datetime) -> None:
    """Check the database, its audit and the secrets file; record the restore in the audit."""
    if not driver.is_sound(stage / DATABASE):
        raise OfficeLineError("The backup's database is damaged; restore an older backup.")
    secrets.read(stage)
    engine = open_database(stage / DATABASE)
    try:
        found = audit.verify(engine, manifest.audit_head)
        if not found.ok:
            raise OfficeLineError(
                f"The backup's audit is broken at row {found.broken_at}; restore an older backup."
            )
        detail = {"files": len(manifest.items), "made_at": manifest.made_at}
        audit.record(engine, "backup.restored", by=by, now=now, detail=detail)
    finally:
        engine.dispose()


def _move_up(stage: Path, folder: Path, user: ServiceUser) -> None:
    """Move everything to its place; Asterisk's user must be able to play the recordings."""
    messages = stage / "messages"
    messages.mkdir(mode=0o700, exist_ok=True)
    spool = Home(stage).spool
    if user.name is not None:
        theirs = (messages, spool, stage / "asterisk")
        for path in (
            one for place in theirs if place.exists() for one in (place, *place.rglob("*"))
        ):
            os.chown(path, user.uid, user.gid)
    for path in stage.rglob("*"):
        if path.is_dir():
            path.chmod(0o750 if path == spool.parent else 0o700)  # Asterisk's group must enter
    os.sync()
    folder.chmod(0o700)
    for path in sorted(stage.iterdir(), key=lambda one: one.name == DATABASE):
        path.rename(folder / path.name)
    stage.rmdir()


def _reason(failed: list[BaseException]) -> Exception:
    """Return the error to show: it cannot be decrypted, or it was changed."""
    reported = [one for one in failed if isinstance(one, OfficeLineError)]
    return reported[0] if reported else _altered()


def _altered() -> OfficeLineError:
    return OfficeLineError(
        "The backup is incomplete or damaged; nothing was restored. Use another backup."
    )
