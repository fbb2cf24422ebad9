"""The locks of a running line, and who tries them from another address."""

from __future__ import annotations

import asyncio
import os

import pytest

from dialplan.manager import USER
from pbx.demo.scenes import BACK_LINE, MAIN, SATURDAY
from pbx.demo.stage import MOBILES, Stage
from pbx.ops.security.every import examine
from tests.calls.conftest import CONFIG
from tests.conftest import Saw
from tests.support.sip import Dialog, SipSocket, digest, office
from tests.support.stages import calls_logged

pytestmark = pytest.mark.asyncio(loop_scope="session")

STRANGER = "127.0.0.9"
METHODS = (
    "OPTIONS", "REGISTER", "INVITE", "SUBSCRIBE", "MESSAGE", "NOTIFY", "PUBLISH", "REFER", "INFO",
    "UPDATE", "PRACK", "NONSENSE",
)  # fmt: skip


async def test_every_lock_is_shut(walled: Stage) -> None:
    """The files, the disk and what Asterisk itself says: fewer than 90 modules, least rights."""
    locks = await asyncio.to_thread(examine, CONFIG, walled.home.folder)
    assert [lock for lock in locks if not lock.ok] == []
    assert {lock.group for lock in locks} == {
        "pjsip", "manager", "extensions", "asterisk", "host", "own"
    }  # fmt: skip
    listed = await walled.asterisk.command("module show")
    assert 40 < int(listed.split()[-3]) < 90  # "72 modules loaded"


async def test_what_is_opened_is_found(walled: Stage) -> None:
    """A module, a file's mode and a login more are seen on a line that runs."""
    await walled.asterisk.command("module load func_env.so")
    secrets = walled.home.folder / "secrets.json"
    secrets.chmod(0o644)
    try:
        locks = await asyncio.to_thread(examine, CONFIG, walled.home.folder)
    finally:
        secrets.chmod(0o600)
        await walled.asterisk.command("module unload func_env.so")
    found = {lock.name: lock.detail for lock in locks if lock.ok is False}
    assert found.pop("fewer than 90 modules run, all from the allow-list") == "func_env"
    assert "is 0644, not 0600" in found.pop(
        "home, database and secrets file are readable by their owner only"
    )
    assert all("Other users can read" in detail for detail in found.values())


async def test_another_process_is_not_taken_for_asterisk(walled: Stage) -> None:
    """In another container the number of its process is somebody else's: that lock is not shut."""
    path = walled.home.asterisk / "run" / "asterisk.pid"
    pid = path.read_text()
    path.write_text(str(os.getpid()))
    try:
        locks = await asyncio.to_thread(examine, CONFIG, walled.home.folder)
    finally:
        path.write_text(pid)
    found = {lock.detail for lock in locks if lock.ok is False}
    assert found == {
        "Asterisk's process cannot be seen; with containers, run this in Asterisk's own"
    }


async def test_a_stranger_outside_is_refused_before_anything(walled: Stage, saw: Saw) -> None:
    """Whatever he asks, and whoever he says he is: 403, and no call."""
    before = await calls_logged(walled)
    with SipSocket(STRANGER, office(walled)) as stranger:
        for method in (*METHODS, "BYE", "CANCEL"):
            assert await asyncio.to_thread(stranger.asks, method, MAIN, caller="trunk") == 403
    assert await calls_logged(walled) == before
    assert await channels(walled) == 0
    saw("no channel was created, and no call logged")


@pytest.mark.parametrize("posing", ["trunk", "trunk-out", "desk1", "nobody", MOBILES["lee"]])
async def test_a_stranger_inside_is_asked_for_a_password(stage: Stage, posing: str) -> None:
    """From where phones may be, too: 401 to everything, as whoever he poses."""
    before = await calls_logged(stage)
    with SipSocket(STRANGER, office(stage)) as stranger:
        for method in METHODS:
            user = "911" if method == "INVITE" else posing
            assert await asyncio.to_thread(stranger.asks, method, user, caller=posing) == 401
    assert await calls_logged(stage) == before
    assert await channels(stage) == 0
    assert f"@{STRANGER}" not in await stage.asterisk.command("pjsip show contacts")


async def test_a_phone_with_a_wrong_password_is_no_phone(stage: Stage) -> None:
    """Its right one registers, which shows that the wrong one was the reason."""
    uri = f"sip:desk2@127.0.0.1:{office(stage)[1]}"
    with SipSocket(STRANGER, office(stage)) as phone:

        def registers(secret: str) -> int | None:
            text, call = phone.request("REGISTER", "desk2", caller="desk2")
            phone.send(text)
            answer = digest(phone.receive() or "", "desk2", secret, "REGISTER", uri)
            headers = {
                "Authorization": answer,
                "Call-ID": call,
                "CSeq": "2 REGISTER",
                "Expires": "0",
            }
            return phone.asks("REGISTER", "desk2", caller="desk2", headers=headers)

        assert await asyncio.to_thread(registers, "a-wrong-password") == 401
        assert await asyncio.to_thread(registers, stage.secrets.phones["desk2"]) == 200


async def test_the_carrier_reaches_our_numbers_and_nothing_else(walled: Stage) -> None:
    """No extension of ours, no 911, no number of the world, no subscription, no message."""
    before = await calls_logged(walled)
    wrong = ("911", "s", "lee", "+19175550000", "011442079460100", "_X.", f"{MAIN}%0d%0a")
    with SipSocket(walled.carrier.host, office(walled)) as carrier:
        for number in wrong:
            status = await asyncio.to_thread(carrier.asks, "INVITE", number, body=carrier.sdp())
            assert status == 404, number
        for method in (
            "REGISTER",
            "SUBSCRIBE",
            "MESSAGE",
            "NOTIFY",
            "PUBLISH",
            "REFER",
            "NONSENSE",
        ):
            status = await asyncio.to_thread(carrier.asks, method, MAIN)
            assert status is not None
            assert status >= 400, method
    assert await calls_logged(walled) == before
    assert await channels(walled) == 0


async def test_the_carrier_transfers_nobody_and_is_not_believed(stage: Stage, caller: str) -> None:
    """A REFER inside a call leads nowhere, and an asserted identity is not who calls."""
    stage.set_time(SATURDAY)
    targets = ("911", "+19175550000", "heartbeat")
    asserted = {"P-Asserted-Identity": f"<sip:{MOBILES['lee']}@{stage.carrier.host}>"}
    with SipSocket(stage.carrier.host, office(stage)) as carrier:
        dialog = await asyncio.to_thread(Dialog.called, carrier, BACK_LINE, caller, asserted)
        for target in targets:
            refer = {"Refer-To": f"<sip:{target}@{stage.carrier.host}>"}
            assert await asyncio.to_thread(dialog.asks, "REFER", refer, 1.0) is None
        assert await asyncio.to_thread(dialog.asks, "BYE") == 200
    history = await stage.finished(caller)
    assert history.call.caller == caller
    assert not any(
        f"sip:{target}@" in one.start for one in stage.carrier.messages() for target in targets
    )


async def test_the_manager_takes_nobody_from_elsewhere(stage: Stage) -> None:
    """The right password does not help at another address."""
    port, secret = stage.asterisk.instance.ports.ami, stage.secrets.manager
    assert "Success" in await logs_in("127.0.0.1", port, secret)
    assert "Success" not in await logs_in(STRANGER, port, secret)
    assert "Success" not in await logs_in("127.0.0.1", port, "a-wrong-secret")


@pytest.mark.parametrize(
    "action",
    [
        "Action: Command\r\nCommand: core show channels",
        "Action: GetConfig\r\nFilename: pjsip.conf",
        "Action: UpdateConfig\r\nSrcFilename: extensions.conf\r\nDstFilename: extensions.conf",
        "Action: DBGet\r\nFamily: officeline\r\nKey: dial",
        "Action: ModuleLoad\r\nModule: app_system.so\r\nLoadType: load",
        "Action: Originate\r\nChannel: Local/done@heartbeat\r\nApplication: System\r\nData: true",
        "Action: Reload",
        "Action: Filter\r\nOperation: Add\r\nFilter: Event: Newchannel",
    ],
)
async def test_the_managers_login_may_do_little(stage: Stage, action: str) -> None:
    """It places calls; it runs nothing, reads no file and changes none."""
    said = await logs_in(
        "127.0.0.1", stage.asterisk.instance.ports.ami, stage.secrets.manager, action
    )
    assert "Response: Error" in said.partition("Message: Authentication accepted")[2]


async def logs_in(host: str, port: int, secret: str, action: str = "Action: Ping") -> str:
    """Log in to the manager from an address, do one more thing, and return all that was said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0))
    login = f"Action: Login\r\nUsername: {USER}\r\nSecret: {secret}\r\nEvents: off\r\n\r\n"
    writer.write(f"{login}{action}\r\n\r\nAction: Logoff\r\n\r\n".encode())
    try:
        async with asyncio.timeout(10):
            return (await reader.read()).decode()
    except ConnectionError:
        return ""
    finally:
        writer.close()


async def channels(stage: Stage) -> int:
    """Count the channels of the office's Asterisk, those of heartbeats left out."""
    listed = (await stage.asterisk.command("core show channels concise")).splitlines()
    return len([line for line in listed if line and "heartbeat" not in line])
