"""The daemon's sign of life, also when it dies without a word."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from pbx.config.home import Home
from pbx.service.heartbeat_file import HeartbeatFile, LastHeartbeat, read_heartbeat
from tests.support.ami_peer import until
from tests.support.daemons import ROOT, asked, serving

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
HOLDER = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from pbx.config.home import Home
from pbx.service.heartbeat_file import HeartbeatFile
heartbeat_file = HeartbeatFile(Home(Path(sys.argv[1])))
heartbeat_file.open()
heartbeat_file.beat(datetime(2026, 11, 24, 15, tzinfo=UTC), came=True)
print("beats", flush=True)
time.sleep(60)
"""


def test_where_no_daemon_ever_ran_none_runs(tmp_path: Path) -> None:
    """Nor is a file made by looking."""
    assert read_heartbeat(Home(tmp_path)) == LastHeartbeat(runs=False)
    assert list(tmp_path.iterdir()) == []


def test_a_missed_heartbeat_keeps_the_time_of_the_last(tmp_path: Path) -> None:
    """Before the first one nothing is known."""
    heartbeat_file = HeartbeatFile(Home(tmp_path))
    heartbeat_file.open()
    assert read_heartbeat(Home(tmp_path)) == LastHeartbeat(runs=True)
    heartbeat_file.beat(NOW, came=True)
    assert read_heartbeat(Home(tmp_path)) == LastHeartbeat(runs=True, heartbeat_at=NOW, came=True)
    heartbeat_file.beat(NOW.replace(hour=16), came=False)
    assert read_heartbeat(Home(tmp_path)) == LastHeartbeat(runs=True, heartbeat_at=NOW, came=False)
    heartbeat_file.close()
    assert not read_heartbeat(Home(tmp_path)).runs


def test_a_killed_daemon_runs_no_more(tmp_path: Path) -> None:
    """It had no time to say so; its last heartbeat is still known."""
    words = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == "beats\n"
        assert read_heartbeat(Home(tmp_path)).runs
        daemon.kill()
    assert read_heartbeat(Home(tmp_path)) == LastHeartbeat(runs=False, heartbeat_at=NOW, came=True)


def test_a_second_daemon_leaves_the_first_ones_sign_alone(tmp_path: Path) -> None:
    """It runs without one."""
    first, second = HeartbeatFile(Home(tmp_path)), HeartbeatFile(Home(tmp_path))
    first.open()
    second.open()
    first.beat(NOW, came=True)
    second.beat(NOW.replace(hour=20), came=False)
    second.close()
    assert read_heartbeat(Home(tmp_path)) == LastHeartbeat(runs=True, heartbeat_at=NOW, came=True)
    first.close()


async def test_the_daemon_shows_it(tmp_path: Path) -> None:
    """From its start to its end, with the heartbeat that this manager never performs."""
    home = Home(tmp_path)
    text = (ROOT / "config" / "office.toml").read_text()
    async with serving(home, text) as (_, port):
        assert read_heartbeat(home).runs
        await asked(port, "1.1")
        await until(lambda: read_heartbeat(home).runs)
    assert not read_heartbeat(home).runs
