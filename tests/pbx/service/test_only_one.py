"""One control layer on a home: locks that die with their holder, and the end of who is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pbx.base.errors import EngineError
from pbx.config.home import Home
from pbx.service import only_one

ROOT = Path(__file__).parents[3]
HOLDS = """
import signal, sys
from pathlib import Path
from pbx.config.home import Home
from pbx.service.only_one import control_layer_of
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with control_layer_of(Home(Path(sys.argv[1]))):
    print("held", flush=True)
    signal.pause()
"""
LOOKS = """
import fcntl, sys, time
handle = open(sys.argv[1])
fcntl.flock(handle, fcntl.LOCK_SH)
print("held", flush=True)
time.sleep(0.2)
"""
Begin = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Make an empty home."""
    return Home(tmp_path)


@pytest.fixture
def begin(home: Home) -> Iterator[Begin]:
    """Return what begins a process that holds the lock; they end with the test."""
    begun = []

    def one(*words: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDS, str(home.folder), *words]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, **(env or {})}
        )
        begun.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield one
    for process in begun:
        process.kill()
        process.communicate()


def of_up(home: Home) -> dict[str, str]:
    """Return what `officeline up` puts into the environment of its control layer."""
    return {"NOTIFY_SOCKET": str(home.watchdog)}


def test_a_lock_dies_with_its_holder(home: Home, begin: Begin) -> None:
    """However it died; until then whoever else asks is told the holder's number."""
    assert only_one.holder(home.serving) is None
    first = begin()
    assert only_one.holder(home.serving) == first.pid
    with pytest.raises(EngineError) as refused, only_one.control_layer_of(home):
        pass
    assert str(refused.value) == (
        f"A control layer is already running on {home.folder} (process {first.pid}); "
        "stop it, or use another --home."
    )
    first.kill()
    first.wait()
    assert only_one.holder(home.serving) is None
    with only_one.control_layer_of(home):
        assert only_one.holder(home.serving) == os.getpid()


def test_a_number_that_somebody_else_has_now_is_no_holder(home: Home) -> None:
    """The file outlives its holder, and the kernel gives the number away again."""
    home.serving.write_text(str(os.getppid()).ljust(20))
    assert only_one.holder(home.serving) is None
    with only_one.control_layer_of(home):
        pass


def test_who_looks_makes_nothing(home: Home) -> None:
    """A lock that root made while looking would keep the office's own user out."""
    assert only_one.holder(home.running) is None
    assert list(home.folder.iterdir()) == []


def test_who_looks_keeps_nobody_out(home: Home) -> None:
    """Holding it for a moment, as a look does, refuses no start."""
    home.running.touch()
    words = [sys.executable, "-c", LOOKS, str(home.running)]
    looking = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert looking.stdout is not None
    assert looking.stdout.readline() == "held\n"
    with only_one.asterisk_of(home):
        pass
    looking.communicate()


@pytest.mark.parametrize("words", [(), ("deaf",)])
async def test_who_is_left_of_a_killed_up_is_ended(
    home: Home, begin: Begin, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """Asked first, and made to if it does not hear."""
    monkeypatch.setattr(only_one, "END_S", 0.5)
    left = begin("serve", *words, env=of_up(home))
    await only_one.end_survivor(home)
    assert left.wait() == -(signal.SIGKILL if words else signal.SIGTERM)
    assert only_one.holder(home.serving) is None


@pytest.mark.parametrize(
    ("words", "env"),
    [
        (("serve",), {}),  # begun by hand
        (("serve",), {"NOTIFY_SOCKET": "/run/systemd/notify"}),
        (("other",), None),  # no control layer at all
    ],
)
async def test_nobody_elses_is_ended(
    home: Home, begin: Begin, words: tuple[str, ...], env: dict[str, str] | None
) -> None:
    """One that systemd or a person began is named, and goes on."""
    theirs = begin(*words, env=of_up(home) if env is None else env)
    with pytest.raises(EngineError, match=rf"already running on .* \(process {theirs.pid}\); stop"):
        await only_one.end_survivor(home)
    assert theirs.poll() is None


async def test_nobody_is_left(home: Home) -> None:
    """The usual start ends nobody."""
    home.serving.touch()
    await only_one.end_survivor(home)
