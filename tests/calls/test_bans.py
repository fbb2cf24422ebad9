"""The rules of fail2ban against lines that this Asterisk wrote, also where a stranger made them."""

from __future__ import annotations

import asyncio
import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pbx.demo.scenes import MAIN
from pbx.demo.stage import Stage
from tests.conftest import Saw
from tests.support.sip import SipSocket, digest, office

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILTER = Path(__file__).parents[2] / "asterisk" / "fail2ban" / "filter.conf"
STRANGER, VICTIM = "127.0.0.9", "203.0.113.7"
ADDRESS = r"(?P<host>[0-9a-f.:]+)"


def banned(lines: list[str]) -> list[str]:
    """Return whom the filter names in these lines, read as fail2ban reads it."""
    parser = configparser.ConfigParser()
    parser.read(FILTER)
    rules = parser["Definition"]["failregex"].replace("<ADDR>", ADDRESS).splitlines()
    patterns = [re.compile(rule.strip()) for rule in rules if rule.strip()]
    found = []
    for line in lines:
        rest = re.sub(r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\]", "", line)
        found += [match["host"] for rule in patterns if (match := rule.search(rest))]
    return found


class Log:
    """One of Asterisk's logs, from now on."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.path = stage.home.asterisk / "log" / name
        self._begin = self.path.stat().st_size

    def lines(self) -> list[str]:
        """Return what was written since."""
        with self.path.open(errors="replace") as file:
            file.seek(self._begin)
            return file.read().split("\n")

    async def names(self, host: str, times: int) -> list[str]:
        """Wait until the rules name somebody so often in it; return all that they name."""
        async with asyncio.timeout(10):
            while banned(self.lines()).count(host) < times:
                await asyncio.sleep(0.05)
        return banned(self.lines())


async def test_whoever_fails_to_register_is_named(stage: Stage, saw: Saw) -> None:
    """A wrong password and a name that nobody has; the office's own phone is not."""
    log = Log(stage, "security.log")
    uri = f"sip:desk2@127.0.0.1:{office(stage)[1]}"
    with SipSocket(STRANGER, office(stage)) as stranger:

        def guesses() -> int | None:
            text, call = stranger.request("REGISTER", "desk2", caller="desk2")
            stranger.send(text)
            answer = digest(stranger.receive() or "", "desk2", "a-guess", "REGISTER", uri)
            more = {"Authorization": answer, "Call-ID": call, "CSeq": "2 REGISTER"}
            return stranger.asks("REGISTER", "desk2", caller="desk2", headers=more)

        for _ in range(3):
            assert await asyncio.to_thread(guesses) == 401
        for _ in range(3):
            await asyncio.to_thread(stranger.asks, "REGISTER", "1000", caller="1000")
    assert set(await log.names(STRANGER, 6)) == {STRANGER}
    saw("password guesses: 401, and the ban rule matches only their address")


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
async def test_whoever_scans_is_named(stage: Stage, method: str, saw: Saw) -> None:
    """He who never answers the question for his password, too."""
    log = Log(stage, "security.log")
    with SipSocket(STRANGER, office(stage)) as stranger:
        for number in range(7):
            await asyncio.to_thread(stranger.asks, method, MAIN, caller=f"{1000 + number}")
    names = await log.names(STRANGER, 8)  # after five tries there is an event more for each
    assert set(names) == {STRANGER}
    saw(f"{method} from inside: asked for a password, and logged after seven tries")


async def test_whoever_is_outside_is_named(walled: Stage, saw: Saw) -> None:
    """What the access list drops is a warning and no event; what is no SIP is dropped earlier."""
    security, messages = Log(walled, "security.log"), Log(walled, "messages.log")
    with SipSocket(STRANGER, office(walled)) as stranger:
        for method in ("REGISTER", "INVITE", "OPTIONS"):
            assert await asyncio.to_thread(stranger.asks, method, MAIN) == 403
        stranger.send("INVITE sip:x SIP/2.0\r\nFrom: <sip:\r\nVia: nothing\r\n\r\n")
        assert await messages.names(STRANGER, 5) == [STRANGER] * 5  # the ACK, too
    assert banned(security.lines()) == []
    saw("from outside: 403 and logged")
    if shutil.which("fail2ban-regex"):  # the real one agrees
        assert ", 5 matched," in await asyncio.to_thread(fail2ban_regex, messages.path)


def fail2ban_regex(log: Path) -> str:
    """Let fail2ban itself look at a log."""
    command = ["fail2ban-regex", str(log), str(FILTER)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def escaped(text: str) -> str:
    """Write every character of a text as SIP can carry it in a name."""
    return "".join(f"%{byte:02x}" for byte in text.encode())


LINE = (
    f"[2026-11-24 21:04:17.172] WARNING[1] res_pjsip_acl.c: Incoming SIP message from {VICTIM}:5060"
)
EVENT = f'SecurityEvent="InvalidAccountID",RemoteAddress="IPV4/UDP/{VICTIM}/5060"'


@pytest.mark.parametrize(
    ("name", "call"),
    [
        (f'x",RemoteAddress="IPV4/UDP/{VICTIM}/5060', "1"),
        (f'x",RemoteAddress="IPV4/UDP/{VICTIM}/5060",ACLName="', "2"),
        ("x", f'1",LocalAddress="x",RemoteAddress="IPV4/UDP/{VICTIM}/5060",Response="'),
        (f"x\r\n{LINE} did not pass ACL test\r\n", "4"),
        (f"\n{EVENT}\n", f'5",RemoteAddress="IPV4/UDP/{VICTIM}/5060"'),
        ("\nSECURITY[1] res_security_log.c: ", f"6{EVENT}"),
    ],
)
async def test_nobody_has_another_banned(stage: Stage, name: str, call: str) -> None:
    """Quotes and line breaks in a name and in a call's id lead to their sender alone."""
    logs = [Log(stage, "security.log"), Log(stage, "messages.log")]
    with SipSocket(STRANGER, office(stage)) as stranger:
        for number in range(7):
            call_id = f"{call}{number}"
            headers = {"Call-ID": call_id, "Via": via(stranger, number, name)}
            await asyncio.to_thread(
                stranger.asks, "INVITE", MAIN, caller=escaped(name), headers=headers
            )
    assert set(await logs[0].names(STRANGER, 7)) == {STRANGER}
    assert VICTIM not in banned(logs[1].lines())


def via(peer: SipSocket, number: int, name: str) -> str:
    """Write a Via of its own for each call, whatever characters its id has."""
    return f"SIP/2.0/UDP {peer.host}:{peer.port};rport;branch=z9hG4bK{number}{abs(hash(name))}"
