"""Calls beyond the demo: who hangs up, who is refused, phones and trunks that others wrote."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dialplan.manager import USER
from dialplan.names import HEARTBEAT
from dialplan.system import CDR_FILE
from pbx.asterisk.ami.client import AmiClient
from pbx.calls.record.cdr import read_cdr
from pbx.demo.carrier import audio
from pbx.demo.carrier.handset import Handset, answers, refuses
from pbx.demo.scenes import BACK_LINE, MAIN, SATURDAY, TUESDAY, patient, physician
from pbx.demo.stage import MOBILES, PATIENT_TONE, TONES, Stage
from pbx.ops.trunk import reaches
from tests.conftest import Saw
from tests.support.sip import Dialog, SipSocket, office
from tests.support.stages import calls_logged, messages_of, never_answers

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE = 60.0


async def test_busy_goes_to_the_next_at_once(stage: Stage, caller: str) -> None:
    """A mobile that is busy costs the patient no time: the backup rings within a second or two."""
    stage.set_time(SATURDAY)
    first, second = stage.person("oncall"), stage.person("backup")
    stage.carrier.answers(MOBILES[first], refuses(486))
    stage.carrier.answers(MOBILES[second], physician(second))
    call = await stage.carrier.dials(BACK_LINE, caller=caller, script=patient())
    busy = await stage.carrier.rings(MOBILES[first])
    phone = await stage.carrier.rings(MOBILES[second])
    await asyncio.gather(call.ended(DEADLINE), phone.ended(DEADLINE), busy.ended(DEADLINE))
    history = await stage.finished(caller)
    results = {leg.person: leg.result for leg in history.legs}
    assert results == {first: "busy", second: "accepted"}


async def test_keys_and_sounds_pass_a_conversation(stage: Stage, caller: str) -> None:
    """What the patient presses while they talk, the physician's phone receives."""
    stage.set_time(SATURDAY)
    person = stage.person("oncall")
    stage.carrier.answers(
        MOBILES[person], answers(after=0.5, press="1", tone=TONES[person], talk=6)
    )

    async def presses_while_talking(phone: Handset) -> None:
        await phone.wait(6)
        await phone.press("42")
        await phone.wait(1)

    call = await stage.carrier.dials(BACK_LINE, caller=caller, script=presses_while_talking)
    phone = await stage.carrier.rings(MOBILES[person])
    await asyncio.gather(call.ended(DEADLINE), phone.ended(DEADLINE))
    assert phone.digits == "42"
    known = (await stage.history(caller)).call.id
    ledger = list(read_cdr(cdr_file(stage)))
    assert [row for row in ledger if row.call == known], "Asterisk's own ledger has the call, too"
    assert all(row.context != HEARTBEAT for row in ledger), "and no heartbeat, 4,320 a day"
    assert not any(mobile in cdr_file(stage).read_text() for mobile in MOBILES.values())


def cdr_file(stage: Stage) -> Path:
    """Name Asterisk's own ledger."""
    return stage.home.asterisk / "log" / "cdr-custom" / CDR_FILE


@pytest.mark.long
async def test_a_lost_manager_connection_loses_no_call(stage: Stage, caller: str, saw: Saw) -> None:
    """The daemon reconnects while two people talk; their call ends as the connected one it was."""
    stage.set_time(SATURDAY)
    person = stage.person("oncall")
    stage.carrier.answers(
        MOBILES[person], answers(after=0.5, press="1", tone=TONES[person], talk=8)
    )
    call = await stage.carrier.dials(BACK_LINE, caller=caller, script=patient(at_most=8))
    phone = await stage.carrier.rings(MOBILES[person])
    async with asyncio.timeout(DEADLINE):
        while (await stage.history(caller)).call.person is None:
            await asyncio.sleep(0.05)
    sessions = (await stage.asterisk.command("manager show connected")).splitlines()
    (descriptor,) = [line.split()[4] for line in sessions if line.startswith("  officeline")]
    await stage.asterisk.command(f"manager kick session {descriptor}")
    await asyncio.gather(call.ended(DEADLINE), phone.ended(DEADLINE))
    history = await stage.finished(caller)
    again = (await stage.asterisk.command("manager show connected")).splitlines()
    assert [line.split()[4] for line in again if line.startswith("  officeline")]
    assert history.call.outcome == "connected"
    assert history.call.person == person
    saw("disconnected during a conversation: reconnected, logged as connected")


async def test_wrong_keys_are_no_acceptance(stage: Stage, caller: str, saw: Saw) -> None:
    """Whoever presses anything but 1 is asked once more, and then the next one rings."""
    stage.set_time(SATURDAY)
    first, second = stage.person("oncall"), stage.person("backup")
    stage.carrier.answers(MOBILES[first], answers(after=0.5, press="5w7w9w"))
    stage.carrier.answers(MOBILES[second], physician(second))
    call = await stage.carrier.dials(BACK_LINE, caller=caller, script=patient())
    wrong = await stage.carrier.rings(MOBILES[first])
    phone = await stage.carrier.rings(MOBILES[second], DEADLINE)
    await asyncio.gather(call.ended(DEADLINE), phone.ended(DEADLINE), wrong.ended(DEADLINE))
    assert not wrong.heard_tone(PATIENT_TONE)
    history = await stage.finished(caller)
    assert {leg.person: leg.result for leg in history.legs} == {
        first: "declined",
        second: "accepted",
    }
    saw("5, 7 and 9: asked once more, and then the next one rang")


async def test_an_urgent_caller_who_hangs_up_leaves_a_message(stage: Stage, caller: str) -> None:
    """The phone stops ringing at once, and an open urgent message has the callback number."""
    stage.set_time(SATURDAY)
    first = stage.person("oncall")
    stage.carrier.answers(MOBILES[first], never_answers())

    script = patient(press="1", tells=True, at_most=11)
    call = await stage.carrier.dials(MAIN, caller=caller, script=script)
    mobile = await stage.carrier.rings(MOBILES[first], DEADLINE)
    await asyncio.gather(call.ended(DEADLINE), mobile.ended(DEADLINE))
    history = await stage.finished(caller)
    assert history.call.outcome == "message"
    assert history.message is not None
    assert history.message.urgency == "urgent"
    assert history.message.state == "open"
    assert history.message.callback_number == caller


async def test_a_foreign_caller_id_is_refused_by_the_carrier(stage: Stage) -> None:
    """The network is as strict as a real one: 403 for a number that is not the office's."""
    mobile = MOBILES["patel"]
    stage.carrier.answers(mobile, physician("patel"))
    before = len(stage.carrier.refused)
    async with manager(stage) as client:
        await client.action(
            "Originate",
            Channel=f"PJSIP/{mobile}@trunk-out",
            CallerID="Mallory <+19175559999>",
            Context="heartbeat",
            Exten="done",
            Priority="1",
            Async="true",
        )
    async with asyncio.timeout(DEADLINE):
        while len(stage.carrier.refused) == before:
            await asyncio.sleep(0.05)
    assert any(
        message.start.startswith("SIP/2.0 403")
        for message in messages_of(stage.carrier, stage.carrier.refused[-1])
    )


async def test_what_carriers_write_behind_a_number(stage: Stage, caller: str) -> None:
    """That a number was ported, and to where; and of a caller's number its context."""
    stage.set_time(SATURDAY)
    with SipSocket("127.0.0.2", office(stage)) as carrier:
        asked, shown = f"{MAIN};npdi;rn=+12125559999", f"{caller};phone-context=example.com"
        headers = {"Content-Type": "application/sdp"}
        call = await asyncio.to_thread(Dialog.called, carrier, asked, shown, headers)
        assert await asyncio.to_thread(call.asks, "BYE") == 200
    assert (await stage.finished(caller)).call.line == "main"


async def test_the_doctor_finds_the_carrier(stage: Stage) -> None:
    """One OPTIONS tells a trunk that answers from one that does not."""
    host, port = stage.carrier.sip
    assert await asyncio.to_thread(reaches, host, port)
    assert not await asyncio.to_thread(reaches, host, 9)


STRANGER = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="a stranger who calls himself the trunk">
  <send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:trunk@[local_ip]>;tag=[call_number]
To: <sip:[service]@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:trunk@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv response="401"></recv>
  <send><![CDATA[
ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
[last_Via:]
[last_From:]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
</scenario>
"""


async def test_a_stranger_gets_no_channel(stage: Stage, tmp_path: Path) -> None:
    """INVITEs from another address that pose as the trunk are answered 401, and reach no line."""
    (tmp_path / "stranger.xml").write_text(STRANGER)
    before = await calls_logged(stage)
    process = await asyncio.create_subprocess_exec(
        *("sipp", "-sf", "stranger.xml", "-i", "127.0.0.9", "-s", MAIN, "-m", "3", "-r", "10"),
        *("-timeout", "10", "-nostdin", f"127.0.0.1:{stage.asterisk.instance.ports.sip}"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=tmp_path,
    )
    assert await asyncio.wait_for(process.wait(), DEADLINE) == 0  # three times 401 and no more
    assert await calls_logged(stage) == before
    security = (stage.home.asterisk / "log" / "security.log").read_text()
    assert security.count("127.0.0.9") >= 3  # what a ban rule can read


@asynccontextmanager
async def manager(stage: Stage) -> AsyncIterator[AmiClient]:
    """Log in to the office's Asterisk as its daemon does."""
    client = AmiClient(
        host="127.0.0.1",
        port=stage.asterisk.instance.ports.ami,
        username=USER,
        secret=stage.secrets.manager,
    )
    task = asyncio.create_task(client.run(lambda _: None))
    try:
        await client.wait_connected(DEADLINE)
        yield client
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def baresip(folder: Path, stage: Stage, secret: str, *commands: str) -> AsyncIterator[None]:
    """Run baresip as the second desk phone: it answers by itself and plays a tone.

    These commands of its own are typed once it is registered, as a person would; given at its
    start, baresip 1.1 carries them out before.
    """
    tone, heard = folder / "tone.wav", folder / "heard"
    heard.mkdir()
    audio.write_tone(tone, TONES["desk1"], 20)
    sip = stage.asterisk.instance.ports.sip
    (folder / "accounts").write_text(
        f"<sip:desk2@127.0.0.1:{sip}>;auth_user=desk2;auth_pass={secret};answermode=auto;regint=60\n"
    )
    modules = "".join(f"module {name}.so\n" for name in ("g711", "aufile", "sndfile", "stdio"))
    (folder / "config").write_text(
        "net_interface 127.0.0.1\nsip_listen 127.0.0.1:0\nrtp_ports 31950-31990\n"
        f"module_path {_baresip_modules()}\n{modules}module_app account.so\n"
        f"module_app menu.so\naudio_source aufile,{tone}\naudio_player aufile,{folder}/played\n"
        f"audio_alert aufile,{folder}/alert\nsnd_path {heard}\n"
    )
    with (folder / "output").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            "baresip",
            "-f",
            str(folder),
            stdout=output,
            stderr=output,
            stdin=asyncio.subprocess.PIPE,
        )
        try:
            await stage.desk_is_registered("desk2")
            assert process.stdin is not None
            process.stdin.write("".join(f"{command}\n" for command in commands).encode())
            await process.stdin.drain()
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await asyncio.wait_for(process.wait(), DEADLINE)


def _baresip_modules() -> Path:
    return next(Path("/usr/lib").glob("**/baresip/modules"))


async def test_a_phone_that_nobody_here_wrote(stage: Stage, caller: str, tmp_path: Path) -> None:
    """Baresip registers with its generated secret, is called by a patient, and both are heard."""
    assert shutil.which("baresip"), "./run test brings baresip"
    stage.set_time(TUESDAY)
    # one that rings might be canceled before it does, as baresip picks up at once
    stage.carrier.answers("desk1", refuses(486))
    async with baresip(tmp_path, stage, stage.secrets.phones["desk2"]):
        call = await stage.carrier.dials(MAIN, caller=caller, script=patient(at_most=4))
        await call.ended(DEADLINE)
        history = await stage.finished(caller)
    assert call.heard_tone(TONES["desk1"])
    assert {leg.person: leg.result for leg in history.legs}["desk2"] == "accepted"
    (decoded,) = (tmp_path / "heard").glob("*-dec.wav")
    assert audio.tone_seconds(audio.read(decoded), PATIENT_TONE) > 0.5
