"""Plays Asterisk's manager, as a process: lets anybody in, then tells of calls at a rate.

The events are those of a call on which one phone rang and whose owner pressed 1.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter

from benchmarks.measured import DIES_WITH_US
from dialplan import names

TOKEN = "a-made-up-token"  # noqa: S105  # nobody's
EVENTS = 6  # of each call
TICK_S = 0.01


def events_of(number: int) -> bytes:
    """Write what Asterisk tells of a call, as it is read from the wire."""
    call, leg, person = f"1700000000.{number}", f"1700000000.{number}9", "osei"
    ours = f"UserEvent: {names.USER_EVENT}\r\nUniqueid: {leg}\r\nToken: {TOKEN}\r\n"
    who = f"Who: {person}\r\nCall: {call}\r\n"
    dial = (
        f"Channel: Local/{person}@{names.LEG}-00000001;2\r\nUniqueid: {leg}8\r\n"
        f"Linkedid: {call}\r\nDestChannel: PJSIP/trunk-out-00000001\r\n"
        f"DestUniqueid: {leg}\r\nDestLinkedid: {call}\r\n"
    )
    reported = (
        f"Event: DialBegin\r\n{dial}",
        f"Event: UserEvent\r\n{ours}What: {names.LEG_ANSWERED}\r\n{who}",
        f"Event: UserEvent\r\n{ours}What: {names.LEG_ACCEPTED}\r\n{who}",
        f"Event: DialEnd\r\n{dial}DialStatus: ANSWER\r\n",
        f"Event: Hangup\r\nUniqueid: {leg}\r\nLinkedid: {call}\r\n",
        f"Event: Hangup\r\nUniqueid: {call}\r\nLinkedid: {call}\r\n",
    )
    return "".join(f"{one}\r\n" for one in reported).encode()


async def _serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: float, calls: int
) -> None:
    writer.write(b"Asterisk Call Manager/11.0.0\r\n")
    while True:
        try:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        except asyncio.IncompleteReadError:
            return
        action = dict(line.split(": ", 1) for line in lines)
        answer = f"Response: Success\r\nActionID: {action['ActionID']}\r\nChallenge: 1\r\n\r\n"
        writer.write(answer.encode())
        if action["Action"] == "Login":
            writer.write(b"Event: FullyBooted\r\nStatus: Fully Booted\r\n\r\n")
        if action["Action"] == "Originate":  # the benchmark's word to begin
            asyncio.get_running_loop().create_task(_tell(writer, rate / EVENTS, calls))


async def _tell(writer: asyncio.StreamWriter, rate: float, calls: int) -> None:
    """Write the events of so many calls a second."""
    begin, reported = perf_counter(), 0
    while reported < calls:
        until = min(calls, int((perf_counter() - begin) * rate) + 1)
        writer.write(b"".join(events_of(number) for number in range(reported, until)))
        reported = until
        await writer.drain()
        await asyncio.sleep(TICK_S)


async def _listen(rate: float, calls: int) -> None:
    server = await asyncio.start_server(
        lambda reader, writer: _serve(reader, writer, rate, calls), "127.0.0.1"
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@asynccontextmanager
async def telling(rate: float, calls: int) -> AsyncIterator[int]:
    """Run it; yield its port. `rate` is in events a second."""
    code = "import sys; from benchmarks.ami_source import main; main()"
    process = await asyncio.create_subprocess_exec(
        *DIES_WITH_US,
        sys.executable,
        "-c",
        code,
        str(rate),
        str(calls),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None  # noqa: S101  # asked for
    try:
        yield int(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


def main() -> None:
    """Serve until ended."""
    asyncio.run(_listen(float(sys.argv[1]), int(sys.argv[2])))
