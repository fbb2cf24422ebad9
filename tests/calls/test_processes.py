"""`officeline up` as an administrator runs it: real processes, killed and ended."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pbx import vault
from pbx.carrier.handset import Handset
from pbx.carrier.network import Carrier
from pbx.demo.scenes import BACK_LINE, MAIN, patient, physician
from pbx.demo.stage import MOBILES, PATIENT_TONE, TONES
from pbx.engine import runtime
from pbx.engine.ports import PortBlock, is_free
from pbx.home import Home

ROOT = Path(__file__).parents[2]
DEADLINE = 60.0


@dataclass
class Up:
    """An office that `officeline up` runs, and the phone network around it."""

    process: asyncio.subprocess.Process
    output: Path
    home: Home
    sip: int
    carrier: Carrier

    def told(self, word: str) -> int:
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
    folder: Path, registration: tuple[str, str] | None = None, *, closed: bool = False
) -> AsyncIterator[Up]:
    """Run `officeline up` until its control layer serves; end everything afterwards.

    With a user and password the trunk is one by registration.
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
    )
    await carrier.start()
    config = write_config(folder, block.ports.sip, carrier, registration, closed=closed)
    home = Home(folder / "home")
    home.prepare(user)
    vault.write(
        home.folder,
        vault.Vault(mobiles=dict(MOBILES), trunk=registration[1] if registration else ""),
    )
    words = ["-m", "cli", "--config", str(config), "--home", str(home.folder), "up"]
    output = folder / "output"
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *words, stdout=file, stderr=file, cwd=ROOT
        )
    up = Up(process, output, home, block.ports.sip, carrier)
    try:
        await until(lambda: process.returncode is not None or up.told("daemon.serving") == 1)
        assert process.returncode is None, output.read_text()
        yield up
    finally:
        await carrier.stop()
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await asyncio.wait_for(process.wait(), DEADLINE)
        block.release()


async def reach_somebody(up: Up, did: str) -> str:
    """Call, and return which physician was reached, with audio in both directions."""
    for person, number in MOBILES.items():
        up.carrier.answers(number, physician(person))
    call = await up.carrier.dials(did, caller="+19175550199", script=patient(press="1"))
    waits = {
        asyncio.create_task(up.carrier.rings(number, DEADLINE)): person
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


async def test_a_dead_control_layer_still_rings_a_human() -> None:
    """Hung or killed, the caller reaches the physician on call; one Ctrl-C ends everything."""
    with tempfile.TemporaryDirectory(prefix="officeline-up-") as name:
        async with office_up(Path(name)) as up:
            routed = await reach_somebody(up, BACK_LINE)
            os.kill(up.daemon_pid(), signal.SIGSTOP)  # nobody can restart it while we call
            hung = await reach_somebody(up, BACK_LINE)
            os.kill(up.daemon_pid(), signal.SIGKILL)
            dead = await reach_somebody(up, MAIN)
            assert hung == dead == routed
            await until(lambda: up.told("daemon.serving") == 2)  # brought back by `up`
            assert await reach_somebody(up, BACK_LINE) == routed
            up.process.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(up.process.wait(), DEADLINE) == 0
            assert up.processes() == []
            assert is_free(up.sip)


async def test_killed_in_mid_ladder_the_patient_still_reaches_a_human() -> None:
    """The first mobile rings, the control layer dies, nobody picks up: Asterisk goes on alone."""
    with tempfile.TemporaryDirectory(prefix="officeline-up-") as name:
        async with office_up(Path(name)) as up:
            first: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            pid = up.daemon_pid()

            async def dies_with_us(phone: Handset) -> None:
                os.kill(up.process.pid, signal.SIGSTOP)  # the supervisor must not bring it back
                os.kill(pid, signal.SIGKILL)
                if not first.done():
                    first.set_result(phone.call.number)
                await phone.reject(486)

            for number in MOBILES.values():
                up.carrier.answers(number, dies_with_us)
            call = await up.carrier.dials(
                BACK_LINE, caller="+19175550198", script=patient(press="1")
            )
            busy = await asyncio.wait_for(first, DEADLINE)
            for person, number in MOBILES.items():
                up.carrier.answers(number, physician(person))
            await call.ended(DEADLINE)
            os.kill(up.process.pid, signal.SIGCONT)
            reached = [name for name in MOBILES if call.heard_tone(TONES[name])]
            assert reached == [name for name, number in MOBILES.items() if number == busy]


async def test_two_offices_do_not_collide() -> None:
    """Two homes on one machine run side by side; a second `up` on one home is refused."""
    with tempfile.TemporaryDirectory(prefix="officeline-up-") as name:
        folders = [Path(name) / "one", Path(name) / "two"]
        Path(name).chmod(0o755)
        for folder in folders:
            folder.mkdir()
        async with office_up(folders[0]) as one, office_up(folders[1]) as two:
            assert one.home.recall_ports() != two.home.recall_ports()
            words = ["-m", "cli", "--config", str(folders[0] / "office.toml")]
            words += ["--home", str(one.home.folder), "up"]
            third = await asyncio.create_subprocess_exec(
                sys.executable, *words, stderr=asyncio.subprocess.PIPE, cwd=ROOT
            )
            _, said = await asyncio.wait_for(third.communicate(), DEADLINE)
            assert third.returncode == 2
            assert "already running" in said.decode()
            assert await reach_somebody(two, BACK_LINE)


async def test_a_trunk_by_registration_carries_calls_both_ways() -> None:
    """The office registers with the vault's password, never shown; then calls go both ways."""
    with tempfile.TemporaryDirectory(prefix="officeline-up-") as name:
        async with office_up(Path(name), ("100100_office", "a-made-up-password")) as up:

            def registered() -> list[str]:
                messages = [message.text for message in up.carrier.messages()]
                return [text for text in messages if text.startswith("REGISTER")]

            await until(lambda: any("Authorization:" in text for text in registered()))
            assert not any("a-made-up-password" in text for text in registered())
            assert await reach_somebody(up, BACK_LINE)


async def test_killed_while_a_caller_says_what_is_wrong_a_human_still_rings() -> None:
    """The message is on the disk, nobody was called yet, and Asterisk alone calls somebody."""
    with tempfile.TemporaryDirectory(prefix="officeline-up-") as name:
        async with office_up(Path(name), closed=True) as up:
            for person, number in MOBILES.items():
                up.carrier.answers(number, physician(person))
            pid = up.daemon_pid()

            async def cut_off(phone: Handset) -> None:
                for key in ("1", "#"):  # urgent, and the number that is shown
                    await phone.wait(1.5)
                    await phone.press(key)
                await phone.wait(5)
                os.kill(up.process.pid, signal.SIGSTOP)  # the supervisor must not bring it back
                os.kill(pid, signal.SIGKILL)
                await phone.press("#")
                await phone.tone(PATIENT_TONE, 60)

            call = await up.carrier.dials(MAIN, caller="+19175550197", script=cut_off)
            await call.ended(DEADLINE)
            os.kill(up.process.pid, signal.SIGCONT)
            assert [one for one in MOBILES if call.heard_tone(TONES[one])]


async def test_killed_while_the_relay_rings_it_rings_again() -> None:
    """A caller hung up and left a message; the attempt that a kill cut off is made anew."""
    with tempfile.TemporaryDirectory(prefix="officeline-up-") as name:
        async with office_up(Path(name), closed=True) as up:
            rang: asyncio.Queue[str] = asyncio.Queue()

            async def notes(phone: Handset) -> None:
                rang.put_nowait(phone.call.number)
                await phone.ring(600)

            for number in MOBILES.values():
                up.carrier.answers(number, notes)

            async def hangs_up(phone: Handset) -> None:
                await phone.wait(1.5)
                await phone.press("1")
                await phone.wait(1)

            call = await up.carrier.dials(MAIN, caller="+19175550196", script=hangs_up)
            await call.ended(DEADLINE)
            first = await asyncio.wait_for(rang.get(), DEADLINE)
            os.kill(up.daemon_pid(), signal.SIGKILL)
            assert await asyncio.wait_for(rang.get(), DEADLINE) == first
