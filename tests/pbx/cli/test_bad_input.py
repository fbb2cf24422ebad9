"""Everything that an administrator can get wrong: one sentence, exit 2, nothing left behind."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pbx.asterisk.engine import runtime
from pbx.asterisk.engine.ports import Ports
from pbx.config import secrets
from pbx.config.home import Home
from pbx.config.secrets import Secrets
from tests.support import started
from tests.support.asterisk import bare_asterisk

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / "config" / "office.toml").read_text()


@pytest.fixture
def place() -> Iterator[Path]:
    """Make a folder that Asterisk's user can enter, with a valid office in it."""
    with tempfile.TemporaryDirectory(prefix="officeline-bad-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "office.toml").write_text(EXAMPLE)
        Home(folder / "home").prepare(runtime.service_user())
        secrets.write(folder / "home", Secrets(mobiles={"lee": "+12125550111"}))
        yield folder


def officeline(
    folder: Path, *words: str, prefix: tuple[str, ...] = (), env: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run the command on this folder's office; return its exit code and what it said."""
    options = ["--config", str(folder / "office.toml"), "--home", str(folder / "home")]
    if not (prefix or env):
        done = started.officeline(*options, *words)
        return done.returncode, done.stderr
    begun = subprocess.run(
        [*prefix, sys.executable, "-m", "cli", *options, *words],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return begun.returncode, begun.stderr


def processes(folder: Path) -> list[str]:
    """List the processes that name this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def refused(folder: Path, code: int, said: str, *words: str) -> None:
    """Assert one sentence with these words, exit 2, no traceback and nothing that runs."""
    assert code == 2, said
    assert "Traceback" not in said
    assert said.count("\n") == 1, said
    for word in words:
        assert word in said
    assert processes(folder) == []


def test_a_full_disk_under_what_is_printed(place: Path) -> None:
    """An answer that cannot be written is one sentence."""
    code, said = officeline(place, "check", prefix=("sh", "-c", 'exec "$@" >/dev/full', "sh"))
    refused(place, code, said, "No space left on device")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[office]", "[office", ("not valid TOML", "line 4")),
        ('timezone = "America/New_York"', 'timezone = "America/Gotham"', ("no time zone",)),
        ('ring = "frontdesk"', 'ring = "frontdsk"', ("frontdsk", "the front desk answers by day")),
        ('since = "2026-01-05"', 'since = "2026-02-30"', ("schedule.doctors.since",)),
        ("08:30-12:00", "12:00-08:30", ("ends before it begins",)),
        ('menus = { closed = "night" }', 'menus = { closed = "nite" }', ("'nite'", "night")),
        ("[trunk]", '[trunk]\npreset = "acme"', ("preset 'acme'", "twilio")),
        ("[network]", "[network]\nsip_port = 99999", ("network.sip_port",)),
    ],
)
def test_a_wrong_file_is_refused(place: Path, old: str, new: str, words: tuple[str, ...]) -> None:
    """Each slip of the pen is named, with its place."""
    assert old in EXAMPLE
    (place / "office.toml").write_text(EXAMPLE.replace(old, new, 1))
    code, said = officeline(place, "up")
    refused(place, code, said, *words)


def test_all_mistakes_come_at_once(place: Path) -> None:
    """Three mistakes are three lines in one run."""
    text = EXAMPLE.replace('ring = "frontdesk"', 'ring = "x1"').replace(
        'escalation = "urgent"', 'escalation = "x2"'
    )
    (place / "office.toml").write_text(text)
    code, said = officeline(place, "up")
    assert code == 2
    assert "has 3 mistakes" in said
    assert said.count("x2") == 2


def test_no_asterisk_and_no_way_to_fetch_one(place: Path) -> None:
    """Without mmdebstrap the command says what to install."""
    tools = place / "bin"
    tools.mkdir()
    hidden = {"PATH": str(tools), "OFFICELINE_CACHE": str(place / "cache")}
    code, said = officeline(place, "engine", "fetch", env=hidden)
    refused(place, code, said, "apt-get install mmdebstrap")
    code, said = officeline(place, "up", env=hidden)
    refused(place, code, said, "officeline engine fetch")


def test_a_port_in_use(place: Path) -> None:
    """The port is named, and the office that could not start leaves nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        text = EXAMPLE.replace("[network]", f"[network]\nsip_port = {port}")
        (place / "office.toml").write_text(text)
        code, said = officeline(place, "up")
    refused(place, code, said, f"Port {port} (SIP)", "in use")


def test_a_secrets_that_others_can_read(place: Path) -> None:
    """Numbers and passwords are for their owner alone."""
    (place / "home" / "secrets.json").chmod(0o644)
    code, said = officeline(place, "up")
    refused(place, code, said, "Other users can read", "chmod 600")


def test_a_prompt_that_cannot_be_played(place: Path) -> None:
    """An own recording that is none is refused before any caller hears silence."""
    (place / "home" / "prompts").mkdir()
    (place / "home" / "prompts" / "greeting-closed.wav").write_bytes(b"not a sound")
    code, said = officeline(place, "up")
    refused(place, code, said, "greeting-closed")


def test_a_disk_that_is_full(place: Path) -> None:
    """Files that cannot be written are said so, and Asterisk is not started without them."""
    assert shutil.which("prlimit")
    code, said = officeline(place, "up", prefix=("prlimit", "--fsize=20000"))
    refused(place, code, said, "File too large")


async def test_an_ami_password_that_does_not_fit(place: Path) -> None:
    """The control layer says which side to fix, and does not go on trying."""
    with tempfile.TemporaryDirectory(prefix="officeline-ami-") as other:
        async with bare_asterisk(Path(other)) as asterisk:
            Home(place / "home").remember_ports(asterisk.instance.ports)
            code, said = officeline(place, "serve")
    last = said.strip().splitlines()[-1]
    assert code == 2
    assert "Traceback" not in said
    assert "password" in last
    assert processes(place) == []


def test_a_daemon_without_asterisk(place: Path) -> None:
    """`serve` alone says what must run first."""
    code, said = officeline(place, "serve")
    refused(place, code, said, "officeline up")
    Home(place / "home").remember_ports(Ports(1, 2, 0, 4, 5))  # nobody listens there any more
    code, said = officeline(place, "serve")
    assert code == 2
    assert "No Asterisk answers on manager port 2" in said.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("people", "mobile", "nobody", "+12125550111"), "no person 'nobody'"),
        (("people", "mobile", "lee", "911"), "not a phone number"),
        (("people", "mobile", "lee", "twelve"), "not a phone number"),
        (("calls", "show", "x"), "no call log"),
        (("canary",), "No office is running"),
        (("drill", "failsafe", "--ring", "--yes"), "No office is running"),
    ],
)
def test_a_wrong_word(place: Path, words: tuple[str, ...], answer: str) -> None:
    """Commands refuse what they cannot do, and the secrets file is unchanged."""
    before = (place / "home" / "secrets.json").read_bytes()
    code, said = officeline(place, *words)
    refused(place, code, said, answer)
    assert (place / "home" / "secrets.json").read_bytes() == before


def test_a_mobile_is_set_and_shown_masked(place: Path) -> None:
    """The number goes into the secrets file, mode 0600, and is never shown whole."""
    code, _ = officeline(place, "people", "mobile", "osei", "(212) 555-0112")
    assert code == 0
    assert secrets.read(place / "home").mobiles["osei"] == "+12125550112"
    assert (place / "home" / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_a_home_that_asterisk_would_misread(place: Path) -> None:
    """A bracket in its name would cost each verdict that records; it is refused before a call."""
    home = place / "Lakeside (main)"
    code, said = officeline(place, "--home", str(home), "up")
    refused(place, code, said, str(home), "letters a to z")
    assert not home.exists()
