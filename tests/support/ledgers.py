"""Both ledgers of a home, filled as the daemon and Asterisk fill them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pbx.calls.record.reconcile import cdr_path
from pbx.config.home import Home
from pbx.db import messages, records
from pbx.db.database import open_database
from pbx.db.writer import LogWriter

CALLER, MAIN = "+12125550142", "+12125550100"


@dataclass(frozen=True)
class Reported:
    """A call that is to be in the ledgers; `at` is its start, and None as outcome: it goes on."""

    id: str
    at: datetime
    outcome: records.Outcome | None = "connected"
    urgency: str = "urgent"
    seconds: float = 60.0
    has_message: bool = False
    joined: str | None = None  # the message of an earlier call
    legs: tuple[str, ...] = ("lee",)
    caller: str | None = CALLER
    answer_s: float = 10.0  # until somebody accepted, if it is connected

    @property
    def end(self) -> datetime:
        """Tell when it ended."""
        return self.at + timedelta(seconds=self.seconds)


def write_log(folder: Path, calls: Iterable[Reported]) -> None:
    """Write calls into our ledger: messages at once, all else through the one writer."""
    path = Home(folder).database
    engine = open_database(path)
    writer = LogWriter(lambda: open_database(path), queue_size=100_000)
    for call in calls:
        message = call.joined
        if call.has_message:
            message = messages.open_message(
                engine,
                message_id=call.id,
                call=call.id,
                at=call.at,
                urgency=call.urgency,
                callback_number=call.caller,
                recording=f"messages/{call.id}.wav",
            )
        for record in _records(call, message):
            writer.put(record)
    engine.dispose()
    writer.start()
    writer.close()


def _records(call: Reported, message: str | None) -> Iterable[records.Record]:
    yield records.CallStarted(call.id, call.at, "main", MAIN, call.caller, "abc")
    why = ("urgent at night", True, "it is closed, and urgent")
    yield records.Decided(call.id, call.at, 1, "escalation", "urgent", call.urgency, (why,))
    for number, person in enumerate(call.legs):
        leg = f"{call.id}{number + 1}"
        yield records.LegStarted(
            call.id, leg, call.at + timedelta(seconds=number), person, "mobile"
        )
    if call.outcome == "connected":
        accepted = call.at + timedelta(seconds=call.answer_s)
        yield records.LegAcknowledged(call.id, None, call.legs[-1], accepted)
    if message is not None:
        yield records.MessageOpened(call.id, message)
    if call.outcome is not None:
        yield records.CallEnded(call.id, call.end, call.outcome)


def cdr_lines(call: Reported) -> list[str]:
    """Write a call as Asterisk does: the caller's record first, then one for each leg."""
    up = call.outcome == "connected" or call.has_message
    first = f"Local/{call.legs[0]}@leg-00000001;1" if call.legs else ""
    lines = [
        cdr_line(call, call.id, "escalation", "do", "PJSIP/trunk-00000001", first, is_up=up),
    ]
    lines += [
        cdr_line(
            call,
            f"{call.id}{number}",
            person,
            "leg",
            f"Local/{person}@leg-0000000{number};2",
            f"PJSIP/trunk-out-0000000{number}",
            is_up=call.outcome == "connected" and person == call.legs[-1],
        )
        for number, person in enumerate(call.legs, start=2)
    ]
    return lines


def cdr_line(
    call: Reported, unique: str, dst: str, context: str, channel: str, other: str, *, is_up: bool
) -> str:
    """Write one record with the columns of `dialplan.system.CDR_FIELDS`."""
    start, end = call.at.timestamp(), call.end.timestamp()
    values = (
        f"{start:.6f}",
        f"{start + 10 if is_up else 0:.6f}",
        f"{end:.6f}",
        call.caller or "",
        dst,
        context,
        channel,
        other,
        "ANSWERED" if is_up else "NO ANSWER",
        f"{call.seconds - 10 if is_up else 0:.0f}",
        unique,
        "",
        call.id,
    )
    return ",".join(f'"{value}"' for value in values) + "\n"


def write_cdr(folder: Path, lines: Iterable[str]) -> None:
    """Write Asterisk's ledger anew."""
    path = cdr_path(Home(folder))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines), encoding="utf-8")
