"""The standby's script, where Asterisk's user cannot reach the code."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pbx.asterisk.engine.runtime import confined, service_user
from pbx.calls.standby import script
from pbx.config.home import Home
from tests.support.offices import ROOT, entered_by_all

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root's Asterisk is another user")


@pytest.fixture
def place() -> Iterator[Path]:
    """Make a folder that Asterisk's user can enter, as pytest's own is for us alone."""
    with tempfile.TemporaryDirectory(prefix="officeline-script-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def hidden(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the code into a folder that nobody else may enter, as a checkout in /root is."""
    folder = place / "root"
    packages = {}
    for package, found in script.package_folders().items():
        source = found / package
        if source.is_dir():
            shutil.copytree(source, folder / package)
        else:
            shutil.copyfile(source.with_suffix(".py"), folder / f"{package}.py")
        packages[package] = folder
    folder.chmod(0o700)
    monkeypatch.setattr(script, "package_folders", lambda: packages)
    return folder


def test_a_copy_serves_where_the_code_cannot_be_reached(place: Path, hidden: Path) -> None:
    """Asterisk's user runs the script, of the newest copy alone; the next start makes another."""
    home, user = Home(place / "home"), service_user()
    home.prepare(user)
    assert script.interpreter(user, [str(hidden)]) is None
    assert script.install(home, user)
    (first,) = home.standby.glob("code-*")
    assert script.install(home, user)
    (second,) = home.standby.glob("code-*")
    assert first != second
    text = home.standby_script.read_text()
    assert str(second) in text
    assert str(hidden) not in text
    ran = subprocess.run(
        [*confined(user), str(home.standby_script)], input=b"\n", capture_output=True, check=False
    )
    assert b"ModuleNotFoundError" not in ran.stderr
    assert b"PermissionError" not in ran.stderr


@pytest.mark.skipif(not entered_by_all(ROOT), reason="this checkout cannot be reached")
def test_code_that_can_be_reached_is_not_copied(place: Path) -> None:
    """What an earlier start copied goes, too."""
    home, user = Home(place / "home"), service_user()
    home.prepare(user)
    (home.standby / "code-old").mkdir()
    assert script.install(home, user)
    assert list(home.standby.glob("code-*")) == []
