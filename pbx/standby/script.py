"""The file that Asterisk runs as the standby: a few words of shell around our own interpreter.

Asterisk executes it by its path, as its own user and with an environment of its own. So every path
in it is absolute, nothing is read from the environment, and the packages are named one by one: the
interpreter starts without looking for any (-I -S), which takes a third of the time.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import subprocess
import sys
from pathlib import Path

import structlog

import pbx
from pbx import files
from pbx.engine.runtime import ServiceUser, confined
from pbx.home import Home

PROBE_S = 20.0
OTHERS = ("/usr/bin/python3",)  # where Asterisk's user cannot run the one that we run on

log = structlog.get_logger()

_MAIN = """
import sys
sys.path[:0] = {paths!r}
from pbx.standby.agi import main
main({cache!r}, {messages!r})
"""


def script(home: Home, python: str) -> str:
    """Write the script of this home for an interpreter."""
    code = _MAIN.format(paths=_packages(), cache=str(home.standby), messages=str(home.messages))
    return f"#!/bin/sh\nexec {shlex.quote(python)} -I -S -c {shlex.quote(code.strip())}\n"


def _packages() -> list[str]:
    """Name the folders of our own packages and of those that the standby needs."""
    found = [Path(pbx.__file__).resolve().parent.parent]
    for package in ("asterisk.agi", "six", "phonenumbers"):
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            place = Path(spec.origin)
            levels = 1 + package.count(".") + (place.name == "__init__.py")
            found.append(place.parents[levels - 1])
    return [str(one) for one in dict.fromkeys(found)]


def install(home: Home, user: ServiceUser) -> bool:
    """Write the script for the first interpreter that Asterisk's user can run; blocking.

    False, and an error in the log, if there is none: then the failsafe follows at once.
    """
    python = interpreter(user)
    if python is None:
        home.standby_script.unlink(missing_ok=True)
        log.error("standby.unusable", why="Asterisk's user can run no interpreter with our code")
        return False
    try:
        files.keep(home.standby_script, script(home, python), 0o750)
    except OSError as error:
        if not home.standby_script.exists():
            raise
        log.error("standby.kept", error=error.strerror)  # noqa: TRY400  # the last one serves
    if user.name is not None:
        os.chown(home.standby_script, -1, user.gid)
    return True


def interpreter(user: ServiceUser) -> str | None:
    """Find an interpreter that a user can run with all of our code, by trying it; blocking."""
    code = f"import sys; sys.path[:0] = {_packages()!r}; import pbx.standby.agi, phonenumbers"
    for python in (sys.executable, *OTHERS):
        words = [python, "-I", "-S", "-c", code]
        # once as ourselves, who can leave the compiled modules where that user finds them; then
        # through a shell as from Asterisk, for what setpriv starts itself still has our rights
        if _runs(words) and _runs([*confined(user), "/bin/sh", "-c", 'exec "$@"', "sh", *words]):
            return python
    return None


def _runs(words: list[str]) -> bool:
    try:
        tried = subprocess.run(words, capture_output=True, check=False, timeout=PROBE_S, cwd="/")
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0
