"""Asterisk's own call records (CDR), kept beside our database: one CSV line for each ended leg."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import structlog

from dialplan import names
from dialplan.system import CDR_FIELDS
from pbx.base.errors import OfficeLineError
from pbx.base.os_errors import os_sentence

log = structlog.get_logger()

# Asterisk writes local times like these, and with the option u seconds since the epoch:
# https://docs.asterisk.org/Latest_API/API_Documentation/Dialplan_Functions/CDR/
_TIME = "%Y-%m-%d %H:%M:%S"
_SECONDS = re.compile(rb'"(\d{9,12}(?:\.\d{1,6})?)"')
LONGEST = 20_000  # of a line that is parsed; a record has about 200 characters
_BEGINS = re.compile(r'"(?:\d{9,12}(?:\.\d{1,6})?|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)"(?=,")')

# the names within CDR(), with options or without
_NAMES = tuple(re.sub(r"^CDR\((\w+).*\)$", r"\1", field) for field in CDR_FIELDS)


@dataclass(frozen=True)
class CdrRow:
    """One record, times in UTC; `call` is the Linkedid, which is also the call id in our log."""

    call: str
    unique: str
    start: datetime
    answer: datetime | None
    end: datetime | None
    src: str
    dst: str
    context: str
    channel: str
    dst_channel: str
    disposition: str
    billed_s: int
    talk_ms: int | None = None  # on a person's leg: how long the patient's phone was connected


@dataclass(frozen=True)
class CdrCall:
    """A call to the office in Asterisk's records: all of its legs, times in UTC.

    `own`: the caller's own record is among them. `contexts`: the dialplan contexts in which these
    were written. `answered`: the caller's channel was answered.
    """

    id: str
    start: datetime
    end: datetime
    src: str = ""
    own: bool = False
    answered: bool = False
    contexts: tuple[str, ...] = ()


def calls_of(rows: Iterable[CdrRow]) -> dict[str, CdrCall]:
    """Group the records of calls to the office by call id.

    Calls from the office, and calls from its desk phones to 911, are left out.
    """
    found: dict[str, CdrCall] = {}
    ours: set[str] = set()  # calls that the office placed
    for row in rows:
        is_callers = row.unique == row.call
        if is_callers and not _comes_in(row):
            ours.add(row.call)
        elif is_callers or row.context == names.LEG:
            call = found.get(row.call) or CdrCall(row.call, row.start, row.end or row.start)
            found[row.call] = _with(call, row) if is_callers else call
    return {id_: call for id_, call in found.items() if id_ not in ours}


def _comes_in(row: CdrRow) -> bool:
    """Return whether a call was made to the office, not by it."""
    technology, _, rest = row.channel.partition("/")
    endpoint = rest.rpartition("-")[0]
    return technology == "PJSIP" and endpoint != names.TRUNK_OUT and row.context != names.FROM_PHONE


def _with(call: CdrCall, row: CdrRow) -> CdrCall:
    """Add one of the caller's own records; there is one for each dial attempt."""
    return replace(
        call,
        start=min(call.start, row.start),
        end=max(call.end, row.end or row.start),
        src=row.src or call.src,
        own=True,
        answered=call.answered or row.answer is not None,
        contexts=(*call.contexts, row.context),
    )


@dataclass(frozen=True)
class CdrFilter:
    """Selects records that began in [start, end), and all records of the given calls."""

    start: datetime
    end: datetime
    calls: Collection[str] = frozenset()

    def takes(self, row: CdrRow) -> bool:
        """Return whether a record is selected."""
        return self.start <= row.start < self.end or row.call in self.calls

    def takes_all(self, line: bytes, but: Collection[str]) -> bool:
        """Return whether all records of a line are selected and none is of the calls in `but`."""
        if not self.may_take(line):
            return False
        rows, _ = _rows(line.decode("utf-8", errors="replace"), None)
        return bool(rows) and all(self.takes(row) and row.call not in but for row in rows)

    def may_take(self, line: bytes) -> bool:
        """Return quickly, from the first and last column, whether a line may be selected."""
        seconds = _SECONDS.match(line)
        is_plain = line.endswith(b'"\n') and line.count(b'"') == 2 * len(_NAMES)
        if seconds is None or not is_plain:
            return True
        return (
            self.start.timestamp() <= float(seconds[1]) < self.end.timestamp()
            or line[:-2].rpartition(b'"')[2].decode("ascii", errors="replace") in self.calls
        )


def read_cdr(
    path: Path, zone: tzinfo | None = None, wanted: CdrFilter | None = None
) -> Iterator[CdrRow]:
    """Read all records, or those `wanted`, in the file's order; none if the file is missing.

    `zone` is the time zone that Asterisk writes in, by default this machine's. An incomplete last
    line is skipped, because Asterisk may still be writing it. Other lines that cannot be read
    completely are logged by number: after a crash a cut-off record and the next one share a
    line, and a power cut leaves zeros.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    return
                if wanted is not None and not wanted.may_take(line):
                    continue
                # parse one line at a time, so that an unclosed quote affects no other line
                rows, whole = _rows(line.decode("utf-8", errors="replace"), zone)
                if not whole:
                    log.warning("cdr.unreadable", line=number)
                yield from (row for row in rows if wanted is None or wanted.takes(row))
    except FileNotFoundError:
        return
    except OSError as error:
        what = f"Asterisk's call records cannot be read from {path}"
        raise OfficeLineError(os_sentence(what, error, path)) from error


def _rows(line: str, zone: tzinfo | None) -> tuple[list[CdrRow], bool]:
    """Read a line's records, normally one; return also whether the whole line was read."""
    row = _row(line, zone)
    if row is not None or len(line) > LONGEST:
        return ([], False) if row is None else ([row], True)
    found: list[CdrRow] = []
    whole = True
    for piece in reversed(re.split("\0+", line)):
        rest = piece.rstrip("\n")
        # from the right: after a crash a cut-off record may stand in front of a complete one
        for begin in reversed([match.start() for match in _BEGINS.finditer(rest)]):
            row = _row(rest[begin:], zone)
            if row is not None:
                found.append(row)
                rest = rest[:begin]
        whole = whole and not rest
    return found[::-1], whole and bool(found)


def _row(line: str, zone: tzinfo | None) -> CdrRow | None:
    if not line.removesuffix("\n").endswith('"'):  # the last column was cut off
        return None
    try:
        values = next(csv.reader([line]), [])
        if len(values) != len(CDR_FIELDS):
            return None
        field = dict(zip(_NAMES, values, strict=True))
        start = _instant(field["start"], zone)
        if start is None or not field["linkedid"]:
            return None
        return CdrRow(
            call=field["linkedid"],
            unique=field["uniqueid"],
            start=start,
            answer=_instant(field["answer"], zone),
            end=_instant(field["end"], zone),
            src=field["src"],
            dst=field["dst"],
            context=field["dcontext"],
            channel=field["channel"],
            dst_channel=field["dstchannel"],
            disposition=field["disposition"],
            billed_s=int(field["billsec"] or 0),
            talk_ms=milliseconds(field["userfield"]) if field["userfield"] else None,
        )
    except (csv.Error, ValueError, OverflowError):
        return None


def milliseconds(text: str) -> int:
    """Read a duration in milliseconds from our dialplan; 0 if it is not a number."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0


def _instant(text: str, zone: tzinfo | None) -> datetime | None:
    """Read a time; None if it is empty or 0, which Asterisk writes for what never happened."""
    if not text:
        return None
    if re.fullmatch(r"\d+(\.\d+)?", text):
        seconds = float(text)
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    naive = datetime.strptime(text, _TIME)  # noqa: DTZ007  # the zone is not in the text
    return (naive.replace(tzinfo=zone) if zone else naive).astimezone(UTC)
