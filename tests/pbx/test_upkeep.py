"""What the doctor says of what goes wrong by itself: clock, process, backups, certificate."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pbx.engine.runtime import ServiceUser
from pbx.errors import OfficeLineError
from pbx.health import upkeep
from pbx.health.pulse import Pulse
from pbx.home import Home
from pbx.store import audit
from pbx.store.database import open_database
from pbx.store.plans import apply_first

NOW = datetime(2026, 11, 28, 7, 10, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home of our own user's."""
    found = Home(tmp_path / "home")
    found.prepare(ServiceUser(None, 0, 0))
    return found


@pytest.mark.parametrize(
    ("process", "mark", "ok", "word"),
    [
        ("chronyd", "", True, "kept by chronyd"),
        ("systemd-timesyn", "", True, "kept by systemd-timesyn"),
        ("bash", "", False, "nobody"),
        ("bash", "here", True, "container"),
    ],
)
def test_a_clock_that_nobody_keeps_is_not_well(
    tmp_path: Path, process: str, mark: str, word: str, *, ok: bool
) -> None:
    """Unless the host of a container does it, which cannot be seen from within."""
    (tmp_path / "17").mkdir()
    (tmp_path / "17/comm").write_text(f"{process}\n")
    (tmp_path / "here").touch()
    check = upkeep.clock(tmp_path, (tmp_path / mark,) if mark else (tmp_path / "none",))
    assert (check.ok, word in check.detail) == (ok, True)
    assert ok or "chrony" in check.mend


def test_the_line_is_looked_at(home: Home) -> None:
    """Not started is well; dead, hung, or without a heartbeat of late is not."""
    assert upkeep.line(home, NOW).ok
    pulse = Pulse(home)
    pulse.open()
    assert upkeep.line(home, NOW).ok, "it has just begun"
    pulse.beat(NOW, came=True)
    assert "7 s ago" in upkeep.line(home, NOW + timedelta(seconds=7)).detail
    assert upkeep.line(home, NOW + timedelta(seconds=7)).ok
    assert not upkeep.line(home, NOW + timedelta(minutes=2)).ok, "it hangs"
    pulse.beat(NOW, came=False)
    assert not upkeep.line(home, NOW).ok, "Asterisk does not answer"
    pulse.close()
    dead = upkeep.line(home, NOW)
    assert (dead.ok, dead.detail) == (False, "nothing runs, and callers reach nothing")


@pytest.fixture
def timers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have systemd's enabled timers in a folder of the test's."""
    folder = tmp_path / "timers.target.wants"
    folder.mkdir()
    monkeypatch.setattr(upkeep, "TIMERS", (folder,))
    return folder


def test_a_backup_that_nobody_schedules_is_told(home: Home, timers: Path) -> None:
    """From the first plan on, until one is made or its timer is on; a late one says so, too."""
    engine = open_database(home.database)
    apply_first(engine, "made up", "abc", now=NOW)
    check = upkeep.backup(home, NOW)
    assert (check.ok, check.detail) == (False, "none was made yet, and none is scheduled")
    assert check.mend.endswith("With systemd: systemctl enable --now officeline-backup.timer.")
    audit.record(engine, "backup.made", by="amy", now=NOW)
    assert upkeep.backup(home, NOW + 6 * DAY).ok, "somebody else sees to it"
    late = upkeep.backup(home, NOW + 8 * DAY)
    assert late.detail == "the last one was made 8 days ago, and none is scheduled"
    (timers / "officeline-backup.timer").symlink_to("/gone")
    late = upkeep.backup(home, NOW + 8 * DAY)
    assert (late.ok, late.detail) == (False, "the last one was made 8 days ago")
    assert "journalctl -u officeline-backup" in late.mend
    engine.dispose()


def test_the_age_of_the_last_backup_is_told(home: Home, timers: Path) -> None:
    """None is well in the first week alone; one of eight days is too old, a restored one counts."""
    assert upkeep.backup(home, NOW).ok, "there is no office yet"
    (timers / "officeline-backup.timer").symlink_to("/gone")
    engine = open_database(home.database)
    apply_first(engine, "made up", "abc", now=NOW)
    assert upkeep.backup(home, NOW + 6 * DAY).ok
    assert not upkeep.backup(home, NOW + 8 * DAY).ok
    audit.record(engine, "backup.begun", by="amy", now=NOW + 8 * DAY)
    assert not upkeep.backup(home, NOW + 8 * DAY).ok, "begun is not made"
    for count, what in enumerate(("backup.made", "backup.restored")):
        made = NOW + (8 + 8 * count) * DAY
        audit.record(engine, what, by="amy", now=made)
        check = upkeep.backup(home, made + 2 * DAY)
        assert (check.ok, "2 days ago" in check.detail) == (True, True)
        assert not upkeep.backup(home, made + 8 * DAY).ok
    engine.dispose()


def test_a_database_that_cannot_be_asked_is_an_error(home: Home) -> None:
    """And not an office without a backup."""
    home.database.write_bytes(b"x" * 8192)
    with pytest.raises(OfficeLineError):
        upkeep.backup(home, NOW)


@pytest.mark.parametrize("kind", ["rsa:2048", "ec -pkeyopt ec_paramgen_curve:prime256v1"])
def test_the_end_of_the_certificate_is_told(tmp_path: Path, kind: str) -> None:
    """A fortnight before; what is no certificate, or not there, is not well either."""
    path = tmp_path / "own.pem"
    words = f"openssl req -x509 -newkey {kind} -nodes -days 40 -subj /CN=office.example"
    subprocess.run(
        [*words.split(), "-keyout", str(tmp_path / "key.pem"), "-out", str(path)],
        check=True,
        capture_output=True,
    )
    now = datetime.now(UTC)
    end = now + 40 * DAY
    told = upkeep.certificate(str(path), now)
    assert (told.ok, told.detail) == (True, f"ends on {end:%Y-%m-%d}")
    assert upkeep.certificate(str(path), end - 15 * DAY).ok
    assert not upkeep.certificate(str(path), end - 13 * DAY).ok
    assert upkeep.certificate(str(path), end + DAY).detail.startswith("ended on")
    for text in ("", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        path.write_text(text)
        assert "holds no certificate" in upkeep.certificate(str(path), now).detail
    path.unlink()
    assert "cannot be read" in upkeep.certificate(str(path), now).detail
