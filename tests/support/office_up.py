"""An office as `officeline up` runs it, in processes of its own, and a phone network around it."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pbx.asterisk.engine import runtime
from pbx.asterisk.engine.ports import PortBlock
from pbx.config import secrets
from pbx.config.home import Home
from pbx.demo.carrier.network import Carrier
from pbx.demo.scenes import BACK_LINE, MAIN, patient, physician
from pbx.demo.stage import MOBILES, PATIENT_TONE, TONES
from pbx.service import heartbeat_file

ROOT = Path(__file__).parents[2]
DEADLINE = 60.0


@dataclass
class Up:
    """An office that `officeline up` runs, and the phone network around it."""

    output: Path
    home: Home
    sip: int
    carrier: Carrier
    words: tuple[str, ...]
    env: Mapping[str, str] | None
    prefix: tuple[str, ...] = ()  # what runs it, such as a namespace
    process: asyncio.subprocess.Process = field(init=False)

    async def starts(self) -> None:
        """Begin `officeline up`; what it says is added to its output."""
        with self.output.open("ab") as file:
            self.process = await asyncio.create_subprocess_exec(
                *(*self.prefix, sys.executable, *self.words),
                stdout=file,
                stderr=file,
                cwd=ROOT,
                env=self.env,
            )

    async def ends(self) -> None:
        """End all of it, as Ctrl-C does."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
            async with asyncio.timeout(DEADLINE):
                await self.process.wait()

    async def prepared(self) -> None:
        """Wait until standby and failsafe have what they need: the plan, and whom to ring."""
        await until((self.home.standby / "live.json").exists)
        await until(lambda: heartbeat_file.read_heartbeat(self.home).heartbeat_at is not None)

    def reported(self, word: str) -> int:
        """Count how often the processes said something."""
        return self.output.read_text().count(word)

    def daemon_pid(self) -> int:
        """Find the control layer's process."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"serve" in words and str(self.home.folder).encode() in words:
                return int(folder.name)
        raise AssertionError("no control layer runs")

    def processes(self) -> list[str]:
        """List every process that names this home."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(self.home.folder) in line:
                found.append(line)
        return found


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(DEADLINE):
        while not holds():
            await asyncio.sleep(0.05)


def write_config(
    folder: Path,
    sip: int,
    carrier: Carrier,
    registration: tuple[str, str] | None,
    *,
    closed: bool = False,
) -> Path:
    """Write the example practice with this test's ports and carrier; `closed` at any hour."""
    text = (ROOT / "config" / "office.toml").read_text()
    if closed:
        text = re.sub(r"^(mon-thu|fri) = \[.*\]$", "", text, flags=re.MULTILINE)
    # physicians of the tests talk for two seconds
    text = text.replace(
        "[escalation.urgent]", '[escalation.urgent]\nfollow_up = { cut_off = "1s" }'
    )
    host, port = carrier.sip
    text = text.replace('host = "127.0.0.2" ', f'host = "{host}"\nport = {port}\n')
    text = text.replace("[network]", f"[network]\nsip_port = {sip}")
    config = folder / "office.toml"
    if registration:
        kind = f'kind = "registration"\nusername = "{registration[0]}"'
        text = text.replace('kind = "address" ', f"{kind} ")
    config.write_text(text)
    return config


@asynccontextmanager
async def office_up(
    folder: Path,
    registration: tuple[str, str] | None = None,
    *,
    closed: bool = False,
    env: Mapping[str, str] | None = None,
    edit: Callable[[str], str] = str,
    rtp: tuple[int, int] | None = None,
    prefix: tuple[str, ...] = (),
    mqtt: str = "",
) -> AsyncIterator[Up]:
    """Run `officeline up` until its control layer serves; end everything afterward.

    With a user and password the trunk is one by registration; `edit` changes the office's file;
    `rtp` (first and last port) is the carrier's, for many calls at once; `mqtt` is the broker's
    password.
    """
    folder.chmod(0o755)
    user = runtime.service_user()
    block = PortBlock.take()
    carrier = Carrier(
        runtime.require(),
        folder / "carrier",
        user,
        office=("127.0.0.1", block.ports.sip),
        office_numbers=frozenset({MAIN, BACK_LINE}),
        registration=registration,
        rtp=rtp,
    )
    await carrier.start()
    config = write_config(folder, block.ports.sip, carrier, registration, closed=closed)
    config.write_text(edit(config.read_text()))
    home = Home(folder / "home")
    home.prepare(user)
    secrets.write(
        home.folder,
        secrets.Secrets(
            mobiles=dict(MOBILES), trunk=registration[1] if registration else "", mqtt=mqtt
        ),
    )
    words = ("-m", "cli", "--config", str(config), "--home", str(home.folder), "up")
    up = Up(folder / "output", home, block.ports.sip, carrier, words, env, prefix)
    await up.starts()
    try:
        await until(lambda: up.process.returncode is not None or up.reported("daemon.serving") == 1)
        assert up.process.returncode is None, up.output.read_text()
        yield up
    finally:
        await carrier.stop()
        await up.ends()
        block.release()


async def reach_somebody(up: Up, did: str) -> str:
    """Call, and return which physician was reached, with audio in both directions."""
    return await reached(up.carrier, did)


async def reached(carrier: Carrier, did: str) -> str:
    """Do the same with a phone network around whatever office."""
    for person, number in MOBILES.items():
        carrier.answers(number, physician(person))
    call = await carrier.dials(did, caller="+19175550199", script=patient(press="1"))
    waits = {
        asyncio.create_task(carrier.rings(number, DEADLINE)): person
        for person, number in MOBILES.items()
    }
    done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    await call.ended(DEADLINE)
    for task in pending:
        task.cancel()
    rang = {waits[task]: task.result() for task in done}
    person = next(name for name in rang if call.heard_tone(TONES[name]))
    phone = rang[person]
    await phone.ended(DEADLINE)
    assert phone.shown == MAIN
    assert phone.heard_tone(PATIENT_TONE)
    return person
