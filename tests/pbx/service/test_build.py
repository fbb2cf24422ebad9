"""The daemon put together: what was opened is closed again, whether or not it ever started."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.asterisk.engine.ports import Ports
from pbx.asterisk.engine.runtime import ServiceUser
from pbx.base.clock import DemoClock
from pbx.config.home import Home
from pbx.db.database import StoreError
from pbx.service.build import build
from pbx.service.daemon import Daemon
from tests.support.daemons import DAY, ROOT, SECRETS, parsed

TEXT = (ROOT / "config" / "office.toml").read_text()


def open_files(folder: Path) -> list[str]:
    """Name the files of a folder that this process holds open."""
    found = []
    for one in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(one.readlink()))
        except FileNotFoundError:  # that of this very look
            continue
    return [one for one in found if one.startswith(str(folder))]


async def built(home: Home) -> Daemon:
    """Build the example practice's daemon, which connects to nobody before it starts."""
    return await build(parsed(TEXT), SECRETS, home, Ports.of_block(20000), DemoClock(DAY))


async def test_a_daemon_that_never_started_leaves_nothing_open(tmp_path: Path) -> None:
    """Its database was open, and used."""
    home = Home(tmp_path / "home")
    home.prepare(ServiceUser(None, 0, 0))
    daemon = await built(home)
    daemon.plans.open()
    daemon.remember()
    assert open_files(home.folder)
    await daemon.stop()
    assert open_files(home.folder) == []


async def test_a_database_that_cannot_be_opened_is_said_before_anything_is_made(
    tmp_path: Path,
) -> None:
    """One sentence, and nothing of it stays open."""
    home = Home(tmp_path / "home")
    home.prepare(ServiceUser(None, 0, 0))
    home.database.mkdir()
    with pytest.raises(StoreError, match=r"database"):
        await built(home)
    assert open_files(home.folder) == []
