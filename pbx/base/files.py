"""Reads and replaces small files as a whole, by one program at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from pbx.base.errors import ConfigError
from pbx.base.os_errors import os_sentence


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold this folder's file lock; waits for other OfficeLine programs; OSError if missing."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def alone_at(config: Path) -> Iterator[None]:
    """Hold the file lock for changing office.toml; ConfigError if that is impossible."""
    try:
        with folder_lock(config.resolve().parent):
            yield
    except OSError as error:
        raise ConfigError(os_sentence(f"{config} cannot be changed", error, config)) from error


def replace(path: Path, text: str, mode: int) -> None:
    """Replace a file atomically and durably; on OSError the old file stays."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_CREAT | os.O_WRONLY | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            os.fchmod(handle, mode)
            _keep_owner(handle, path)
            file.write(text)
            file.flush()
            os.fsync(handle)
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """Sync a file, or a folder's entries, so that it survives a power cut; OSError if it fails."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def keep(path: Path, text: str, mode: int) -> None:
    """Replace a file unless it already has this text, so that a full disk does not matter."""
    with contextlib.suppress(OSError):
        if path.read_bytes() == text.encode() and path.stat().st_mode & 0o777 == mode:
            return
    replace(path, text, mode)


def save_config(path: Path, text: str) -> None:
    """Replace office.toml, keeping its owner and mode; ConfigError if that fails."""
    path = path.resolve()
    try:
        replace(path, text, path.stat().st_mode & 0o777)
    except OSError as error:
        what = f"The file {path} cannot be written"
        raise ConfigError(os_sentence(what, error, path, so="it was left unchanged")) from error


def _keep_owner(handle: int, path: Path) -> None:
    """Keep the file's owner if permitted, because an administrator may have used sudo."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        owned = path.stat()
        os.fchown(handle, owned.st_uid, owned.st_gid)
