"""Find out from Asterisk's records how calls ended while we were not listening.

A call without a record, because Asterisk crashed, counts as interrupted. An urgent caller who
reached nobody has an open message afterward.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from dialplan import names
from pbx.base.phone_numbers import shown_number
from pbx.calls.record.cdr import CdrFilter, CdrRow, calls_of, read_cdr
from pbx.calls.record.live_calls import LiveCall

BACK = timedelta(hours=24)  # how far back to look for calls that our log lacks
ANSWERED = "ANSWERED"

log = structlog.get_logger()


@dataclass(frozen=True)
class Ended:
    """How a call ended in Asterisk's records; `person`, if any, accepted at `accepted_at`."""

    call: str
    start: datetime
    end: datetime
    caller: str | None
    failsafe: bool
    person: str = ""
    accepted_at: datetime | None = None

    def refutes(self, live: LiveCall) -> bool:
        """Return whether who accepted was not connected: the caller's own records name nobody."""
        return live.accepted_at is not None and self.accepted_at is None

    def completes(self, live: LiveCall) -> LiveCall:
        """Return what we know about a call, completed from the record."""
        live.caller = live.caller or self.caller
        live.failsafe = live.failsafe or self.failsafe
        if live.accepted_at is None and self.accepted_at is not None:
            live.accepted_at, live.person = self.accepted_at, self.person
        return live


def read_outcomes(cdr: Path, calls: Mapping[str, datetime], country: str) -> dict[str, Ended]:
    """Map call ids to how the calls ended. Blocks.

    `calls` maps ids to start times; `country` is the office's, to read callers' numbers.
    """
    if not calls:
        return {}
    first = min(calls.values())
    return _by_call(read_cdr(cdr, wanted=CdrFilter(first, first, calls)), country)


def of_late(cdr: Path, now: datetime, country: str) -> dict[str, Ended]:
    """Read which calls ended recently. Blocks."""
    return _by_call(read_cdr(cdr, wanted=CdrFilter(now - BACK, now)), country)


def _by_call(rows: Iterable[CdrRow], country: str) -> dict[str, Ended]:
    held = list(rows)
    accepted = {row.call: row for row in reversed(held) if _is_acceptance(row)}
    return {
        call.id: Ended(
            call.id,
            call.start,
            call.end,
            shown_number(call.src, country),
            names.FAILSAFE in call.contexts,
            *_acceptance(accepted.get(call.id), held),
        )
        for call in calls_of(held).values()
        if call.own
    }


def _is_acceptance(row: CdrRow) -> bool:
    """Return whether the caller was connected to a person: only a press answers that channel."""
    leg = names.person_of(row.dst_channel)
    return row.unique == row.call and row.disposition == ANSWERED and leg is not None


def _acceptance(row: CdrRow | None, rows: Iterable[CdrRow]) -> tuple[str, datetime | None]:
    """Return who accepted and when, from the other half of the person's Local channel."""
    if row is None:
        return "", None
    half = row.dst_channel.rpartition(";")[0]
    legs = (one.answer for one in rows if one.channel.startswith(f"{half};"))
    answered = next((at for at in legs if at is not None), None)
    return names.person_of(row.dst_channel) or "", answered or row.start
