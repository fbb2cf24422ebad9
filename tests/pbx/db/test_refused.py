"""Databases that are refused: one sentence each, and the file as it was."""

from __future__ import annotations

import re
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from pbx.db.database import StoreError, open_database

ROOT = Path(__file__).parents[3]
ONE_SENTENCE = re.compile(r"[^\n]+; [^\n]+\.")


def refusal(path: Path) -> str:
    """Open a database that must be refused, and return the sentence."""
    with pytest.raises(StoreError) as caught:
        open_database(path)
    assert ONE_SENTENCE.fullmatch(str(caught.value))
    return str(caught.value)


@pytest.mark.parametrize("version", ["9999", "0001"])
def test_a_schema_of_another_version_is_refused_unchanged(tmp_path: Path, version: str) -> None:
    """OfficeLine does not touch what it does not know: a newer one, or one from before 0.2."""
    path = tmp_path / "officeline.db"
    open_database(path).dispose()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    before = path.read_bytes()
    assert f"newer OfficeLine, or by one from before 0.2 (schema {version})" in refusal(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [b"office = 'Lakeside'\n" * 100, b"SQLite format 3\0" + b"\xff" * 5000, b"SQLite form"],
    ids=["text", "damaged", "half a header"],
)
def test_a_file_that_is_no_database_is_refused_unchanged(tmp_path: Path, content: bytes) -> None:
    """Somebody else's file is not overwritten."""
    path = tmp_path / "officeline.db"
    path.write_bytes(content)
    assert "not a database" in refusal(path)
    assert path.read_bytes() == content


def test_another_programs_database_is_refused_unchanged(tmp_path: Path) -> None:
    """A SQLite file with foreign tables gets none of ours."""
    path = tmp_path / "officeline.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (title)")
    before = path.read_bytes()
    assert "belongs to another program" in refusal(path)
    assert path.read_bytes() == before


def test_a_folder_that_is_missing_is_one_sentence(tmp_path: Path) -> None:
    """The way out is in the sentence."""
    assert "--home" in refusal(tmp_path / "missing" / "officeline.db")


def test_a_disk_that_takes_nothing_is_one_sentence() -> None:
    """A file system that cannot be written, here the kernel's own, is named."""
    assert "/proc/officeline.db" in refusal(Path("/proc/officeline.db"))


@pytest.mark.parametrize(
    ("file_mode", "folder_mode"), [(0o400, 0o700), (0o000, 0o700), (0o600, 0o500)]
)
def test_what_is_read_only_is_refused_at_once(file_mode: int, folder_mode: int) -> None:
    """Not only at the first message; root, for whom no mode counts, becomes nobody for this."""
    script = """
import os, sys
from pathlib import Path
from pbx.db.database import StoreError, open_database
path, file_mode, folder_mode = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
open_database(path).dispose()
if os.geteuid() == 0:
    for place in (path, path.parent):
        os.chown(place, 65534, 65534)
    os.setgid(65534)
    os.setuid(65534)
before = path.read_bytes()
path.chmod(file_mode)
path.parent.chmod(folder_mode)
try:
    open_database(path).dispose()
except StoreError as error:
    print(error)
path.parent.chmod(0o700)
assert path.stat().st_mode & 0o777 == file_mode
path.chmod(0o600)
assert path.read_bytes() == before
"""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to nobody
        path = str(Path(folder) / "officeline.db")
        words = [sys.executable, "-c", script, path, str(file_mode), str(folder_mode)]
        done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT)
    assert ONE_SENTENCE.fullmatch(done.stdout.strip())
    assert "cannot be written (Permission denied" in done.stdout


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes: what a full disk does to SQLite."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_a_full_disk_leaves_nothing_half_made(tmp_path: Path) -> None:
    """A migration that does not fit is undone, and works when there is room."""
    path = tmp_path / "officeline.db"
    with files_of_at_most(8192):
        refusal(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    open_database(path).dispose()


def test_a_locked_new_database_is_one_sentence(tmp_path: Path) -> None:
    """A migration does not wait for ever for somebody else's lock."""
    path = tmp_path / "officeline.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "locked by another program" in refusal(path)
