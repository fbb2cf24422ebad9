"""A backup of many recordings: its memory does not grow with them."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyrage
import pytest

from pbx.config import secrets
from pbx.config.home import Home
from pbx.config.secrets import Secrets
from tests.support.ledgers import Reported, write_log

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config" / "office.toml"
MB = 1 << 20
RECORDINGS, EACH = 12, 40 * MB
OURS = 160 * MB  # the interpreter, the packages and what streams; a third of the recordings


# A process counts what it had before its exec, which here is all of a test run; a small one between
# them does not pass that on.
BETWEEN = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak(home: Path, *words: str) -> int:
    """Run a command to its end, and return the most memory that it had, in bytes."""
    where = ("--config", str(EXAMPLE), "--home", str(home))
    command = (sys.executable, "-m", "cli", *where, *words)
    between = (sys.executable, "-c", BETWEEN, *command)
    done = subprocess.run(between, cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout) * 1024


def of_scrypt(backup: Path) -> int:
    """Return the memory that age takes for a passphrase; it chose that when it locked."""
    with tarfile.open(backup) as outer:
        key = outer.extractfile("key.age")
        assert key is not None
        stanza = key.read().splitlines()[1].split()
    assert stanza[:2] == [b"->", b"scrypt"]
    return 128 * 8 << int(stanza[3])


@pytest.fixture
def place() -> Iterator[Path]:
    """Make a folder that does not outlive the test: it weighs a gigabyte."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize("way", ["key", "passphrase"])
def test_memory_is_bounded_whatever_the_recordings_weigh(place: Path, way: str) -> None:
    """Of 480 MB, made and restored; a passphrase costs what scrypt costs, once."""
    home = Home(place / "home")
    secrets.write(home.folder, Secrets(mobiles={"lee": "+12125550111"}))
    write_log(home.folder, [Reported("1.0", datetime(2026, 11, 27, 12, tzinfo=UTC))])
    home.messages.mkdir()
    for number in range(RECORDINGS):
        with (home.messages / f"{number}.wav").open("wb") as file:
            file.write(b"RIFF")
            file.truncate(EACH)
    secret, passphrase = pyrage.x25519.Identity.generate(), place / "passphrase"
    (place / "key.txt").write_text(f"{secret}\n")
    passphrase.write_text("correct horse battery\n")
    locks = {
        "key": (("--to", str(secret.to_public())), ("--identity", str(place / "key.txt"))),
        "passphrase": (("--passphrase-file", str(passphrase)),) * 2,
    }
    lock, unlock = locks[way]
    backup = place / "office.age"
    making = peak(home.folder, "backup", str(backup), *lock)
    assert backup.stat().st_size > RECORDINGS * EACH
    restoring = peak(place / "new", "restore", str(backup), *unlock)
    last = Home(place / "new").messages / f"{RECORDINGS - 1}.wav"
    assert last.stat().st_size == EACH
    bound = OURS + (of_scrypt(backup) if way == "passphrase" else 0)
    assert max(making, restoring) < bound
