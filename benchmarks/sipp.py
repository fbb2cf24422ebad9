"""SIPp as carrier: callers to the office at a steady rate, and phones that ring and are let go."""

from __future__ import annotations

import asyncio
import csv
from dataclasses import dataclass
from pathlib import Path

from benchmarks.office import HOST

_DIALOG = """SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]"""
CALLER = f"""<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="a caller who lets it ring for a moment">
  <send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] {_DIALOG}
From: <sip:+1917[call_number]@[local_ip]>;tag=[call_number]
To: <sip:[service]@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:caller@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 9 RTP/AVP 0
]]></send>
  <recv response="100" optional="true"></recv>
  <recv response="180" optional="true"></recv>
  <recv response="200"></recv>
  <send><![CDATA[
ACK sip:[service]@[remote_ip]:[remote_port] {_DIALOG}
[last_From:]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
  <pause milliseconds="TALK_MS"/>
  <send retrans="500"><![CDATA[
BYE sip:[service]@[remote_ip]:[remote_port] {_DIALOG}
[last_From:]
[last_To:]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv response="200"></recv>
</scenario>
"""
_ANSWER = """[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
Content-Length: 0

]]></send>"""
PHONE = f"""<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="a phone that rings until it is let go">
  <recv request="INVITE"><action><ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="1"/>
    <ereg regexp=".*" search_in="hdr" header="Via:" assign_to="2"/></action></recv>
  <send><![CDATA[
SIP/2.0 180 Ringing
{_ANSWER}
  <recv request="CANCEL"></recv>
  <send><![CDATA[
SIP/2.0 200 OK
{_ANSWER}
  <send retrans="500"><![CDATA[
SIP/2.0 487 Request Terminated
Via:[$2]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
CSeq:[$1]
Content-Length: 0

]]></send>
  <recv request="ACK"></recv>
</scenario>
"""


@dataclass(frozen=True)
class Counted:
    """What SIPp counted on both sides, and how long the callers took in seconds."""

    placed: int
    succeeded: int
    failed: int
    rang: int
    seconds: float


@dataclass(frozen=True)
class Sipp:
    """Where SIPp runs and whom it calls; the phones listen at `phones`."""

    folder: Path
    office: int
    phones: int
    talk_ms: int = 200

    async def place(self, did: str, calls: int, rate: float) -> Counted:
        """Place calls at a rate and count what became of them."""
        (self.folder / "caller.xml").write_text(CALLER.replace("TALK_MS", str(self.talk_ms)))
        (self.folder / "phone.xml").write_text(PHONE)
        listening = ("-p", str(self.phones), "-m", str(calls), "-timeout", str(calls / rate + 15))
        phone = await self._start("phone", *listening)
        await asyncio.sleep(0.3)
        loop = asyncio.get_running_loop()
        began = loop.time()
        office = f"127.0.0.1:{self.office}"
        pace = ("-r", f"{rate:g}", "-m", str(calls), "-l", "2000", "-recv_timeout", "8000")
        caller = await self._start("caller", "-s", did, *pace, office)
        await caller.wait()
        seconds = loop.time() - began
        try:
            await asyncio.wait_for(phone.wait(), 5)
        except TimeoutError:
            phone.terminate()
            await phone.wait()
        ours, theirs = (self._counts(one) for one in (caller, phone))
        return Counted(
            int(ours["TotalCallCreated"]),
            int(ours["SuccessfulCall(C)"]),
            int(ours["FailedCall(C)"]),
            int(theirs["SuccessfulCall(C)"]),
            seconds,
        )

    async def _start(self, which: str, *words: str) -> asyncio.subprocess.Process:
        for old in self.folder.glob(f"{which}_*_.csv"):
            old.unlink()
        return await asyncio.create_subprocess_exec(
            *("sipp", "-sf", f"{which}.xml", "-i", HOST, "-nostdin", "-trace_stat", "-fd", "1"),
            *words,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=self.folder,
        )

    def _counts(self, process: asyncio.subprocess.Process) -> dict[str, str]:
        """Read the last line of what SIPp wrote of itself."""
        (path,) = self.folder.glob(f"*_{process.pid}_.csv")
        with path.open(newline="") as file:
            return list(csv.DictReader(file, delimiter=";"))[-1]
