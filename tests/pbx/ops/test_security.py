"""Locks that no file of Asterisk's shows: what calls out may cost, and what is built in."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import app
from pbx.config.home import Home
from pbx.db.database import open_database
from pbx.db.plans import apply_first
from pbx.ops.security import built_in, placed
from pbx.ops.security.check import SecurityCheck
from tests.support.offices import ROOT

EXAMPLE = (ROOT / "config" / "office.toml").read_text(encoding="utf-8")


def looked(folder: Path, outbound: str) -> list[SecurityCheck]:
    """Look at an office whose file has this [outbound]."""
    config = folder / "office.toml"
    config.write_text(EXAMPLE.replace("[[lines]]", f"[outbound]\n{outbound}\n\n[[lines]]", 1))
    return placed.examine(config, Home(folder))


def test_an_office_that_says_nothing_is_shut(tmp_path: Path) -> None:
    """The defaults, and an area code of the office's own country, widen nothing."""
    for outbound in ("", 'allow = ["+1312"]\nper_day = 100\nat_once = 20\nminutes = 120'):
        assert [(one.ok, one.detail, one.warning) for one in looked(tmp_path, outbound)] == [
            (True, "shut", ""), (True, "shut", ""),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("outbound", "detail"),
    [
        ('allow = ["+1900"]', "the file allows +1900, a premium number"),
        ('allow = ["+1876", "+12129761234"]', "the file allows +12129761234, a premium number"),
        ("per_day = 1000", "per_day is 1000, and 100 is more than a practice needs"),
        ("at_once = 21", "at_once is 21, and 20 is more than a practice needs"),
        ("minutes = 240", "minutes is 240, and 120 is more than a practice needs"),
    ],
)
def test_what_would_pay_a_thief_is_open(tmp_path: Path, outbound: str, detail: str) -> None:
    """With the line of the file that fixes it."""
    (found,) = [one for one in looked(tmp_path, outbound) if not one.ok]
    assert found.detail == detail
    assert "[outbound]" in found.fix


@pytest.mark.parametrize("start", ["+1876", "+44", "+442079460100", "+1500"])
def test_what_an_office_may_want_is_reported(tmp_path: Path, start: str) -> None:
    """A patient abroad is no mistake, and no secret either."""
    numbers, _ = looked(tmp_path, f'allow = ["{start}"]')
    assert numbers.ok
    assert numbers.warning == f"the file allows {start}, where calls can cost more"


def test_what_runs_is_looked_at_and_not_the_file(tmp_path: Path) -> None:
    """A file that was fixed and not applied still lets the calls out."""
    open_text = EXAMPLE.replace("[[lines]]", "[outbound]\nper_day = 999\n\n[[lines]]", 1)
    engine = open_database(Home(tmp_path).database)
    apply_first(engine, open_text, "abc123", now=datetime.now(UTC))
    engine.dispose()
    _, caps = looked(tmp_path, "")
    assert caps.detail.startswith("per_day is 999")


def test_packages_are_those_that_were_pinned(tmp_path: Path) -> None:
    """Another version and a file without hashes are seen; what is not installed runs nothing."""
    *_, here = built_in.examine()
    assert (here.name, here.ok) == (built_in.PACKAGES, True)
    pinned = tmp_path / "requirements.lock"
    hashed = "    --hash=sha256:00\n"
    pinned.write_text(f"typer==0.0.1 \\\n{hashed}no-such-thing==1 \\\n{hashed}")
    found = built_in.package_check(pinned)
    assert found.detail == f"typer is {metadata.version('typer')}, not 0.0.1"
    pinned.write_text("no-such-thing==1 ; sys_platform == 'win32'\n")
    assert built_in.package_check(pinned).detail == "requirements.lock has no hashes"
    pinned.unlink()
    assert built_in.package_check(pinned).ok is None


def test_the_security_page_names_every_lock(tmp_path: Path) -> None:
    """What `doctor --security` prints is what docs/security.md lists, in the same order."""
    config = tmp_path / "office.toml"
    config.write_text(EXAMPLE.replace("[[lines]]", '[outbound]\nallow = ["+44"]\n\n[[lines]]', 1))
    place = ["--config", str(config), "--home", str(tmp_path / "home")]
    said = CliRunner().invoke(app, [*place, "doctor", "--security"]).stdout.splitlines()
    shown = [line[8:].partition(":")[0] for line in said]
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    listed = text.partition("## Every security check\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in listed.splitlines() if line.startswith("| ")][1:]
    assert [f"{group.strip('| ')}, {name}" for group, name, _ in rows] == shown
    assert any(line.startswith("WIDER   extensions, no calls to") for line in said)
    assert any(": built in: 5 in a row" in line for line in said)
