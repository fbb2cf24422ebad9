"""Asterisk as a process: unprivileged, lean, restarted when it dies, gone when it is stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pbx.asterisk.engine import astdb, runtime
from pbx.asterisk.engine.ports import PortBlock, is_free
from pbx.asterisk.engine.process import AsteriskProcess
from pbx.asterisk.engine.runtime import ServiceUser
from pbx.base.errors import EngineError
from pbx.calls import office
from pbx.config.home import Home
from pbx.config.plan import load
from tests.support.asterisk import bare_asterisk

DEADLINE = 30.0
ROOT = Path(__file__).parents[3]


@pytest.fixture
def place() -> Iterator[Path]:
    """Make a folder that Asterisk's own user can enter, as pytest's own folders cannot be."""
    with tempfile.TemporaryDirectory(prefix="officeline-engine-") as folder:
        yield Path(folder)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(DEADLINE):
        while not holds():
            await asyncio.sleep(0.05)


def status(pid: int) -> dict[str, str]:
    """Read what the kernel knows of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


async def test_it_is_lean_and_has_no_privileges(place: Path) -> None:
    """Under 100 modules, built-in ones included, no root, no capabilities, none to be gained."""
    async with bare_asterisk(place) as asterisk:
        assert asterisk.pid is not None
        known = status(asterisk.pid)
        assert "0" not in known["Uid"].split()
        assert int(known["CapEff"], 16) == 0
        assert known["NoNewPrivs"] == "1"
        shown = (await asterisk.command("module show")).strip().splitlines()[-1]
        built_in = 16
        assert int(shown.split()[0]) + built_in < 100


async def test_stopped_it_leaves_no_process_and_no_port(place: Path) -> None:
    """After stop the ports are free at once, and so is the process id."""
    async with bare_asterisk(place) as asterisk:
        pid, ports = asterisk.pid, asterisk.instance.ports
        assert not is_free(ports.sip)
    assert not Path(f"/proc/{pid}").exists()
    assert is_free(ports.sip)
    assert is_free(ports.ami)


async def test_killed_it_is_started_again(place: Path) -> None:
    """The line is back after a crash, on the same ports."""
    async with bare_asterisk(place) as asterisk:
        first = asterisk.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: asterisk.restarts == 1)
        assert asterisk.pid not in {None, first}
        assert "channels" in await asterisk.command("core show channels count")


async def test_a_leftover_of_this_home_is_ended(place: Path) -> None:
    """An Asterisk that outlived its supervisor does not block the next start."""
    async with bare_asterisk(place) as orphan:
        again = AsteriskProcess(orphan.runtime, orphan.instance)
        orphan._watch.cancel()  # type: ignore[union-attr]  # noqa: SLF001  # its supervisor is "dead"
        await again.start()
        try:
            assert again.pid != orphan.pid
            assert "channels" in await again.command("core show channels count")
        finally:
            await again.stop()


async def test_a_port_that_is_taken_is_named(place: Path) -> None:
    """EngineError says which port, and nothing was started."""
    async with bare_asterisk(place) as asterisk:
        ports = asterisk.instance.ports
        await asterisk.stop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", ports.sip))
            with pytest.raises(EngineError, match=rf"Port {ports.sip} \(SIP\).*in use"):
                await asterisk.start()
        assert asterisk.pid is None


def test_blocks_of_ports_do_not_overlap(tmp_path: Path) -> None:
    """Two offices take different blocks; a released one is free again."""
    first, second = PortBlock.take(tmp_path), PortBlock.take(tmp_path)
    assert first.ports.sip != second.ports.sip
    first.release()
    third = PortBlock.take(tmp_path)
    assert third.ports == first.ports
    for block in (second, third):
        block.release()


def test_the_ports_of_a_home_stay(tmp_path: Path) -> None:
    """The second start has the first one's; SIP's even while others have the rest of its block."""
    home = Home(tmp_path)
    configuration = load(ROOT / "config" / "office.toml")
    first, block = office.choose_ports(configuration, home)
    home.remember_ports(first)
    other, busy = office.choose_ports(configuration, home)
    assert other.sip == first.sip
    assert other.ami != first.ami
    busy.release()
    block.release()
    again, block = office.choose_ports(configuration, home)
    block.release()
    assert again == first
    home.ports.write_text("{")
    _, block = office.choose_ports(configuration, home)
    block.release()


def test_a_folder_that_the_service_user_cannot_enter(tmp_path: Path) -> None:
    """Every folder on the way must let that user pass."""
    closed = tmp_path / "closed" / "inside"
    closed.mkdir(parents=True)
    stranger = ServiceUser("nobody", 65534, 65534)
    closed.parent.chmod(0o700)
    assert not runtime.enterable(closed, stranger)


@pytest.mark.parametrize("words", [["setpriv", "--no-new-privs"], []])
def test_who_can_gain_nothing_needs_no_setpriv(words: list[str]) -> None:
    """A unit of systemd's forbids what setpriv asks of the kernel."""
    code = "from pbx.asterisk.engine.runtime import *; print(confined(ServiceUser(None, 1, 1)))"
    command = [*words, sys.executable, "-c", code]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert ("setpriv" in said) == (not words)


def test_what_root_fetched_serves_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless OFFICELINE_CACHE names another place, where there is none."""
    shared = runtime.find_asterisk()
    if shared is None or not shared.private or os.environ.get("OFFICELINE_CACHE"):
        pytest.skip("there is no Asterisk in a shared cache")
    monkeypatch.setattr(runtime, "cache_folder", lambda: tmp_path)
    assert runtime.find_asterisk() == shared
    monkeypatch.setenv("OFFICELINE_CACHE", str(tmp_path))
    assert runtime.find_asterisk() is None


def test_roots_cache_can_be_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private XDG_CACHE_HOME is no place for what another user must run."""
    monkeypatch.delenv("OFFICELINE_CACHE", raising=False)
    tmp_path.chmod(0o700)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    own = tmp_path / "officeline"  # an ordinary user runs Asterisk as themselves
    expected = Path("/var/cache/officeline") if os.geteuid() == 0 else own
    assert runtime.cache_folder() == expected


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "garbage": lambda old: b"\x17\x80garbage" * (len(old) // 9),
    "a damaged page": lambda old: old[:4096] + b"\xa5" * (len(old) - 4096),
    "cut off": lambda old: old[: len(old) // 2 - 100],
    "no text of SQLite's": lambda _: b"[general]\nthis is no database\n" * 200,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_a_damaged_database_of_asterisks_own(
    place: Path, damage: Callable[[bytes], bytes]
) -> None:
    """It is set aside as it was, at a crash as at a start, and Asterisk takes values again."""
    async with bare_asterisk(place) as asterisk:
        await asterisk.command("database put failsafe oncall osei")
        path = asterisk.instance.folder / "db" / astdb.NAME
        await asterisk.stop()
        path.write_bytes(damaged := damage(path.read_bytes()))
        await asterisk.start()
        assert path.with_name(astdb.ASIDE).read_bytes() == damaged
        await asterisk.command("database put failsafe oncall lee")
        assert "lee" in await asterisk.command("database get failsafe oncall")
        path.write_bytes(damaged)
        assert asterisk.pid is not None
        os.kill(asterisk.pid, signal.SIGKILL)
        await until(lambda: asterisk.restarts == 1)
        assert path.with_name(astdb.ASIDE).read_bytes() == damaged


async def test_what_can_be_read_of_it_is_kept(place: Path) -> None:
    """Desk phones register once an hour: whoever has lost where they are rings none till then."""
    async with bare_asterisk(place) as asterisk:
        path = asterisk.instance.folder / "db" / astdb.NAME
        await asterisk.stop()
        with closing(sqlite3.connect(path)) as connection, connection:
            rows = [(f"/phone/{number}", "x" * 400) for number in range(200)]
            connection.executemany("INSERT INTO astdb VALUES (?, ?)", rows)
        data = bytearray(path.read_bytes())
        data[-4096:] = b"\xa5" * 4096
        path.write_bytes(data)
        await asterisk.start()
        kept = (await asterisk.command("database show phone")).count("/phone/")
        assert kept > 100


def test_what_belongs_to_somebody_else_is_set_aside(tmp_path: Path) -> None:
    """As after a start by root: whoever may not write it makes their own."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a file that is somebody else's")
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents:
        folder.chmod(folder.stat().st_mode | 0o711)
    path = tmp_path / astdb.NAME
    path.write_bytes(b"")
    path.chmod(0o600)
    code = (
        "from pathlib import Path; from pbx.asterisk.engine import astdb; import os\n"
        "from pbx.asterisk.engine.runtime import ServiceUser; os.setuid(65534)\n"
        f"astdb.make_usable(Path({str(tmp_path)!r}), ServiceUser(None, 65534, 65534))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    assert path.owner() == "nobody"
    assert path.with_name(astdb.ASIDE).owner() == "root"


def test_asterisks_database_is_left_as_it_is(tmp_path: Path) -> None:
    """A whole one, an empty one and one that is being written are no damage."""
    path = tmp_path / astdb.NAME
    user = ServiceUser(None, os.geteuid(), os.getegid())
    astdb.make_usable(tmp_path, user)
    assert not path.exists()
    path.touch()
    astdb.make_usable(tmp_path, user)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE astdb(key TEXT, value TEXT, PRIMARY KEY(key))")
        other.execute("BEGIN EXCLUSIVE")
        astdb.make_usable(tmp_path, user)
        other.execute("ROLLBACK")
    assert not path.with_name(astdb.ASIDE).exists()
