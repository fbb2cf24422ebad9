"""The files for containers, looked at as a linter would: nothing here builds them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it has no types of its own
from typer.main import get_command

from cli import app

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "config" / "containers"
TEXT = (FOLDER / "Containerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
# Each is one service's whole defense if somebody gets into it
SHUT = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "user": "10001:10001",
    "network_mode": "host",
    "init": True,
    "restart": "always",
}
WORDS = {"ARG", "FROM", "RUN", "WORKDIR", "COPY", "ENV", "USER", "VOLUME", "ENTRYPOINT", "CMD"}


def instructions() -> list[tuple[str, str]]:
    """Split the Containerfile into its instructions, continued lines joined."""
    lines = [line for line in TEXT.splitlines() if not line.startswith("#")]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines))
    pairs = (line.partition(" ") for line in whole.splitlines() if line.strip())
    return [(word, rest) for word, _, rest in pairs]


def test_the_image_is_made_of_what_is_here() -> None:
    """Each source is in the repository, each instruction is one that there is."""
    assert {word for word, _ in instructions()} <= WORDS
    sources = [
        source
        for word, rest in instructions()
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert [one for one in sources if not (ROOT / one).exists()] == []
    packed = {"routing", "dialplan", "pbx", "asterisk", "config", "cli.py", "requirements.lock"}
    assert packed <= set(sources)


def test_the_base_is_one_suite_and_packages_are_hashed() -> None:
    """Never what is the latest on a day; the suite is that of the Asterisk which is fetched."""
    assert ("ARG", "BASE=debian:forky-slim") in instructions()
    bases = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    assert set(bases) == {"${BASE}"}
    installs = re.findall(r"pip install (.*)", TEXT)
    assert all("--require-hashes" in one or "--no-deps" in one for one in installs)
    assert len(installs) == 2


def test_nobody_is_root_and_nothing_is_secret() -> None:
    """The last user is a number without rights; no secret is written or copied."""
    assert [rest for word, rest in instructions() if word == "USER"] == ["10001:10001"]
    whole = TEXT + (FOLDER / "compose.yaml").read_text(encoding="utf-8")
    assert not re.search(r"(?i)secret|passw|token|secrets|privileged: true|sudo|curl|wget", whole)
    assert "environment" not in str(COMPOSE)


@pytest.mark.parametrize("name", ["asterisk", "control"])
def test_each_service_is_shut(name: str) -> None:
    """Read-only, without capabilities; the one place that it can write is the home."""
    service = COMPOSE["services"][name]
    assert SHUT.items() <= service.items()
    assert service["volumes"] == ["/etc/officeline:/etc/officeline:ro", "home:/var/lib/officeline"]
    assert "ports" not in service
    found: Any = get_command(app)
    for word in service["command"]:
        found = found.commands[word]


def test_what_compose_names_is_there() -> None:
    """The file that it builds from, and the volume."""
    build = COMPOSE["services"]["asterisk"]["build"]
    context = (FOLDER / build["context"]).resolve()
    assert context == ROOT
    assert (context / build["dockerfile"]).samefile(FOLDER / "Containerfile")
    assert COMPOSE["volumes"] == {"home": {}}
    images = {service["image"] for service in COMPOSE["services"].values()}
    assert images == {"officeline"}
