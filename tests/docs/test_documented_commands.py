"""Each command that a document shows is one that there is; what needs no line that runs is run."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
import time_machine
from typer.testing import CliRunner

from cli import app
from pbx.config import secrets
from pbx.demo.stage import MOBILES
from tests.support.given import parsed
from tests.support.ledgers import Reported, cdr_lines, write_cdr, write_log

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
CALL = "1795456091.0"  # which the help of `calls show` names
# What reads, of which the answer does not hang on the machine or on a line that runs
READS = frozenset({
    "audit head", "audit list", "audit verify", "calls list", "calls live", "calls outbound",
    "calls show", "check", "diff", "explain", "history", "hold list", "hours now", "hours suggest",
    "inbox list", "oncall gaps", "oncall list", "oncall now", "patients list", "people list",
    "prove", "reconcile", "replay", "report day", "report month", "report morning",
    "report oncall", "report week", "retention", "simulate", "secrets status",
})  # fmt: skip
WRITES = {"--write", "--html", "--reveal", "--yes"}
COMMAND = re.compile(
    r"(?:\$ )?(?:sudo (?:-u \w+ )?|podman compose .* exec \w+ )?(?:\./run )?officeline(?: +(.*))?"
)


def shown(text: str) -> Iterator[str]:
    """List the lines of code of a document, and what stands in it between backquotes."""
    fenced = re.compile(r"^```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)
    for block in fenced.findall(text):
        yield from block.splitlines()
    rest = fenced.sub("", text)
    yield from (line.strip() for line in rest.splitlines() if line.startswith("    "))
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", rest))


def commands() -> Iterator[tuple[str, str]]:
    """List what the documents give to the command, with the document's name, each once."""
    for page in PAGES:
        found = (COMMAND.fullmatch(line) for line in shown(page.read_text(encoding="utf-8")))
        lines = {one[1].partition(" #")[0].strip() for one in found if one and one[1]}
        yield from ((page.name, line) for line in sorted(lines) if line != "...")


SHOWN = sorted(set(commands()))


def test_the_documents_show_commands() -> None:
    """That what is looked for is found, in each way of writing it."""
    assert len(SHOWN) > 100  # most of them in docs/cli.md
    assert {"README.md", "cli.md", "install.md", "first-afternoon.md"} <= {
        name for name, _ in SHOWN
    }
    text = "a\n\n    sudo -u x officeline doctor  # why\n\n`./run officeline\ncheck FILE`\n"
    text += "```sh\n$ officeline up\n```\n`officeline.db` `officeline/x`"
    found = [one[1] for line in shown(text) if (one := COMMAND.fullmatch(line))]
    assert found == ["up", "doctor  # why", "check FILE"]
    for wrong in ("nope", "calls lst", "check --nope", "oncall now --form tomorrow"):
        with pytest.raises(ValueError, match=r"no 'nope'|no 'lst'|no such option"):
            parsed(wrong)


@pytest.mark.parametrize(("page", "line"), SHOWN)
def test_it_can_be_given(page: str, line: str) -> None:
    """Command and options are real; whoever copies it out of the document is understood."""
    assert parsed(line), page


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a home with a night's call, and everybody's number."""
    folder = tmp_path_factory.mktemp("home")
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=30)
    reported = Reported(CALL, at, "message", has_message=True)
    write_log(folder, [reported])
    write_cdr(folder, cdr_lines(reported))
    secrets.write(folder, secrets.Secrets(mobiles=dict(MOBILES)))
    return folder


@cache
def reading() -> list[str]:
    """List what only reads and names nothing that is made up: a file, a person, an id."""
    lines = set()
    for _, line in SHOWN:
        name, words = parsed(line)
        made_up = any(word.isupper() or "/" in word or word.endswith(".toml") for word in words)
        if name == "retention" and "--dry-run" not in words:
            continue
        cut_short = words and words[-1] in {"--head", "--at"}
        if name in READS and not made_up and not cut_short and not WRITES.intersection(words):
            lines.add(line)
    return sorted(lines)


@pytest.mark.parametrize("line", reading())
def test_what_reads_works(home: Path, line: str) -> None:
    """On a small home it answers, and says that it could."""
    where = ["--config", str(ROOT / "config" / "office.toml"), "--home", str(home)]
    words = shlex.split(line)
    if "live" in words and "--once" not in words:
        words.append("--once")
    done = CliRunner().invoke(app, [*where, *words])
    assert done.exit_code == 0, (done.output, done.exception)


# What changes something, in the words of the documents, and what must have been done before
CHANGES = frozenset({
    "apply", "audit export", "calls export", "check", "hold add", "hold lift", "hours cancel",
    "hours changes", "hours close", "hours reopen", "inbox claim", "inbox close", "inbox note",
    "inbox play", "inbox show", "oncall cancel", "oncall export", "oncall handoffs",
    "oncall override", "oncall overrides", "oncall swap", "oncall take", "patients flag",
    "patients import", "patients remove", "people add", "people mobile", "people remove", "replay",
    "report day", "report month", "report morning", "report week", "retention", "rollback",
})  # fmt: skip
STORM = "hours close --until 'tomorrow 08:30' --reason storm"
KIM = "people add kim --name 'Dr. Jo Kim' --role physician"
BEFORE = {
    "hold lift": ["hold add 1795456091.0 --reason 'letter from a lawyer'"],
    "hours cancel": [STORM],
    "oncall cancel": ["oncall take osei"],
    "patients flag": ["patients import patients.csv --yes"],
    "patients remove": ["patients import patients.csv --yes"],
    "people remove": [KIM],
    "rollback": ["apply", KIM, "people mobile kim", "apply"],
}
PATIENTS = "id,name,numbers\nP1042,Jo Doe,(212) 555-0142\n"
DAY = datetime(2026, 11, 26, 15, tzinfo=UTC)  # of which the documents speak
ID = re.compile(r"(?<=cancel )\d+|(?<=rollback )\d+")  # of the document's own practice


def changing() -> list[str]:
    """List what changes something and can be done as it is written."""
    lines = set()
    for _, line in SHOWN:
        name, words = parsed(line)
        for_me = any(re.fullmatch(r"[A-Z]+|\[.*", word) for word in words)
        if name in CHANGES and line not in reading() and not for_me and words:
            lines.add(line)
    return sorted(lines | {"apply"})


@pytest.mark.parametrize("line", changing())
def test_what_changes_works(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """On a copy of that home, after what its page has done before."""
    shutil.copytree(home, tmp_path / "home")
    shutil.copy(ROOT / "config" / "office.toml", tmp_path / "office.toml")
    shutil.copy(ROOT / "config" / "office.toml", tmp_path / "draft.toml")
    (tmp_path / "config").mkdir()
    shutil.copy(ROOT / "config" / "office.toml", tmp_path / "config")
    (tmp_path / "patients.csv").write_text(PATIENTS)
    recording = tmp_path / "home" / "messages" / f"{CALL}.wav"
    recording.parent.mkdir(exist_ok=True)
    recording.write_bytes(b"RIFF")
    monkeypatch.chdir(tmp_path)
    name, _ = parsed(line)
    for one in (*BEFORE.get(name, ()), line):
        words = [ID.sub("1", one) if one == line else one]
        words = shlex.split(re.sub(r"/(tmp|media/stick)/", f"{tmp_path}/", words[0]))
        where = ["--config", "office.toml", "--home", str(tmp_path / "home")]
        answer = "y\n"
        if words[:2] == ["people", "mobile"]:
            answer = "(212) 555-0111\n"
        with time_machine.travel(DAY):
            done = CliRunner().invoke(app, [*where, *words], input=answer)
        assert done.exit_code == 0, (words, done.output, done.exception)
