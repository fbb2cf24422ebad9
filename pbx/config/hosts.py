"""Names of hosts, as the carrier's: looked up at the start, and again until each is known.

Asterisk looks names up when it reads its files, alone, and waits for each as long as the resolver
does. So it is given addresses; and a name that nobody knew at the start would else be a stranger's
for ever, whose calls are asked for a password.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from dialplan.pjsip import is_address
from pbx.asterisk.engine.process import AsteriskProcess
from pbx.base import files
from pbx.base.errors import EngineError
from pbx.config.home import Home
from pbx.config.plan import Configuration

LOOK_S = 3.0  # a resolver that does not answer delays no start by more
UNKNOWN_S, KNOWN_S = 5.0, 300.0  # how soon it is looked again
MOST = 64  # addresses of one name: a carrier's name that changes takes new ones along
FILE = "pjsip.conf"
RELOADS = ("res_pjsip.so", "res_pjsip_endpoint_identifier_ip.so")

Known = Mapping[str, tuple[str, ...]]  # addresses by name; an empty tuple where there are none

log = structlog.get_logger()


def names_of(configuration: Configuration) -> tuple[str, ...]:
    """List the names, not addresses, from which calls may come."""
    hosts = (*configuration.trunk.addresses, *configuration.network.phones)
    return tuple(dict.fromkeys(host for host in hosts if not is_address(host)))


def look_up(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Find the addresses that each name has now; blocks for a few seconds at most."""
    found: dict[str, tuple[str, ...]] = {}

    def one(name: str) -> None:
        with contextlib.suppress(OSError, UnicodeError):
            known = socket.getaddrinfo(name, None, socket.AF_INET)
            found[name] = tuple(sorted({str(entry[4][0]) for entry in known}))

    threads = [threading.Thread(target=one, args=(name,), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    until = time.monotonic() + LOOK_S
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return {name: found.get(name, ()) for name in names}


def addresses(hosts: Sequence[str], known: Known) -> tuple[str, ...]:
    """Replace names by their addresses; one that has none stays as it is."""
    return tuple(one for host in hosts for one in known.get(host) or (host,))


class HostWatch:
    """Looks names up while Asterisk runs, and gives it what is new; `render` writes its files."""

    def __init__(
        self,
        asterisk: AsteriskProcess,
        home: Home,
        known: Known,
        render: Callable[[Known], Mapping[str, str]],
    ) -> None:
        self._asterisk = asterisk
        self._home = home
        self._known = dict(known)
        self._render = render

    async def run(self) -> None:
        """Look until canceled."""
        self._tell([name for name, found in self._known.items() if not found], [])
        while self._known:
            await asyncio.sleep(KNOWN_S if all(self._known.values()) else UNKNOWN_S)
            try:
                await self._look()
            except (OSError, EngineError) as error:
                log.error("names.not_reported", error=str(error))  # noqa: TRY400  # tried again

    async def _look(self) -> None:
        found = await asyncio.to_thread(look_up, list(self._known))
        wanted = {
            name: tuple(dict.fromkeys((*found[name], *before)))[:MOST]
            for name, before in self._known.items()
        }
        if all(set(wanted[name]) == set(before) for name, before in self._known.items()):
            return
        self._asterisk.rewrite(FILE, self._render(wanted)[FILE])
        for module in RELOADS:
            await self._asterisk.command(f"module reload {module}")
        resolved = [name for name, before in self._known.items() if wanted[name] and not before]
        self._known = wanted
        self._tell([name for name, known in wanted.items() if not known], resolved)

    def _tell(self, unknown: Sequence[str], resolved: Sequence[str]) -> None:
        """Say which names have no address, in the log and for whoever asks."""
        for name in unknown if not resolved else ():
            why = "it has no address; until it has one, calls from there need a password"
            log.error("names.unknown", where=name, why=why)
        for name in resolved:
            log.warning("names.known", where=name, why="calls from there are accepted again")
        with contextlib.suppress(OSError):
            remember_unknown(self._home, unknown)


def remember_unknown(home: Home, names: Sequence[str]) -> None:
    """Write down which names have no address: other processes tell of them."""
    if names:
        files.replace(home.unknown_names, json.dumps(list(names)), 0o600)
    else:
        home.unknown_names.unlink(missing_ok=True)


def unknown_hosts(home: Home) -> list[str]:
    """List the names that the Asterisk of this home, which runs, could not look up."""
    try:
        found = json.loads(home.unknown_names.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [str(name) for name in found] if isinstance(found, list) else []


@dataclass(frozen=True)
class Unresolved:
    """How many names have no address, by whose they are."""

    carrier: int = 0
    phones: int = 0


def unresolved(home: Home, phones: Sequence[str]) -> Unresolved:
    """Count these names: desk phones' are the ones given here, all others the carrier's."""
    names = unknown_hosts(home)
    theirs = sum(name in phones for name in names)
    return Unresolved(len(names) - theirs, theirs)
