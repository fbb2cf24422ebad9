"""What the processes of a home have written down: where it is, and its lines, numbers masked.

The control layer writes to stderr: into the journal under systemd, into a file if 'officeline up'
was started with one, else to a terminal that keeps nothing. Asterisk has files in the home.
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

TAIL = 4_000_000  # bytes of each file that are looked at; logrotate begins a new one each week
UNIT_FILE = Path("/etc/systemd/system/officeline.service")
JOURNAL = ("journalctl", "--quiet", "--output=cat", "--unit=officeline",
           "--unit=officeline-asterisk")  # fmt: skip
ASTERISK = ("console.log", "messages.log")  # security.log tells of strangers, by the thousand
_CALL = re.compile(r"(\b\d{10}\.\d+\b)")  # a call's id is no number of anybody's
_DIGITS = re.compile(r"(?<!\d)\+?\d{7,}")
_OURS = re.compile(r"timestamp=(\S+)|^(\d{4}-\d\d-\d\dT[\d:.]+Z)")
_ASTERISKS = re.compile(r"^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)\]")


@dataclass(frozen=True)
class LogLine:
    """A line of a log: when it was written, by whom, and its text."""

    at: datetime
    who: str
    text: str


@dataclass(frozen=True)
class Places:
    """Where the logs are; `note` says where the control layer's is if it cannot be read."""

    files: tuple[tuple[str, Path], ...]
    journal: bool
    note: str = ""


def places(home: Home) -> Places:
    """Say where the logs of a home are, as far as there are any."""
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
            named = Path(where)  # which a later process may go on with; it may be gone, too
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
    """Read the newest lines of all logs together, in the order of their times."""
    read = [line for who, path in found.files for line in _of_file(who, path)]
    if found.journal:
        read += _of_journal(since, most)
    kept = [line for line in read if since is None or line.at >= since]
    kept.sort(key=lambda line: line.at)
    return kept if most is None else kept[-most:]


class Follower:
    """Gives the lines that are written from now on."""

    def __init__(self, found: Places) -> None:
        self._files = [(who, path, _size(path)) for who, path in found.files]
        self._rest: dict[Path, bytes] = {}
        self._journal = _journalctl("--follow", "--lines=0") if found.journal else None

    def more(self) -> Iterator[LogLine]:
        """Give what came since the last look."""
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
        """End what reads the journal."""
        if self._journal is not None:
            self._journal.kill()
            self._journal.communicate()


def masked(text: str) -> str:
    """Show a line with no whole number of anybody's, and nothing that a terminal would obey."""
    parts = _CALL.split(str(OfficeLineError(text)))
    parts[::2] = [
        mask_within(_DIGITS.sub(lambda found: mask(found[0]), part)) for part in parts[::2]
    ]
    return "".join(parts)


def _is_installed(home: Home) -> bool:
    """Tell whether systemd has units for this home, though nothing runs now."""
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
    """Take what a pipe holds now."""
    with contextlib.suppress(BlockingIOError):
        return os.read(out.fileno(), TAIL)
    return b""


def _lines(who: str, text: bytes, otherwise: datetime) -> Iterable[LogLine]:
    """Take lines apart; one without a time was written with the one before it."""
    texts = text.decode(errors="replace").splitlines()
    times = [_time(one) for one in texts]
    at = next((one for one in times if one is not None), otherwise)
    for time, one in zip(times, texts, strict=True):
        at = time or at
        if one.strip():
            yield LogLine(at, who, masked(one))


def _time(text: str) -> datetime | None:
    """Read when a line was written: ours says so in UTC, Asterisk's on the machine's clock."""
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
