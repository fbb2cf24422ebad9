"""What the doctor says of what goes wrong by itself: clock, process, backups, certificate."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pbx.asterisk.engine.runtime import ServiceUser
from pbx.base.errors import OfficeLineError
from pbx.config.home import Home
from pbx.db import audit
from pbx.db.database import open_database
from pbx.db.plans import apply_first
from pbx.ops import doctor_machine, timers
from pbx.ops.doctor import examine
from pbx.service.heartbeat_file import HeartbeatFile
from routing.time_text import TimeText

NOW = datetime(2026, 11, 28, 7, 10, tzinfo=UTC)
DAY = timedelta(days=1)
TIMES = TimeText(ZoneInfo("America/New_York"))
EXAMPLE = Path(__file__).parents[3] / "config" / "office.toml"


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
        ("bash", "", False, "no program"),
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
    check = doctor_machine.clock_check(
        tmp_path, (tmp_path / mark,) if mark else (tmp_path / "none",)
    )
    assert (check.ok, word in check.detail) == (ok, True)
    assert ok or "chrony" in check.fix


def test_the_line_is_looked_at(home: Home) -> None:
    """Not started is well; dead, hung, or without a heartbeat of late is not."""
    assert doctor_machine.line_check(home, NOW).ok
    heartbeat_file = HeartbeatFile(home)
    heartbeat_file.open()
    assert doctor_machine.line_check(home, NOW).ok, "it has just begun"
    heartbeat_file.beat(NOW, came=True)
    assert "7 s ago" in doctor_machine.line_check(home, NOW + timedelta(seconds=7)).detail
    assert doctor_machine.line_check(home, NOW + timedelta(seconds=7)).ok
    assert not doctor_machine.line_check(home, NOW + timedelta(minutes=2)).ok, "it hangs"
    heartbeat_file.beat(NOW, came=False)
    assert not doctor_machine.line_check(home, NOW).ok, "Asterisk does not answer"
    heartbeat_file.close()
    dead = doctor_machine.line_check(home, NOW)
    assert (dead.ok, dead.detail) == (False, "nothing runs, so callers reach nobody")


@pytest.fixture
def units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have systemd's units in a folder of the test's, with no timer switched on."""
    folder = tmp_path / "units"
    (folder / "timers.target.wants").mkdir(parents=True)
    monkeypatch.setattr(timers, "FOLDERS", (folder,))
    return folder


def switched_on(units: Path, unit: str) -> None:
    """Do as 'systemctl enable' does."""
    (units / f"{unit}.timer").touch()
    (units / "timers.target.wants" / f"{unit}.timer").symlink_to(units / f"{unit}.timer")


@pytest.fixture
def failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a systemctl before any other for which those units have failed that a file names."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program, names = folder / "systemctl", tmp_path / "failed"
    names.touch()
    program.write_text(f'#!/bin/sh\n[ "$1" = is-failed ] && grep -qx "$3" {names}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return names


def test_a_backup_that_nobody_schedules_is_reported(home: Home, units: Path) -> None:
    """From the first plan on, until one is made or its timer is on; a late one says so, too."""
    engine = open_database(home.database)
    apply_first(engine, "made up", "abc", now=NOW)
    check = doctor_machine.backup_check(home, NOW)
    assert (check.ok, check.detail) == (False, "no backup has been made yet, and none is scheduled")
    assert check.fix.startswith("'officeline install --write /etc --backup-to RECIPIENT ")
    (units / "timers.target.wants" / "officeline-backup.timer").symlink_to(units / "gone")
    assert not doctor_machine.backup_check(home, NOW).ok, "a timer that is gone starts nothing"
    (units / "timers.target.wants" / "officeline-backup.timer").unlink()
    (units / "officeline-backup.timer").touch()
    fix = "Enable its timer: systemctl enable --now officeline-backup.timer."
    assert doctor_machine.backup_check(home, NOW).fix == fix
    audit.record(engine, "backup.made", by="amy", now=NOW)
    assert doctor_machine.backup_check(home, NOW + 6 * DAY).ok, "somebody else sees to it"
    late = doctor_machine.backup_check(home, NOW + 8 * DAY)
    assert late.detail == "the last one was made 8 days ago, and none is scheduled"
    switched_on(units, "officeline-backup")
    late = doctor_machine.backup_check(home, NOW + 8 * DAY)
    assert (late.ok, late.detail) == (False, "the last one was made 8 days ago")
    assert "journalctl -u officeline-backup" in late.fix
    engine.dispose()


def test_what_the_timers_started_and_failed_is_reported(
    home: Home, units: Path, failed: Path
) -> None:
    """A backup of yesterday helps nobody tomorrow; a test call that found nothing is well."""
    engine = open_database(home.database)
    apply_first(engine, "made up", "abc", now=NOW)
    audit.record(engine, "backup.made", by="amy", now=NOW)
    engine.dispose()
    switched_on(units, "officeline-backup")
    assert doctor_machine.backup_check(home, NOW + DAY).ok
    assert doctor_machine.canary_check().ok
    failed.write_text("officeline-backup.service\n")
    check = doctor_machine.backup_check(home, NOW + DAY)
    assert not check.ok
    assert check.detail == "the last one was made 1 days ago, and officeline-backup.service failed"
    assert "journalctl -u officeline-backup" in check.fix
    assert doctor_machine.canary_check().ok
    failed.write_text("officeline-canary.service\n")
    assert doctor_machine.backup_check(home, NOW + DAY).ok
    assert (
        doctor_machine.canary_check().ok,
        "officeline-canary" in doctor_machine.canary_check().fix,
    ) == (
        False,
        True,
    )


def test_the_doctor_looks_at_test_calls_that_there_are(
    home: Home, units: Path, failed: Path
) -> None:
    """Whoever has no timer for them is not told of it; one that failed is told in any case."""

    def reported() -> dict[str, bool]:
        return {one.name: one.ok for one in examine(EXAMPLE, home.folder)}

    assert "canary" not in reported()
    switched_on(units, "officeline-canary")
    assert reported()["canary"]
    (units / "officeline-canary.timer").unlink()
    failed.write_text("officeline-canary.service\n")
    assert not reported()["canary"]


def test_the_age_of_the_last_backup_is_reported(home: Home, units: Path) -> None:
    """None is well in the first week alone; one of eight days is too old, a restored one counts."""
    assert doctor_machine.backup_check(home, NOW).ok, "there is no office yet"
    switched_on(units, "officeline-backup")
    engine = open_database(home.database)
    apply_first(engine, "made up", "abc", now=NOW)
    assert doctor_machine.backup_check(home, NOW + 6 * DAY).ok
    assert not doctor_machine.backup_check(home, NOW + 8 * DAY).ok
    audit.record(engine, "backup.begun", by="amy", now=NOW + 8 * DAY)
    assert not doctor_machine.backup_check(home, NOW + 8 * DAY).ok, "begun is not made"
    for count, what in enumerate(("backup.made", "backup.restored")):
        made = NOW + (8 + 8 * count) * DAY
        audit.record(engine, what, by="amy", now=made)
        check = doctor_machine.backup_check(home, made + 2 * DAY)
        assert (check.ok, "2 days ago" in check.detail) == (True, True)
        assert not doctor_machine.backup_check(home, made + 8 * DAY).ok
    engine.dispose()


def test_a_database_that_cannot_be_asked_is_an_error(home: Home) -> None:
    """And not an office without a backup."""
    home.database.write_bytes(b"x" * 8192)
    with pytest.raises(OfficeLineError):
        doctor_machine.backup_check(home, NOW)


@pytest.mark.parametrize("kind", ["rsa:2048", "ec -pkeyopt ec_paramgen_curve:prime256v1"])
def test_the_end_of_the_certificate_is_reported(tmp_path: Path, kind: str) -> None:
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
    reported = doctor_machine.certificate(str(path), now, TIMES)
    assert (reported.ok, reported.detail) == (True, f"ends on {TIMES.moment(end)}")
    assert doctor_machine.certificate(str(path), end - 15 * DAY, TIMES).ok
    assert not doctor_machine.certificate(str(path), end - 13 * DAY, TIMES).ok
    assert doctor_machine.certificate(str(path), end + DAY, TIMES).detail.startswith("ended on")
    for text in ("", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        path.write_text(text)
        assert "holds no certificate" in doctor_machine.certificate(str(path), now, TIMES).detail
    path.unlink()
    assert "cannot be read" in doctor_machine.certificate(str(path), now, TIMES).detail
