"""Hostile input for every reader: no crash but the declared error, no hang, no growth.

`python -m benchmarks.fuzz [COUNT] [NAME ...]`; 100,000 of each without a count. An input is a good
one, cut, doubled, spliced with another and salted with what breaks readers; the seed is fixed.
"""

from __future__ import annotations

import json
import platform
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dialplan import names
from pbx.asterisk.agi.protocol import LINE_LIMIT, AgiReader, ProtocolError, encode_variables
from pbx.asterisk.ami.protocol import MESSAGE_LIMIT, AmiEvent, HardenedProtocol
from pbx.base.errors import OfficeLineError
from pbx.calls.callflow import CallFlow
from pbx.calls.conversation import Book, Question, variables
from pbx.calls.recent import RecentCallers
from pbx.config import patients_file as patients
from pbx.config import plan
from pbx.config.ics import reader
from routing.model import Plan

ROOT = Path(__file__).parents[1]
NAME = Path("office.toml")
EXAMPLE = (ROOT / "config" / "office.toml").read_text(encoding="utf-8")
OFFICE: Plan = plan.parse(EXAMPLE, NAME).plan
NOW = datetime(2026, 11, 28, 7, 10, tzinfo=UTC)  # a Saturday before dawn
COUNT = 100_000
SLOWEST_S = 6.0  # one input; a calendar's work is bounded to about three
GROWTH_MB = 32.0  # after the first tenth
SALT = (
    b"\0", b"\r\n", b"\n\n", b"\r\n\r\n", b"\xff\xfe", b"\xed\xa0\x80", b"%0d%0a", b"\x1b[2J",
    b"'; DROP TABLE calls;--", b'"', b"\\", b"${SHELL(id)}", b"$[1/0]", b"=1+1", b"\xe2\x80\xae",
    b"9" * 400, b"A" * 3000, b"[", b"{", b"(" * 50, b"]]", b"-1", b"1e999", b"9" * 20, b";", b",",
    b"\t", b"agi_uniqueid: 1.1\n", b"Event: UserEvent\r\n", b"Response: Success\r\nActionID: 1\r\n",
    b"BEGIN:VEVENT\r\n", b"RRULE:FREQ=SECONDLY\r\n", b"DTSTART:99991231T235959Z\r\n", b"2026-02-30",
)  # fmt: skip


@dataclass(frozen=True)
class Reader:
    """Something that reads what strangers may have written; any exception of `take` is a crash."""

    name: str
    seeds: tuple[bytes, ...]
    take: Callable[[bytes], None]


@dataclass(frozen=True)
class Fixed:
    """A plan that does not change, and how people are dialed."""

    plan: Plan
    book: Book

    def by_hash(self, hash_: str) -> Plan | None:
        """Find the plan."""
        return self.plan if hash_ == self.plan.hash else None


DIALED = {person: {"mobile": "PJSIP/+12125550111@trunk-out"} for person in OFFICE.people}
PLANS = Fixed(OFFICE, DIALED)


def agi(data: bytes) -> None:
    """Feed Asterisk's side of a conversation in uneven pieces."""
    wire = AgiReader()
    try:
        for piece in pieces(data):
            list(wire.feed(piece))
            if len(wire._buffer) > LINE_LIMIT:  # noqa: SLF001  # the bound is what is measured
                raise AssertionError("more than a line is held")
        wire.eof()
    except ProtocolError:
        pass


def ami(data: bytes) -> None:
    """Feed a connection to the manager in uneven pieces."""
    events: list[AmiEvent] = []
    lost: list[str] = []
    wire = HardenedProtocol(events.append, lost.append)
    for piece in pieces(data):
        if not wire.closed:
            wire.data_received(piece)
        if len(wire._buffer) > MESSAGE_LIMIT + 4:  # noqa: SLF001  # the bound is what is measured
            raise AssertionError("more than a message is held")
    wire.abort("the end")
    if len(lost) != 1:
        raise AssertionError("its end was not told once")


def config(data: bytes) -> None:
    """Read an office.toml."""
    try:
        plan.parse(data.decode(errors="replace"), NAME)
    except OfficeLineError as error:
        sentence(error)


def ics(data: bytes) -> None:
    """Read a calendar of shifts."""
    try:
        found = reader.read(data, OFFICE, NOW, NOW + timedelta(days=60), endless=False).shifts
    except OfficeLineError as error:
        sentence(error)
    else:
        if any(shift.start >= shift.end for shift in found):
            raise AssertionError("a shift that ends before it begins")


def csv(data: bytes) -> None:
    """Read a directory of patients."""
    try:
        parsed = patients.parse_patients(data.decode(errors="replace"), OFFICE)
        entries, refused = parsed.entries, parsed.refused
        patients.settle(entries)
    except OfficeLineError as error:
        sentence(error)
    else:
        if any("\n" in one.why for one in refused):
            raise AssertionError("a reason of more than a line")


def dtmf(data: bytes) -> None:
    """Play a call whose keys are these, turn by turn; each verdict must be one that can be sent."""
    words = data.decode(errors="replace").split("\n")
    flow, state, event = CallFlow(PLANS, RecentCallers()), "", names.ARRIVED
    events = {names.MENU: names.PRESSED, names.NUMBER: names.KEYED, names.REASON: names.RECORDED}
    for turn, detail in enumerate(words[:12], 1):
        asked = Question("1.1", "1.1", str(turn), "+12125550100", event, detail, state, None)
        verdict = flow.answer(asked, NOW)
        laid = variables(verdict, asked, "/messages/1.1")
        encode_variables(laid)
        state, event = laid[names.STATE], events.get(verdict.verb, names.RANG)


def sentence(error: OfficeLineError) -> None:
    """Look at what a person is told: no control character, no end of it."""
    text = str(error)
    if len(text) > 100_000 or any(character in text for character in "\0\r\x1b"):
        raise AssertionError("an error that a terminal should not show")


def pieces(data: bytes) -> Iterator[bytes]:
    """Cut as a network does; where is decided by the data."""
    begin = 0
    while begin < len(data):
        size = 1 + data[begin] * 7 % 997
        yield data[begin : begin + size]
        begin += size


def changed(seeds: tuple[bytes, ...], dice: random.Random) -> bytes:
    """Make a hostile input of good ones."""
    data = bytearray(dice.choice(seeds))
    for _ in range(dice.choice((1, 1, 2, 3, 8))):
        at = dice.randrange(len(data) + 1)
        end = min(len(data), at + dice.choice((1, 4, 40, 400)))
        match dice.randrange(6):
            case 0:
                data[at:at] = dice.choice(SALT)
            case 1:
                del data[at:end]
            case 2:
                data[at:at] = data[at:end] * dice.choice((1, 2, 20))
            case 3:
                data[at:end] = dice.randbytes(end - at)
            case 4:
                other = dice.choice(seeds)
                data[at:] = other[dice.randrange(len(other) + 1) :]
            case _:
                data[at:end] = dice.choice(SALT)
    return bytes(data)


QUESTION = (
    b"agi_network: yes\nagi_network_script: route\nagi_uniqueid: 1795.1\n"
    b"agi_callerid: +12125550150\nagi_arg_1: 1\nagi_arg_2: +12125550100\n\n"
    b"200 result=1\n200 result=1 (timeout) endpos=0\nHANGUP\n511 Command Not Permitted\n"
)
ANSWERS = (
    b"agi_callerid: unknown\n\n520-Invalid command\nUsage: x\n520 End of proper usage.\n"
    b"100 Trying\n200 result=1 (a (b) c)\n"
)
ENDED = (
    b"Asterisk Call Manager/11.0.0\r\nEvent: Hangup\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\n"
    b"Cause: 16\r\n\r\nResponse: Success\r\nActionID: 7\r\nMessage: ok\r\n\r\n"
)
ACCEPTED = (
    b"Asterisk Call Manager/11.0.0\r\nEvent: UserEvent\r\nUserEvent: OfficeLine\r\n"
    b"Token: x\r\nWhat: leg-accepted\r\nWho: lee\r\n\r\nEvent: DialEnd\r\nX: y\r\n\r\n"
)
WEEKLY = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x\r\nBEGIN:VEVENT\r\nUID:1\r\n"
    b"DTSTART;TZID=America/New_York:20261201T080000\r\nSUMMARY:Dr. Ana Lee\r\n"
    b"DTEND;TZID=America/New_York:20261202T080000\r\n"
    b"RRULE:FREQ=WEEKLY;COUNT=4\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
WEEKEND = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x\r\nBEGIN:VEVENT\r\nUID:2\r\n"
    b"DTSTART;VALUE=DATE:20261205\r\nDTEND;VALUE=DATE:20261207\r\nSUMMARY:osei\r\n"
    b"EXDATE:20261206T000000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
SERIES = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:PUBLISH\r\nX-WR-TIMEZONE:America/Chicago\r\n"
    b"BEGIN:VTIMEZONE\r\nTZID:Town\r\nBEGIN:DAYLIGHT\r\nTZOFFSETFROM:-0500\r\nTZOFFSETTO:-0400\r\n"
    b"DTSTART:16010101T020000\r\nRRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3\r\nEND:DAYLIGHT\r\n"
    b"BEGIN:STANDARD\r\nTZOFFSETFROM:-0400\r\nTZOFFSETTO:-0500\r\nDTSTART:16010101T020000\r\n"
    b"RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    b"BEGIN:VEVENT\r\nUID:3\r\nSEQUENCE:2\r\nDTSTART;TZID=Town:20201201T080000\r\nDURATION:P1DT2H\r\n"
    b"RRULE:FREQ=MONTHLY;BYDAY=-1MO,2TU;BYSETPOS=1;UNTIL=20270201\r\nSUMMARY:Call: Lee\r\n"
    b"EXDATE;TZID=Town:20261208T080000\r\nRDATE;VALUE=PERIOD:20261210T130000Z/PT9H\r\nEND:VEVENT\r\n"
    b"BEGIN:VEVENT\r\nUID:3\r\nRECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Town:20261229T080000\r\n"
    b"DTSTART;TZID=Town:20261229T090000\r\nSUMMARY:On Call - Dr. K. Osei\\, MD - Care\r\n"
    b'DTEND;TZID=Town:20261229T235959\r\nATTENDEE;CN="Lee, Ana";PARTSTAT=DECLINED:mailto:a@b.c\r\n'
    b"END:VEVENT\r\nEND:VCALENDAR\r\n"
)
DIRECTORY = (
    b"id,name,numbers,panel,flags\np1,Ada Adams,(212) 555-0150;+12125550151,lee,vip\n"
    b'p2,"Bo, Bell",212-555-0152,,\np3,Cy Cole,+12125550153,osei,"vip;oxygen"\n'
)
READERS = (
    Reader("agi", (QUESTION, ANSWERS), agi),
    Reader("ami", (ENDED, ACCEPTED), ami),
    Reader("config", (EXAMPLE.encode(),), config),
    Reader("ics", (WEEKLY, WEEKEND, SERIES), ics),
    Reader("csv", (DIRECTORY,), csv),
    Reader("dtmf", (b"\n1\n2125550150\nHANGUP\n#\n", b"\n9\n*\n0\n\n\n", b"\n2\n"), dtmf),
)


def measure(one: Reader, count: int) -> dict[str, object]:
    """Feed so many inputs; a crash is raised with the input in its note."""
    dice = random.Random(one.name)  # noqa: S311  # no secret: the same inputs each time
    slowest, early, began = 0.0, 0.0, time.perf_counter()
    for number in range(count):
        data = changed(one.seeds, dice)
        started = time.perf_counter()
        try:
            one.take(data)
        except BaseException as error:
            error.add_note(f"{one.name}, input {number}: {data!r}")
            raise
        slowest = max(slowest, time.perf_counter() - started)
        if number == count // 10:
            early = memory_mb()
    return {
        "reader": one.name,
        "inputs": count,
        "seconds": round(time.perf_counter() - began, 1),
        "slowest_ms": round(slowest * 1000, 1),
        "growth_mb": round(memory_mb() - early, 1),
    }


def memory_mb() -> float:
    """Return what this process holds in memory now."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1000


def run(count: int, wanted: list[str]) -> None:
    """Measure each reader, print a table, write the JSON; exit 1 past a bound."""
    rows = []
    for one in READERS:
        if not wanted or one.name in wanted:
            row = measure(one, count)
            print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
            rows.append(row)
    report = {"benchmark": "fuzz", "python": platform.python_version(), "readers": rows}
    target = Path("var/bench")
    target.mkdir(parents=True, exist_ok=True)
    (target / "fuzz.json").write_text(json.dumps(report, indent=1))
    bounds = (("slowest_ms", SLOWEST_S * 1000), ("growth_mb", GROWTH_MB))
    if any(float(str(row[what])) > most for row in rows for what, most in bounds):
        raise SystemExit(1)


if __name__ == "__main__":
    number, *rest = [*(sys.argv[1:] or [str(COUNT)])]
    run(int(number), rest)
