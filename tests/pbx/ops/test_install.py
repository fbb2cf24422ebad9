"""The files for systemd, as systemd itself reads and judges them."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pyrage
import pytest
from typer.testing import CliRunner, Result

import cli
from pbx.base.errors import ConfigError, OfficeLineError
from pbx.ops import install
from pbx.ops.install import Backups, Machine

EXPOSURE = 20  # tenths; systemd calls up to 20 "OK" and begins at 96 for an ordinary service
UNITS = ("officeline.service", "officeline-asterisk.service")
SHOTS = ("officeline-backup.service", "officeline-canary.service")
TIMERS = ("officeline-backup.timer", "officeline-canary.timer")
KEY = pyrage.x25519.Identity.generate()
RECIPIENT = str(KEY.to_public())

EXAMPLE = Path(__file__).parents[3] / "config" / "office.toml"

analyze = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(
    analyze is None, reason="there is no systemd-analyze (Debian: apt-get install systemd)"
)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Describe a machine on which the program is where systemd finds it."""
    program = tmp_path / "bin" / "officeline"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return Machine(
        program,
        Path("/etc/officeline/office.toml"),
        Path("/var/lib/officeline"),
        Path("/var/cache/officeline"),
        "officeline",
        "America/New_York",
        Backups((RECIPIENT,), Path("/srv/backups"), 14),
    )


def assessed(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Let systemd look at the units below a folder."""
    paths = [str(folder / "systemd/system" / name) for name in (*UNITS, *SHOTS, *TIMERS)]
    return subprocess.run(
        [str(analyze), *words, *paths], capture_output=True, text=True, check=False, timeout=60
    )


@needs_systemd
def test_systemd_understands_every_line(machine: Machine, tmp_path: Path) -> None:
    """No word of the units is unknown to it."""
    install.write_units(install.rendered(machine), tmp_path / "etc", replace=False)
    verify = ("verify", "--man=no")
    done = assessed(tmp_path / "etc", *verify)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for path in (tmp_path / "etc/systemd/system").iterdir():
        path.write_text(path.read_text().replace("ProtectClock=", "ProtectClok="))
    assert "ProtectClok" in assessed(tmp_path / "etc", *verify).stderr


@needs_systemd
@pytest.mark.parametrize("unit", [*UNITS, *SHOTS])
def test_systemd_finds_little_exposed(machine: Machine, tmp_path: Path, unit: str) -> None:
    """By its own measure, with the home below /var/lib and elsewhere; it can say otherwise."""
    for home in ("/var/lib/officeline", "/srv/office"):
        files = install.rendered(replace(machine, home=Path(home)))
        install.write_units(files, tmp_path / "etc", replace=True)
        path = tmp_path / "etc/systemd/system" / unit
        assert exposed(path) == 0
    text = path.read_text()
    path.write_text("\n".join(line for line in text.split("\n") if "SystemCall" not in line))
    assert exposed(path) != 0


def exposed(path: Path) -> int:
    """Return what systemd-analyze ends with: not 0 above our threshold."""
    words = ["security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", str(path)]
    return subprocess.run(
        [str(analyze), *words], capture_output=True, check=False, timeout=60
    ).returncode


@pytest.mark.skipif(
    shutil.which("logrotate", path="/usr/sbin:/usr/bin") is None, reason="no logrotate"
)
def test_logrotate_understands_its_file(machine: Machine, tmp_path: Path) -> None:
    """And takes the logs alone: the call records stay whole."""
    user = "root"  # a user that is there; rendered() refuses it, as it should
    text = install.rendered(machine)["logrotate.d/officeline"].replace(
        "su officeline officeline", ""
    )
    home = tmp_path / "home"
    text = text.replace("/var/lib/officeline", str(home))
    log = home / "asterisk/log"
    (log / "cdr-custom").mkdir(parents=True)
    for name in ("messages.log", "console.log", "cdr-custom/officeline.csv"):
        (log / name).write_text("x" * 10)
    file = tmp_path / "logrotate"
    file.write_text(text)
    file.chmod(0o644)
    words = ["/usr/sbin/logrotate", "--force", "--state", str(tmp_path / "state"), str(file)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), user
    assert (log / "messages.log").read_text() == ""
    assert (log / "console.log.1").read_text() == "x" * 10
    assert [path.name for path in (log / "cdr-custom").iterdir()] == ["officeline.csv"]


@needs_systemd
@pytest.mark.parametrize("zone", ["America/New_York", ""])
def test_systemd_understands_when_the_timers_start(machine: Machine, zone: str) -> None:
    """By the office's clock, or the machine's: a backup each night, test calls on weekdays."""
    files = install.rendered(replace(machine, zone=zone))
    when = dict(zip(TIMERS, ("*-*-* 03:30:00", "Mon..Fri *-*-* 10:30:00"), strict=True))
    for name, normal in when.items():
        (said,) = re.findall("^OnCalendar=(.*)$", files[f"systemd/system/{name}"], re.MULTILINE)
        words = [str(analyze), "calendar", said]
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
        shown = done.stdout.splitlines()
        assert f"Normalized form: {normal} {zone}".rstrip() in [one.strip() for one in shown]


def test_a_backup_may_write_into_its_folder_alone(machine: Machine) -> None:
    """Beside the home; of the users' homes it sees what it needs, and the other units no more."""
    service = "systemd/system/officeline-backup.service"
    files = install.rendered(machine)
    assert files[service].count("ReadWritePaths=") == 1
    assert "ReadWritePaths=-/srv/backups\n" in files[service]
    assert f"backup --folder /srv/backups --keep 14 --to {RECIPIENT}\n" in files[service]
    assert "ProtectHome=yes" in files[service]
    home = Backups((RECIPIENT,), Path("/home") / "amy" / "backups", 14)
    files = install.rendered(replace(machine, backups=home))
    assert "ProtectHome=read-only" in files[service]
    assert "ProtectHome=yes" in files["systemd/system/officeline.service"]


def test_without_a_key_there_is_no_unit_of_backups(machine: Machine) -> None:
    """Test calls need none."""
    places = install.rendered(replace(machine, backups=None)).keys()
    assert not [place for place in places if "backup" in place]
    assert {f"systemd/system/{name}" for name in (SHOTS[1], TIMERS[1])} <= places


def test_the_two_units_end_apart(machine: Machine) -> None:
    """A restart of the control layer never touches Asterisk and its calls."""
    files = install.rendered(machine)
    daemon, asterisk = (files[f"systemd/system/{name}"] for name in UNITS)
    assert "officeline serve\n" in daemon
    assert "officeline engine run\n" in asterisk
    for tie in ("BindsTo=", "PartOf=", "Requires="):
        assert tie not in daemon + asterisk
    assert "$" not in "".join(files.values())


def test_what_is_below_home_stays_readable(machine: Machine) -> None:
    """ProtectHome=yes would hide the program, or the file."""
    hidden = replace(machine, config=Path("/home") / "amy" / "office.toml")
    files = install.rendered(hidden)
    assert "ProtectHome=read-only" in files["systemd/system/officeline.service"]
    elsewhere = replace(machine, home=Path("/srv/office"))
    assert "ReadWritePaths=/srv/office" in install.rendered(elsewhere)[f"systemd/system/{UNITS[1]}"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"home": Path("/srv/our office")},
        {"config": Path("/etc/%h/office.toml")},
        {"home": Path("/srv/a\nExecStartPre=/bin/x")},
        {"user": "root"},
        {"user": "a b"},
        {"backups": Backups((RECIPIENT,), Path("/srv/our backups"), 14)},
        {"backups": Backups((RECIPIENT,), Path("/var/lib/officeline/backups"), 14)},
        {"backups": Backups((RECIPIENT,), Path("/dev/backups"), 14)},
    ],
)
def test_what_systemd_would_misread_is_refused(machine: Machine, wrong: dict[str, object]) -> None:
    """In one sentence."""
    with pytest.raises(OfficeLineError, match="cannot"):
        install.rendered(replace(machine, **wrong))  # type: ignore[arg-type]  # wrong on purpose


def test_the_command_prints_or_writes(tmp_path: Path) -> None:
    """A file that somebody changed is replaced only when asked to."""
    home = ["--config", "/etc/officeline/office.toml", "--home", "/var/lib/officeline"]

    def run(*words: str) -> str:
        result = CliRunner().invoke(cli.app, [*home, "install", *words], catch_exceptions=False)
        assert result.exit_code == 0
        return result.stdout

    printed = run()
    for place in install.PLACES.values():
        assert f"# /etc/{place}\n" in printed
    folder = tmp_path / "etc"
    said = run("--write", str(folder))
    unit = folder / "systemd/system/officeline.service"
    assert str(unit) in said
    assert unit.read_text() in printed
    run("--write", str(folder))
    unit.write_text("ours")
    with pytest.raises(OfficeLineError, match="differ"):
        run("--write", str(folder))
    assert unit.read_text() == "ours"
    run("--write", str(folder), "--yes")
    assert unit.read_text() in printed
    with pytest.raises(ConfigError, match="cannot be written"):
        run("--write", "/proc/nowhere")


def given(*words: str) -> Result:
    """Give the command, of an office whose file is there."""
    where = ["--config", str(EXAMPLE), "--home", "/var/lib/officeline"]
    return CliRunner().invoke(cli.app, [*where, "install", *words])


def test_the_command_writes_units_of_backups_for_a_key(tmp_path: Path) -> None:
    """Without one it says why not; those that are there stay, and it says so."""
    etc = tmp_path / "etc"
    words = ("--write", str(etc))
    done = given(*words)
    assert "No backup unit was written, because it needs a public key" in done.stderr
    assert not list(etc.rglob("*backup*"))
    folder = ("--backup-folder", "/srv/backups")
    done = given(*words, "--backup-to", RECIPIENT, *folder, "--keep", "7")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "install -d -m 700 -o officeline -g officeline /srv/backups; " in done.stdout
    assert "officeline-backup.timer; once the carrier" in done.stdout
    units = [etc / place for place in install.BACKUP_PLACES.values()]
    assert [str(unit) in done.stdout for unit in units] == [True, True]
    assert f"--folder /srv/backups --keep 7 --to {RECIPIENT}" in units[0].read_text()
    assert "OnCalendar=*-*-* 03:30 America/New_York" in units[1].read_text()
    before = [unit.read_text() for unit in units]
    assert f"were left unchanged: {units[0]}, {units[1]}." in given(*words, "--yes").stderr
    assert [unit.read_text() for unit in units] == before


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--backup-to", RECIPIENT), "needs both a key and a folder"),
        (("--backup-folder", "/srv/b"), "needs both a key and a folder"),
        (("--keep", "3"), "--keep applies only to backups"),
        (("--backup-to", "age1", "--backup-folder", "/srv/b"), "an age public key"),
        (("--backup-to", str(KEY), "--backup-folder", "/srv/b"), "must not be on this machine"),
        (("--backup-to", RECIPIENT, "--backup-folder", "/srv/b", "--keep", "0"), "At least one"),
        (("--backup-to", RECIPIENT, "--backup-folder", "/srv/a b"), "cannot stand in a unit"),
        (("--backup-to", RECIPIENT, "--backup-folder", "/dev/b"), "a /tmp and a /dev of its own"),
    ],
)
def test_what_would_fail_each_night_is_refused(
    tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    """In one sentence; nothing is written, and a secret key is not repeated."""
    done = given("--write", str(tmp_path / "etc"), *words)
    assert isinstance(done.exception, OfficeLineError)
    assert why in str(done.exception)
    assert str(KEY) not in str(done.exception) + done.output
    assert not (tmp_path / "etc").exists()
