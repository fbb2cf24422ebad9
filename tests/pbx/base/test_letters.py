"""Names in the letters of their own language, wherever they are written, shown and sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pbx.asterisk.engine.ports import Ports
from pbx.asterisk.engine.runtime import Runtime
from pbx.base import letters
from pbx.base.errors import OfficeLineError
from pbx.calls import office
from pbx.config import plan, secrets
from pbx.config.home import Home
from pbx.config.setup import answers, ids
from tests.support import started
from tests.support.offices import EXAMPLE, ROOT, changed, codes

ACCENTED = changed(
    ("Dr. Ana Lee", "Dr. José Nuñez"),
    ("Dr. Kofi Osei", "Dr. Łukasz O\N{RIGHT SINGLE QUOTATION MARK}Żak — Ōno"),
)
ENCODINGS = ({"PYTHONIOENCODING": "latin-1"}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"})


def ran(folder: Path, *words: str, env: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Run the command as a shell does whose environment says these."""
    bare = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG"))}
    given = ("--config", str(folder / "office.toml"), "--home", str(folder / "home"))
    return subprocess.run(
        [sys.executable, "-m", "cli", *given, *words],
        capture_output=True,
        check=False,
        cwd=ROOT,
        env={**bare, **env},
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Dr. José Nuñez", "Dr. Jose Nunez"),
        ("Łukasz O\N{RIGHT SINGLE QUOTATION MARK}Żak — Ōno", "Lukasz O'Zak - Ono"),
        ("Søren Æbleskov, Ph.D.", "Soren AEbleskov, Ph.D."),
        ("Weiß & Groß", "Weiss & Gross"),
        ("王小明", ""),
        ("Jose\u0301", "Jose"),
    ],
)
def test_a_name_has_plain_letters_for_what_shows_no_other(name: str, shown: str) -> None:
    """Each letter loses its mark; of other scripts nothing is left."""
    assert letters.is_name(name)
    assert letters.plain(name) == shown
    assert shown.isascii()


@pytest.mark.parametrize(
    "text", ["a\nb", 'a"b', "a\\b", "a\u202eb", "a\0b", "a;b", "a\u200bb", "🙂"]
)
def test_what_is_no_letter_is_in_no_name(text: str) -> None:
    """Line breaks, quotes, and what turns or hides the letters around it."""
    assert not letters.is_name(text)
    assert codes(changed(('"Dr. Ana Lee"', json.dumps(text, ensure_ascii=text != "🙂")))) == [
        "bad-value"
    ]


def test_names_of_the_file(tmp_path: Path) -> None:
    """They are read, and Asterisk's files, which the carrier is sent words of, have plain ones."""
    text = changed(("Lakeside Internal Medicine", "Clínica Núñez"), text=ACCENTED)
    config = plan.parse(text, tmp_path / "office.toml")
    assert config.plan.people["lee"].name == "Dr. José Nuñez"
    held = secrets.Secrets(mobiles={"lee": "+12125550111"}).completed(tuple(config.plan.phones))
    there = Runtime(("asterisk",), tmp_path, tmp_path, "22.10.0", private=True)
    home = Home(Path("/var/lib/officeline"))
    files = office.asterisk_files(config, held, home, there, Ports.of_block(20000))
    assert all(text.isascii() for text in files.values())
    assert "Clinica Nunez" in files["extensions.conf"]


def test_ids_of_accented_names() -> None:
    """The id that is proposed loses no letter."""
    assert ids.suggested("Dr. José Nuñez", {}) == "nunez"
    assert answers.title("Dr. José Nuñez") == "Dr. José Nuñez"
    with pytest.raises(OfficeLineError, match="is not a name"):
        answers.title("a\u202eb")


@pytest.mark.parametrize("env", ENCODINGS, ids=str)
def test_no_environment_breaks_a_command(tmp_path: Path, env: dict[str, str]) -> None:
    """What the terminal cannot show is replaced; the exit code and the rest are as ever."""
    (tmp_path / "office.toml").write_text(ACCENTED, encoding="utf-8")
    (tmp_path / "home").mkdir()
    for words, wanted in (
        (("people", "list"), 0),
        (("oncall", "now"), 0),
        (("people", "add", "zak", "--name", "Ő—“x”"), 2),
        (("check",), 0),
    ):
        done = ran(tmp_path, *words, env=env)
        assert done.returncode == wanted, (words, done)
        assert b"Traceback" not in done.stdout + done.stderr
    added = ran(tmp_path, "people", "add", "zak", "--name", "Zoë Żak", env=env)
    assert added.returncode == 0, added
    assert "Zoë Żak" in (tmp_path / "office.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("env", ENCODINGS, ids=str)
def test_what_is_typed_in_another_encoding(tmp_path: Path, env: dict[str, str]) -> None:
    """Letters that cannot be read are a sentence, not a traceback."""
    (tmp_path / "office.toml").write_text(ACCENTED, encoding="utf-8")
    given = ("--config", str(tmp_path / "office.toml"), "--home", str(tmp_path / "home"))
    done = subprocess.run(
        [sys.executable, "-m", "cli", *given, "secrets", "set", "trunk", "--stdin"],
        input="geheim-é-\xff\n".encode("latin-1"),
        capture_output=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **env},
    )
    assert done.returncode in {0, 2}
    assert b"Traceback" not in done.stderr


def test_the_mark_that_an_editor_of_windows_sets(tmp_path: Path) -> None:
    """A file with it is read by every command; it is no part of any text."""
    config = tmp_path / "office.toml"
    config.write_text(EXAMPLE, encoding="utf-8-sig")
    (tmp_path / "home").mkdir()
    given = ("--config", str(config), "--home", str(tmp_path / "home"))
    for words in (("check",), ("people", "list"), ("oncall", "now")):
        done = started.officeline(*given, *words)
        assert done.returncode == 0, done
    assert plan.load(config) == plan.parse(EXAMPLE, config)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le"])
def test_another_encoding_is_named(tmp_path: Path, encoding: str) -> None:
    """The sentence is true, and says what to do; the file stays as it is."""
    config = tmp_path / "office.toml"
    written = EXAMPLE.encode(encoding)
    if encoding[-3:] in {"-be", "-le"}:
        written = "\ufeff".encode(encoding) + written
    config.write_bytes(written)
    (tmp_path / "home").mkdir()
    given = ("--config", str(config), "--home", str(tmp_path / "home"))
    done = started.officeline(*given, "people", "list")
    assert (done.returncode, done.stdout) == (2, "")
    for words in (("check",), ("prove",)):
        done = started.officeline(*given, *words)
        assert "UTF-16" in done.stdout + done.stderr
        assert "as UTF-8" in done.stdout + done.stderr
    assert config.read_bytes() == written


def test_a_csv_keeps_the_letters(tmp_path: Path) -> None:
    """What is imported with a mark at its beginning comes back as it was."""
    (tmp_path / "office.toml").write_text(ACCENTED, encoding="utf-8")
    (tmp_path / "home").mkdir()
    rows = tmp_path / "patients.csv"
    rows.write_text("id,name,numbers\nP1,José Łuczak,+1 212 555 0150\n", encoding="utf-8-sig")
    done = ran(tmp_path, "patients", "import", str(rows), "--yes", env={"LC_ALL": "C"})
    assert done.returncode == 0, done
    done = ran(tmp_path, "patients", "list", env={"PYTHONIOENCODING": "utf-8"})
    assert "José Łuczak" in done.stdout.decode()
