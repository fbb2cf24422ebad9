"""The files for systemd, as systemd itself reads and judges them."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import cli
from pbx import install
from pbx.errors import ConfigError, OfficeLineError
from pbx.install import Machine

EXPOSURE = 20  # tenths; systemd calls up to 20 "OK" and begins at 96 for an ordinary service
UNITS = ("officeline.service", "officeline-asterisk.service")

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
    )


def judged(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Let systemd look at the units below a folder."""
    paths = [str(folder / "systemd/system" / name) for name in UNITS]
    return subprocess.run(
        [str(analyze), *words, *paths], capture_output=True, text=True, check=False, timeout=60
    )


@needs_systemd
def test_systemd_understands_every_line(machine: Machine, tmp_path: Path) -> None:
    """No word of the units is unknown to it."""
    install.write(install.rendered(machine), tmp_path / "etc", replace=False)
    verify = ("verify", "--man=no")
    done = judged(tmp_path / "etc", *verify)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for path in (tmp_path / "etc/systemd/system").iterdir():
        path.write_text(path.read_text().replace("ProtectClock=", "ProtectClok="))
    assert "ProtectClok" in judged(tmp_path / "etc", *verify).stderr


@needs_systemd
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_little_exposed(machine: Machine, tmp_path: Path, unit: str) -> None:
    """By its own measure, with the home below /var/lib and elsewhere; it can say otherwise."""
    for home in ("/var/lib/officeline", "/srv/office"):
        files = install.rendered(replace(machine, home=Path(home)))
        install.write(files, tmp_path / "etc", replace=True)
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
    ],
)
def test_what_systemd_would_misread_is_refused(machine: Machine, wrong: dict[str, str]) -> None:
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
