"""What is tried inside the machine, as its root, with a phone network on its loopback."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from pbx.asterisk.engine import runtime
from pbx.base import logs
from pbx.demo.carrier.handset import Handset
from pbx.demo.carrier.network import Carrier
from pbx.demo.scenes import BACK_LINE, MAIN, patient
from pbx.demo.stage import MOBILES
from tests.support.leaks import in_text
from tests.support.office_up import reached

MACHINE, HOME, CONFIG = Path("/machine"), Path("/var/lib/officeline"), "/etc/officeline/office.toml"
DAEMON, ASTERISK, CANARY = "officeline", "officeline-asterisk", "officeline-canary"
BACKUPS = Path("/srv/backup")
UNDONE = frozenset({"people", "phones"})  # what the document leaves to do: PINs, desk phones
SIP = ("127.0.0.2", 20000)  # the first block of ports, which is free on this machine
PORTS = 'sip_port = 5060\nami_port = 5038\nagi_port = 4573\nrtp_ports = "10000-10200"'
CALLERS = ("+19175550199", "+19175550180")
DEADLINE_S = 90.0
EXPOSURE = 2.0
BEFORE, AFTER = 700.0, 1000.0  # Hz: what a physician says before and after what is tried

Promise = Callable[[Carrier], Awaitable[str]]


async def asked(command: str) -> tuple[int, str]:
    """Give a command as root, while the telephones go on; return its code and what it said."""
    words = ["bash", "-c", command]
    pipe, error = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
    done = await asyncio.create_subprocess_exec(*words, stdout=pipe, stderr=error, cwd="/root")
    out, _ = await done.communicate()
    return done.returncode or 0, out.decode()


async def sh(command: str) -> str:
    """Give a command that must end well, and return what it said."""
    code, said = await asked(command)
    assert code == 0, f"'{command}' ended with {code}: {said}"
    return said


async def shown(unit: str, name: str) -> str:
    """Ask systemd for a property of a unit."""
    return (await sh(f"systemctl show --value -p {name} {unit}")).strip()


async def until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until something holds; AssertionError says what did not."""
    end = time.monotonic() + DEADLINE_S
    while not await holds():
        assert time.monotonic() < end, f"{what}, not within {DEADLINE_S:.0f} s"
        await asyncio.sleep(0.1)


async def both_active() -> bool:
    """Tell whether both units are active."""
    return (await asked(f"systemctl is-active {DAEMON} {ASTERISK}"))[1] == "active\nactive\n"


async def restarted(unit: str, before: tuple[str, int]) -> None:
    """Wait until a unit that died has another process, and systemd has counted it once."""

    async def another() -> bool:
        return (await state(unit))[0] not in {before[0], "0"}

    await until(another, f"{unit} has another process")
    await until(both_active, "both are active")
    assert (await state(unit))[1] == before[1] + 1


async def state(unit: str) -> tuple[str, int]:
    """Return the main process of a unit, and how often systemd restarted it."""
    return await shown(unit, "MainPID"), int(await shown(unit, "NRestarts"))


@asynccontextmanager
async def conversation(carrier: Carrier) -> AsyncIterator[None]:
    """Let a patient and a physician talk; at the end the patient must still hear the physician."""
    talks, goes_on = asyncio.Event(), asyncio.Event()

    async def physician(phone: Handset) -> None:
        await phone.answer()
        await phone.wait(0.8)
        await phone.press("1")
        await phone.tone(BEFORE, 2)
        talks.set()
        while not goes_on.is_set():
            await phone.tone(BEFORE, 1)
        await phone.tone(AFTER, 2)
        await phone.hang_up()

    for number in MOBILES.values():
        carrier.answers(number, physician)
    call = await carrier.dials(BACK_LINE, caller=CALLERS[1], script=patient(at_most=200))
    async with asyncio.timeout(DEADLINE_S):
        await talks.wait()
    yield
    goes_on.set()
    await call.ended(DEADLINE_S)
    assert call.heard_tone(BEFORE), "the patient never heard the physician"
    assert call.heard_tone(AFTER), "the call did not outlive it"


async def start(_carrier: Carrier) -> str:
    """The document starts both units; the doctor names what is left to do, and no more."""
    code, said = await asked("bash /machine/start.sh")
    assert code == 1, said  # the doctor's, who comes last
    assert await both_active()
    await connected("backup")
    assert await findings() == {*UNDONE, "backup"}
    pids = [(await state(unit))[0] for unit in (ASTERISK, DAEMON)]
    return "as " + await sh(f"ps -o user= -p {','.join(pids)} | sort -u | tr -d '\\n'")


async def answers(carrier: Carrier) -> str:
    """A call reaches the physician on call, and each hears the other."""
    return f"{await reached(carrier, BACK_LINE)} accepted"


async def backed_up(_carrier: Carrier) -> str:
    """The unit of backups writes one, which the secret key opens; its timer is on."""
    await sh("bash /machine/timers.sh")
    (file,) = BACKUPS.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert await shown("officeline-backup.timer", "ActiveState") == "active"
    home = (await sh("sudo -u officeline mktemp -d")).strip()
    opened = f"--home {home} restore {file} --identity {MACHINE}/key.txt"
    await sh(f"sudo -u officeline officeline {opened}")
    said = (await asked("sudo -u officeline officeline doctor"))[1]
    assert "the last one was made 0 days ago" in said
    await sh(f"rm -r {home}")
    return file.name


async def calls_itself(_carrier: Carrier) -> str:
    """The unit of test calls holds; while the line is stopped it fails, and the doctor tells it."""
    await sh(f"systemctl start {CANARY}")
    assert await shown(f"{CANARY}.timer", "ActiveState") == "active"
    await sh(f"systemctl stop {DAEMON}")
    code, _ = await asked(f"systemctl start {CANARY}")
    assert code != 0
    assert "canary" in await findings()
    await sh(f"systemctl start {DAEMON}")
    await connected("canary")
    await sh(f"systemctl start {CANARY}")
    await connected()
    return "held, failed, held"


async def killed(carrier: Carrier) -> str:
    """The control layer is restarted after SIGKILL; a call of that moment is answered."""
    before = await state(DAEMON)
    os.kill(int(before[0]), signal.SIGKILL)
    began = time.monotonic()
    person = await reached(carrier, BACK_LINE)
    await restarted(DAEMON, before)
    return f"{person} accepted within {time.monotonic() - began:.0f} s, one restart"


async def hung(carrier: Carrier) -> str:
    """Stopped by SIGSTOP it is ended by the watchdog; till then the standby answers."""
    before = await state(DAEMON)
    os.kill(int(before[0]), signal.SIGSTOP)
    began = time.monotonic()
    person = await reached(carrier, BACK_LINE)
    assert await shown(DAEMON, "MainPID") == before[0], "it was restarted before the call's end"
    await restarted(DAEMON, before)
    assert "Watchdog timeout" in await sh(f"journalctl -u {DAEMON}")
    return f"{person} accepted meanwhile; restarted after {time.monotonic() - began:.0f} s"


async def control_layer_restarts(carrier: Carrier) -> str:
    """`systemctl restart officeline` ends no call."""
    asterisk = await state(ASTERISK)
    async with conversation(carrier):
        began = time.monotonic()
        await sh(f"systemctl restart {DAEMON}")
        took = time.monotonic() - began
    assert await state(ASTERISK) == asterisk
    return f"in {took:.1f} s"


async def control_layer_stopped(carrier: Carrier) -> str:
    """`systemctl stop officeline`: the standby answers; `start` brings it back."""
    await sh(f"systemctl stop {DAEMON}")
    person = await reached(carrier, BACK_LINE)
    assert await shown(DAEMON, "ActiveState") == "inactive"
    await sh(f"systemctl start {DAEMON}")
    return f"{person} accepted"


async def asterisk_killed(carrier: Carrier) -> str:
    """Asterisk is back after SIGKILL, and so is the one that watches it; nothing is left over."""
    path = HOME / "asterisk/run/asterisk.pid"
    pid = path.read_text()
    os.kill(int(pid), signal.SIGKILL)

    async def back() -> bool:
        return path.exists() and path.read_text() not in {pid, ""}

    await until(back, "Asterisk is back")
    before = await state(ASTERISK)
    os.kill(int(before[0]), signal.SIGKILL)
    await restarted(ASTERISK, before)
    left = (await sh(f"pgrep -f {HOME}/asterisk/etc/asterisk.conf")).split()
    assert left == [path.read_text().strip()], left
    await connected()
    return f"{await reached(carrier, BACK_LINE)} accepted"


async def asterisk_restarts(carrier: Carrier) -> str:
    """`systemctl restart officeline-asterisk` leaves the control layer, which finds it again."""
    before = await state(DAEMON)
    await sh(f"systemctl restart {ASTERISK}")
    await connected()
    person = await reached(carrier, BACK_LINE)
    assert await state(DAEMON) == before
    return f"{person} accepted"


async def findings() -> frozenset[str]:
    """Ask the doctor what is not well."""
    code, said = await asked("sudo -u officeline officeline doctor")
    assert code in {0, 1}, said
    return frozenset(re.findall(r"^FIX (\w+)", said, re.MULTILINE))


async def connected(*more: str) -> None:
    """Wait until the doctor finds the line well, the control layer's heartbeat included.

    This machine has no desk phones, and its people no PIN, which is found, and perhaps more.
    """

    async def content() -> bool:
        return await findings() <= {*UNDONE, *more}

    await until(content, "the doctor is content")


async def both_stopped(carrier: Carrier) -> str:
    """Both stopped, no process of theirs is left; started again they answer."""
    await sh(f"systemctl stop {DAEMON} {ASTERISK}")
    code, said = await asked(f"pgrep -f '{HOME}/asterisk/|officeline.* serve$'")
    assert code == 1, said
    await sh(f"systemctl start {ASTERISK} {DAEMON}")
    return f"{await reached(carrier, BACK_LINE)} accepted"


async def little_exposed(_carrier: Carrier) -> str:
    """By systemd's own measure, as they run, little is exposed; and no core is ever written."""
    seen = []
    for unit in (DAEMON, ASTERISK):
        said = await sh(f"systemd-analyze security --no-pager {unit}.service | tail -1")
        score = float(re.findall(r"\d+\.\d", said)[0])
        assert score <= EXPOSURE, said
        limits = Path(f"/proc/{(await state(unit))[0]}/limits").read_text()
        assert re.search(r"Max core file size +0 +0", limits), limits
        seen.append(f"{score} {unit}")
    for unit in ("officeline-backup", CANARY):
        said = await sh(f"systemd-analyze security --no-pager {unit}.service | tail -1")
        assert float(re.findall(r"\d+\.\d", said)[0]) <= EXPOSURE, said
    return ", ".join(seen)


async def logs_end(_carrier: Carrier) -> str:
    """Logrotate takes the logs away, and Asterisk writes on into the new ones."""
    log = HOME / "asterisk/log"
    await sh("logrotate --force /etc/logrotate.d/officeline")
    turned = sorted(path.name for path in log.glob("*.log.1"))
    assert "security.log.1" in turned, list(log.iterdir())
    await sh(f"systemctl restart {DAEMON}")  # which logs in anew

    async def written() -> bool:
        return (log / "security.log").stat().st_size > 0

    await until(written, "Asterisk writes")
    assert b"\0" not in (log / "security.log").read_bytes()
    return ", ".join(turned)


async def newer(carrier: Carrier) -> str:
    """An upgrade during calls drops none, and copies the database before it changes it."""
    count = 0
    async with conversation(carrier):
        upgrade = asyncio.create_task(sh(f"cd {MACHINE}/newer && bash {MACHINE}/newer.sh"))
        while not upgrade.done():
            await reached(carrier, BACK_LINE)
            count += 1
        await upgrade
    await until(both_active, "both are active")
    (copy,) = HOME.glob("officeline.db.before-*")
    assert copy.stat().st_mode & 0o777 == 0o600
    version = (await sh("/opt/officeline/bin/pip list | grep ^officeline")).split()[1]
    assert version.endswith(".post1"), version
    assert copy.name in (await asked("sudo -u officeline officeline doctor"))[1]
    await reached(carrier, BACK_LINE)
    return f"{version}, {count} more calls meanwhile, {copy.name}"


async def ledgers(_carrier: Carrier) -> str:
    """Every call is in both ledgers."""
    said = await sh("sudo -u officeline officeline reconcile")
    return said.strip().splitlines()[-1]


async def no_numbers(_carrier: Carrier) -> str:
    """The journal names no number of a person."""
    said = await sh("journalctl --output=cat")
    assert "daemon.serving" in said
    assert not in_text(said, (*MOBILES.values(), *CALLERS))
    return f"{said.count(chr(10))} lines"


async def after_a_start(carrier: Carrier) -> str:
    """When the machine starts again the line answers by itself."""
    await until(both_active, "both are active")
    await connected()
    return f"{await reached(carrier, BACK_LINE)} accepted"


PHASES: dict[str, tuple[Promise, ...]] = {
    "first": (
        start,
        answers,
        backed_up,
        calls_itself,
        killed,
        hung,
        control_layer_restarts,
        control_layer_stopped,
        asterisk_killed,
        asterisk_restarts,
        both_stopped,
        little_exposed,
        logs_end,
        newer,
        ledgers,
        no_numbers,
    ),
    "again": (after_a_start, no_numbers),
}


async def set_up() -> None:
    """Make the office as the document says, and name the phone network as its carrier."""
    await sh("bash /machine/office.sh")
    path = Path(CONFIG)
    text = re.sub("^host = .*", rf"\g<0>\nport = {SIP[1]}", path.read_text(), flags=re.MULTILINE)
    path.write_text(text.replace("[network]", f"[network]\n{PORTS}"))


async def play(phase: str) -> bool:
    """Try the promises of a phase, each for itself; print a row for each."""
    if phase == "first":
        await set_up()
    logs.configure(quiet=True)
    folder = MACHINE / f"carrier-{phase}"
    folder.mkdir()
    numbers = frozenset({MAIN, BACK_LINE})
    found, user = runtime.require(), runtime.service_user()
    carrier = Carrier(found, folder, user, office=("127.0.0.1", 5060), office_numbers=numbers)
    assert carrier.sip == SIP
    held = True
    await carrier.start()
    try:
        for promise in PHASES[phase]:
            held = await row(promise, carrier) and held
            await all_closed()
    finally:
        await carrier.stop()
    return held


async def all_closed() -> None:
    """Close what is open, as its physician would: else the next start rings everybody about it."""
    listed = json.loads(await sh("sudo -u officeline officeline inbox list --json 2>/dev/null"))
    for one in listed["messages"]:
        words = f"inbox close {one['id']} --disposition 'called back' --by osei --yes"
        await sh(f"sudo -u officeline officeline {words}")


def tell(line: str) -> None:
    """Say a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def row(promise: Promise, carrier: Carrier) -> bool:
    """Try one promise, and print what came of it."""
    said = (promise.__doc__ or "").rstrip(".")
    try:
        seen = await promise(carrier)
    except Exception:  # noqa: BLE001  # whatever it is, the next promise is tried as well
        tell(f"| NO | {said} | |")
        traceback.print_exc()
        return False
    tell(f"| yes | {said} | {seen} |")
    return True


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(play(sys.argv[1])) else 1)
