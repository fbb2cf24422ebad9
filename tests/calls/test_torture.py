"""Messages and names that break telephone systems: the next call is answered, nothing forged."""

from __future__ import annotations

import asyncio
import csv
import re
import sqlite3
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import pytest

from dialplan.manager import EVENTS, USER
from dialplan.system import CDR_FIELDS, CDR_FILE
from pbx.demo.scenes import BACK_LINE, MAIN, SATURDAY, physician
from pbx.demo.stage import MOBILES, TONES, Stage
from tests.conftest import Saw
from tests.support.sip import SipSocket, office
from tests.support.stages import calls_logged, never_answers
from tests.support.torture import FORGED, HOSTILE, INVALID, VALID

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE = 60.0
MOMENT = 0.4  # seconds in which an answer comes on loopback


@pytest.mark.parametrize(
    "stranger", ["the carrier", pytest.param("127.0.0.3", marks=pytest.mark.long)]
)
async def test_torture_messages_are_survived(walled: Stage, stranger: str, saw: Saw) -> None:
    """From the carrier's own address and from a phone's: each is answered or dropped."""
    host = walled.carrier.host if stranger == "the carrier" else stranger
    answered = set()
    async with watched(walled) as heard:
        with SipSocket(host, office(walled)) as peer:
            for name, text in {**VALID, **INVALID}.items():
                if await asyncio.to_thread(sent, peer, text):
                    answered.add(name)
        await walled.asterisk.command("channel request hangup all")
        await next_call_is_answered(walled)
    assert len(answered) > 20  # whoever drops everything would survive, too
    assert_nothing_forged(bytes(heard), walled.secrets.token)
    assert await walled.asterisk.command("core show uptime seconds")
    total = len(VALID) + len(INVALID)
    saw(f"{total} messages from {stranger}, {len(answered)} answered; the next call was connected")


async def test_hostile_names_forge_nothing(walled: Stage, saw: Saw) -> None:
    """As the caller's number, name, and in every other header that names somebody."""
    walled.set_time(SATURDAY)
    before = await calls_logged(walled)
    answered = 0
    async with watched(walled) as heard:
        with SipSocket(walled.carrier.host, office(walled)) as peer:
            for number, name in HOSTILE.values():
                answered += await asyncio.to_thread(called, peer, number, name)
        await walled.asterisk.command("channel request hangup all")
        await next_call_is_answered(walled)
    assert answered > len(HOSTILE) // 2
    assert await calls_logged(walled) == before + answered + 1
    assert_nothing_forged(bytes(heard), walled.secrets.token)
    assert_clean_log(walled)
    saw(f"{len(HOSTILE)} hostile names: nothing was forged or stored unclean")


def sent(peer: SipSocket, text: str) -> bool:
    """Send one message; tell whether anything was answered."""
    peer.send(filled(peer, text))
    answered = False
    while peer.receive(MOMENT if not answered else 0.01):
        answered = True
    return answered


def filled(peer: SipSocket, text: str) -> bytes:
    """Fill in who sends it; CRLF at each line's end."""
    host, port = peer.office
    words = {
        "did": BACK_LINE,
        "me": f"{peer.host}:{peer.port}",
        "host": peer.host,
        "office": f"{host}:{port}",
        "id": uuid.uuid4().hex[:12],
    }
    for word, value in words.items():
        text = text.replace(f"{{{word}}}", value)
    return text.replace("\n", "\r\n").encode("utf-8", "surrogateescape")


def called(peer: SipSocket, number: str, name: str) -> bool:
    """Call as this number and name; hang up at once if it is answered, and tell whether it was."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    identity = f'"{quoted}" <sip:{number}@{peer.host}>'
    headers = {
        "From": f"{identity};tag={uuid.uuid4().hex[:8]}",
        "P-Asserted-Identity": identity,
        "Remote-Party-ID": f"{identity};party=calling",
        "Diversion": f"{identity};reason=unconditional",
        "Subject": name[:1000],
        "User-Agent": name[:1000],
        "History-Info": f"<sip:{number}@{peer.host}>;index=1",
        "Contact": f"<sip:{number[:200]}@{peer.host}:{peer.port}>",
    }
    text, call_id = peer.request("INVITE", MAIN, headers=headers, body=peer.sdp())
    peer.send(text)
    status = peer.status(call_id, MOMENT)
    if status is not None:
        peer.send(peer.confirmation(text))
    return status == 200


async def next_call_is_answered(stage: Stage) -> None:
    """A patient calls the back line and talks to the physician on call."""
    stage.set_time(SATURDAY)
    async with asyncio.timeout(DEADLINE):
        while "0 active channels" not in await stage.asterisk.command("core show channels"):
            await asyncio.sleep(0.1)
    person = stage.person("oncall")
    for one, number in MOBILES.items():
        stage.carrier.answers(number, physician(one) if one == person else never_answers())
    call = await stage.carrier.dials(BACK_LINE, caller="+19175550188", script=never_answers())
    phone = await stage.carrier.rings(MOBILES[person], DEADLINE)
    await asyncio.gather(call.ended(DEADLINE), phone.ended(DEADLINE))
    assert call.heard_tone(TONES[person])


@asynccontextmanager
async def watched(stage: Stage) -> AsyncIterator[bytearray]:
    """Collect every byte that the manager tells the daemon's login meanwhile."""
    port, secret = stage.asterisk.instance.ports.ami, stage.secrets.manager
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"Action: Login\r\nUsername: {USER}\r\nSecret: {secret}\r\n\r\n".encode())
    heard = bytearray()

    async def listen() -> None:
        while data := await reader.read(65536):
            heard.extend(data)

    task = asyncio.create_task(listen())
    try:
        yield heard
    finally:
        writer.close()
        task.cancel()


def assert_nothing_forged(heard: bytes, token: str) -> None:
    """Every event is one that was asked for, and no header or event of a stranger is among them."""
    text = heard.decode(errors="replace")
    names = re.findall(r"(?m)^Event: (.*?)\r$", text)
    assert names
    assert set(names) <= {*EVENTS, "FullyBooted"}
    assert not re.search(rf"(?im)^(?:{FORGED}|agi_\w+|OL_VERDICT):", text)
    accepted = [part for part in text.split("\r\n\r\n") if "What: leg-accepted" in part]
    assert accepted  # the physician's at the end
    assert all(f"\r\nToken: {token}\r\n" in part for part in accepted)


def assert_clean_log(stage: Stage) -> None:
    """The database's texts and Asterisk's own ledger hold plain words alone."""
    with closing(sqlite3.connect(stage.home.database)) as connection:
        listed = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = [row[0] for row in listed]
        found = []
        for table in tables:
            for row in connection.execute(f"SELECT * FROM {table}"):  # noqa: S608  # its own names
                found += [text for text in row if isinstance(text, str)]
        callers = [row[0] for row in connection.execute("SELECT caller FROM call")]
    assert [one for one in callers if one and not re.fullmatch(r"\+\d{3,15}", one)] == []
    assert not [text for text in found if FORGED in text or "DROP" in text or "SHELL" in text]
    assert not [text for text in found if not text.replace("\n", "").isprintable()]
    ledger = stage.home.asterisk / "log" / "cdr-custom" / CDR_FILE
    with ledger.open(newline="") as file:
        rows = list(csv.reader(file))
    assert {len(row) for row in rows} == {len(CDR_FIELDS)}
    assert all(field.isprintable() for row in rows for field in row)
    assert not [row for row in rows if any(FORGED in field for field in row)]
