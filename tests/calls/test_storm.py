"""Fifty calls a second against a line that takes a few: those are served, the others told 503."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pbx.demo.carrier.handset import refuses
from pbx.demo.scenes import BACK_LINE, MAIN, SATURDAY, patient, physician
from pbx.demo.stage import MOBILES, PATIENT_TONE, TONES, Stage, staged
from tests.calls.conftest import CONFIG
from tests.conftest import Saw
from tests.support.stages import calls_logged

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMIT, RATE, CALLS = 6, 50, 500
DEADLINE = 60.0
SCENARIO = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="a caller who hangs up at the menu, or is told 503">
  <send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:+1917556[call_number]@[local_ip]>;tag=[call_number]
To: <sip:[service]@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:storm@[local_ip]:[local_port]>
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
  <recv response="503" optional="true" next="1">
    <action><log message="refused"/></action>
  </recv>
  <recv response="200"></recv>
  <send><![CDATA[
ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
[last_From:]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
  <pause milliseconds="1000"/>
  <send retrans="500"><![CDATA[
BYE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
[last_From:]
[last_To:]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv response="200" next="2"><action><log message="served"/></action></recv>
  <label id="1"/>
  <send><![CDATA[
ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
[last_From:]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
  <label id="2"/>
</scenario>
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def small() -> AsyncIterator[Stage]:
    """Start an office that takes a few calls at once."""
    with tempfile.TemporaryDirectory(prefix="officeline-storm-") as name:
        config = Path(name) / "office.toml"
        text = CONFIG.read_text().replace("[trunk]", f"[trunk]\nmax_calls = {LIMIT}")
        # physicians of the tests talk for two seconds
        text = text.replace(
            "[escalation.urgent]", '[escalation.urgent]\nfollow_up = { cut_off = "1s" }'
        )
        config.write_text(text)
        async with staged(Path(name), config, SATURDAY) as stage:
            yield stage


@pytest.mark.long
async def test_a_storm_costs_those_who_are_served_nothing(
    small: Stage, tmp_path: Path, saw: Saw
) -> None:
    """Who talks goes on talking, an urgent caller in the midst of it reaches a physician.

    Every call is served to its end or refused, and the next one rings as soon as one before it.
    """
    busy, person = small.person("oncall"), small.person("backup")
    before = await reaches(small, busy, "+19175550176")
    small.carrier.answers(MOBILES[busy], refuses(486, after=4))
    small.carrier.answers(MOBILES[person], physician(person))
    urgent = await small.carrier.dials(BACK_LINE, caller="+19175550177", script=patient())
    await urgent.answered(DEADLINE)
    began = time.monotonic()
    storm = await sipp(small, tmp_path)
    phone = await small.carrier.rings(MOBILES[person], DEADLINE)
    assert storm.returncode is None  # it rang in the midst of it
    await asyncio.gather(urgent.ended(DEADLINE), phone.ended(DEADLINE))
    assert urgent.heard_tone(TONES[person])
    assert phone.heard_tone(PATIENT_TONE)
    async with asyncio.timeout(DEADLINE):
        assert await storm.wait() == 0
    took = time.monotonic() - began
    lines = [line for path in tmp_path.glob("*_logs.log") for line in path.read_text().split()]
    served, refused = lines.count("served"), lines.count("refused")
    assert served + refused == CALLS
    assert served >= LIMIT
    assert refused > CALLS // 2
    async with asyncio.timeout(DEADLINE):
        while await calls_logged(small) < served + 2:
            await asyncio.sleep(0.1)
    assert await calls_logged(small) == served + 2  # of the others nothing is left behind
    after = await reaches(small, busy, "+19175550178")
    saw(
        f"{CALLS} calls in {took:.0f} s: {served} handled to the end, {refused} refused with 503; "
        f"the "
        f"next one rang after {after * 1e3:.0f} ms, one before after {before * 1e3:.0f} ms",
        after,
    )


async def reaches(stage: Stage, person: str, caller: str) -> float:
    """Call the back line and reach a physician; return how long it took until their phone rang."""
    stage.carrier.answers(MOBILES[person], physician(person))
    began = time.monotonic()
    call = await stage.carrier.dials(BACK_LINE, caller=caller, script=patient())
    phone = await stage.carrier.rings(MOBILES[person], DEADLINE)
    waited = (phone.rang_at or time.monotonic()) - began
    await asyncio.gather(call.ended(DEADLINE), phone.ended(DEADLINE))
    assert call.heard_tone(TONES[person])
    return waited


async def sipp(stage: Stage, folder: Path) -> asyncio.subprocess.Process:
    """Start the storm, from the carrier's address."""
    (folder / "storm.xml").write_text(SCENARIO)
    return await asyncio.create_subprocess_exec(
        *("sipp", "-sf", "storm.xml", "-i", stage.carrier.host, "-s", MAIN, "-m", str(CALLS)),
        *("-r", str(RATE), "-trace_logs", "-timeout", "40", "-nostdin"),
        f"127.0.0.1:{stage.asterisk.instance.ports.sip}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=folder,
    )
