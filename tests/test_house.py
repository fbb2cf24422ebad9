"""The house itself: imports point one way, nothing foreign is in the repository."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
PURE_STDLIB_ONLY = {
    "asyncio", "socket", "subprocess", "os", "pathlib", "logging", "sqlite3", "random", "time",
    "shutil", "threading", "tempfile", "io", "ssl", "http", "urllib",
}  # fmt: skip
EDGE_ONLY = {"sqlmodel", "sqlalchemy", "alembic", "pydantic", "aiomqtt", "panoramisk", "asterisk"}
SCREEN_ONLY = {"typer", "rich"}
LAYERS = (  # from the bottom; each may import itself and those before it
    "routing",
    "dialplan",
    "pbx.base",
    "pbx.asterisk",
    "pbx.config",
    "pbx.db",
    "pbx.calls",
    "pbx.escalation",
    "pbx.notify",
    "pbx.reports",
    "pbx.service",
    "pbx.ops",
    "pbx.demo",
    "pbx.cli",
    "cli",
)


def tracked() -> list[str]:
    """List the files of the repository, as paths from its root."""
    run = ["git", "ls-files"]
    listed = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\n") if name]


def modules() -> dict[str, str]:
    """Map every module of the product, as a path, to its source."""
    tops = ("routing", "dialplan", "pbx")
    paths = [path for top in tops for path in (ROOT / top).rglob("*.py")]
    return {str(path.relative_to(ROOT)): path.read_text() for path in (*paths, ROOT / "cli.py")}


def imported(source: str) -> set[str]:
    """List the modules that a source imports, at its top or inside a function."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = node.module == "pbx"  # then what is imported is a folder of it
            names |= {f"pbx.{one.name}" for one in node.names} if whole else {node.module}
    return names


def layer_of(name: str) -> int | None:
    """Return a module's place in LAYERS; None for what is not ours, and for the folder `pbx`."""
    places = enumerate(LAYERS)
    return next((at for at, one in places if f"{name}.".startswith(f"{one}.")), None)


def upward(path: str, source: str) -> list[str]:
    """List what a module imports from a layer above its own, and whether it is in one at all."""
    own = layer_of(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    if own is None:
        top = path == "pbx/__init__.py"
        return [] if top else [f"{path} is in no layer of tests/test_house.py"]
    found = {name: layer_of(name) for name in imported(source)}
    return [f"{path} imports {name} above it" for name, at in found.items() if (at or 0) > own]


def violations(path: str, source: str) -> list[str]:
    """Say which rules of the layers a module breaks."""
    layer = Path(path).parts[0].removesuffix(".py")
    tops = {name.split(".")[0] for name in imported(source)}
    broken = upward(path, source)
    if layer in {"routing", "dialplan"}:
        allowed = (set(sys.stdlib_module_names) - PURE_STDLIB_ONLY) | {"routing", layer}
        broken += [f"{path} is pure and imports {name}" for name in tops - allowed]
        broken += [
            f"{path} asks what time it is" for _ in re.findall(r"\.(?:utcnow|now|today)\(", source)
        ]
    # before Python 3.12 it can lose a cancellation: then the control layer never ends
    broken += [f"{path} waits with wait_for" for _ in re.findall(r"asyncio\.wait_for\(", source)]
    on_screen = path == "cli.py" or path.startswith(("pbx/cli/", "cli.py"))
    if not on_screen:
        broken += [f"{path} imports {name}, which is for commands" for name in tops & SCREEN_ONLY]
    if layer != "pbx":
        broken += [f"{path} imports {name}, which is for pbx" for name in tops & EDGE_ONLY]
    return broken


def test_imports_point_one_way() -> None:
    """From each layer to those below it, never upward; nothing waits so that it cannot be ended."""
    found = modules()
    assert len(found) > 40
    assert [line for path, source in found.items() for line in violations(path, source)] == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("routing/x.py", "import pbx.config.plan"),
        ("routing/x.py", "from dialplan import names"),
        ("routing/x.py", "import os"),
        ("routing/x.py", "from datetime import datetime\nx = datetime.now()"),
        ("dialplan/x.py", "def f():\n    import pydantic"),
        ("pbx/base/x.py", "from pbx.config import home"),
        ("pbx/db/x.py", "def f():\n    from pbx import calls"),
        ("pbx/service/x.py", "import pbx.ops.doctor"),
        ("pbx/x.py", "import json"),
        ("pbx/base/x.py", "import cli"),
        ("pbx/base/x.py", "import typer"),
        ("pbx/base/x.py", "await asyncio.wait_for(event.wait(), 1)"),
        ("cli.py", "import sqlmodel"),
    ],
)
def test_a_violation_is_found(path: str, source: str) -> None:
    """The test above can fail."""
    assert violations(path, source)


def set_later(sources: dict[str, str]) -> set[str]:
    """Name the attributes that a constructor of these leaves empty: `self.x: X | None = None`."""
    found = set()
    for source in sources.values():
        for node in ast.walk(ast.parse(source)):
            if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Attribute):
                continue
            if isinstance(node.value, ast.Constant) and node.value.value is None:
                found.add(node.target.attr)
    return found


def pokes(path: str, source: str, empty: set[str]) -> list[str]:
    """List where a module sets what another object keeps to itself, or was made without.

    The wiring in pbx/service sets nothing of another object at all: each is whole when it is made.
    """
    stored = (
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    )
    outside = [one for one in stored if ast.unparse(one.value) not in {"self", "cls"}]
    wiring = path.startswith("pbx/service/")
    return [
        f"{path}:{one.lineno} sets {ast.unparse(one)} of another object"
        for one in outside
        if wiring or one.attr.startswith("_") or one.attr in empty
    ]


def test_objects_are_whole_when_they_are_made() -> None:
    """Nobody sets a private attribute of another object, or one that its constructor left empty."""
    found = modules()
    empty = set_later(found)
    assert "_server" in empty
    assert [line for path, source in found.items() for line in pokes(path, source, empty)] == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("pbx/service/x.py", "self.handlers.pins = pins = Pins()"),
        ("pbx/service/x.py", "daemon.anything = 1"),
        ("pbx/service/x.py", "for daemon.tasks in (1, 2): pass"),
        ("pbx/calls/x.py", "recorder._engine = engine"),
        ("pbx/calls/x.py", "recorder.catch_up: CatchUp = CatchUp()"),
        ("pbx/calls/x.py", "a, (recorder.catch_up, b) = 1, (2, 3)"),
        ("pbx/calls/x.py", "with engine() as recorder.catch_up: pass"),
    ],
)
def test_a_poke_is_found(path: str, source: str) -> None:
    """The test above can fail."""
    made = "class R:\n def __init__(self) -> None:\n  self.catch_up: CatchUp | None = None"
    empty = set_later({"pbx/calls/r.py": made})
    assert empty == {"catch_up"}
    assert pokes(path, source, empty)
    assert pokes("pbx/calls/r.py", made, empty) == []


def test_the_layers_are_described_in_their_order() -> None:
    """docs/architecture.md names each folder of pbx in the order that the test above holds to."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = [row.replace("/", ".") for row in re.findall(r"^\| `(pbx/\w+)/` \|", text, re.MULTILINE)]
    assert rows == [one for one in LAYERS if one.startswith("pbx.")]


def test_the_command_starts_light() -> None:
    """Heavy packages are imported by the commands that need them, not at the entrance."""
    code = "import cli, sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    run = [sys.executable, "-c", code]
    loaded = set(
        subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    )
    assert "typer" in loaded
    heavy = {
        "sqlmodel",
        "sqlalchemy",
        "alembic",
        "pydantic",
        "phonenumbers",
        "panoramisk",
        "asyncio",
        "jinja2",
    }
    assert loaded & heavy == set()


def test_pyst2_is_not_shadowed() -> None:
    """`asterisk` is pyst2's import name; our folder of data must not be a package."""
    assert not (ROOT / "asterisk" / "__init__.py").exists()


def test_every_requirement_is_pinned_with_hashes() -> None:
    """The lock file names versions and hashes, and no index."""
    text = (ROOT / "requirements.lock").read_text()
    entries = re.findall(r"^([a-z0-9._-]+)==[^\n]*\n((?:    --hash=[^\n]*\n)+)", text, re.MULTILINE)
    names = {name for name, _ in entries}
    assert len(names) == len(re.findall(r"^[a-z]", text, re.MULTILINE))
    assert "--index-url" not in text
    assert "http" not in text
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    assert {re.split(r"[=<>\[]", line)[0] for line in wanted} <= names


def test_nothing_foreign_is_tracked() -> None:
    """No address of a package index and no path of one machine is in any file."""
    files = [ROOT / name for name in tracked()]
    assert len(files) > 50
    index = re.compile(r"https?://[^\s'\"]*(?:pypi|pythonhosted|debian\.org|npmjs)")
    place = re.compile("/" + "work/|/" + "home/[a-z]+/")
    for path in files:
        if path.suffix in {".wav", ".wav16"} or not path.exists():
            continue
        text = path.read_text(errors="replace")  # calendars are in other encodings, too
        assert not index.search(text), path
        assert not place.search(text), path


# What others call so: a state of iCalendar and of asyncio's tasks, and Asterisk's own column.
THEIRS = re.compile(
    r"STATUS:CANCELLED|CancelledError|\.cancell(?:ed|ing)\(|cancelled_by|\bCANCELLED\b"
    r"|EventList.*Cancelled"
)
OLD_WORDS = {  # they have the words of before or of others as data
    "pbx/config/findings/renamed.py",
    "pbx/config/ics/words.py",
    "tests/test_house.py",
    "GLOSSARY.md",
}


def banned_words() -> list[str]:
    """List the left column of the glossary's last table."""
    text = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \|", text.partition("| not | say |")[2], re.MULTILINE)
    return [word for row in rows if "-" not in row for word in row.split(", ")]


BANNED = re.compile(rf"(?<![a-z])(?:{'|'.join(banned_words())})(?![a-z])", re.IGNORECASE)


def banned(path: str, text: str) -> list[str]:
    """List a file's words that have another name in this house; pieces of names count."""
    lines = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", THEIRS.sub("", text)).split("\n")
    return [
        f"{path}:{number}: {found.group()}"
        for number, line in enumerate(lines, 1)
        for found in BANNED.finditer(line)
    ]


def test_the_words_of_the_field_are_used() -> None:
    """In code, help, documents, prompts and names of files; files of others are left out."""
    found = []
    for name in tracked():
        data = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        theirs = name.endswith((".ics", ".csv", ".lock")) or "peers" in name
        if name in OLD_WORDS or theirs or b"\0" in data:
            continue
        found += banned(name, f"{name}\n{data.decode(errors='replace')}")
    assert found == []


def test_a_banned_word_is_found() -> None:
    """The test above can fail; in each place of a name, too."""
    words = banned_words()
    assert len(words) > 40
    for word in words:
        for text in (
            f"the {word} calls",
            f"the_{word}",
            f"Run{word.title()}",
            f"{word.upper()}_S = 1",
        ):
            assert banned("x.py", text), text


# Public functions of one name in several modules: each has one meaning, wherever it is.
SHARED_NAMES = {
    "read": "make values of a file or a text",
    "write": "replace a file",
    "find": "list the findings of a configuration's part",
    "examine": "list the checks of a machine's part",
    "to_json": "lay a value out as --json prints it",
    "sentences": "lay a value out for people",
    "main": "what a process runs",
    "upgrade": "what a migration does",
}


def duplicates(sources: dict[str, str]) -> list[str]:
    """List public names that two modules define; commands are named as people type them."""
    places: dict[str, list[str]] = {}
    for path, source in sources.items():
        for node in ast.parse(source).body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            command = path.startswith(("pbx/cli/", "cli.py")) and not isinstance(node, ast.ClassDef)
            if not command and not node.name.startswith("_") and node.name not in SHARED_NAMES:
                places.setdefault(node.name, []).append(path)
    return [f"{name}: {', '.join(paths)}" for name, paths in places.items() if len(paths) > 1]


def test_a_public_name_has_one_meaning() -> None:
    """A name that is looked for is found once."""
    assert duplicates(modules()) == []


def test_a_name_that_is_given_twice_is_found() -> None:
    """The test above can fail, for a class and for a function."""
    assert duplicates({"pbx/a.py": "class Call: ...", "pbx/b.py": "class Call: ..."})
    assert duplicates({"pbx/a.py": "def due(): ...", "routing/b.py": "async def due(): ..."})
    assert not duplicates({"pbx/cli/a.py": "def due(): ...", "routing/b.py": "def due(): ..."})


def test_no_property_is_about_time() -> None:
    """An example that takes longer on a busy machine is the same example."""
    assert settings().deadline is None


PEOPLES_TIMES = "routing/time_text.py"  # the one module that decides how a person sees a time
OTHER_TIMES = {
    "pbx/calls/record/cdr.py": "Asterisk's records",
    "pbx/config/away_file.py": "office.toml",
    "pbx/config/fields.py": "office.toml",
    "pbx/config/findings/times.py": "hours of office.toml, to be written there",
    "pbx/config/findings/turns.py": "windows of office.toml, to be written there",
    "pbx/config/ics/writer.py": "an identifier in iCalendar",
    "pbx/config/shifts_file.py": "office.toml",
    "pbx/db/damage.py": "a file's name",
    "pbx/db/upgrade.py": "a file's name",
    "pbx/notify/payloads.py": "ISO 8601 in JSON",
    "pbx/ops/certificate.py": "a certificate's own form",
    "pbx/ops/dated.py": "a file's name",
    "routing/day_spans.py": "hours of office.toml",
    "routing/spans.py": "windows and times of office.toml",
}


def formatted_times(source: str) -> list[str]:
    """List the time formats that a source writes with: strftime's, and those of f-strings."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr == "strftime":
            found.append("strftime")
        text = node.value if isinstance(node, ast.Constant) else ""
        if isinstance(text, str):
            found += re.findall(r"%[-#]?[aAbBcdHIjmMpxXyYZ](?![a-z])", text)
    return found


def test_one_module_decides_how_people_see_times() -> None:
    """No other one formats them, but for files and for other programs, each named with why."""
    made = {path for path, source in modules().items() if formatted_times(source)}
    assert made == {PEOPLES_TIMES, *OTHER_TIMES}


@pytest.mark.parametrize(
    "source",
    [
        "x = at.strftime(form)",
        'x = f"{at:%a %d %b %Y}"',
        'x = f"until {at:%H:%M}."',
        'FORM = "%Y-%m-%d"\nx = f"{at:{FORM}}"',
        'x = "at {:%I %p}".format(at)',
        "x = time.strftime('%H')",
    ],
)
def test_a_time_formatted_elsewhere_is_found(source: str) -> None:
    """The test above can fail."""
    assert formatted_times(source)


@pytest.mark.parametrize("source", ["x = f'{share:.0%}'", "x = at.isoformat()", "x = '100 %'"])
def test_what_is_no_time_is_left_alone(source: str) -> None:
    """A share, and what tools read."""
    assert not formatted_times(source)
