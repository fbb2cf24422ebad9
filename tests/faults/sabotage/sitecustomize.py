"""A fault server inside the real control layer: what it does to an answer stands in a file.

Python imports this by its name when the folder is on its path. "slow N" answers N seconds late,
"slow-wrong N" then says that the call is rejected, "half" sends half a command and no more,
"half-hang" sends it and hangs, "half-die" sends it and dies, "die" dies unheard. "clock N" sets the
machine's clock on by N seconds, as this process sees it; below zero that is back.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path


def _install(order: Path) -> None:
    from dialplan import names
    from pbx.asterisk.agi import session

    whole = session.AgiSession.conclude

    def conclude(self: session.AgiSession, variables: Mapping[str, str]) -> None:
        words = order.read_text().split() if order.exists() else []
        match words:
            case ["slow", seconds]:
                time.sleep(float(seconds))  # the whole process hangs so long
            case ["slow-wrong", seconds]:
                time.sleep(float(seconds))
                variables = {**variables, names.VERB: names.REJECT}
            case ["half" | "half-hang" | "half-die" as what]:
                self._transport.write(b"SET VARIABLE OL_VERD")
                self.concluded = True
                if what == "half-hang":
                    time.sleep(600)
                if what == "half-die":
                    _die()
                return
            case ["die"]:
                _die()
        whole(self, variables)

    session.AgiSession.conclude = conclude  # type: ignore[method-assign]  # that is the fault


def _set_clock(order: Path) -> None:
    from pbx.base.clock import SystemClock

    def now(self: SystemClock) -> datetime:
        del self
        words = order.read_text().split() if order.exists() else []
        seconds = float(words[1]) if words[:1] == ["clock"] else 0
        return datetime.now(UTC) + timedelta(seconds=seconds)

    SystemClock.now = now  # type: ignore[method-assign]  # that is the fault


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if "serve" in sys.orig_argv and "OFFICELINE_TEST_FAULT" in os.environ:
    _install(Path(os.environ["OFFICELINE_TEST_FAULT"]))
    _set_clock(Path(os.environ["OFFICELINE_TEST_FAULT"]))
