"""Security checks of a running Asterisk, from its console and from the kernel."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from dialplan import manager
from dialplan.locks import MOST_MODULES
from dialplan.system import MODULES
from pbx.asterisk.engine import runtime
from pbx.asterisk.engine.ports import Ports
from pbx.asterisk.engine.process import AsteriskProcess, Instance
from pbx.base.errors import EngineError
from pbx.config.home import Home
from pbx.ops.security.check import SecurityCheck
from pbx.service import supervisor

FIX = "Restart the line: its files are written at each start."
# As in /proc/net: the state of a listening socket, and 127.0.0.1
WAITING = {"tcp": "0A", "udp": "07"}
LOOPBACK = f"{int.from_bytes(socket.inet_aton('127.0.0.1'), sys.byteorder):08X}"
Ask = Callable[[str], str]


def examine(home: Home) -> list[SecurityCheck]:
    """Return the checks of this home's Asterisk, if it runs."""
    checks = (
        ("asterisk", f"fewer than {MOST_MODULES} modules run, all from the allow-list", _modules),
        ("asterisk", "no privileges, and no way to gain any", lambda _: _process(home)),
        ("asterisk", "a limit of calls, no shell, no web", _settings),
        ("asterisk", "listens only for SIP, audio and the manager", lambda _: _sockets(home)),
        ("manager", "one login with the least rights runs", _logins),
        ("own", "FastAGI on loopback", lambda _: _agi(home)),
    )
    if not supervisor.is_running(home):
        return [
            SecurityCheck(group, name, None, "Asterisk does not run") for group, name, _ in checks
        ]
    ask = console(home)
    return [SecurityCheck.of(group, name, check(ask), FIX) for group, name, check in checks]


def console(home: Home) -> Ask:
    """Return a function that sends one line to Asterisk's console."""
    instance = Instance(home.asterisk, Ports(0, 0, 0, 0, 0), {}, runtime.service_user())
    asterisk = AsteriskProcess(runtime.require(), instance)
    return lambda line: asyncio.run(asterisk.command(line))


def _modules(ask: Ask) -> Iterator[str]:
    running = re.findall(r"^([a-z]\w+)(\.so)? .* Running ", ask("module show"), re.MULTILINE)
    if not 0 < len(running) < MOST_MODULES:
        yield f"{len(running)} modules run"
    yield from (name for name, loaded in running if loaded and name not in MODULES)


def _settings(ask: Ask) -> Iterator[str]:
    text = ask("core show settings")
    wanted = {"Shell on remote consoles": "Disabled", "Web Manager (AMI/HTTP)": "Disabled"}
    for what, how in wanted.items():
        if not re.search(rf"{re.escape(what)}: +{how}", text):
            yield f"{what.lower()}: not {how.lower()}"
    limit = re.search(r"Maximum calls: +(\d+)", text)
    if limit is None or int(limit[1]) == 0:
        yield "any number of calls"


def _logins(ask: Ask) -> Iterator[str]:
    lines = [line.strip() for line in ask("manager show users").splitlines()]
    if "1 manager users configured." not in lines or manager.USER not in lines:
        yield "there is more than one login"
    text = ask(f"manager show user {manager.USER}")
    for what, wanted in (("read", {"call", "system", "user"}), ("write", {"call", "originate"})):
        held = re.search(rf"{what} perm: *(\S*)", text)
        if held is None or set(held[1].split(",")) != wanted:
            yield f"it may {what} {held[1] if held else 'an unknown set'}"


def _process(home: Home) -> Iterator[str]:
    status = Path(f"/proc/{_pid(home)}/status").read_text(encoding="utf-8")
    words = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    if "0" in words["Uid"].split():
        yield "it runs as root"
    if int(words["CapEff"], 16) or words["NoNewPrivs"].strip() != "1":
        yield "it could gain privileges"


def _pid(home: Home) -> int:
    """Return Asterisk's process id; check it, because one from another container is wrong here."""
    conf = os.fsencode(home.asterisk / "etc" / "asterisk.conf")
    with contextlib.suppress(OSError, ValueError):
        pid = int((home.asterisk / "run" / "asterisk.pid").read_text(encoding="ascii"))
        if conf in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return pid
    raise EngineError(
        "Asterisk's process cannot be seen; with containers, run this in Asterisk's own"
    )


def _sockets(home: Home) -> Iterator[str]:
    """Yield the sockets of Asterisk's process that we did not configure.

    Ports that the kernel chose are ignored; Asterisk only receives DNS answers there.
    """
    ports, own = home.recall_ports(), set(_links(_pid(home)))
    served = {ports.ami, ports.sip, ports.tls}
    for protocol in ("tcp", "tcp6"):
        for place, port, inode in _listening(protocol):
            if f"socket:[{inode}]" in own and port not in served:
                yield f"TCP port {port}"
            if f"socket:[{inode}]" in own and port == ports.ami and place != LOOPBACK:
                yield "the manager can be reached from other machines"
    audio, chosen = range(ports.rtp_first, ports.rtp_last + 1), _chosen_by_the_kernel()
    for _, port, inode in _listening("udp"):
        known = port == ports.sip or port in audio or port in chosen
        if f"socket:[{inode}]" in own and not known:
            yield f"UDP port {port}"


def _chosen_by_the_kernel() -> range:
    words = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
    return range(int(words[0]), int(words[1]) + 1)


def _agi(home: Home) -> Iterator[str]:
    port = home.recall_ports().agi
    for protocol in ("tcp", "tcp6"):
        for place, listening, _ in _listening(protocol):
            if listening == port and place != LOOPBACK:
                yield "it can be reached from other machines"


def _links(pid: int) -> Iterable[str]:
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed in the meantime
            yield str(handle.readlink())


def _listening(protocol: str) -> Iterator[tuple[str, int, str]]:
    """Yield (address, port, inode) of this machine's listening sockets; see proc(5)."""
    path = Path(f"/proc/net/{protocol}")
    lines = path.read_text(encoding="ascii").splitlines()[1:] if path.exists() else []
    for words in map(str.split, lines):
        if words[3] == WAITING[protocol.rstrip("6")]:
            place, _, port = words[1].partition(":")
            yield place, int(port, 16), words[9]
