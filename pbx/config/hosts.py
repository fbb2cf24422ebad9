"""Look up host names, such as the carrier's, at the start, and again until each has an address.

Asterisk itself looks up names only when it reads its files, one after the other, and waits as long
as the resolver does. So it gets addresses instead of names. A name without an address at the start
is looked up again, because otherwise Asterisk would ask calls from there for a password.
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

LOOK_S = 3.0  # longest delay of a start if the resolver does not answer
UNKNOWN_S, KNOWN_S = 5.0, 300.0  # time between two look-ups
MOST = 64  # addresses per name; new ones are added when a carrier's addresses change
FILE = "pjsip.conf"
RELOADS = ("res_pjsip.so", "res_pjsip_endpoint_identifier_ip.so")

Known = Mapping[str, tuple[str, ...]]  # addresses by name; an empty tuple if there are none

log = structlog.get_logger()


def names_of(configuration: Configuration) -> tuple[str, ...]:
    """List the host names (not addresses) that calls may come from."""
    hosts = (*configuration.trunk.addresses, *configuration.network.phones)
    return tuple(dict.fromkeys(host for host in hosts if not is_address(host)))


def look_up(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the current addresses of each name; blocks for a few seconds at most."""
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
    """Replace names by their addresses; a name without addresses stays."""
    return tuple(one for host in hosts for one in known.get(host) or (host,))


class HostWatch:
    """Looks up names while Asterisk runs, and reloads it after changes; `render` writes files."""

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
        """Look up names until canceled."""
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
        """Record which names have no address, in the log and in the home."""
        for name in unknown if not resolved else ():
            why = "it has no address; until it has one, calls from there need a password"
            log.error("names.unknown", where=name, why=why)
        for name in resolved:
            log.warning("names.known", where=name, why="calls from there are accepted again")
        with contextlib.suppress(OSError):
            remember_unknown(self._home, unknown)


def remember_unknown(home: Home, names: Sequence[str]) -> None:
    """Save which names have no address, so that other processes can report them."""
    if names:
        files.replace(home.unknown_names, json.dumps(list(names)), 0o600)
    else:
        home.unknown_names.unlink(missing_ok=True)


def unknown_hosts(home: Home) -> list[str]:
    """List the names without an address, if this home's Asterisk is running."""
    try:
        found = json.loads(home.unknown_names.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [str(name) for name in found] if isinstance(found, list) else []


@dataclass(frozen=True)
class Unresolved:
    """How many names have no address, of the carrier and of desk phones."""

    carrier: int = 0
    phones: int = 0


def unresolved(home: Home, phones: Sequence[str]) -> Unresolved:
    """Count the names without an address; those not in `phones` are the carrier's."""
    names = unknown_hosts(home)
    theirs = sum(name in phones for name in names)
    return Unresolved(len(names) - theirs, theirs)
