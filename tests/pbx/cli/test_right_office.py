"""Which office a command means: the one that was named or found, never the example by chance."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import cli
from pbx.base.errors import ConfigError
from pbx.cli.shared import lookup
from pbx.cli.shared.context import Context, resolve
from pbx.config.home import Home
from pbx.db.database import open_database
from tests.pbx.cli.test_every_command import ALL, RUN, Given, Shell, composed, own, place, state
from tests.support.offices import EXAMPLE, ROOT

WAYS = ("--config FILE", "--home DIR", "OFFICELINE_CONFIG", "OFFICELINE_HOME", "officeline init")
# What works without any office: of the machine, of a file or a backup that is named, or a new one
WITHOUT = {
    "check", "demo", "engine fetch", "engine status", "init", "prompts check", "prompts render",
    "restore",
}  # fmt: skip
# What writes a file of its own for somebody else, and changes nothing of the practice
EXPORTS = {
    "audit export",
    "calls export",
    "oncall export",
    "report duty",
    "report morning",
    "report week",
}
# What the example of its help changes without a terminal, in the office of these tests
SURELY = {
    "hold add", "hours close", "inbox claim", "inbox close", "inbox note", "oncall cancel",
    "oncall take", "patients flag", "patients remove", "people add", "secrets rekey",
}  # fmt: skip
__all__ = ["own", "place"]  # fixtures of all commands
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder, on a machine without an office and with a bare environment."""
    for name in ("OFFICELINE_CONFIG", "OFFICELINE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(lookup, "SYSTEM_CONFIG", tmp_path / "etc" / "office.toml")
    monkeypatch.setattr(lookup, "SYSTEM_HOME", tmp_path / "lib")
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what gives a command as a shell would, wherever we stand."""

    def given(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(cli, "app", composed(words[0]))
        monkeypatch.setattr("sys.argv", ["officeline", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return given


@pytest.mark.parametrize(
    "command", [one for one in ALL if one.name not in WITHOUT], ids=lambda one: one.name
)
def test_without_an_office_nothing_is_done(empty: Path, run: Run, command: Given) -> None:
    """Each command refuses, says how an office is named, and leaves the folder empty."""
    code, out, err = run(*command.words)
    assert (code, out) == (2, "")
    assert err == (
        f"There is no office in {empty}, or at {lookup.SYSTEM_CONFIG}. Go to the folder where you "
        "ran 'officeline init', or give the office with --config FILE or --home DIR, or in "
        "OFFICELINE_CONFIG or OFFICELINE_HOME.\n"
    )
    assert list(empty.iterdir()) == []


def test_the_ways_to_name_one_are_in_the_sentence() -> None:
    """It is what a newcomer reads first."""
    assert all(way in str(lookup.no_file(None)) for way in WAYS)


@pytest.mark.parametrize("word", ["hours close", "people mobile lee 2125550111", "apply"])
def test_in_a_checkout_the_example_stays_as_it_is(empty: Path, run: Run, word: str) -> None:
    """It was closed in everybody's place who stood in the wrong folder; now it must be named."""
    (empty / "config").mkdir()
    (empty / "config" / "office.toml").write_text(EXAMPLE)
    (empty / "pyproject.toml").touch()
    (empty / "pbx").mkdir()  # a checkout, though not this one
    code, out, err = run(*word.split())
    assert (code, out) == (2, "")
    assert (
        f"({empty / 'config' / 'office.toml'} is the example, which must be given explicitly" in err
    )
    assert sorted(one.name for one in empty.iterdir()) == ["config", "pbx", "pyproject.toml"]


@pytest.mark.parametrize("folder", [ROOT, ROOT / "config"])
def test_the_example_is_used_by_name_only(
    empty: Path, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """Standing in the checkout or beside the file itself names nothing."""
    monkeypatch.chdir(folder)
    assert resolve(None, None) == Context(None, None)
    example = ROOT / "config" / "office.toml"
    assert resolve(Path(os.path.relpath(example)), None) == Context(example, ROOT / "var")
    monkeypatch.chdir(empty)
    (empty / "config").symlink_to(ROOT / "config")
    assert resolve(None, None).file is None


@pytest.mark.parametrize("command", RUN, ids=lambda one: one.name)
def test_an_answer_that_changes_something_names_the_practice(own: Shell, command: Given) -> None:
    """Whoever is in the wrong office sees it at once; whatever command is added, too."""
    before = state(own.place)
    asked = [option for one in command.parameters for option in one.opts if option == "--yes"]
    dry = {"--dry-run"} & set(command.words)
    words = [word for word in command.words if word not in dry]
    out = "".join(own(*words, *asked)[1:])
    changed = state(own.place) != before
    assert not changed or command.name in EXPORTS or "Lakeside Internal Medicine" in out, out
    assert changed or command.name not in SURELY


def made(folder: Path, config: str, *, database: str = "") -> Path:
    """Make an office's file in a folder, and a database where one is named; return the file."""
    path = folder / config
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(EXAMPLE)
    if database:
        (folder / database).mkdir(parents=True, exist_ok=True)
        open_database(Home(folder / database).database).dispose()
    return path


def test_the_folder_that_init_made(empty: Path, tmp_path: Path) -> None:
    """In it, and from elsewhere by the file or the home alone, it is the same office."""
    config, home = made(empty, "config/office.toml", database="var"), empty / "var"
    wanted = Context(config, home)
    assert resolve(None, None) == wanted
    os.chdir(empty / "config")
    assert resolve(None, None) == wanted
    os.chdir(tmp_path)
    assert resolve(config, None) == resolve(None, home) == wanted
    assert resolve(None, None) == Context(None, None)


def test_a_path_that_goes_up(empty: Path) -> None:
    """The folder beside a home is found however the home is written."""
    config = made(empty, "config/office.toml", database="var")
    wanted = Context(config, empty / "var")
    for folder, home in (("config", "../var"), ("var", "."), ("var", "../var")):
        os.chdir(empty / folder)
        assert resolve(None, Path(home)) == wanted
    os.chdir(empty / "var")
    assert resolve(Path("../config/office.toml"), None) == wanted


@pytest.mark.parametrize("place", ["", "var"])
def test_a_restored_home(empty: Path, tmp_path: Path, place: str) -> None:
    """File and database are in one folder: in it, above a 'var', or named by either."""
    name = str(Path(place, "office.toml"))
    config, home = made(empty, name, database=place or "."), empty / place
    wanted = Context(config, home)
    assert resolve(None, None) == wanted
    os.chdir(tmp_path)
    assert resolve(config, None) == resolve(None, home) == wanted


def test_the_machines_own_office(empty: Path, tmp_path: Path) -> None:
    """It is found from everywhere but from another office's folder."""
    config = made(tmp_path / "etc", "office.toml")
    wanted = Context(config, tmp_path / "lib")
    assert resolve(None, None) == wanted
    made(tmp_path, "lib/office.toml", database="lib")  # restored to the place of the old one
    config.unlink()
    assert resolve(None, None) == Context(tmp_path / "lib/office.toml", tmp_path / "lib")
    own = made(empty, "config/office.toml")
    assert resolve(None, None) == Context(own, empty / "var")


def test_a_named_home_never_takes_another_offices_file(empty: Path, tmp_path: Path) -> None:
    """Who stands in one practice and names the home of another would change both."""
    own = made(empty, "config/office.toml", database="var")
    elsewhere = tmp_path / "other" / "var"
    made(tmp_path / "other", "unknown/office.toml", database="var")
    assert resolve(None, elsewhere) == Context(None, elsewhere)
    with pytest.raises(ConfigError, match="was found for the home"):
        _ = resolve(None, elsewhere).config
    made(empty, "config/office.toml", database="week")  # as 'demo --days' does
    assert resolve(None, empty / "week") == Context(own, empty / "week")
    machine = made(tmp_path / "etc", "office.toml")
    made(tmp_path, "etc/office.toml", database="lib")
    assert resolve(None, tmp_path / "lib") == Context(machine, tmp_path / "lib")


def test_a_file_that_is_named_has_no_other_offices_home(empty: Path, tmp_path: Path) -> None:
    """A draft in some folder must not change the database of the machine's office."""
    made(tmp_path / "etc", "office.toml")
    draft = made(empty, "draft.toml")
    assert resolve(draft, None) == Context(draft, empty / "var")


def test_the_current_folder_was_removed(empty: Path, run: Run) -> None:
    """Nothing is found in it, and an office that is named works."""
    shutil.rmtree(empty)
    code, out, err = run("hours", "now")
    assert (code, out) == (2, "")
    assert err.startswith("There is no office in the current folder, which is gone, or at ")


@pytest.mark.usefixtures("empty")
def test_an_office_that_we_may_not_read_is_no_missing_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine's office has a user of its own: who forgot sudo is told that it is there."""
    stat = os.stat

    def may_not(path: object, *more: object, **words: object) -> os.stat_result:
        if str(path).startswith(str(tmp_path / "etc")):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, *more, **words)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", may_not)
    assert resolve(None, None).file == tmp_path / "etc" / "office.toml"


def test_a_practice_is_never_begun_in_the_machines_own(
    empty: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`init` in an empty folder begins a practice there, however many there are elsewhere."""
    before = made(tmp_path / "etc", "office.toml").read_text()
    monkeypatch.setattr("sys.stdin", io.StringIO("kim=312 555 0171\nanswering=312 555 0172\n"))
    name = ("--preset", "solo", "--name", "Elm Street", "--timezone", "America/Chicago")
    more = ("--number", "312-555-0100", "--physician", "kim=Dr. Jo Kim", "--no-call", "--mobiles")
    code, out, _ = run("init", *name, *more)
    assert f"{empty / 'config' / 'office.toml'} was written" in out, (code, out)
    assert (tmp_path / "etc" / "office.toml").read_text() == before
