"""`officeline people` and `secrets`, as an administrator and a script meet them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tomllib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import cli
from pbx.base.errors import ConfigError, OfficeLineError
from pbx.config import people_file, secrets
from pbx.config.home import Home
from pbx.config.secrets import Secrets
from pbx.db import pins as tries
from pbx.db.changes import add_override
from pbx.db.database import open_database
from pbx.db.plans import apply_text
from pbx.service import only_one
from routing.model import Override

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / "config" / "office.toml").read_text()
KIM = """
[people.kim]
name = "Dr. Jo Kim"
role = "physician"
"""
WITH_KIM = EXAMPLE.replace("\n[phones.desk1]", f"{KIM}\n[phones.desk1]")
NOW = datetime.now(UTC)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Make a folder with the example's file and a secrets file with Lee's mobile."""
    (tmp_path / "office.toml").write_text(EXAMPLE)
    secrets.write(tmp_path / "home", Secrets(mobiles={"lee": "+12125550111"}))
    return tmp_path


def officeline(place: Path, *words: str, given: str = "") -> tuple[int, str, str]:
    """Run the command; return its exit code, what it printed and what it said."""
    try:
        result = CliRunner().invoke(
            cli.app, [*options(place), *words], input=given, catch_exceptions=False
        )
    except OfficeLineError as error:  # which the entrance prints, as below
        return 2, "", f"{error}\n"
    return result.exit_code, result.stdout, result.stderr


def options(place: Path) -> list[str]:
    """Name this folder's office."""
    return ["--config", str(place / "office.toml"), "--home", str(place / "home")]


def command(place: Path) -> list[str]:
    """Begin the command on this folder's office, as a process of its own."""
    return [sys.executable, "-m", "cli", *options(place)]


def done(place: Path, *words: str, given: str = "") -> str:
    """Run a command that ends well, and return what it printed."""
    code, printed, said = officeline(place, *words, given=given)
    assert (code, said) == (0, "")
    return printed


def refused(place: Path, *words: str, given: str = "") -> str:
    """Run a command that is refused in one sentence, which is returned."""
    code, printed, said = officeline(place, *words, given=given)
    assert (code, printed, said.count("\n")) == (2, "", 1), said
    return said


def listed(place: Path) -> dict[str, dict[str, Any]]:
    """Read the list of people by id."""
    rows = json.loads(done(place, "people", "list", "--json"))["people"]
    return {row["id"]: row for row in rows}


def text(place: Path) -> str:
    """Read the office's file."""
    return (place / "office.toml").read_text()


def test_a_pin_is_set_kept_as_a_hash_and_never_shown(place: Path) -> None:
    """From standard input; the list tells that there is one, and the code before it."""
    said = done(place, "people", "pin", "lee", "--stdin", given="480297\n")
    assert "enter 10 and then the PIN" in said
    held = (place / "home" / secrets.FILE).read_text()
    assert "480297" not in held + said
    assert json.loads(held)["pins"]["lee"].startswith("$argon2id$")
    found = listed(place)
    assert (found["lee"]["pin"], found["lee"]["code"], found["lee"]["locked"]) == (True, "10", [])
    assert (found["osei"]["pin"], found["osei"]["code"]) == (False, None)
    assert found["lee"]["mobile"] == "…0111"
    assert "+12125550111" not in done(place, "people", "list")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("123456\n", "easy to guess"),
        ("48029\n", "six digits|6 digits"),
        ("\n", "6 digits"),
        ("", "6 digits"),
        ("550111\n", "part of your telephone number"),
        ("550101\n", "part of your telephone number"),
    ],
)
def test_a_bad_pin_is_refused(place: Path, given: str, said: str) -> None:
    """What is easy to guess, or no PIN at all; nothing is kept."""
    found = refused(place, "people", "pin", "lee", "--stdin", given=given)
    assert any(word in found for word in said.split("|"))
    assert secrets.read(place / "home").pins == {}


def test_the_entrance_prints_the_sentence(place: Path) -> None:
    """As a process: exit 2, one line on stderr, no traceback; and a PIN goes through a pipe."""
    words = [*command(place), "people", "pin", "lee", "--stdin"]
    for given, code in (("123456\n", 2), ("480297\n", 0)):
        done = subprocess.run(
            words, cwd=ROOT, input=given, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr.count("\n")) == (code, code // 2)
    assert "lee" in secrets.read(place / "home").pins


def test_a_pin_is_no_argument_and_is_asked_for_at_a_terminal(place: Path) -> None:
    """Arguments are seen by everybody on the machine."""
    code, _, said = officeline(place, "people", "pin", "lee", "480297")
    assert code == 2
    assert "unexpected extra argument" in said
    assert "--stdin" in refused(place, "people", "pin", "lee", given="480297\n")
    assert "There is no person" in refused(
        place, "people", "pin", "kim", "--stdin", given="480297\n"
    )


def test_a_terminal_is_asked_twice_without_echo(place: Path) -> None:
    """What is typed never appears, and two that differ are asked for again."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*command(place), "people", "pin", "lee"],
        cwd=ROOT,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen = ""
    for answer in ("480297", "480298", "480297", "480297"):
        seen += until(ours, ": ")
        os.write(ours, f"{answer}\n".encode())
    seen += until(ours, None)
    assert process.wait(timeout=60) == 0, seen
    os.close(ours)
    assert seen.count("PIN (six digits): ") == 2
    assert "do not match" in seen
    assert "48029" not in seen
    assert "lee" in secrets.read(place / "home").pins


def until(terminal: int, end: str | None) -> str:
    """Read a terminal up to these words, or to the end of what writes to it."""
    seen = ""
    with suppress(OSError):  # a terminal whose writer has gone is an error to read
        while end is None or not seen.endswith(end):
            part = os.read(terminal, 1000)
            if not part:
                break
            seen += part.decode()
    return seen


def test_unlocking(place: Path) -> None:
    """A lock is seen in the list; `--unlock` lifts it and a new PIN does, too."""
    assert "not locked" in done(place, "people", "pin", "lee", "--unlock")
    done(place, "people", "pin", "lee", "--stdin", given="480297\n")
    for words, given in ((("--unlock",), ""), (("--stdin",), "913640\n")):
        engine = open_database(Home(place / "home").database)
        for _ in range(5):
            tries.count_try(engine, "lee", "inbound", NOW)
        engine.dispose()
        assert listed(place)["lee"]["locked"] == ["inbound"]
        assert "LOCKED" in done(place, "people", "list")
        done(place, "people", "pin", "lee", *words, given=given)
        assert listed(place)["lee"]["locked"] == []
    assert "Give either" in refused(place, "people", "pin", "lee", "--unlock", "--stdin")


def test_a_number_that_is_asked_for(place: Path) -> None:
    """It stands in no command, which sudo would write into the journal."""
    assert "…0133" in done(place, "people", "mobile", "lee", given="212 555 0133\n")
    assert secrets.read(place / "home").contacts("lee") == {"mobile": "+12125550133"}


def test_a_second_number(place: Path) -> None:
    """It stands beside the mobile."""
    assert "…0122" in done(place, "people", "mobile", "lee", "212 555 0122", "--second")
    held = secrets.read(place / "home")
    assert held.contacts("lee") == {"mobile": "+12125550111", "second": "+12125550122"}
    assert listed(place)["lee"]["second"] == "…0122"


def test_a_person_is_added_and_removed_to_the_letter(place: Path) -> None:
    """Comments and order stay; the file after both is the one before."""
    config = place / "office.toml"
    config.chmod(0o640)
    done(place, "people", "add", "kim", "--name", "Dr. Jo Kim")
    assert text(place) == WITH_KIM
    assert config.stat().st_mode & 0o777 == 0o640
    done(place, "people", "mobile", "kim", "2125550144")
    done(place, "people", "pin", "kim", "--stdin", given="480297\n")
    code, _, _ = officeline(place, "people", "remove", "kim", given="n\n")
    assert code == 1
    assert text(place) == WITH_KIM
    done(place, "people", "remove", "kim", "--yes")
    assert text(place) == EXAMPLE
    assert "kim" not in secrets.read(place / "home").named()
    assert sorted(path.name for path in place.iterdir()) == ["home", "office.toml"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lee", "--name", "Dr. Lee"), "already"),
        (("Kim", "--name", "Dr. Kim"), "'Kim' is not a valid id such as"),
        (("x y", "--name", "Dr. Kim"), "'x y' is not a valid id such as"),
        (("kim", "--name", 'Dr. "K"'), "'Dr. \"K\"' is not a name of 1 to 60"),
        (("kim", "--name", "Dr. Kim", "--role", "boss"), "'boss' must be 'physician', 'nurse'"),
        (("desk1", "--name", "Dr. Desk"), "desk1"),
        (("oncall", "--name", "Dr. Oncall"), "is a reserved word"),
        (("kim]\n[x", "--name", "Dr. Kim"), "is not a valid id such as"),
    ],
)
def test_a_person_who_cannot_be_is_not_added(
    place: Path, words: tuple[str, ...], said: str
) -> None:
    """The file stays as it was."""
    found = refused(place, "people", "add", *words)
    assert said in found
    assert text(place) == EXAMPLE


def test_who_is_named_stays(place: Path) -> None:
    """Every place is named: schedules, groups, lines, escalations, rules, the plan, overrides."""
    more = (
        WITH_KIM
        .replace('frontdesk = ["desk1", "desk2"]', 'frontdesk = ["desk1", "desk2", "kim"]')
        .replace('name = "backline" ', 'name = "backline"\nowner = "kim" ')
        .replace('{ try = "everyone", ring = 20 }', '{ try = "kim", ring = 20 }')
        .replace('[[rules]]\nname = "the front', '[[rules]]\nname = "hers"\n'
                 'when = { panel = "kim" }\ndo = { ring = "kim" }\n\n[[rules]]\nname = "the front')
    )  # fmt: skip
    (place / "office.toml").write_text(more)
    said = refused(place, "people", "remove", "kim", "--yes")
    for where in (
        "group frontdesk",
        "line backline",
        "escalation policy urgent",
        "rule 'hers', panel",
    ):
        assert where in said
    assert text(place) == more
    assert "schedule doctors" in refused(place, "people", "remove", "lee", "--yes")
    assert "There is no person" in refused(place, "people", "remove", "nobody", "--yes")
    assert "lee" in secrets.read(place / "home").mobiles


def test_who_is_named_by_what_runs_or_by_an_override_stays(place: Path) -> None:
    """The file alone does not say whom tonight's calls go to."""
    (place / "office.toml").write_text(WITH_KIM)
    Home(place / "home").folder.mkdir(exist_ok=True)
    engine = open_database(Home(place / "home").database)
    running = WITH_KIM.replace('["lee", "osei", "patel"]', '["lee", "osei", "patel", "kim"]')
    apply_text(engine, running, "x", by="amy", now=NOW)
    assert "schedule doctors of the plan that runs" in refused(
        place, "people", "remove", "kim", "--yes"
    )
    apply_text(engine, WITH_KIM, "y", by="amy", now=NOW)
    for start, end in ((-3, -1), (1, 2)):
        add_override(
            engine,
            Override(
                *(0, "doctors", "replace", "kim", "lee"),
                start=NOW + timedelta(days=start),
                end=NOW + timedelta(days=end),
            ),
            by="amy",
            now=NOW,
        )
    engine.dispose()
    said = refused(place, "people", "remove", "kim", "--yes")
    assert "override 2 of schedule doctors" in said
    assert "override 1 " not in said


NURSE = '\n[people.kim]\nname = "K"\nrole = "nurse"\n'
BEFORE = '[people.lee]\nname = "L"\n\n# Comment of the phones\n[phones.d1]\nname = "D"\n'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (BEFORE, BEFORE.replace('"L"\n', '"L"\n\n[people.kim]\nname = "K"\nrole = "nurse"\n')),
        ("a = 1", 'a = 1\n\n[people.kim]\nname = "K"\nrole = "nurse"\n'),
        ("a = 1\r\n", 'a = 1\r\n\r\n[people.kim]\r\nname = "K"\r\nrole = "nurse"\r\n'),
        (
            '[people]\nlee = { name = "L" }  # l\n# end\n',
            '[people]\nlee = { name = "L" }  # l\n' + NURSE + "# end\n",
        ),
    ],
)
def test_where_a_person_is_added(old: str, new: str) -> None:
    """Behind the others, before what belongs to the next table; else at the end."""
    assert people_file.added(old, "kim", "K", "nurse") == new.removesuffix("\n") + "\n"
    assert tomllib.loads(new)["people"]["kim"] == {"name": "K", "role": "nurse"}


FULL = """# top
[people.lee] # the first
name = "L"
# inside
quiet = [
  "x", # y
]
[[people.lee.contacts]]
via = "mobile"

"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (BEFORE, '# Comment of the phones\n[phones.d1]\nname = "D"\n'),
        (
            FULL + '[people.osei]\nname = "O"\n# last\n',
            '# top\n[people.osei]\nname = "O"\n# last\n',
        ),
        (
            '[people]\nosei = { name = "O" }\nlee = { name = "L" }\n',
            '[people]\nosei = { name = "O" }\n',
        ),
        (
            'a = "\u2028"\n[people.lee]\nname = "L"\n[people.osei]\nname = "O"\n[b]\n',
            'a = "\u2028"\n[people.osei]\nname = "O"\n[b]\n',
        ),
    ],
)
def test_what_goes_with_a_person(old: str, new: str) -> None:
    """Their own tables and the comments in them; not the comment of what comes next."""
    assert people_file.removed(old, "lee") == new


@pytest.mark.parametrize("old", ['people = { lee = { name = "L" }, osei = { name = "O" } }\n'])
def test_a_layout_that_cannot_be_changed_is_reported(old: str) -> None:
    """Several people on one line are for a human."""
    with pytest.raises(ConfigError, match="by hand"):
        people_file.removed(old, "lee")
    with pytest.raises(ConfigError, match="by hand"):
        people_file.added(old, "kim", "K", "nurse")


def test_the_secrets_files_state(place: Path) -> None:
    """Who has what, also of people who are no more in the file; and who can read it."""
    secrets.change(place / "home", lambda held: held.with_mobile("gone", "+12125550199"))
    done(place, "people", "pin", "osei", "--stdin", given="480297\n")
    found = json.loads(done(place, "secrets", "status", "--json"))
    assert found["mode"] == "0600"
    assert found["folder_mode"] in {"0700", "0710"}  # Asterisk's own user passes through
    rows = {row["id"]: row for row in found["people"]}
    assert (rows["lee"]["mobile"], rows["lee"]["pin"]) == ("…0111", False)
    assert (rows["osei"]["mobile"], rows["osei"]["pin"]) == (None, True)
    assert [row for row in rows.values() if not row["in_file"]] == [rows["gone"]]
    made = dict.fromkeys(("trunk", "manager", "token", "mqtt"), False)
    assert found["secrets"] == {**made, "phones": []}
    printed = done(place, "secrets", "status")
    assert "gone         mobile  (not in the file)" in printed
    assert "0111" not in printed
    (place / "home" / secrets.FILE).chmod(0o644)
    assert "Other users can read" in refused(place, "secrets", "status")


def test_new_secrets(place: Path) -> None:
    """Each is another one; numbers, PINs and the carrier's password stay; nothing is printed."""
    home = place / "home"
    old = secrets.change(
        home, lambda held: Secrets(**{**vars(held.completed(("desk1", "old"))), "trunk": "carrier"})
    )
    code, _, said = officeline(place, "secrets", "rekey", given="n\n")
    assert code == 1
    assert "2 desk phones" in said
    assert secrets.read(home) == old
    printed = done(place, "secrets", "rekey", "--yes")
    assert "Start 'officeline up' again" in printed
    new = secrets.read(home)
    assert (new.mobiles, new.trunk) == (old.mobiles, "carrier")
    assert set(new.phones) == {"desk1", "desk2"}
    made = {new.manager, new.token, *new.phones.values()}
    assert len(made - {old.manager, old.token, *old.phones.values()}) == 4
    assert all(len(secret) >= 20 and secret not in printed for secret in made)


def test_no_new_secrets_under_a_line_that_runs(place: Path) -> None:
    """A control layer that starts again would not get into the old Asterisk any more."""
    old = secrets.change(place / "home", lambda held: held.completed(("desk1",)))
    with only_one.asterisk_of(Home(place / "home")):
        assert "officeline stop" in refused(place, "secrets", "rekey", "--yes")
    assert secrets.read(place / "home") == old
