"""The log holds what it is allowed to, and nothing personal."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from pbx.base import logs


def test_numbers_and_unknown_fields_stay_out(capsys: pytest.CaptureFixture[str]) -> None:
    """A field that nobody allowed is dropped, a number in an allowed one masked, an id kept."""
    logs.configure()
    log = structlog.get_logger()
    log.warning(
        "call.odd",
        call="1795456655.31",
        plan="ffe272558010",
        caller="+12125550111",
        why="from 12125550111",
    )
    said = capsys.readouterr().err
    assert "1795456655.31" in said
    assert "ffe272558010" in said
    assert "caller" not in said
    assert "2125550111" not in said
    assert "…0111" in said


def test_whatever_is_logged_is_allowed() -> None:
    """No line of the code gives the log a field that it drops: an alarm would say nothing."""
    dropped, seen = [], 0
    for path in (Path(__file__).parents[3] / "pbx").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log")), keywords=given):
                    seen += 1
                    names = {one.arg for one in given} - {"exc_info"}
                    dropped += [f"{path.name}:{node.lineno} {one}" for one in names - logs.FIELDS]
    assert seen > 80
    assert dropped == []


def test_an_empty_shift_is_reported_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Which schedule, from when until when: the alarm is the log's alone."""
    logs.configure()
    gap = {"schedule": "doctors", "start": "2026-11-25T10:00:00-05:00", "end": "2026-11-26T10:00"}
    structlog.get_logger().error("schedule.gap", **gap)
    said = capsys.readouterr().err
    assert all(f"{name}={value}" in said for name, value in gap.items()), said


def test_a_plan_is_named_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Its hash may happen to hold as many digits as a number has."""
    logs.configure()
    structlog.get_logger().info("plan.live", plan="ffe272558010")
    assert "plan=ffe272558010" in capsys.readouterr().err


def test_a_traceback_shows_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    """A crash tells where it happened, not what was in the variables."""
    logs.configure()
    secret = "a-made-up-secret"

    def crash(password: str) -> None:
        del password
        raise RuntimeError("made up")

    try:
        crash(secret)
    except RuntimeError:
        structlog.get_logger().exception("it.crashed")
    said = capsys.readouterr().err
    assert "RuntimeError" in said
    assert secret not in said


def test_a_daemon_holds_no_console() -> None:
    """What structlog brings for a developer's terminal is never imported by the control layer."""
    code = (
        "import sys; from pbx.base import logs; from pbx.service import supervisor;"
        " print(sys.modules.keys() & {'rich'})"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"
