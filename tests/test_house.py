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
LAYERS = ("routing", "dialplan", "pbx", "cli")  # each may import itself and those before it


def modules() -> dict[str, str]:
    """Map every module of the product, as a path, to its source."""
    paths = [path for layer in LAYERS[:-1] for path in (ROOT / layer).rglob("*.py")]
    return {str(path.relative_to(ROOT)): path.read_text() for path in (*paths, ROOT / "cli.py")}


def imported(source: str) -> set[str]:
    """List the modules that a source imports, at its top or inside a function."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def violations(path: str, source: str) -> list[str]:
    """Say which rules of the layers a module breaks."""
    layer = Path(path).parts[0].removesuffix(".py")
    tops = {name.split(".")[0] for name in imported(source)}
    above = set(LAYERS[LAYERS.index(layer) + 1 :])
    broken = [f"{path} imports {name} above it" for name in tops & above]
    if layer in {"routing", "dialplan"}:
        allowed = (set(sys.stdlib_module_names) - PURE_STDLIB_ONLY) | {"routing", layer}
        broken += [f"{path} is pure and imports {name}" for name in tops - allowed]
        broken += [
            f"{path} asks what time it is" for _ in re.findall(r"\.(?:utcnow|now|today)\(", source)
        ]
    # before Python 3.12 it can lose a cancellation: then the control layer never ends
    broken += [f"{path} waits with wait_for" for _ in re.findall(r"asyncio\.wait_for\(", source)]
    on_screen = path == "cli.py" or path.startswith("pbx/commands/")
    if not on_screen:
        broken += [f"{path} imports {name}, which is for commands" for name in tops & SCREEN_ONLY]
    if layer != "pbx":
        broken += [f"{path} imports {name}, which is for pbx" for name in tops & EDGE_ONLY]
    return broken


def test_imports_point_one_way() -> None:
    """Cli -> pbx -> dialplan -> routing, never upward; nothing waits so that it cannot be ended."""
    found = modules()
    assert len(found) > 40
    assert [line for path, source in found.items() for line in violations(path, source)] == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("routing/x.py", "import pbx.officefile.plan"),
        ("routing/x.py", "from dialplan import names"),
        ("routing/x.py", "import os"),
        ("routing/x.py", "from datetime import datetime\nx = datetime.now()"),
        ("dialplan/x.py", "def f():\n    import pydantic"),
        ("pbx/x.py", "import cli"),
        ("pbx/x.py", "import typer"),
        ("pbx/x.py", "await asyncio.wait_for(event.wait(), 1)"),
        ("cli.py", "import sqlmodel"),
    ],
)
def test_a_violation_is_found(path: str, source: str) -> None:
    """The test above can fail."""
    assert violations(path, source)


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
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = [ROOT / name for name in listed.stdout.split("\n") if name]
    assert len(files) > 50
    index = re.compile(r"https?://[^\s'\"]*(?:pypi|pythonhosted|debian\.org|npmjs)")
    place = re.compile("/" + "work/|/" + "home/[a-z]+/")
    for path in files:
        if path.suffix in {".wav", ".wav16"} or not path.exists():
            continue
        text = path.read_text()
        assert not index.search(text), path
        assert not place.search(text), path


def test_no_property_is_about_time() -> None:
    """An example that takes longer on a busy machine is the same example."""
    assert settings().deadline is None
