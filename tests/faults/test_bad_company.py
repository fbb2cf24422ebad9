"""The line starts in bad company: a damaged AstDB, a name that is not known, a full disk."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from pbx.demo.scenes import BACK_LINE, patient
from pbx.engine import astdb
from pbx.health.doctor import examine
from tests.conftest import Saw
from tests.faults.line import line_up
from tests.faults.oracle import DEADLINE
from tests.support.office_up import until

pytestmark = pytest.mark.long
CARRIER = "sip.carrier.example"


async def test_asterisks_own_database_is_damaged(saw: Saw) -> None:
    """Row 48: set aside at the next start; the failsafe knows again whom to ring."""
    async with line_up() as line:
        await line.reaches("+19175550161")
        await line.up.ends()
        path = line.up.home.asterisk / "db" / astdb.NAME
        path.write_bytes(garbage := os.urandom(path.stat().st_size))
        served = line.up.told("daemon.serving")
        await line.up.starts()
        await until(lambda: line.up.told("daemon.serving") > served)
        assert line.up.told("asterisk.database_set_aside") == 1
        assert path.with_name(astdb.ASIDE).read_bytes() == garbage
        await line.reaches("+19175550162")
        rows = await line.holds()
        assert [row.outcome for row in rows] == ["connected", "connected"]
        saw("set aside; the next call was answered and logged", line.waited_s[-1])


async def test_the_carriers_name_is_not_known_at_boot(saw: Saw, tmp_path: Path) -> None:
    """Row 49: its calls are strangers' until the name has an address, and taken from then on."""
    hosts, resolver = tmp_path / "hosts", tmp_path / "resolv.conf"
    hosts.write_text("127.0.0.1 localhost\n")
    resolver.write_text("nameserver 127.0.0.213\n")  # where nobody answers
    prefix = ("unshare", "--mount", "sh", "-c", f"""
        mount --bind {hosts} /etc/hosts && mount --bind {resolver} /etc/resolv.conf && exec "$@"
    """, "sh")  # fmt: skip
    tried = await asyncio.create_subprocess_exec(*prefix, "true")
    if await tried.wait():
        pytest.skip("no namespace of its own can be made here")

    def named(text: str) -> str:
        lines = text.splitlines()
        at = next(n for n, one in enumerate(lines) if one.startswith("addresses"))
        lines[at] = f'addresses = ["{CARRIER}"]'
        return "\n".join(lines) + "\n"

    async with line_up(edit=named, prefix=prefix) as line:
        await until(lambda: line.up.told("names.unknown") == 1)
        assert CARRIER in await asyncio.to_thread(names_check, line.up.home.folder)
        call = await line.dials(BACK_LINE, patient(at_most=8))
        await call.ended(DEADLINE)
        assert not line.reached(call)
        line.calls.clear()
        address = line.up.carrier.sip[0]
        hosts.write_text(f"127.0.0.1 localhost\n{address} {CARRIER}\n")
        await until(lambda: line.up.told("names.known") == 1)
        assert not await asyncio.to_thread(names_check, line.up.home.folder)
        await line.reaches("+19175550162")
        (row,) = await line.holds()
        assert row.outcome == "connected"
        saw("told at first; taken as soon as the name had an address", line.waited_s[-1])


def names_check(home: Path) -> str:
    """Say what `doctor` finds wrong of the names; blocking."""
    checks = examine(home.parent / "office.toml", home)
    return " ".join(one.detail for one in checks if one.name == "names" and not one.ok)
