"""Asterisk's own call records, the ledger beside our database: one CSV line for each leg's end."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import structlog

from dialplan.system import CDR_FIELDS
from pbx.errors import OfficeLineError

log = structlog.get_logger()

# Asterisk writes local times like these, and with the option u seconds since the epoch:
# https://docs.asterisk.org/Latest_API/API_Documentation/Dialplan_Functions/CDR/
_TIME = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class CdrRow:
    """One record, times in UTC; `call` is the Linkedid that our own log names calls by."""

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


def read_cdr(path: Path, zone: tzinfo | None = None) -> Iterator[CdrRow]:
    """Read the records in the file's order; a missing file has none.

    `zone` is the zone that Asterisk writes its times in, by default this machine's. Asterisk may
    be writing, or have died while it wrote: a last line without its end is left out, and any
    other line that cannot be read is logged by its number and passed over.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    return
                # one line at a time: a quote that was never closed spoils its own line alone
                row = _row(line.decode("utf-8", errors="replace"), zone)
                if row is None:
                    log.warning("cdr.unreadable", line=number)
                else:
                    yield row
    except FileNotFoundError:
        return
    except OSError as error:
        raise OfficeLineError(
            f"Asterisk's call records cannot be read from {path} ({error.strerror}); "
            "check the file's owner and the disk."
        ) from error


def _row(line: str, zone: tzinfo | None) -> CdrRow | None:
    try:
        values = next(csv.reader([line]), [])
        if len(values) != len(CDR_FIELDS):
            return None
        field = dict(zip(map(_name, CDR_FIELDS), values, strict=True))
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
        )
    except (csv.Error, ValueError, OverflowError):
        return None


def _name(field: str) -> str:
    """Take a field's name out of CDR(name) or CDR(name,options)."""
    return re.sub(r"^CDR\((\w+).*\)$", r"\1", field)


def _instant(text: str, zone: tzinfo | None) -> datetime | None:
    """Read a time; Asterisk leaves it empty, or writes the epoch's zero, for what never was."""
    if not text:
        return None
    if re.fullmatch(r"\d+(\.\d+)?", text):
        seconds = float(text)
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    naive = datetime.strptime(text, _TIME)  # noqa: DTZ007  # the zone is not in the text
    return (naive.replace(tzinfo=zone) if zone else naive).astimezone(UTC)
