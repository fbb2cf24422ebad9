"""An office on this machine to be measured: a real Asterisk, and its daemon as a process."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measured import DIES_WITH_US
from benchmarks.sip import AREA, OneSocketCarrier
from dialplan import names
from pbx.asterisk.engine import runtime
from pbx.asterisk.engine.process import AsteriskProcess, Instance
from pbx.asterisk.speech import prompts
from pbx.calls import office
from pbx.calls.standby import script
from pbx.config import secrets
from pbx.config.home import Home
from pbx.service.supervisor import read_configuration, read_secrets

HOST = "127.0.0.2"
MAIN, BACK_LINE = "+12125550100", "+12125550101"
NATIVE, NATIVE_GREETING = "+12125550190", "+12125550191"
# Of calls from here, and of this person's phone, the daemon is told nothing: they go other ways
# than ours, and it would look each up in the end, as a call that it knows nothing about.
UNHEARD_AREA, UNHEARD_PERSON = "+1646", "patel"
MOBILES = {"lee": "+12125550111", "osei": "+12125550112", "patel": "+12125550113"}
MAX_CALLS = 500
RTP = (40_000, 44_999)
TICKS = os.sysconf("SC_CLK_TCK")


def area(did: str) -> str:
    """Say where a number's callers shall be."""
    return AREA if did in {MAIN, BACK_LINE} else UNHEARD_AREA


def native_route(did: str, before: str = "") -> str:
    """Write in the dialplan alone what the verdict for the back line asks for.

    `before` is one more step, such as a question to another server.
    """
    person = UNHEARD_PERSON
    step = f" same => n,{before}\n" if before else ""
    return f"""
[from-trunk](+)
exten => {did},1,Set(OL_DID={did})
 same => n,Set(CALLERID(num)=${{FILTER(+0-9,${{CALLERID(num)}})}})
 same => n,Set(CALLERID(name)=${{FILTER(A-Za-z0-9 .\\-,${{CALLERID(name)}})}})
 same => n,Set(CALLERID(ani)=${{CALLERID(num)}})
 same => n,Set(CALLERID(rdnis)=)
{step} same => n,Set(_{names.RING}=20)
 same => n,Set(_{names.SHOW}=${{OL_NUMBER}})
 same => n,Set(_{names.WHISPER}=whisper-urgent)
 same => n,Set(_{names.TO}_{person}=PJSIP/{MOBILES[person]}@{names.TRUNK_OUT})
 same => n,Answer(,i)
 same => n,Dial({names.legs((person,))},40,Im({names.HOLD_CLASS}))
"""


def asking_elsewhere(did: str, port: int) -> str:
    """Write a line that goes our own dialplan's way, but asks another server."""
    return f"""
[from-trunk](+)
exten => {did},1,Set(OL_DID={did})
 same => n,Set(OL_AGI=agi://127.0.0.1:{port})
 same => n,Goto({names.CALL},s,1)
"""


GREETING = f"""
[from-trunk](+)
exten => {NATIVE_GREETING},1,Answer()
 same => n,Read(OL_KEY,greeting-closed&menu-closed,1,,1,4)
 same => n,Hangup()
"""

UNHEARD = f"""
eventfilter(action(exclude),header(CallerIDNum),method(starts_with)) = {UNHEARD_AREA}
eventfilter(action(exclude),header(Channel),method(starts_with)) = Local/{UNHEARD_PERSON}@
"""


@dataclass
class MeasuredOffice:
    """The office as it runs; `carrier` is its only trunk."""

    home: Home
    config: Path
    asterisk: AsteriskProcess
    carrier: OneSocketCarrier
    sip: int
    log: Path
    daemon: asyncio.subprocess.Process | None = None

    async def start_daemon(self) -> None:
        """Start the control layer and wait until it serves; SystemExit tells why it does not."""
        (self.home.standby / "live.json").unlink(missing_ok=True)
        words = ["-m", "cli", "--config", str(self.config), "--home", str(self.home.folder)]
        with self.log.open("wb") as log:
            self.daemon = await asyncio.create_subprocess_exec(
                *DIES_WITH_US, sys.executable, *words, "serve", stdout=log, stderr=log
            )
        while b"daemon.serving" not in self.log.read_bytes():
            if self.daemon.returncode is not None:
                raise SystemExit(self.log.read_text())
            await asyncio.sleep(0.01)

    async def stand_by_ready(self) -> None:
        """Wait until the standby knows the plan."""
        while not (self.home.standby / "live.json").exists():
            await asyncio.sleep(0.05)

    async def stop_daemon(self) -> None:
        """End the control layer in order, if it runs."""
        if self.daemon is not None and self.daemon.returncode is None:
            self.daemon.terminate()
            await self.daemon.wait()
        self.daemon = None

    @property
    def daemon_pid(self) -> int:
        """Return its process id."""
        assert self.daemon is not None  # noqa: S101  # a mistake of the benchmark's
        return self.daemon.pid

    @property
    def asterisk_pid(self) -> int:
        """Return Asterisk's process id."""
        assert self.asterisk.pid is not None  # noqa: S101  # a mistake of the benchmark's
        return self.asterisk.pid


@asynccontextmanager
async def office_up(folder: Path, more_dialplan: str = "") -> AsyncIterator[MeasuredOffice]:
    """Run the office, closed at any hour, with its daemon; end everything afterward.

    The back line rings whoever is on call: after an urgent call that nobody took, the follow-up
    would call in between.
    """
    folder.chmod(0o755)
    home, user, found = Home(folder / "home"), runtime.service_user(), runtime.require()
    config = folder / "office.toml"
    text = Path("config/office.toml").read_text()
    if (to_escalation := 'do = { escalation = "urgent" }') not in text:
        raise SystemExit("config/office.toml has no rule that runs the escalation policy")
    text = text.replace(to_escalation, 'do = { ring = "oncall" }', 1)
    text = re.sub(r"^(mon-thu|fri) = \[.*\]$", "", text, flags=re.MULTILINE)
    text = text.replace("[trunk]", f"[trunk]\nmax_calls = {MAX_CALLS}")
    config.write_text(text)
    ports, block = office.choose_ports(read_configuration(config), home)
    carrier = OneSocketCarrier(HOST, ("127.0.0.1", ports.sip))
    ours = f'host = "{HOST}"\nport = {carrier.address[1]}'
    config.write_text(text.replace('host = "127.0.0.2" ', ours))
    configuration = read_configuration(config)
    home.prepare(user)
    secrets.write(home.folder, secrets.Secrets(mobiles=MOBILES))
    held = read_secrets(home, configuration)
    files = dict(office.asterisk_files(configuration, held, home, found, ports))
    files["extensions.conf"] += native_route(NATIVE) + GREETING + more_dialplan
    files["manager.conf"] += UNHEARD
    # SIPp's phones do not answer the question whether the trunk lives
    files["pjsip.conf"] = _with(files["pjsip.conf"], qualify_frequency=0)
    # a test's block of ports has room for fewer calls than are placed here
    files["rtp.conf"] = _with(files["rtp.conf"], rtpstart=RTP[0], rtpend=RTP[1])
    asterisk = AsteriskProcess(found, Instance(home.asterisk, ports, files, user, True))
    prompts.assemble(configuration.plan.office.language, home.sounds, None)
    await asyncio.to_thread(script.install, home, user)
    await asterisk.start()
    home.remember_ports(ports)
    up = MeasuredOffice(home, config, asterisk, carrier, ports.sip, folder / "daemon.log")
    try:
        await up.start_daemon()
        await up.stand_by_ready()
        yield up
    finally:
        await up.stop_daemon()
        await asterisk.stop()
        carrier.close()
        block.release()


def _with(text: str, **settings: int) -> str:
    """Change settings of one of Asterisk's files wherever they stand."""
    for name, value in settings.items():
        text = re.sub(rf"^({name}\s*=\s*)\d+", rf"\g<1>{value}", text, flags=re.MULTILINE)
    return text


def memory_mb(pid: int, what: str = "VmRSS") -> float:
    """Read how much memory a process holds, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"the kernel does not tell {what}")


def processor_s(pid: int) -> float:
    """Read how long processors worked for a process, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
