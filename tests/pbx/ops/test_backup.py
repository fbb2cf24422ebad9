"""A backup and its way back: whole, or refused with nothing written."""

from __future__ import annotations

import io
import json
import sqlite3
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pyrage
import pytest
from typer.testing import CliRunner, Result

from cli import app
from pbx.base.errors import OfficeLineError
from pbx.calls.record.reconcile import cdr_path
from pbx.calls.record.spool import Spool
from pbx.config import secrets
from pbx.config.home import Home
from pbx.config.secrets import Secrets
from pbx.db import audit
from pbx.db.database import open_database
from pbx.ops import age_keys, backup
from tests.support.ledgers import CALLER, Reported, write_log

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "config" / "office.toml"
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
URGENT = Reported("1795456091.0", NOW, "message", has_message=True)
RECORDING = b"RIFF" + bytes(range(256)) * 2000
KEY = pyrage.x25519.Identity.generate()
PASSPHRASE = "correct horse battery"  # of this test alone


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Make an office with a message, its recording, a prompt of its own, and a key."""
    home = Home(tmp_path / "home")
    secrets.write(home.folder, Secrets(mobiles={"lee": "+12125550111"}))
    write_log(home.folder, [URGENT])
    for path, content in (
        (home.messages / f"{URGENT.id}.wav", RECORDING),
        (home.recordings / "en" / "our greeting.wav", b"hello"),
        (cdr_path(home), b"record\n"),
        (home.spool / "00000000000000000001-1.json", b"{}"),
    ):
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    (tmp_path / "key.txt").write_text(f"# created: today\n# public key: x\n{KEY}\n")
    (tmp_path / "passphrase").write_text(f"{PASSPHRASE}\n")
    return tmp_path


def officeline(home: Path, *words: str) -> Result:
    """Run a command on a home of the example practice."""
    return CliRunner().invoke(app, ["--config", str(EXAMPLE), "--home", str(home), *words])


def made(place: Path, *how: str) -> Path:
    """Make a backup of the office."""
    file = place / "office.age"
    done = officeline(place / "home", "backup", str(file), *(how or ("--to", str(KEY.to_public()))))
    assert done.exit_code == 0, done.exception
    return file


def restored(place: Path, file: Path, *how: str) -> Result:
    """Restore a backup into a home that is not there yet."""
    how = how or ("--identity", str(place / "key.txt"))
    return officeline(place / "new", "restore", str(file), *how)


def refused(done: Result) -> str:
    """Assert that a command was refused in a sentence, and return it."""
    assert isinstance(done.exception, OfficeLineError), done.exception
    return str(done.exception)


@pytest.mark.parametrize("way", ["key", "passphrase"])
def test_an_office_comes_back_as_it_was(place: Path, way: str) -> None:
    """Every file, for our eyes only; the database goes on, and says who restored it."""
    how = ("--passphrase-file", str(place / "passphrase")) if way == "passphrase" else ()
    file = made(place, *how)
    assert file.stat().st_mode & 0o777 == 0o600
    assert RECORDING[:100] not in file.read_bytes()
    assert restored(place, file, *how).exit_code == 0
    old, new = Home(place / "home"), Home(place / "new")
    assert (new.messages / f"{URGENT.id}.wav").read_bytes() == RECORDING
    assert (new.recordings / "en" / "our greeting.wav").read_bytes() == b"hello"
    assert cdr_path(new).read_bytes() == b"record\n"
    assert [path.read_bytes() for path in Spool(new.spool).waiting()] == [b"{}"]
    assert secrets.read(new.folder) == secrets.read(old.folder)
    assert (new.folder / "office.toml").read_bytes() == EXAMPLE.read_bytes()
    assert json.loads(officeline(new.folder, "calls", "list", "--json").stdout) == json.loads(
        officeline(old.folder, "calls", "list", "--json").stdout
    )
    engine = open_database(new.database)
    found = audit.verify(engine)
    reported = [one.what for one in audit.entries(engine)]
    engine.dispose()
    assert (found.ok, reported) == (True, ["backup.begun", "backup.restored"])
    engine = open_database(old.database)
    assert [one.what for one in audit.entries(engine)] == ["backup.begun", "backup.made"]
    engine.dispose()
    for path in (new.folder, *new.folder.rglob("*")):
        folder = 0o750 if path == new.standby else 0o700
        assert path.stat().st_mode & 0o777 == (folder if path.is_dir() else 0o600), path
    assert not list(new.folder.glob(".*"))
    assert not list(old.folder.glob(".*"))


def test_calls_go_on_meanwhile(place: Path) -> None:
    """The copy is of one moment, and whoever writes does not wait for it."""
    engine = open_database(Home(place / "home").database)
    written, stop = [0], threading.Event()

    def writing() -> None:
        # without any pause SQLite would let nobody else write: its lock is first come, not in turn
        while not stop.wait(0.01):
            audit.record(engine, "x.y", by="amy", now=NOW)
            written[0] += 1

    thread = threading.Thread(target=writing)
    thread.start()
    try:
        while written[0] < 5:
            pass
        file = made(place)
    finally:
        stop.set()
        thread.join()
        engine.dispose()
    assert restored(place, file).exit_code == 0


def test_a_home_that_is_not_empty_is_refused(place: Path) -> None:
    """Nothing in it is touched."""
    file = made(place)
    (place / "new").mkdir()
    (place / "new" / "note").write_text("mine")
    assert "is not empty" in refused(restored(place, file))
    assert [path.name for path in (place / "new").iterdir()] == ["note"]


def cut(content: bytes) -> bytes:
    """Cut the end off."""
    return content[:-1000]


def flip(content: bytes) -> bytes:
    """Change one bit in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def flip_last(content: bytes) -> bytes:
    """Change the last bit, which comes after the tar's end."""
    return content[:-1] + bytes([content[-1] ^ 1])


def nothing(content: bytes) -> bytes:
    """Leave an empty file."""
    return content[:0]


@pytest.mark.parametrize("how", [cut, flip, flip_last, nothing])
@pytest.mark.parametrize("there", [True, False])
def test_an_altered_backup_leaves_nothing(
    place: Path, how: Callable[[bytes], bytes], *, there: bool
) -> None:
    """Wherever it was altered."""
    file = made(place)
    file.write_bytes(how(file.read_bytes()))
    if there:
        (place / "new").mkdir()
    refused(restored(place, file))
    assert list(place.glob("new/*")) == []
    assert list(place.glob("new/.*")) == []
    assert (place / "new").exists() == there


def test_an_altered_backup_with_a_passphrase_leaves_nothing(place: Path) -> None:
    """Its last bytes are the end of a tar, which age does not see."""
    words = ("--passphrase-file", str(place / "passphrase"))
    file = made(place, *words)
    whole = file.read_bytes()
    for how in (cut, flip, flip_last, nothing, lambda content: content + b"\0"):
        file.write_bytes(how(whole))
        refused(restored(place, file, *words))
        assert not (place / "new").exists()


def test_with_a_passphrase_it_is_a_tar_of_two_age_files(place: Path) -> None:
    """Each opens without OfficeLine: the passphrase has the key, and the key has the office."""
    file = made(place, "--passphrase-file", str(place / "passphrase"))
    with tarfile.open(file) as outer:
        sealed, locked = (outer.extractfile(one).read() for one in outer)  # type: ignore[union-attr]
        assert outer.getnames() == ["key.age", "office.tar.age"]
    key = pyrage.passphrase.decrypt(sealed, PASSPHRASE).decode()
    plain = pyrage.decrypt(locked, [pyrage.x25519.Identity.from_str(key.strip())])
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        assert f"messages/{URGENT.id}.wav" in tar.getnames()


def test_a_backup_of_an_earlier_version_is_restored(place: Path) -> None:
    """There the passphrase had locked the office itself."""
    plain = io.BytesIO()
    with made(place).open("rb") as locked:
        age_keys.by_identity(place / "key.txt")(locked, plain)
    old = place / "old.age"
    old.write_bytes(pyrage.passphrase.encrypt(plain.getvalue(), PASSPHRASE))
    done = restored(place, old, "--passphrase-file", str(place / "passphrase"))
    assert done.exit_code == 0, done.exception
    assert (place / "new" / "messages" / f"{URGENT.id}.wav").read_bytes() == RECORDING


def test_a_backup_that_is_not_there_is_named_first(place: Path) -> None:
    """Whatever was said of the key: without the file it does not matter."""
    said = refused(officeline(place / "new", "restore", str(place / "nofile")))
    assert said.startswith(f"There is no backup at {place / 'nofile'}; give the file")
    assert not (place / "new").exists()


def test_another_key_opens_nothing(place: Path) -> None:
    """Neither does a passphrase."""
    file = made(place)
    other = place / "other.txt"
    other.write_text(str(pyrage.x25519.Identity.generate()))
    assert "another key" in refused(restored(place, file, "--identity", str(other)))
    words = ("--passphrase-file", str(place / "passphrase"))
    assert "another key" in refused(restored(place, file, *words))
    assert "age-keygen" in refused(restored(place, file, "--identity", str(EXAMPLE)))
    assert not (place / "new").exists()


def forged(place: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Make a backup anew, as whoever knows the public key can, after a change of its files."""
    plain = io.BytesIO()
    with made(place).open("rb") as locked:
        age_keys.by_identity(place / "key.txt")(locked, plain)
    plain.seek(0)
    with tarfile.open(fileobj=plain) as tar:
        files = {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]
    change(files)
    files[backup.MANIFEST] = files.pop(backup.MANIFEST)
    anew = io.BytesIO()
    with tarfile.open(fileobj=anew, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    file = place / "forged.age"
    anew.seek(0)
    with file.open("wb") as target:
        age_keys.for_recipients([str(KEY.to_public())])(anew, target)
    return file


def test_a_file_that_is_not_the_manifests_is_refused(place: Path) -> None:
    """Changed, added, missing, or where no backup puts one."""

    def changes(files: dict[str, bytes]) -> None:
        files[f"messages/{URGENT.id}.wav"] = b"RIFF"

    def adds(files: dict[str, bytes]) -> None:
        files["messages/more.wav"] = b"RIFF"

    def drops(files: dict[str, bytes]) -> None:
        del files[secrets.FILE]

    def climbs(files: dict[str, bytes]) -> None:
        files["messages/../../escaped"] = b"x"

    def plants(files: dict[str, bytes]) -> None:
        files["asterisk/etc/extensions.conf"] = b"x"

    for change in (changes, adds, drops, climbs, plants):
        assert "incomplete or damaged" in refused(restored(place, forged(place, change)))
        (place / "office.age").unlink()
        assert not (place / "new").exists()
        assert not (place / "escaped").exists()


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("DROP TRIGGER audit_never_changed; UPDATE audit SET who = 'bob'", "audit is broken"),
        ("DROP TRIGGER audit_never_deleted; DELETE FROM audit", "audit is broken"),
        ("PRAGMA writable_schema=1; UPDATE sqlite_master SET rootpage = 99 WHERE name = 'call'",
         "damaged"),
    ],
)  # fmt: skip
def test_a_database_that_is_not_sound_is_refused(place: Path, statement: str, why: str) -> None:
    """Even where the manifest was written to fit; an audit was cut before the manifest's head."""

    def spoils(files: dict[str, bytes]) -> None:
        spoilt = place / "spoilt.db"
        spoilt.write_bytes(files[backup.DATABASE])
        with closing(sqlite3.connect(spoilt)) as connection:
            connection.executescript(statement)
            connection.commit()
        files[backup.DATABASE] = spoilt.read_bytes()
        manifest = json.loads(files[backup.MANIFEST])
        reader = backup.Hashing(io.BytesIO(files[backup.DATABASE]))
        size = len(reader.read())
        manifest["files"][0] |= {"size": size, "sha256": reader.sha256.hexdigest()}
        files[backup.MANIFEST] = json.dumps(manifest).encode()

    assert why in refused(restored(place, forged(place, spoils)))
    assert not (place / "new").exists()


def test_what_cannot_be_made_leaves_no_file(place: Path) -> None:
    """A file that is there, a folder that is not, no key, a short passphrase."""
    home, key = place / "home", ("--to", str(KEY.to_public()))
    words = ("--passphrase-file", str(place / "passphrase"))
    (place / "there").write_text("mine")
    assert "already exists" in refused(officeline(home, "backup", str(place / "there"), *key))
    refused(officeline(home, "backup", str(place / "none" / "x.age"), *key))
    assert "age public key" in refused(officeline(home, "backup", "x.age", "--to", "age1abc"))
    refused(officeline(home, "backup", "x.age"))
    refused(officeline(home, "backup", "x.age", *key, *words))
    refused(officeline(place / "new", "backup", "x.age", *key))
    (place / "passphrase").write_text("short\n")
    assert "12 characters" in refused(officeline(home, "backup", str(place / "x.age"), *words))
    assert not list(place.glob("*.age*"))
    assert not list(place.glob(".*"))
    assert not list(home.glob(".*"))
    assert (place / "there").read_text() == "mine"
    assert CALLER not in str(list(place.iterdir()))
