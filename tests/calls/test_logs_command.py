"""`officeline logs` beside a real office: both logs, in order, masked, and what comes later."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.support.office_up import DEADLINE, ROOT, Up, office_up


async def begun(up: Up, *words: str) -> asyncio.subprocess.Process:
    """Begin the command on this home."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, *up.words[:-1], "logs", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )


async def shown(up: Up, *words: str) -> list[str]:
    """Return what it prints."""
    process = await begun(up, *words)
    out, err = await asyncio.wait_for(process.communicate(), DEADLINE)
    assert (process.returncode, err) == (0, b"")
    return out.decode().splitlines()


def says(up: Up, text: str, *, ago: int = 0) -> None:
    """Have a line in Asterisk's log, so many seconds old."""
    at = datetime.now().astimezone() - timedelta(seconds=ago)
    with (up.home.asterisk / "log" / "messages.log").open("a") as file:
        file.write(f"[{at:%Y-%m-%d %H:%M:%S.%f}] NOTICE[1234] made.up: {text}\n")


@pytest.mark.long
async def test_both_logs_are_one_and_masked() -> None:
    """The control layer's from the file that it writes into; what comes is followed to the end."""
    with tempfile.TemporaryDirectory(prefix="officeline-logs-") as name:
        async with office_up(Path(name)) as up:
            says(up, "old", ago=3600)
            says(up, "from 'sip:+12125550142@127.0.0.3' in 1795456091.0")
            found = await shown(up)
            (serving,) = (one for one in found if "event=daemon.serving" in one)
            assert serving.startswith("officeline  timestamp=")
            assert found[-1].startswith("asterisk    [")
            assert found[-1].endswith("from 'sip:…0142@127.0.0.3' in 1795456091.0")
            old = next(number for number, one in enumerate(found) if one.endswith(": old"))
            assert old < found.index(serving)
            since = (datetime.now().astimezone() - timedelta(minutes=30)).isoformat()
            newer = await shown(up, "--since", since)
            assert newer[-1] == found[-1]
            assert not [one for one in newer if one.endswith(": old")]
            assert await shown(up, "--lines", "1") == found[-1:]
            following = await begun(up, "--follow", "--lines", "1")
            try:
                assert following.stdout is not None
                async with asyncio.timeout(DEADLINE):
                    assert (await following.stdout.readline()).decode().rstrip() == found[-1]
                    says(up, "(212) 555-0143 came later")
                    came = (await following.stdout.readline()).decode()
                    assert came.startswith("asterisk    [")
                    assert came.endswith(": …0143 came later\n")
                    following.send_signal(signal.SIGINT)
                    assert await following.wait() == 130
            finally:
                if following.returncode is None:
                    following.kill()
                await following.communicate()
