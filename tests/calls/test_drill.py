"""The drill of the failsafe, on a running office."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from pbx.demo.stage import MOBILES
from pbx.engine import runtime
from tests.support.office_up import ROOT, Up, office_up, until


async def said(*words: str) -> tuple[int, str]:
    """Run a process; return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def drilled(up: Up) -> tuple[int, dict[str, Any]]:
    """Drill the failsafe."""
    where = ("--config", str(up.home.folder.parent / "office.toml"), "--home", str(up.home.folder))
    words = (*where, "drill", "failsafe", "--json")
    code, text = await said(sys.executable, "-m", "cli", *words)
    return code, json.loads(text)


async def test_a_drill_says_whom_the_failsafe_would_ring_and_rings_nobody() -> None:
    """Exit 1 as soon as what is kept for it is not what the vault holds."""
    with tempfile.TemporaryDirectory(prefix="officeline-drill-") as name:
        async with office_up(Path(name)) as up:
            await until((up.home.standby / "live.json").exists)
            code, found = await drilled(up)
            assert (code, found["ok"], len(found["rings"])) == (0, True, 1), found
            (person,) = found["rings"]
            pid = up.daemon_pid()
            os.kill(pid, signal.SIGSTOP)  # or the next heartbeat would mend it
            conf = str(up.home.asterisk / "etc" / "asterisk.conf")
            stale = f"database put officeline to/{person} PJSIP/none@trunk-out"
            await said(*runtime.require().command, "-C", conf, "-rx", stale)
            code, found = await drilled(up)
            os.kill(pid, signal.SIGCONT)
            assert (code, found["ok"]) == (1, False)
            assert "not what the vault holds" in found["wrong"][0]
            assert all(up.carrier.did_not_ring(number) for number in MOBILES.values())
            assert not any("INVITE" in one.start for one in up.carrier.messages())
