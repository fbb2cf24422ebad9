"""Where a physician's own number could have come out: everything that a day of calls left."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from pbx.demo.carrier.trace import SipMessage
from pbx.demo.stage import Stage

# A mobile may stand in the secrets file, in what Asterisk dials from alone, and nowhere else of the
# home. The failsafe's data are Asterisk's own database and what it includes; the standby's is one
# file.
MAY_HOLD = ("secrets.json", "secrets.lock", "asterisk/db", "asterisk/etc", "standby/live.json")
COMMANDS = (
    "calls list --limit 200", "calls list --json", "calls export", "calls live --once",
    "audit list", "audit list --json", "report day --date 2026-11-28 --csv -",
    "report month --date 2026-11-28 --json",
    "report oncall --date 2026-11-28 --json", "inbox list", "inbox list --json",
    "people list", "people list --json", "oncall now", "oncall now --json",
    "oncall list --from 2026-11-23 --to 2026-12-07", "oncall export", "hours now",
    "patients list", "secrets status", "history", "history --json", "diff",
    "report morning --day 2026-11-28", "report morning --day 2026-11-28 --json",
    "reconcile --day 2026-11-28", "reconcile --day 2026-11-28 --json", "doctor", "doctor --json",
    "check", "explain --did +12125550101", "explain --did +12125550101 --json",
)  # fmt: skip
_OFFICE_WROTE = re.compile(r"^(?:SIP/2\.0 \d+|[A-Z]+ )")
_DIALED = re.compile(r"^(?:INVITE|ACK|BYE|CANCEL) |^(?:To|t):", re.IGNORECASE)
_ECHOED = re.compile(r"^(?:From|f|Contact|m):", re.IGNORECASE)


def spelled(number: str) -> tuple[str, str]:
    """Return what of a number is searched for: its ten digits, bare and as people write them."""
    ten = number[-10:]
    return ten, f"{ten[:3]}-{ten[3:6]}-{ten[6:]}"


def in_text(text: str, numbers: Iterable[str]) -> bool:
    """Tell whether any of these numbers stands in a text."""
    return any(word in text for number in numbers for word in spelled(number))


def in_sip(messages: Iterable[SipMessage], numbers: Iterable[str]) -> list[str]:
    """Name the headers with such a number in what the office sent to the carrier.

    A leg to a mobile names it in the request's first line and in To; an answer within that leg's
    dialog repeats what the mobile's side called itself.
    """
    numbers = tuple(numbers)
    found = []
    for message in messages:
        if not message.received or not _OFFICE_WROTE.match(message.text):
            continue
        answer = message.text.startswith("SIP/2.0")
        for line in message.text.splitlines():
            if _DIALED.match(line) or (answer and _ECHOED.match(line)):
                continue
            if in_text(line, numbers):
                found.append(f"SIP: {line.partition(':')[0]}")
    return found


def in_files(home: Path, numbers: Iterable[str]) -> list[str]:
    """Name the files of the home with such a number, other than those that must hold it.

    The database's own files are left out: closing one takes SQLite's locks away from this process.
    """
    numbers = tuple(numbers)
    found = []
    for path in sorted(home.rglob("*")):
        place = path.relative_to(home).as_posix()
        if not path.is_file() or place.startswith(MAY_HOLD) or ".db" in path.name:
            continue
        if in_text(path.read_bytes().decode("latin-1"), numbers):
            found.append(f"file: {place}")
    return found


def in_tables(database: Path, numbers: Iterable[str]) -> list[str]:
    """Name the tables and columns of a database with such a number in them."""
    with closing(sqlite3.connect(database)) as connection:
        return list(_in_columns(connection, tuple(numbers)))


def _in_columns(connection: sqlite3.Connection, numbers: tuple[str, ...]) -> Iterator[str]:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        rows = connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608  # sqlite's own names
        names = [column[0] for column in rows.description]
        found = {
            name
            for row in rows
            for name, value in zip(names, row, strict=True)
            if in_text(str(value), numbers)
        }
        yield from (f"table: {table}.{name}" for name in sorted(found))


async def in_commands(stage: Stage, numbers: Iterable[str]) -> list[str]:
    """Name the commands that print such a number, in their words or in an error's."""
    where = ["--config", str(stage.configuration.path), "--home", str(stage.home.folder)]
    numbers = tuple(numbers)
    gate = asyncio.Semaphore(2)

    async def said(words: list[str]) -> tuple[int, str]:
        async with gate:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "cli", *where, *words),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            out, _ = await process.communicate()
        return process.returncode or 0, out.decode()

    outputs = await asyncio.gather(*(said(one.split()) for one in COMMANDS))
    found = []
    for command, (code, text) in zip(COMMANDS, outputs, strict=True):
        assert code in {0, 1}, f"{command}: {text}"  # a command that fails would show nothing
        assert text, command
        if in_text(text, numbers):
            found.append(f"command: {command}")
    return found
