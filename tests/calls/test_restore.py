"""An office is backed up while it runs, put back elsewhere, and its line answers there."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyrage
import pytest

from pbx.config.home import Home
from pbx.demo.scenes import BACK_LINE, MAIN, patient
from pbx.demo.stage import MOBILES
from tests.support.office_up import DEADLINE, ROOT, Up, office_up, reach_somebody, until
from tests.support.stages import never_answers

CALLER = "+19175550188"


async def officeline(*words: str, folder: Path = ROOT) -> tuple[int, str]:
    """Run a command in a folder, as a process; return its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "cli", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    printed, said = await asyncio.wait_for(process.communicate(), DEADLINE)
    return process.returncode or 0, (printed or said).decode()


async def document(where: tuple[str, ...], *words: str) -> Any:
    """Run a command that reads, and return its document."""
    code, printed = await officeline(*where, *words, "--json")
    assert code == 0, printed
    return json.loads(printed)


async def leaves_a_message(up: Up, where: tuple[str, ...]) -> str:
    """Call while nobody picks up and tell what is wrong; the message is closed, so nobody rings."""
    for number in MOBILES.values():
        up.carrier.answers(number, never_answers())
    script = patient(press="1", tells=True, at_most=20)
    call = await up.carrier.dials(MAIN, caller=CALLER, script=script)
    await call.ended(DEADLINE)
    await until(lambda: any(up.home.messages.glob("*.wav")))
    (message,) = (await document(where, "inbox", "list"))["messages"]
    words = ("close", message["id"], "--by", "lee", "--disposition", "done", "--yes")
    code, said = await officeline(*where, "inbox", *words)
    assert code == 0, said
    return str(message["id"])


@pytest.mark.long
async def test_the_line_of_a_restored_home_answers() -> None:
    """With every call, the recording and the secrets file; a backup that was altered is refused."""
    with tempfile.TemporaryDirectory(prefix="officeline-up-") as name:
        folder, key = Path(name), pyrage.x25519.Identity.generate()
        file, secret = folder / "office.age", folder / "key.txt"
        secret.write_text(str(key))
        new = Home(folder / "new")
        (folder / "empty").mkdir()
        old = ("--config", str(folder / "office.toml"), "--home", str(folder / "home"))
        moved = ("--home", str(new.folder))  # the file is found there
        opened = ("--home", str(new.folder), "restore", str(file), "--identity", str(secret))
        async with office_up(folder, closed=True) as up:
            message = await leaves_a_message(up, old)
            before = await document(old, "inbox", "show", message)
            code, said = await officeline(*old, "backup", str(file), "--to", str(key.to_public()))
            assert code == 0, said
            await up.ends()
            assert up.process.returncode == 0

            whole = file.read_bytes()
            for spoilt in (whole[:-5000], whole[:9000] + b"?" + whole[9001:]):
                file.write_bytes(spoilt)
                code, said = await officeline(*opened)
                assert code == 2, said
                assert not new.folder.exists()
            file.write_bytes(whole)
            code, said = await officeline(*opened)
            assert code == 0, said
            assert said.startswith("Lakeside Internal Medicine: "), said
            by_itself = await officeline("people", "list", folder=new.folder)
            assert by_itself == await officeline(*moved, "people", "list", folder=folder / "empty")
            assert by_itself[0] == 0, by_itself
            assert list((folder / "empty").iterdir()) == []
            assert (await document(moved, "audit", "verify"))["ok"]
            assert (await document(moved, "inbox", "show", message))["events"] == before["events"]
            (recording,) = (await document(moved, "inbox", "play", message))["recordings"]
            original = folder / "home" / Path(recording).relative_to(new.folder)
            assert Path(recording).read_bytes() == original.read_bytes()
            await answers_calls(up, new, moved)


async def answers_calls(up: Up, home: Home, where: tuple[str, ...]) -> None:
    """Run the line on this home, in the place of the old one, and call it."""
    output, words = home.folder.with_name("output-new"), ("-m", "cli", *where, "up")
    line = Up(output, home, up.sip, up.carrier, words, None)
    await line.starts()
    try:
        await until(
            lambda: line.process.returncode is not None or line.reported("daemon.serving") == 1
        )
        assert line.process.returncode is None, output.read_text()
        await reach_somebody(line, BACK_LINE)
    finally:
        await line.ends()
    assert len((await document(where, "calls", "list"))["calls"]) > 1
