"""The file that Asterisk runs as the standby: a small shell script around our interpreter.

Asterisk runs it as its own user with its own environment. So all paths are absolute, nothing is
read from the environment, and the packages are listed one by one: with -I -S the interpreter
searches for none, and starts in a third of the time.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

import pbx
from pbx.asterisk.engine.runtime import ServiceUser, confined
from pbx.base import files
from pbx.config.home import Home

PROBE_S = 20.0
OURS = ("pbx", "dialplan", "routing")
CODE = "code-"  # prefix of the folders with copies of our code
UNUSED = ("__pycache__", "geodata", "carrierdata", "tzdata", "sounds")
OTHERS = ("/usr/bin/python3",)  # if Asterisk's user cannot run our interpreter

log = structlog.get_logger()

_MAIN = """
import sys
sys.path[:0] = {paths!r}
from pbx.calls.standby.agi import main
main({cache!r}, {messages!r})
"""


def script(home: Home, python: str, paths: Sequence[str]) -> str:
    """Return the script of this home for an interpreter and the paths of our packages."""
    code = _MAIN.format(paths=list(paths), cache=str(home.standby), messages=str(home.messages))
    return f"#!/bin/sh\nexec {shlex.quote(python)} -I -S -c {shlex.quote(code.strip())}\n"


def package_folders() -> dict[str, Path]:
    """Map the packages that the standby needs, ours included, to their folders."""
    found = dict.fromkeys(OURS, Path(pbx.__file__).resolve().parent.parent)
    for package in ("asterisk.agi", "six", "phonenumbers"):
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            place = Path(spec.origin)
            levels = 1 + package.count(".") + (place.name == "__init__.py")
            found[package.partition(".")[0]] = place.parents[levels - 1]
    return found


def install(home: Home, user: ServiceUser) -> bool:
    """Write the script for the first interpreter that Asterisk's user can run. Blocks.

    If that user cannot read our code, as in a checkout below /root, copy it to beside the script.
    If the disk is full, keep the script of the last start. Returns False and logs an error if no
    interpreter can run it; without the standby, the failsafe comes next.
    """
    found = package_folders()
    paths = [str(one) for one in dict.fromkeys(found.values())]
    python, copy = interpreter(user, paths), None
    try:
        if python is None:
            copy = _copied(found, home.standby, user)
            paths = [str(copy)]
            python = interpreter(user, paths)
        if python is None:
            home.standby_script.unlink(missing_ok=True)
            log.error(
                "standby.unusable", why="Asterisk's user can run no interpreter with our code"
            )
            _drop_copies(home)
            return False
        files.keep(home.standby_script, script(home, python, paths), 0o750)
        if user.name is not None:
            os.chown(home.standby_script, -1, user.gid)
        _drop_copies(home, but=copy)
    except OSError as error:
        if not home.standby_script.exists():
            raise
        log.error("standby.kept", error=error.strerror)  # noqa: TRY400  # the last one serves
    return True


def _copied(found: Mapping[str, Path], folder: Path, user: ServiceUser) -> Path:
    """Copy packages to where Asterisk's user can read them; never change a copy in use."""
    target = Path(tempfile.mkdtemp(prefix=CODE, dir=folder))
    for package, place in found.items():
        source = place / package
        if source.is_dir():
            shutil.copytree(source, target / package, ignore=shutil.ignore_patterns(*UNUSED))
        else:  # a package with one module
            shutil.copyfile(source.with_suffix(".py"), target / f"{package}.py")
    for path in target.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    target.chmod(0o750)
    if user.name is not None:
        os.chown(target, -1, user.gid)
    return target


def _drop_copies(home: Home, but: Path | None = None) -> None:
    """Delete the copies of earlier starts."""
    for old in home.standby.glob(f"{CODE}*"):
        if old != but:
            shutil.rmtree(old, ignore_errors=True)


def interpreter(user: ServiceUser, paths: Sequence[str]) -> str | None:
    """Find by trial an interpreter that a user can run with our code on these paths. Blocks."""
    code = f"import sys; sys.path[:0] = {list(paths)!r}; import pbx.calls.standby.agi, phonenumbers"
    for python in (sys.executable, *OTHERS):
        words = [python, "-I", "-S", "-c", code]
        # Once as ourselves, to write the compiled modules; then through a shell, as Asterisk does,
        # because a process that setpriv starts directly still has our rights.
        if _runs(words) and _runs([*confined(user), "/bin/sh", "-c", 'exec "$@"', "sh", *words]):
            return python
    return None


def _runs(words: list[str]) -> bool:
    try:
        tried = subprocess.run(words, capture_output=True, check=False, timeout=PROBE_S, cwd="/")
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0
