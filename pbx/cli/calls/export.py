"""`officeline calls export`: calls as CSV or JSON lines; the audit records the export first."""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

from pbx.base import when
from pbx.base.errors import OfficeLineError
from pbx.base.os_errors import os_sentence
from pbx.cli.calls.shown import Display, whole
from pbx.cli.shared.audited import recorded
from pbx.db.calls import CallRow, Filter, count_calls, each_call

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sqlalchemy import Engine

    from pbx.cli.shared.context import Context

EVERY_S = 1.0
# The same names and order as in `calls list` and `calls show`.
COLUMNS = (
    *("id", "started_at", "line", "from", "urgency", "decision", "outcome", "person"),
    *("ring_s", "talk_s", "message"),
    *("did", "answered_at", "acknowledged_at", "ended_at", "plan"),
)


def export(
    place: Context,
    engine: Engine,
    meant: Filter,
    form: Literal["csv", "jsonl"],
    to: str,
    *,
    reveal: bool,
) -> None:
    """Write the selected calls; nothing is written unless the audit has recorded it."""
    zone = place.zone()
    count = count_calls(engine, meant)
    with _opened(to) as file:
        asked = {one.name: _reported(getattr(meant, one.name), zone) for one in fields(meant)}
        given = {key: value for key, value in asked.items() if value is not None}
        recorded(place, "calls.exported", calls=count, format=form, reveal=reveal, **given)
        look = Display(place.times(), datetime.now(zone), reveal)
        rows = (whole(row, look) for row in _watched(each_call(engine, meant), count))
        (_write_csv if form == "csv" else _write_lines)(file, rows)
    if to != "-":
        sys.stderr.write(f"{count} calls were written to {to}.\n")


def _reported(value: str | datetime | None, zone: ZoneInfo) -> str | None:
    return value if value is None or isinstance(value, str) else when.iso(value, zone)


@contextmanager
def _opened(to: str) -> Iterator[TextIO]:
    """Open a new file that only we can read, or stdout; OfficeLineError if the file exists."""
    if to == "-":
        yield sys.stdout
        return
    try:
        path = Path(to)
        path.touch(mode=0o600, exist_ok=False)
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        what, other = f"{to} cannot be written", "choose another file with --to"
        raise OfficeLineError(os_sentence(what, error, to, otherwise=other)) from error


def _write_csv(file: TextIO, rows: Iterable[dict[str, object]]) -> None:
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _write_lines(file: TextIO, rows: Iterable[dict[str, object]]) -> None:
    file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _watched(rows: Iterable[CallRow], count: int) -> Iterator[CallRow]:
    """Pass rows on, and report progress on stderr each second at a terminal."""
    next_at = time.monotonic() + EVERY_S
    for number, row in enumerate(rows):
        yield row
        if time.monotonic() >= next_at and sys.stderr.isatty():
            sys.stderr.write(f"\r{number + 1} of {count} calls")
            next_at = time.monotonic() + EVERY_S
