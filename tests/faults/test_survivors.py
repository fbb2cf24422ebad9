"""A second control layer or Asterisk on one home: by hand, and after `officeline up` was killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pbx.asterisk.engine.process import running_in
from pbx.service.only_one import holder
from tests.conftest import Saw
from tests.faults.line import Line, line_up
from tests.faults.oracle import DEADLINE
from tests.support.office_up import ROOT, Up, until

pytestmark = pytest.mark.long


def control_layers(up: Up) -> list[int]:
    """List the processes that serve this home."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"serve" in words and str(up.home.folder).encode() in words:
                found.append(int(process.name))
    return found


async def gives(up: Up, word: str, *, config: str = "") -> tuple[int | None, str]:
    """Give `up` or `serve` on this home by hand; return how it ended and its last line."""
    words = [*up.words[:-1], word]
    if config:
        words[words.index("--config") + 1] = config
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, stderr=asyncio.subprocess.PIPE, cwd=ROOT
    )
    _, said = await asyncio.wait_for(process.communicate(), DEADLINE)
    return process.returncode, said.decode().strip().splitlines()[-1]


@asynccontextmanager
async def orphaned() -> AsyncIterator[tuple[Line, int, list[int]]]:
    """Kill `up` alone; yield the control layer and the Asterisk that it leaves, until we end."""
    async with line_up() as line:
        daemon, asterisks = line.up.daemon_pid(), running_in(line.up.home.asterisk)
        assert len(asterisks) == 1
        try:
            line.up.process.kill()
            await line.up.process.wait()
            yield line, daemon, asterisks
        finally:
            await line.up.ends()
            for pid in (*control_layers(line.up), *running_in(line.up.home.asterisk)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


async def test_up_is_killed(saw: Saw) -> None:
    """Row 44: what it leaves answers on; the next `up` ends both, and one of each is left."""
    async with orphaned() as (line, daemon, asterisks):
        await line.reaches("+19175550161")  # nobody watches them, and callers are answered
        (line.up.home.asterisk / "run" / "asterisk.pid").unlink()  # found all the same
        served = line.up.reported("daemon.serving")
        await line.up.starts()
        await until(lambda: line.up.reported("daemon.serving") > served)
        assert line.up.reported("daemon.leftover_ended") == 1
        assert line.up.reported("asterisk.leftover_ended") == 1
        (now_serves,), (now_runs,) = control_layers(line.up), running_in(line.up.home.asterisk)
        assert now_serves != daemon
        assert now_runs not in asterisks
        assert holder(line.up.home.serving) == now_serves
        await line.reaches("+19175550162")
        await line.holds()
        saw(
            "killed: callers were still answered; the next start ended the old processes, and "
            "one control layer runs"
        )


async def test_who_cannot_start_ends_nobody(saw: Saw) -> None:
    """Row 44: an `up` with a broken file is refused, and what survived goes on answering."""
    async with orphaned() as (line, daemon, asterisks):
        broken = line.up.home.folder.parent / "broken.toml"
        broken.write_text("[office\n")
        line.up.home.applied.unlink(missing_ok=True)
        before = line.up.home.database.read_bytes()[:100]
        line.up.home.database.rename(line.up.home.database.with_suffix(".away"))
        code, said = await gives(line.up, "up", config=str(broken))
        line.up.home.database.with_suffix(".away").rename(line.up.home.database)
        assert (code, "not valid TOML" in said) == (2, True), said
        assert line.up.home.database.read_bytes()[:100] == before
        assert control_layers(line.up) == [daemon]
        assert running_in(line.up.home.asterisk) == asterisks
        await line.reaches("+19175550161")
        saw("`up` with a broken file: refused, and the old processes still answered")


async def test_a_second_control_layer(saw: Saw) -> None:
    """Row 44: `serve` and `up` by hand name the process that runs, and change nothing."""
    async with line_up() as line:
        daemon, served = line.up.daemon_pid(), line.up.reported("daemon.serving")
        code, said = await gives(line.up, "serve")
        assert code == 2
        assert said == (
            f"A control layer is already running on {line.up.home.folder} (process {daemon}); "
            "stop it, or use another --home."
        )
        code, said = await gives(line.up, "up")
        assert code == 2
        assert said == (
            f"OfficeLine is already running on {line.up.home.folder} "
            f"(process {line.up.process.pid}); stop it, or use another --home."
        )
        assert control_layers(line.up) == [daemon]
        await line.reaches("+19175550161")
        assert line.up.reported("daemon.serving") == served
        await line.holds()
        saw("`serve` and `up` beside a running one: refused, with its process number")
