"""Turns operating system errors into a sentence: which file, why, and how to fix it."""

from __future__ import annotations

import errno
import os
import pwd
import re
from pathlib import Path

FORBIDDEN = {errno.EACCES, errno.EPERM}

# The fix for each error; {place} is the file or the nearest existing folder above it
_FIXES = {
    errno.ENOSPC: "free some space on its disk ('df -h {place}' and 'df -i {place}' show its use)",
    errno.EDQUOT: "free some space, or ask an administrator to raise its disk quota",
    errno.EROFS: "its disk is mounted read-only: check 'dmesg' for disk errors",
    errno.EIO: "its disk has an error: check 'dmesg', and save the files on the disk",
    errno.EFBIG: "raise the file size limit ('ulimit -f' shows it)",
    errno.EMFILE: "raise the limit of open files ('ulimit -n' shows it)",
    errno.ENFILE: "end programs that hold many files open",
    errno.ENOMEM: "end programs that need much memory",
    errno.EISDIR: "name a file in that folder",
    errno.ENOTDIR: "name a folder instead of a file",
    errno.ENOENT: "check how the path is written",
    errno.ELOOP: "fix its symbolic links, which form a loop",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ESTALE: "mount its network disk again",
    errno.EBUSY: "close the program that uses it",
    errno.EPIPE: "the reader of the output has ended",
}


def os_sentence(
    what: str, error: OSError, path: Path | str | None = None, *, otherwise: str = "", so: str = ""
) -> str:
    """Return a sentence with what failed, the system's reason, and the fix.

    `path` is the file, if the error does not name it; `otherwise` is an alternative fix; `so` is
    the resulting situation.
    """
    named = error.filename if isinstance(error.filename, str | os.PathLike) else path
    place = None if named is None else _nearest(Path(named))
    reason = error.strerror or str(error) or type(error).__name__
    detail = _detail(error, None if named is None else Path(named), place, what)
    helps = [_fix(error, place), otherwise]
    return (
        "; ".join(
            part
            for part in (
                f"{what} ({reason}{f': {detail}' if detail else ''})",
                ", or ".join(one for one in helps if one) or "check the machine's log",
                so,
            )
            if part
        )
        + "."
    )


def unlikely(error: OSError) -> str:
    """Return such a sentence for an unexpected error."""
    what = "The command cannot go on" if error.filename is None else f"{error.filename} is refused"
    return os_sentence(what, error)


def database_sentence(what: str, path: Path, place: Path, *, otherwise: str = "") -> str:
    """Return why the database cannot use a place: no permission, or a read-only disk."""
    number = errno.EROFS if os.statvfs(place).f_flag & os.ST_RDONLY else errno.EACCES
    error = OSError(number, os.strerror(number), str(place))
    return os_sentence(f"The database {path} {what}", error, otherwise=otherwise)


def _detail(error: OSError, named: Path | None, place: Path | None, what: str) -> str:
    """Return the path as a detail, if the sentence does not name it already."""
    if place is None:
        return ""
    if error.errno in FORBIDDEN:
        return f"{place} belongs to {_owner(place)}"
    if error.errno == errno.ENOENT and place != named:
        return f"there is no {_first_missing(named or place, place)}"
    return "" if re.search(rf"(^|\s){re.escape(str(place))}(\s|$)", what) else str(place)


def _fix(error: OSError, place: Path | None) -> str:
    """Return the fix for the error's reason."""
    if error.errno not in FORBIDDEN:
        return _FIXES.get(error.errno or 0, "").format(place=place or ".")
    if os.geteuid() == 0:
        return "not even root may do this: check 'lsattr', and the limits of the unit or container"
    owner = "root" if place is None else _owner(place)
    if place is not None and _uid(place) == os.geteuid():
        return f"allow it with 'chmod u+rwX {place}'"
    as_owner = "run the command with sudo"
    return as_owner if owner == "root" else f"{as_owner}, as in 'sudo -u {owner} officeline ...'"


def _nearest(path: Path) -> Path:
    """Return the path itself, or the nearest folder above it that exists and is visible."""
    path = Path(os.path.abspath(path))  # noqa: PTH100  # Path.resolve() would look at the links
    for place in (path, *path.parents):
        try:
            place.lstat()
        except OSError:
            continue
        return place
    return Path("/")


def _first_missing(named: Path, place: Path) -> Path:
    """Return the first part of a path that does not exist."""
    whole = Path(os.path.abspath(named))  # noqa: PTH100
    rest = whole.relative_to(place).parts if whole.is_relative_to(place) else ()
    return place / rest[0] if rest else whole


def _uid(place: Path) -> int:
    try:
        return place.stat().st_uid
    except OSError:
        return 0


def _owner(place: Path) -> str:
    """Return the name of the user who owns a path."""
    uid = _uid(place)
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
