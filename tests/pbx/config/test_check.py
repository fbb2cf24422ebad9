"""All findings of an office.toml: each code, each line, and no text that it cannot judge."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from pbx.base.errors import ConfigError
from pbx.cli.plan.check import check
from pbx.cli.shared.context import Context
from pbx.config import plan, secrets
from pbx.config.findings import reading
from pbx.config.findings.check import find_all
from pbx.config.findings.finding import CODES, ERRORS, FATAL, WARNINGS
from pbx.config.secrets import Secrets
from tests.support.offices import BROKEN, EXAMPLE, NOW, ROOT, changed, codes, found

APP = typer.Typer()
APP.command()(check)


@pytest.mark.parametrize("name", ["config/office.toml", "tests/calls/policy.toml"])
def test_a_good_file_is_clean(name: str) -> None:
    """Not even a warning is found in the example practice and in the tests' own."""
    configuration, findings = plan.check(ROOT / name, NOW)
    assert findings == []
    assert configuration is not None
    assert configuration.plan.hash == plan.load(ROOT / name).plan.hash


@pytest.mark.parametrize("path", sorted(BROKEN.glob("*.toml")), ids=lambda path: path.stem)
def test_each_broken_file_has_its_finding(path: Path, tmp_path: Path) -> None:
    """It is the only finding, and tells the line that is marked; the plan is made or is not."""
    text = path.read_text()
    if path.stem == "too-large":
        path = tmp_path / "office.toml"
        path.write_text(text + " " * 10_000_000)
        expected = ("too-large", 1)
    else:
        marked = [number for number, line in enumerate(text.split("\n"), 1) if "# HERE" in line]
        expected = (path.stem, marked[0])
    configuration, findings = plan.check(path, NOW)
    assert [(one.code, one.line) for one in findings] == [expected]
    assert (configuration is None) == (expected[0] in FATAL)
    if expected[0] in FATAL:
        with pytest.raises(ConfigError, match=rf"line {expected[1]}, "):
            plan.load(path)
    else:
        plan.load(path)
    assert findings[0].severity == ("warning" if expected[0] in WARNINGS else "error")
    for sentence in (findings[0].message, findings[0].fix):
        assert len(sentence) > 5
        assert not re.search(r"\d{7}", sentence)


def test_every_code_is_documented_and_has_a_file() -> None:
    """Code, documentation and files name the same codes, under the same severity."""
    text = (ROOT / "docs" / "findings.md").read_text()
    parts = [
        set(re.findall(r"^\| `([a-z-]+)`", part, re.MULTILINE)) for part in text.split("\n## ")[1:]
    ]
    assert parts == [FATAL, ERRORS, WARNINGS]
    assert {path.stem for path in BROKEN.glob("*.toml")} == CODES


MANY = (
    ('name = "Lakeside Internal Medicine"', 'name = "Lakeside\\nSIP"', "bad-value"),
    ('"America/New_York"', '"America/Gotham"', "bad-zone"),
    ('language = "en"', 'langauge = "en"', "unknown-key"),
    ('kind = "address" ', 'kind = "adress" ', "bad-value"),
    ("[network]", "[network]\nsip_port = 99999", "bad-value"),
    ('menus = { closed = "night" }', 'menus = { closed = "nite" }', "unknown-name"),
    ('did = "+12125550101"', 'did = "2125550101"', "bad-value"),
    ('"13:00-17:00"', '"17:00-13:00"', "backwards-period"),
    ('on = "2026-12-25"', 'on = "2026-13-25"', "bad-value"),
    ('reason = "Christmas Day"', 'raeson = "Christmas Day"', "unknown-key"),
    ('name = "Dr. Ana Lee"', 'nom = "Dr. Ana Lee"', "unknown-key"),
    ('[people.osei]\nname = "Dr. Kofi Osei"', "[people.osei]", "missing-key"),
    ("[people.patel]", "[people.Patel]", "bad-value"),
    ('frontdesk = ["desk1", "desk2"]', 'frontdesk = ["desk1", "dsk2"]', "unknown-name"),
    ('2 = "routine"', '2 = "rutine"', "bad-value"),
    ('since = "2026-01-05"', 'since = "2026-02-30"', "bad-value"),
    ('{ try = "backup", ring = 20 }', "{ ring = 20 }", "empty-step"),
    ("{ wait = 15 }", '{ try = "Nobody" }', "bad-value"),
    ('when = { line = "backline" }', 'when = { line = "bakcline" }', "unknown-name"),
    ('ring = "frontdesk", for = 15', 'ring = "frontdsk", for = "15 s"', "unknown-name"),
    ('urgency = "urgent"', 'urgency = "urgnet"', "bad-value"),
    ('do = { message = "routine" }', 'do = { message = "routine", reject = true }', "one-action"),
)


def test_twenty_mistakes_are_twenty_findings() -> None:
    """A mistake hides no other, and each is told with its own line."""
    text = changed(*((old, new) for old, new, _ in MANY))
    findings = found(text)
    lines = text.split("\n")
    changed_lines = set()
    for _, new, code in MANY:
        number = next(at for at, line in enumerate(lines, 1) if new.split("\n")[-1] in line)
        here = {one.code for one in findings if one.line == number}
        assert code in here, (number, new, here)
        changed_lines.add(number)
    others = {(one.line, one.code) for one in findings if one.line not in changed_lines}
    # a key with a slip of the pen is missing, too: at the headers of the closure and of Dr. Lee
    assert {code for _, code in others} == {"missing-key"}
    assert len(others) == 2
    assert len(findings) >= len(MANY) > 20
    with pytest.raises(ConfigError) as error:
        plan.parse(text, Path("office.toml"))
    assert str(error.value).count("\n") == sum(one.fatal for one in findings)


def test_a_near_name_is_offered() -> None:
    """A slip of the pen is answered with what was meant."""
    fixes = {one.fix for one in found(changed(*((old, new) for old, new, _ in MANY)))}
    for name in ("night", "frontdesk", "backline", "desk2", "language"):
        assert f"Did you mean '{name}'?" in fixes


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        # a period that passes midnight meets the next day's
        ([('fri = ["08:30-12:00"]', 'fri = ["20:00-02:00"]\nsat = ["01:00-03:00"]')],
         "overlapping-periods"),
        ([('fri = ["08:30-12:00"]', 'mon = ["11:00-12:30"]')], "overlapping-periods"),
        ([('on = "2026-12-25"', 'from = "2026-12-26"\nto = "2026-12-24"')], "backwards-period"),
        ([('backup = "next"', 'backup = "nobody"')], "unknown-name"),
        ([('language = "en"', 'inbox = "frontdsk"')], "unknown-name"),
        ([('language = "en"', 'language = "xx"')], "unknown-prompt"),
        ([('name = "backline"  ', 'name = "backline"\nowner = "leee"')], "unknown-name"),
        ([("[people.lee]", "[people.oncall]\nname = 'X'\n[people.lee]")], "duplicate-name"),
        ([("[schedule.doctors]", "[schedule.lee]")], "duplicate-name"),
        ([('name = "main"', 'name = "backline"')], "duplicate-line"),
        ([("[menu.night]", ('[menu.bb]\nsay = ["menu-closed"]\notherwise = { menu = "night" }\n'
           "[menu.night]")), ('otherwise = "urgent"', 'otherwise = { menu = "bb" }')],
         "menu-endless"),
        ([("[menu.night]", ('[menu.bb]\nsay = ["menu-closed"]\notherwise = { menu = "night" }\n'
           "[menu.night]")), ('2 = "routine"', '2 = { menu = "bb" }')], "menu-circle"),
        ([("[menu.night]", ('[menu.bb]\nsay = ["menu-closed"]\notherwise = { menu = "nihgt" }\n'
           "[menu.night]"))], "unknown-name"),
        ([('2 = "routine"', '2 = { menu = "nihgt" }')], "unknown-name"),
        ([('role = "physician"', 'contacts = [{ via = "mobil" }]')], "unknown-name"),
        ([('handoff = "mon 08:00"', ('handoff = "mon 08:00"\nlayers = [{ rotation = ["lee"], '
           'since = "2026-01-05", handoff = "08:00", every = "5 hours" }]'))], "turn-length"),
        ([('when = { hours = "open" }', 'when = { hours = "open", panel = "lea" }')],
         "unknown-name"),
        ([('1 = "urgent"', "1 = {}")], "one-action"),
        ([('1 = "urgent"', "1 = 5")], "bad-value"),
        ([('1 = "urgent"', '11 = "urgent"')], "bad-value"),
        ([("[network]", "[nettwork]")], "unknown-key"),
        ([('bind = "127.0.0.1"', 'bind = "127.0.0.300"')], "bad-value"),
        ([('host = "127.0.0.2"', 'host = "http://sip.example"')], "bad-value"),
        ([('host = "127.0.0.2"', 'host = "sip..example"')], "bad-value"),
        ([('host = "127.0.0.2"', 'host = ""')], "bad-value"),
        ([('addresses = ["127.0.0.2"]', 'addresses = ["-"]')], "bad-value"),
        ([('addresses = ["127.0.0.2"]', 'addresses = ["10.0.0.0/33"]')], "bad-value"),
        ([('host = "127.0.0.2"', 'host = "fe80::1%x\\ny"')], "bad-value"),
        ([("[[lines]]", "[lines]"), ("[[lines]]", "[lines2]")], "bad-value"),
    ],
)  # fmt: skip
def test_more_that_is_wrong(pairs: list[tuple[str, str]], code: str) -> None:
    """Other ways to the same findings."""
    assert code in codes(changed(*pairs))


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ('2 = "routine"', '2 = { message = "routine", wrong = 1 }', "menu.night.2.wrong"),
        ('2 = "routine"', '2 = { message = "routine", table = 1 }', "menu.night.2.table"),
        ('backup = "next"', "confirm = { repet = 1 }", "schedule.doctors.confirm.repet"),
        ("{ wait = 15 }", "{ wait = 15, foo = 1 }", "escalation.urgent.live.3.foo"),
    ],
)
def test_an_unknown_key_is_named_with_its_whole_place(old: str, new: str, where: str) -> None:
    """Also within what may be a word or a table."""
    _, found = reading.read(changed((old, new)))
    unknown = [one for one in found if one.code == "unknown-key"]
    assert [one.where for one in unknown] == [where]
    assert f"'{where.rpartition('.')[2]}'" in unknown[0].message


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    """Its size is enough: a sparse file of many gigabytes takes no time and no memory."""
    path = tmp_path / "office.toml"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    configuration, findings = plan.check(path, NOW)
    assert configuration is None
    assert [one.code for one in findings] == ["too-large"]
    with pytest.raises(ConfigError, match="larger than 1 MB"):
        plan.load(path)


@pytest.mark.parametrize(
    "written",
    ["+1 212 555 0111", "(212) 555-0111", "212.555.0111", "2125550111", "+44 20 7946 0958",
     "1-212-555-0111"],
)  # fmt: skip
def test_personal_numbers_are_found_and_not_repeated(written: str) -> None:
    """In a comment, a name, a key or a text with escapes; four digits of it are told."""
    last = re.sub(r"\D", "", written)[-4:]
    escaped = written.replace("5", "\\u0035")
    for text in (
        f"{EXAMPLE}# {written}\n",
        changed(("# your carrier's SIP server", f"# {written}")),
        changed(('role = "physician"', f'nick = "{written}"')),
        changed(('role = "physician"', f'nick = "{escaped}"')),
        changed(('role = "physician"', f'"{written}" = 1')),
    ):
        findings = found(text)
        reported = [one for one in findings if one.code == "personal-number"]
        assert any(f"…{last} looks" in one.message for one in reported)
        assert "555" not in "".join(f"{one.where}{one.message}{one.fix}" for one in findings)


@pytest.mark.parametrize(
    "harmless",
    ["192.76.120.10", "2026-12-24 08:00", "08:30-12:00", "10.0.0.0/8", "sip-2125550111x",
     "555-0100", "10000-10200", "2026-11-28", "212555", "+12125550100", "212-555-0101"],
)  # fmt: skip
def test_what_is_no_personal_number(harmless: str) -> None:
    """Addresses, dates, ports and the office's own numbers pass."""
    assert found(f"{EXAMPLE}# {harmless}\n") == []


def test_personal_numbers_are_those_of_the_office_s_country() -> None:
    """Elsewhere than in +1 they have another shape, and the office's own may be written so, too."""
    german = changed(('language = "en"', 'country = "DE"'), ("+12125550100", "+493012345678"))
    reported = [
        one.message
        for one in found(f"{german}# 0171 2345678, 030/12345678, 2026-11-28, 10000-10200\n")
        if one.code == "personal-number"
    ]
    assert len(reported) == 1
    assert reported[0].startswith("…5678")


def test_only_whoever_is_called_needs_a_contact() -> None:
    """A person in no schedule, group or rule may be without one; a desk phone is enough."""
    extra = "[people.kim]\nname = 'Kim'\nrole = 'staff'\ncontacts = []\n\n[people.osei]"
    assert found(changed(("[people.osei]", extra))) == []
    text = changed(('role = "physician"', 'contacts = [{ via = "desk1" }]'))
    assert found(text) == []


def test_numbers_of_the_secrets() -> None:
    """With the secrets file's contacts, whoever is on call without a number is found."""
    held = {"lee": frozenset({"mobile"}), "osei": frozenset({"second"})}
    findings = find_all(EXAMPLE, NOW, held).findings
    assert [(one.code, one.where) for one in findings] == [
        ("no-contact", "person osei"),
        ("no-contact", "person patel"),
    ]


def test_a_schedule_that_ends() -> None:
    """The first minute of a gap is told in the office's time."""
    shift = '{ person = "lee", from = "2026-11-01 00:00", to = "2026-12-24 08:00" }'
    end = EXAMPLE.index("[schedule.doctors]"), EXAMPLE.index("[escalation.urgent]")
    text = EXAMPLE[: end[0]] + f"[schedule.doctors]\nshifts = [{shift}]\n\n" + EXAMPLE[end[1] :]
    gap = next(one for one in found(text) if one.code == "schedule-gap")
    assert "from Thu, Dec 24, 2026, 8:00 AM to Mon, Feb 22, 2027, 7:00 AM EST" in gap.message


def run(folder: Path, *words: str) -> tuple[int, str]:
    """Run the command on a folder's office; return its exit code and its output."""
    context = Context(folder / "office.toml", folder / "home")
    done = CliRunner().invoke(APP, list(words), obj=context)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.stdout


def test_the_command(tmp_path: Path) -> None:
    """Exit 0 for a clean file and for warnings, 1 for an error; JSON has the contract's shape."""
    (tmp_path / "office.toml").write_text(EXAMPLE)
    assert run(tmp_path) == (0, f"{tmp_path}/office.toml: no problems found.\n")
    assert json.loads(run(tmp_path, "--json")[1]) == {"ok": True, "findings": []}
    warned, wrong = BROKEN / "wait-first.toml", BROKEN / "unknown-name.toml"
    code, said = run(tmp_path, str(warned))
    assert code == 0
    assert f"{warned}:53: warning wait-first: escalation policy urgent, step 1: " in said
    assert said.endswith("0 errors, 1 warning.\n")
    code, said = run(tmp_path, str(wrong), "--json")
    assert code == 1
    shape = json.loads(said)
    assert shape["ok"] is False
    keys = ["code", "severity", "where", "line", "message", "fix"]
    assert [list(one) for one in shape["findings"]] == [keys]
    assert shape["findings"][0]["fix"] == "Did you mean 'frontdesk'?"


def test_the_command_asks_the_secrets(tmp_path: Path) -> None:
    """Once it holds a number, whoever is called without one is told, and no number is."""
    (tmp_path / "office.toml").write_text(EXAMPLE)
    secrets.write(
        tmp_path / "home", Secrets(mobiles={"lee": "+12125550111", "osei": "+12125550112"})
    )
    code, said = run(tmp_path)
    assert code == 1
    assert "no-contact: person patel" in said
    assert "555" not in said


@pytest.mark.parametrize("name", ["office.toml", "nothing.toml", ""])
def test_the_entrance(tmp_path: Path, name: str) -> None:
    """The installed words work; a file that is not there is one sentence and exit 2."""
    (tmp_path / "office.toml").write_text(EXAMPLE.replace("[hours]", "[hours"))
    words = [sys.executable, "-m", "cli", "--home", str(tmp_path), "check", str(tmp_path / name)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    if name == "office.toml":
        assert done.returncode == 1
        assert "error bad-toml" in done.stdout
    else:
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
