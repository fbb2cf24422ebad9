"""The wheel that `./run package` builds: whole, and nothing else in it."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.machine.__main__ import blocks
from tests.machine.wheel import steps

ROOT = Path(__file__).parents[1]
PROGRAM = ("cli.py", "routing", "dialplan", "pbx")
DATA = ("asterisk", "config", "requirements.lock")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build the wheel as `./run package` does."""
    folder = tmp_path_factory.mktemp("dist")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def sources(*places: str) -> set[str]:
    """List the files of these places of the checkout that are sources."""
    every = (
        path
        for place in places
        for path in ([ROOT / place] if (ROOT / place).is_file() else (ROOT / place).rglob("*"))
    )
    return {
        str(path.relative_to(ROOT))
        for path in every
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_every_module_and_every_file_of_data_is_in_it(wheel: zipfile.ZipFile) -> None:
    """What the commands need is there, and no test, document or file of somebody's office."""
    inside = {one for one in wheel.namelist() if ".dist-info/" not in one}
    assert inside == sources(*PROGRAM) | {f"pbx/data/{one}" for one in sources(*DATA)}


def test_the_command_and_the_license_are_in_it(wheel: zipfile.ZipFile) -> None:
    """`officeline` starts the one entrance; the license goes with the program."""
    (points,) = (one for one in wheel.namelist() if one.endswith("entry_points.txt"))
    assert "officeline = cli:main" in wheel.read(points).decode()
    assert any(one.endswith("licenses/LICENSE") for one in wheel.namelist())


def test_the_constraints_are_the_lock_without_its_hashes() -> None:
    """Pip refuses hashes beside a file that has none; the versions are the same."""
    (filtered,) = re.findall(
        r"^    (grep -oE .*) >dist/constraints.txt$", (ROOT / "run").read_text(), re.MULTILINE
    )
    reported = subprocess.run(
        ["sh", "-c", filtered], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    lock = (ROOT / "requirements.lock").read_text()
    assert "".join(reported).count("--hash") == 0
    assert [one.split("==")[0] for one in reported] == re.findall(
        r"^([\w.-]+)==", lock, re.MULTILINE
    )
    assert all(re.fullmatch(r"[\w.-]+==\S+( ; .+)?", one) for one in reported)


def test_the_commands_that_are_given_in_an_empty_folder_are_the_documents(tmp_path: Path) -> None:
    """`./run machine wheel` finds the document's commands: build, install, then use."""
    words = [command for command, _ in steps(tmp_path)]
    assert words[0] == "./run package"
    assert words[2].startswith("pipx install ")
    assert words[3] == "officeline demo"
    assert words[4].startswith("officeline init ")


def test_a_machine_is_given_the_documents_commands() -> None:
    """`./run machine` finds what installs, starts, schedules and upgrades."""
    program, office, start = blocks("Install the program")
    _key, timers = blocks("Schedule backups and test calls")
    (newer,) = blocks("Upgrade")
    assert "engine fetch" in program
    assert office.endswith(" init\n")
    assert "enable --now officeline-asterisk officeline\n" in start
    assert "--backup-to age1... " in timers
    assert newer.endswith("systemctl restart officeline\n")
