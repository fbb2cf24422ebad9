"""Whether our Asterisk answers, asked of a real one: ours, another office's, one that is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from pathlib import Path

from pbx.config import secrets
from pbx.config.home import Home
from pbx.ops.asterisk import manager_answers
from tests.support.asterisk import SECRET, bare_asterisk


async def test_only_our_own_asterisk_answers(tmp_path: Path) -> None:
    """Another office's that has the port now is not ours, and neither is one that stands still."""
    home = Home(tmp_path)
    assert manager_answers(home) is False  # never started
    with tempfile.TemporaryDirectory(prefix="officeline-asked-") as name:
        async with bare_asterisk(Path(name)) as asterisk:
            home.remember_ports(asterisk.instance.ports)
            secrets.write(home.folder, secrets.Secrets(manager=SECRET))
            assert await asyncio.to_thread(manager_answers, home) is True
            secrets.write(home.folder, secrets.Secrets(manager="of another office"))
            assert await asyncio.to_thread(manager_answers, home) is False
            secrets.write(home.folder, secrets.Secrets(manager=SECRET))
            assert asterisk.pid is not None
            os.kill(asterisk.pid, signal.SIGSTOP)
            assert await asyncio.to_thread(manager_answers, home) is False
            os.kill(asterisk.pid, signal.SIGCONT)
            (home.folder / secrets.FILE).chmod(0o644)  # refused: others can read it
            assert manager_answers(home) is None
            (home.folder / secrets.FILE).chmod(0o600)
        assert manager_answers(home) is False
