"""Find and read the logs of a home's processes, with telephone numbers masked.

The control layer logs to stderr: the journal under systemd, a file if 'officeline up' was started
with one, else a terminal, which keeps nothing. Asterisk's logs are in the home.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from pbx.base.errors import EngineError, OfficeLineError
from pbx.base.phone_numbers import mask, mask_within
from pbx.config.home import Home
from pbx.service.ending import unit_of
from pbx.service.only_one import holder

TAIL = 4_000_000  # bytes at the end of each file to read; logrotate begins a new file each week
UNIT_FILE = Path("/etc/systemd/system/officeline.service")
JOURNAL = ("journalctl", "--quiet", "--output=cat", "--unit=officeline",
           "--unit=officeline-asterisk")  # fmt: skip
ASTERISK = ("console.log", "messages.log")  # security.log is full of scans from outside
_CALL = re.compile(r"(\b\d{10}\.\d+\b)")  # a call's id must not be masked like a telephone number
_DIGITS = re.compile(r"(?<!\d)\+?\d{7,}")
_OURS = re.compile(r"timestamp=(\S+)|^(\d{4}-\d\d-\d\dT[\d:.]+Z)")
_ASTERISKS = re.compile(r"^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)\]")


@dataclass(frozen=True)
class LogLine:
    """A line of a log: its time, the process that wrote it, and its text."""

    at: datetime
    who: str
    text: str


@dataclass(frozen=True)
class Places:
    """Where the logs are; `note` says where the control layer's log is if we cannot read it."""

    files: tuple[tuple[str, Path], ...]
    journal: bool
    note: str = ""


def places(home: Home) -> Places:
    """Return where the existing logs of a home are."""
    log = home.asterisk / "log"
    files = [("asterisk", log / name) for name in ASTERISK if (log / name).is_file()]
    pid = holder(home.serving) or holder(home.running)
    if not pid:
        return Places(tuple(files), _is_installed(home))
    if unit_of(pid, home) is not None:
        return Places(tuple(files), journal=True)
    reported = Path(f"/proc/{pid}/fd/2")
    try:
        where = str(reported.readlink())
        if stat.S_ISREG(reported.stat().st_mode):
            named = Path(where)  # may be deleted since, or used by a later process
            path = named if named.exists() and named.samefile(reported) else reported
            return Places((*files, ("officeline", path)), journal=False)
    except OSError:
        where = "another user's terminal or file"
    note = (
        f"The control layer writes to {where}, which keeps nothing to be shown here. "
        "'officeline up 2>>FILE' keeps it in a file."
    )
    return Places(tuple(files), journal=False, note=note)


def lines(found: Places, since: datetime | None, most: int | None) -> list[LogLine]:
    """Return the newest lines of all logs, sorted by time."""
    read = [line for who, path in found.files for line in _of_file(who, path)]
    if found.journal:
        read += _of_journal(since, most)
    kept = [line for line in read if since is None or line.at >= since]
    kept.sort(key=lambda line: line.at)
    return kept if most is None else kept[-most:]


class Follower:
    """Returns the lines that are written from now on."""

    def __init__(self, found: Places) -> None:
        self._files = [(who, path, _size(path)) for who, path in found.files]
        self._rest: dict[Path, bytes] = {}
        self._journal = _journalctl("--follow", "--lines=0") if found.journal else None

    def more(self) -> Iterator[LogLine]:
        """Yield the lines since the last call."""
        now = datetime.now(UTC)
        for number, (who, path, place) in enumerate(self._files):
            size = _size(path)
            begin = place if size >= place else 0  # it was rotated
            if size != begin:
                text = self._rest.pop(path, b"") + _read(path, begin, size)
                whole, _, self._rest[path] = text.rpartition(b"\n")
                yield from _lines(who, whole, now)
            self._files[number] = (who, path, size)
        if self._journal is not None and self._journal.stdout is not None:
            yield from _lines("officeline", _waiting(self._journal.stdout), now)
            if self._journal.poll() is not None:
                raise EngineError("journalctl has ended; what the control layer says is unknown.")

    def close(self) -> None:
        """End the process that reads the journal."""
        if self._journal is not None:
            self._journal.kill()
            self._journal.communicate()


def masked(text: str) -> str:
    """Return a line with masked telephone numbers and without terminal control characters."""
    parts = _CALL.split(str(OfficeLineError(text)))
    parts[::2] = [
        mask_within(_DIGITS.sub(lambda found: mask(found[0]), part)) for part in parts[::2]
    ]
    return "".join(parts)


def _is_installed(home: Home) -> bool:
    """Return whether systemd has units for this home, even if nothing runs now."""
    try:
        return f"--home {home.folder} " in UNIT_FILE.read_text(encoding="utf-8")
    except OSError:
        return False


def _of_file(who: str, path: Path) -> list[LogLine]:
    size = _size(path)
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return list(_lines(who, _read(path, max(0, size - TAIL), size), written))


def _of_journal(since: datetime | None, most: int | None) -> list[LogLine]:
    words = [] if since is None else [f"--since=@{since.timestamp():.0f}"]
    words += [] if most is None else [f"--lines={most}"]
    process = _journalctl(*words)
    said, why = process.communicate()
    if process.returncode:
        reason = why.decode(errors="replace").strip() or "it gave no reason"
        raise EngineError(f"The journal cannot be read ({masked(reason)}); try with sudo.")
    return list(_lines("officeline", said, datetime.now(UTC)))


def _journalctl(*words: str) -> subprocess.Popen[bytes]:
    try:
        process = subprocess.Popen(
            [*JOURNAL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except FileNotFoundError as error:
        raise EngineError(
            "systemd runs this office, and journalctl is missing; install systemd's tools."
        ) from error
    if "--follow" in words and process.stdout is not None:
        os.set_blocking(process.stdout.fileno(), False)
    return process


def _waiting(out: IO[bytes]) -> bytes:
    """Return the bytes that a pipe contains now."""
    with contextlib.suppress(BlockingIOError):
        return os.read(out.fileno(), TAIL)
    return b""


def _lines(who: str, text: bytes, otherwise: datetime) -> Iterable[LogLine]:
    """Parse lines; a line without a time gets that of the line before it."""
    texts = text.decode(errors="replace").splitlines()
    times = [_time(one) for one in texts]
    at = next((one for one in times if one is not None), otherwise)
    for time, one in zip(times, texts, strict=True):
        at = time or at
        if one.strip():
            yield LogLine(at, who, masked(one))


def _time(text: str) -> datetime | None:
    """Return the time of a line: ours is in UTC, Asterisk's in the machine's time zone."""
    with contextlib.suppress(ValueError):
        if found := _OURS.search(text):
            return datetime.fromisoformat(found[1] or found[2])
        if found := _ASTERISKS.search(text):
            return datetime.fromisoformat(found[1]).astimezone(UTC)
    return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _read(path: Path, begin: int, end: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(begin)
            return file.read(end - begin)
    except FileNotFoundError:
        return b""
