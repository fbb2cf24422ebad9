"""`officeline status` and the doctor beside a real office: what runs, and what has registered."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pbx.config import hosts
from pbx.ops.doctor import examine
from tests.calls.test_processes import leave_messages
from tests.support.office_up import DEADLINE, ROOT, Up, office_up


async def status(up: Up, *words: str) -> str:
    """Return what the command prints of an office that runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *up.words[:-1], "status", *words),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), DEADLINE)
    assert process.returncode == 0, out
    return out.decode()


@pytest.mark.long
async def test_what_runs_and_what_waits() -> None:
    """Since when, what is to do, and how the carrier stands, as Asterisk itself sees it."""
    with tempfile.TemporaryDirectory(prefix="officeline-status-") as name:
        before = datetime.now(UTC)
        async with office_up(Path(name)) as up:
            leave_messages(up, urgent=2)
            reported: dict[str, Any] = json.loads(await status(up, "--json"))
            async with asyncio.timeout(DEADLINE):
                while reported["trunk"] is None:
                    reported = json.loads(await status(up, "--json"))
            assert reported["ok"]
            assert reported["trunk"] == "Avail"
            assert (reported["calls"], reported["messages"]) == (0, {"open": 3, "urgent": 2})
            since = datetime.fromisoformat(reported["control_layer_since"])
            assert before <= since <= datetime.now(UTC)
            text = await status(up)
            assert "The control layer is running, since " in text
            assert "No calls are under way, and 3 messages are open (2 urgent).\n" in text
            assert text.endswith("The carrier answers.\n")
            assert reported["unresolved_names"] == []
            hosts.remember_unknown(up.home, ["sip.carrier.example"])
            text = await status(up)
            assert text.endswith(
                "sip.carrier.example cannot be looked up: "
                "CALLS FROM THERE ARE ASKED FOR A PASSWORD.\n"
            )
            reported = json.loads(await status(up, "--json"))
            assert reported["unresolved_names"] == ["sip.carrier.example"]
            config = Path(name) / "office.toml"
            checks = {
                one.name: one for one in await asyncio.to_thread(examine, config, up.home.folder)
            }
            assert not checks["phones"].ok
            assert checks["phones"].detail.startswith("desk1, desk2 not registered")
            assert checks["backup"].detail == "no backup has been made yet, and none is scheduled"
