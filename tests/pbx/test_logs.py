"""The log holds what it is allowed to, and nothing personal."""

from __future__ import annotations

import subprocess
import sys

import pytest
import structlog

from pbx import logs


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
    code = "import sys; from pbx import logs, supervisor; print(sys.modules.keys() & {'rich'})"
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"
