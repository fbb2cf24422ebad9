"""Where Asterisk is: an installed one that is new enough, or a private one in the cache folder."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pbx.base.errors import EngineError

MINIMUM = (22, 10)
PRIVATE = "asterisk-22"
SERVICE_USERS = ("officeline", "asterisk", "nobody")


@dataclass(frozen=True)
class Runtime:
    """An Asterisk that can be started: its command line, its modules and its own data."""

    command: tuple[str, ...]
    modules: Path
    documentation: Path
    version: str
    private: bool


@dataclass(frozen=True)
class ServiceUser:
    """Whom Asterisk runs as; None as a name keeps the user that we are."""

    name: str | None
    uid: int
    gid: int


SHARED_CACHE = Path("/var/cache/officeline")


def service_user() -> ServiceUser:
    """Choose the unprivileged user: ourselves, or a service account when we are root."""
    if os.geteuid() != 0:
        return ServiceUser(None, os.geteuid(), os.getegid())
    for name in SERVICE_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServiceUser(name, entry.pw_uid, entry.pw_gid)
    raise EngineError(
        "Asterisk must not run as root and no unprivileged user was found; "
        "create one with 'adduser --system --group officeline'."
    )


def confined(user: ServiceUser, *, dies_with_parent: bool = False) -> list[str]:
    """Name the words that drop every privilege before a program's first instruction.

    None where there is nothing to drop, as below a unit, which forbids what setpriv asks for.
    """
    if user.name is None and not dies_with_parent and _gains_nothing():
        return []
    setpriv = shutil.which("setpriv")  # of util-linux
    if setpriv is None:
        raise EngineError("The program 'setpriv' is missing; install the package util-linux.")
    words = [setpriv, "--no-new-privs"]
    if user.name is not None:
        words += ["--reuid", str(user.uid), "--regid", str(user.gid), "--clear-groups"]
        words += ["--inh-caps=-all", "--bounding-set=-all"]
    if dies_with_parent:
        words += ["--pdeathsig", "KILL"]
    return [*words, "--"]


def _gains_nothing() -> bool:
    """Tell whether the kernel gives us, and whatever we start, no new privileges."""
    status = Path("/proc/self/status")
    return status.exists() and "\nNoNewPrivs:\t1\n" in status.read_text()


def enterable(folder: Path, user: ServiceUser) -> bool:
    """Tell whether this user can pass through every folder above and into `folder`."""
    for place in (folder, *folder.parents):
        if not place.exists():
            continue
        entry = place.stat()
        shift = 6 if entry.st_uid == user.uid else 3 if entry.st_gid == user.gid else 0
        if not (entry.st_mode >> shift) & 0o1:
            return False
    return True


def cache_folder() -> Path:
    """Name the folder for what can be fetched again, one that Asterisk's own user can enter."""
    named = os.environ.get("OFFICELINE_CACHE")
    base = os.environ.get("XDG_CACHE_HOME")
    if named:
        return Path(named).absolute()
    if os.geteuid() != 0:
        return (Path(base) if base else Path.home() / ".cache") / "officeline"
    if base and enterable(Path(base).absolute(), service_user()):
        return Path(base).absolute() / "officeline"
    return SHARED_CACHE


def find_asterisk() -> Runtime | None:
    """Find an Asterisk of at least 22.10: the installed one first, then the fetched one.

    One that root fetched serves whoever has none, unless OFFICELINE_CACHE says where to look.
    """
    found = _installed() or fetched(cache_folder() / PRIVATE)
    return found if found or os.environ.get("OFFICELINE_CACHE") else fetched(SHARED_CACHE / PRIVATE)


def require() -> Runtime:
    """Find an Asterisk or say in one sentence how to get it."""
    runtime = find_asterisk()
    if runtime is None:
        raise EngineError(
            "This machine has no Asterisk 22.10 or newer; "
            "install a private one with 'officeline engine fetch'."
        )
    return runtime


def fetched(root: Path) -> Runtime | None:
    """Return the Asterisk that was unpacked into a folder; None if none there runs."""
    loaders = sorted(root.glob("usr/lib*/ld-linux-*"))
    modules = sorted(root.glob("usr/lib/*-linux-gnu/asterisk/modules"))
    if not loaders or not modules:
        return None
    libraries = modules[0].parent.parent
    command = (str(loaders[0]), "--library-path", str(libraries), str(root / "usr/sbin/asterisk"))
    documentation = root / "usr/share/asterisk/documentation"
    return _answering(command, modules[0], documentation, private=True)


def _installed() -> Runtime | None:
    program = shutil.which("asterisk") or shutil.which("asterisk", path="/usr/sbin:/usr/local/sbin")
    modules = [*Path("/usr/lib").glob("*/asterisk/modules"), Path("/usr/lib/asterisk/modules")]
    present = [folder for folder in modules if (folder / "chan_pjsip.so").exists()]
    if program is None or not present:
        return None
    documentation = Path("/usr/share/asterisk/documentation")
    return _answering((program,), present[0], documentation, private=False)


def _answering(
    command: tuple[str, ...], modules: Path, documentation: Path, *, private: bool
) -> Runtime | None:
    """Ask the program its version; None if it does not run or is too old."""
    try:
        said = subprocess.run([*command, "-V"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return None
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", said)
    if match is None or (int(match[1]), int(match[2])) < MINIMUM:
        return None
    return Runtime(command, modules, documentation, match[0], private)
