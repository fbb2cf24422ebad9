"""The line starts in bad company: a damaged AstDB, a name that is not known, a full disk."""

from __future__ import annotations

import asyncio
import contextlib
import os
from functools import partial
from pathlib import Path

import pytest

from pbx.asterisk.engine import astdb
from pbx.demo.scenes import BACK_LINE, patient
from pbx.ops.doctor import examine
from pbx.ops.standing import line_standing
from tests.conftest import Saw
from tests.faults.line import line_up
from tests.faults.oracle import DEADLINE
from tests.support import broker as brokers
from tests.support.broker import PASSWORD, SITE, USER
from tests.support.office_up import Up, until

pytestmark = pytest.mark.long
CARRIER = "sip.carrier.example"


async def test_asterisks_own_database_is_damaged(saw: Saw) -> None:
    """Row 48: set aside at the next start; the failsafe knows again whom to ring."""
    async with line_up() as line:
        await line.reaches("+19175550161")
        await line.up.ends()
        path = line.up.home.asterisk / "db" / astdb.NAME
        path.write_bytes(garbage := os.urandom(path.stat().st_size))
        served = line.up.reported("daemon.serving")
        await line.up.starts()
        await until(lambda: line.up.reported("daemon.serving") > served)
        assert line.up.reported("asterisk.database_set_aside") == 1
        assert path.with_name(astdb.ASIDE).read_bytes() == garbage
        await line.reaches("+19175550162")
        rows = await line.holds()
        assert [row.outcome for row in rows] == ["connected", "connected"]
        saw(
            "the file was renamed and kept; the next call was answered and logged",
            line.waited_s[-1],
        )


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
        table = f'site = "{SITE}"\nhost = "127.0.0.1"\nport = {broker.port}\ntls = false'
        return "\n".join([*lines, "[mqtt]", table, f'user = "{USER}"']) + "\n"

    async with (
        brokers.running(tmp_path / "broker") as broker,
        brokers.listening(broker) as heard,
        line_up(edit=named, prefix=prefix, mqtt=PASSWORD) as line,
    ):
        await until(lambda: line.up.reported("names.unknown") == 1)
        assert CARRIER in await asyncio.to_thread(names_check, line.up.home.folder)
        assert (await asyncio.to_thread(line_standing, line.up.home)).unresolved == (CARRIER,)
        await until(lambda: heard.last("names").get("carrier") == 1)
        call = await line.dials(BACK_LINE, patient(at_most=8))
        await call.ended(DEADLINE)
        assert not line.reached(call)
        line.calls.clear()
        address = line.up.carrier.sip[0]
        hosts.write_text(f"127.0.0.1 localhost\n{address} {CARRIER}\n")
        await until(lambda: line.up.reported("names.known") == 1)
        assert not await asyncio.to_thread(names_check, line.up.home.folder)
        assert (await asyncio.to_thread(line_standing, line.up.home)).unresolved == ()
        await until(lambda: heard.last("names").get("carrier") == 0)
        await line.reaches("+19175550162")
        (row,) = await line.holds()
        assert row.outcome == "connected"
        saw("reported at first; used as soon as the name had an address", line.waited_s[-1])


@pytest.mark.parametrize("inodes", [0, 4000], ids=["bytes", "inodes"])
async def test_the_disk_is_full_at_the_start(saw: Saw, inodes: int) -> None:
    """Row 50: a line that answered before answers, and the disk is named; then it is as ever."""
    async with line_up(disk_mb=96, inodes=inodes) as line:
        home = line.up.home
        await line.reaches("+19175550161")
        await line.holds()
        await line.up.ends()
        await asyncio.to_thread(fill, home.folder, inodes=bool(inodes))
        for start, caller in enumerate(("+19175550162", "+19175550163")):  # nothing is used up
            await line.up.starts()
            await until(partial(answers, line.up, starts=start + 2))
            assert line.up.reported(f"disk at {home.folder}")
            assert str(home.folder) in await asyncio.to_thread(disk_check, home.folder)
            line.answered()
            call = await line.dials(BACK_LINE, patient(at_most=8), caller)
            await line.rings()
            await call.ended(DEADLINE)
            assert line.reached(call)
            await line.up.ends()
        saw("the physician rang after each of two starts; the disk was reported", line.waited_s[-1])
        for path in home.folder.glob("filler*"):
            path.unlink()
        line.calls.clear()
        served = line.up.reported("daemon.serving")
        await line.up.starts()
        await until(lambda: line.up.reported("daemon.serving") > served)
        await line.reaches("+19175550164")
        (row,) = await line.holds()
        assert row.outcome == "connected"


def answers(up: Up, *, starts: int) -> bool:
    """Tell whether it answers after so many starts; fail with what it said, if it ended."""
    assert up.process.returncode is None, up.output.read_text()[-2000:]
    return up.reported("answers on") == starts


def fill(folder: Path, *, inodes: bool) -> None:
    """Take all the room of a disk, or all of its files."""
    with contextlib.suppress(OSError):
        for number in range(100_000) if inodes else ():
            (folder / f"filler{number}").touch()
    if not inodes:
        with (folder / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))


def disk_check(home: Path) -> str:
    """Say what `doctor` finds wrong of the disk; blocking."""
    checks = examine(home.parent / "office.toml", home)
    return " ".join(one.detail for one in checks if one.name == "disk" and not one.ok)


def names_check(home: Path) -> str:
    """Say what `doctor` finds wrong of the names; blocking."""
    checks = examine(home.parent / "office.toml", home)
    return " ".join(one.detail for one in checks if one.name == "names" and not one.ok)
