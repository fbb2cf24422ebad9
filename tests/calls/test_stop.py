"""`officeline stop`: ends what 'officeline up' runs, and nothing else; real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pbx.asterisk.engine.ports import is_free
from pbx.asterisk.engine.process import running_in
from pbx.service.only_one import holder
from tests.calls.test_processes import leave_messages
from tests.support.office_up import DEADLINE, ROOT, Up, office_up

PRACTICE = "Lakeside Internal Medicine"


async def stop(up: Up, *words: str) -> subprocess.CompletedProcess[str]:
    """Give the command on this home; nobody is at a terminal."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *up.words[:-1], "stop", *words),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    out, err = await asyncio.wait_for(process.communicate(), DEADLINE)
    return subprocess.CompletedProcess((), process.returncode or 0, out.decode(), err.decode())


async def test_it_ends_up_and_says_what_follows() -> None:
    """First it is refused for what would be lost; then all of it is gone as the command ends."""
    with tempfile.TemporaryDirectory(prefix="officeline-stop-") as name:
        async with office_up(Path(name)) as up:
            leave_messages(up, urgent=2)
            done = await stop(up)
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr.endswith(
                ": 2 urgent messages are open, with calls still to be made about them; "
                "give --yes to stop the line anyway.\n"
            )
            assert up.process.returncode is None
            assert holder(up.home.running) == up.process.pid
            done = await stop(up, "--yes")
            assert (done.returncode, done.stderr) == (0, "")
            assert up.processes() == []
            assert is_free(up.sip)
            first, second = done.stdout.splitlines()
            assert first == (
                f"{PRACTICE}: the line is stopped. CALLERS REACH NOTHING until 'officeline up' "
                "runs again."
            )
            assert second.startswith("2 urgent messages are open, and nobody is called about them")
            assert await asyncio.wait_for(up.process.wait(), DEADLINE) == 0
            done = await stop(up)
            assert (done.returncode, done.stderr) == (1, "")
            assert done.stdout == (
                f"{PRACTICE}: nothing is running in {up.home.folder}, so there is nothing to "
                f"stop.\n"
            )


@pytest.mark.long
async def test_it_ends_what_a_killed_up_left() -> None:
    """The control layer and the Asterisk that go on by themselves."""
    with tempfile.TemporaryDirectory(prefix="officeline-stop-") as name:
        async with office_up(Path(name)) as up:
            left = [up.daemon_pid(), *running_in(up.home.asterisk)]
            try:
                up.process.kill()
                await up.process.wait()
                done = await stop(up)
                assert (done.returncode, done.stderr) == (0, "")
                assert up.processes() == []
            finally:
                for pid in left:
                    if Path(f"/proc/{pid}").exists():
                        os.kill(pid, signal.SIGKILL)
