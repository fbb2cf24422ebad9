"""Asterisk and the control layer as two units run them: each may end without the other."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pbx.asterisk.engine import runtime
from pbx.base.watchdog import ALIVE, READY, SOCKET
from pbx.config import secrets
from pbx.config.home import Home
from pbx.service.supervisor import is_running

ROOT = Path(__file__).parents[2]
DEADLINE = 60.0


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(DEADLINE):
        while not holds():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def command(
    folder: Path, word: str, *words: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a command until it says this word; end it by the signal that systemd sends."""
    output = folder / f"output-{words[0]}"
    options = ["--config", str(ROOT / "config/office.toml"), "--home", str(folder / "home")]
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cli",
            *options,
            *words,
            stdout=file,
            stderr=file,
            cwd=ROOT,
            env={**os.environ, SOCKET: str(folder / "notify")},
        )
    try:
        await until(lambda: process.returncode is not None or word in output.read_text())
        assert process.returncode is None, output.read_text()
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), DEADLINE) == 0


@asynccontextmanager
async def listening(path: Path) -> AsyncIterator[list[str]]:
    """Hear what a unit of the type "notify" tells systemd."""
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
        inbox.bind(str(path))
        inbox.setblocking(False)
        loop = asyncio.get_running_loop()
        loop.add_reader(inbox, lambda: heard.extend(inbox.recv(4096).decode().split("\n")))
        try:
            yield heard
        finally:
            loop.remove_reader(inbox)


@pytest.mark.long
async def test_the_control_layer_comes_and_goes_beside_asterisk() -> None:
    """Killed and started again, it finds the same Asterisk; in the end nothing is left."""
    with tempfile.TemporaryDirectory(prefix="officeline-units-") as name:
        folder, home = Path(name), Home(Path(name) / "home")
        folder.chmod(0o755)
        home.prepare(runtime.service_user())
        secrets.write(home.folder, secrets.Secrets())
        async with (
            listening(folder / "notify") as heard,
            command(folder, "answers on", "engine", "run"),
        ):
            await until(lambda: READY in heard)
            assert heard == [READY]  # ours, and not Asterisk's own
            pid = (home.asterisk / "run/asterisk.pid").read_text()
            async with command(folder, "daemon.serving", "serve") as daemon:
                daemon.kill()
                await daemon.wait()
            heard.clear()
            async with command(folder, "daemon.serving", "serve"):
                await until(lambda: heard.count(ALIVE) > 1)
            assert heard[0] == READY
            assert (home.asterisk / "run/asterisk.pid").read_text() == pid
            assert Path(f"/proc/{pid.strip()}").exists()
        assert not is_running(home)
        assert not Path(f"/proc/{pid.strip()}").exists()
