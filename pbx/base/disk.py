"""Which disk a file is on, and whether it has room for another file."""

from __future__ import annotations

import errno
import os
from pathlib import Path

TAKES_NOTHING = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
ROOM, FILES = 128 * 1024, 64  # bytes and files that must be free


def mount_of(path: Path) -> Path:
    """Return the mount point of the disk of a path, which need not exist yet."""
    place = next(one for one in (path.absolute(), *path.absolute().parents) if one.exists())
    place = place.resolve()
    return next(one for one in (place, *place.parents) if one.is_mount())


def trouble(path: Path) -> str | None:
    """Return why a path's disk has no room, naming the disk; None if it has room."""
    mount = mount_of(path)
    try:
        room = os.statvfs(mount)
    except OSError:
        return None
    blocks = room.f_bfree if os.geteuid() == 0 else room.f_bavail
    if blocks * room.f_frsize < ROOM:
        return f"the disk at {mount} is full"
    files = room.f_ffree if os.geteuid() == 0 else room.f_favail
    if room.f_files and files < FILES:
        return f"the disk at {mount} has no space for another file (no inodes are left)"
    return None
