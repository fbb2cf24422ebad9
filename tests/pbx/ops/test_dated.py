"""Dated backups in a folder: a new one is whole before an old one goes, and nothing else does."""

from __future__ import annotations

import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyrage
import pytest
import time_machine
from typer.testing import CliRunner, Result

from cli import app
from pbx.base.errors import OfficeLineError
from pbx.config import secrets
from pbx.config.home import Home
from pbx.config.secrets import Secrets
from pbx.db import audit
from pbx.db.database import open_database
from pbx.ops import dated
from tests.support.ledgers import Reported, write_log

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "config" / "office.toml"
NOW = datetime(2026, 11, 28, 8, 30, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = pyrage.x25519.Identity.generate()
TO = ("--to", str(KEY.to_public()))
DAMAGE = """
PRAGMA writable_schema = 1;
UPDATE sqlite_master SET rootpage = 3 WHERE name = 'leg_by_person'
"""
FOREIGN = (
    "officeline-00000000-20260101T083000Z.age",  # another office's
    "officeline-20260101T083000Z.age",
    "office.age",
    ".officeline-00000000-20260101T083000Z.age.part",
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Make an office, and a folder in which somebody else keeps something."""
    home = Home(tmp_path / "home")
    secrets.write(home.folder, Secrets(mobiles={"lee": "+12125550111"}))
    write_log(home.folder, [Reported("1795456091.0", NOW)])
    engine = open_database(home.database)
    audit.record(engine, "office.made", by="amy", now=NOW)
    engine.dispose()
    home.messages.mkdir()
    (home.messages / "1795456091.0.wav").write_bytes(b"RIFF" + bytes(4_000_000))
    folder = tmp_path / "backups"
    folder.mkdir()
    for name in FOREIGN:
        (folder / name).write_text("theirs")
    return tmp_path


def command(place: Path, *words: str) -> list[str]:
    """Put a backup's words together."""
    return ["--config", str(EXAMPLE), "--home", str(place / "home"), "backup", *words]


def given(place: Path, *words: str, at: datetime = NOW) -> Result:
    """Make a backup at a time."""
    with time_machine.travel(at, tick=False):
        return CliRunner().invoke(app, command(place, *words))


def kept(place: Path, *words: str, at: datetime = NOW) -> Result:
    """Make a backup in the folder."""
    done = given(place, "--folder", str(place / "backups"), *TO, *words, at=at)
    assert done.exit_code == 0, done.exception
    return done


def refused(done: Result) -> str:
    """Assert that a command was refused in a sentence, and return it."""
    assert isinstance(done.exception, OfficeLineError), done.exception
    return str(done.exception)


def own(place: Path) -> list[str]:
    """Name what is ours in the folder, by its time; what is not must be as it was."""
    folder = place / "backups"
    assert {(folder / name).read_text() for name in FOREIGN} == {"theirs"}
    names = {path.name for path in folder.iterdir()} - {*FOREIGN}
    return sorted(name.removesuffix(".age")[-16:] for name in names)


def within(home: Path) -> list[Path]:
    """List what is in a home, but for what SQLite makes as long as it is open."""
    return sorted(path for path in home.rglob("*") if not path.name.startswith("officeline.db-"))


def copies(place: Path) -> list[Path]:
    """List the copies that a backup needs within the home, and must not leave there."""
    return list((place / "home").glob(".*"))


def test_the_oldest_go_once_a_new_one_is_whole(place: Path) -> None:
    """Each has a name of its own that sorts by its time; one of the second is never overwritten."""
    for day in range(3):
        said = kept(place, "--keep", "3", at=NOW + day * DAY).stdout
    assert own(place) == ["20261128T083000Z", "20261129T083000Z", "20261130T083000Z"]
    assert "no older one was removed" in said
    said = kept(place, "--keep", "2", at=NOW + 3 * DAY).stdout
    assert own(place) == ["20261130T083000Z", "20261201T083000Z"]
    assert "older ones removed: 2" in said
    newest = max(
        (place / "backups").glob("officeline-*T083000Z.age"), key=lambda one: one.name[20:]
    )
    before = newest.read_bytes()
    again = given(place, "--folder", str(place / "backups"), *TO, at=NOW + 3 * DAY)
    assert "already exists; run the command again" in refused(again)
    assert newest.read_bytes() == before


def test_it_is_restored_with_the_secret_key(place: Path) -> None:
    """Which was never on the machine; an office that was restored goes on with its own names."""
    kept(place)
    (file,) = (path for path in (place / "backups").iterdir() if path.name not in FOREIGN)
    assert file.stat().st_mode & 0o777 == 0o600
    (place / "key.txt").write_text(f"{KEY}\n")
    words = ["--home", str(place / "new"), "restore", str(file)]
    done = CliRunner().invoke(app, [*words, "--identity", str(place / "key.txt")])
    assert done.exit_code == 0, done.exception
    (place / "home").rename(place / "old")
    (place / "new").rename(place / "home")
    kept(place, "--keep", "1", at=NOW + DAY)
    assert own(place) == ["20261129T083000Z"]


def test_fourteen_are_kept_unless_said_otherwise(place: Path) -> None:
    """And what a clock dated later, that was wrong, makes none of them go."""
    home = Home(place / "home")
    with dated.series(home, place / "backups") as series:
        for day in range(1, 20):
            series.name(NOW - day * DAY).touch()
            series.name(NOW + 400 * DAY + day * DAY).touch()
    kept(place)
    names = own(place)
    assert names[13] == "20261128T083000Z"
    assert (names[0], len(names)) == ("20261115T083000Z", 14 + 19)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--folder", "{}/none", *TO), r"\(No such file or directory: there is no .*/none\)"),
        (("--folder", "{}/home/secrets.json", *TO), "Not a directory"),
        (("--folder", "{}/home/messages", *TO), "because it would be lost together with"),
        (("--folder", "/proc", *TO), "cannot be written|Permission denied"),
        (("--folder", "{}/backups", "--keep", "0", *TO), "use --keep 1 or more"),
        (("--folder", "{}/backups", "--to", "age1nokey"), "A recipient is an age public key"),
        (("--folder", "{}/backups", "--to", str(KEY)), "must not be on this machine"),
        (("--folder", "{}/backups"), "Give exactly one kind of encryption"),
        (("--folder", "{}/backups", "--passphrase"), "so that no secret is on this"),
        (("--folder", "{}/backups", "{}/x.age", *TO), "Give either a new file"),
        (("{}/x.age", "--keep", "3", *TO), "--keep applies only to a folder"),
        (TO, "Give either a new file"),
    ],
)
def test_what_cannot_be_is_one_sentence(place: Path, words: tuple[str, ...], why: str) -> None:
    """And everything is as it was, the secret key said nowhere."""
    kept(place)
    before, home = own(place), within(place / "home")
    done = given(place, *(word.format(place) for word in words), at=NOW + DAY)
    said = refused(done)
    assert re.search(why, said), said
    assert "\n" not in said
    assert str(KEY) not in said
    assert (own(place), within(place / "home")) == (before, home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_of_another_user_is_named(place: Path) -> None:
    """With its owner, and what to type."""
    with tempfile.TemporaryDirectory() as name:  # pytest's own are closed to nobody
        folder = Path(name)
        folder.chmod(0o755)
        os.seteuid(65534)
        try:
            with pytest.raises(OfficeLineError, match=r"belongs to root\); run .* with sudo"):
                dated.check_folder(folder, Home(place / "home"), 1)
        finally:
            os.seteuid(0)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let no file grow beyond `size` bytes, as on a disk that is full."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


@pytest.mark.parametrize("form", ["folder", "file"])
def test_a_full_disk_leaves_everything_as_it_was(place: Path, form: str) -> None:
    """The machine's own reason is told, which age makes an error of its own of."""
    kept(place)
    before = own(place)
    folder = ("--folder", str(place / "backups"), "--keep", "1")
    with files_of_at_most(2_000_000):
        words = folder if form == "folder" else (str(place / "x.age"),)
        said = refused(given(place, *words, *TO, at=NOW + DAY))
    assert "cannot be written (File too large" in said
    assert (own(place), copies(place)) == (before, [])
    assert not list(place.glob("*x.age*"))


def test_a_disk_that_gives_back_something_else_keeps_what_there_was(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new one is read again before it has a name."""
    kept(place)
    before = own(place)
    whole = dated.file_sum

    def spoilt(path: Path) -> bytes:
        with path.open("r+b") as file:
            file.seek(1_000_000)
            file.write(b"\0")
        return whole(path)

    monkeypatch.setattr(dated, "file_sum", spoilt)
    words = ("--folder", str(place / "backups"), *TO, "--keep", "1")
    assert "did not return" in refused(given(place, *words, at=NOW + DAY))
    assert (own(place), copies(place)) == (before, [])


def test_what_a_killed_one_left_goes_and_two_at_once_do_not(place: Path) -> None:
    """While one is under way another is refused; the partial file of a dead one is no backup."""
    kept(place)
    with (place / "home/messages/long.wav").open("wb") as file:
        file.truncate(100_000_000)  # so that it takes a while
    words = command(place, "--folder", str(place / "backups"), *TO)
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *words], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    try:
        while not (
            (left := [name for name in own(place) if name.endswith("part")]) and copies(place)
        ):
            assert process.poll() is None
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGSTOP)
        other = given(place, *words[5:], at=NOW + DAY)
        assert "Another backup of" in refused(other)
        assert "Another backup of" in refused(given(place, str(place / "x.age"), *TO))
    finally:
        process.kill()
        process.wait()
    assert set(left) < set(own(place))
    assert copies(place)
    kept(place, "--keep", "1", at=NOW + 500 * DAY)
    assert (own(place), copies(place)) == (["20280411T083000Z"], [])


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("DROP TRIGGER audit_never_changed; UPDATE audit SET who = 'bob' WHERE seq = 2",
         "the audit is broken at row 2"),
        (DAMAGE, "is damaged"),
    ],
)  # fmt: skip
def test_nothing_goes_for_what_could_not_be_restored(place: Path, statement: str, why: str) -> None:
    """What there is of the office is saved all the same."""
    kept(place)
    with closing(sqlite3.connect(Home(place / "home").database)) as connection:
        connection.executescript(statement)
        connection.commit()
    words = ("--folder", str(place / "backups"), *TO, "--keep", "1")
    said = refused(given(place, *words, at=NOW + DAY))
    assert why in said
    assert "no older backup was removed" in said
    assert own(place) == ["20261128T083000Z", "20261129T083000Z"]


def test_what_is_no_plain_file_is_none_of_ours(place: Path) -> None:
    """Whatever its name."""
    with dated.series(Home(place / "home"), place / "backups") as series:
        folder, link = series.name(NOW - DAY), series.name(NOW - 2 * DAY)
    folder.mkdir()
    link.symlink_to("/etc/hostname")
    kept(place, "--keep", "1")
    kept(place, "--keep", "1", at=NOW + DAY)
    assert own(place) == ["20261126T083000Z", "20261127T083000Z", "20261129T083000Z"]
    assert link.is_symlink()
