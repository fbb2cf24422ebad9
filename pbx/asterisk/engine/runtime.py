"""Find Asterisk: an installed one that is new enough, or a private one in the cache folder."""

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
    """An Asterisk that can be started: its command line, modules, documentation and version."""

    command: tuple[str, ...]
    modules: Path
    documentation: Path
    version: str
    private: bool


@dataclass(frozen=True)
class ServiceUser:
    """The user that Asterisk runs as; a `name` of None means our own user."""

    name: str | None
    uid: int
    gid: int


SHARED_CACHE = Path("/var/cache/officeline")


def service_user() -> ServiceUser:
    """Return the unprivileged user to run as: our own, or a service account if we are root.

    Raises EngineError if we are root and there is no service account.
    """
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
    """Return the command prefix that drops all privileges before a program starts.

    Returns an empty list if there are none to drop, as in a systemd unit that would also forbid
    what setpriv does. Raises EngineError if setpriv is missing.
    """
    if user.name is None and not dies_with_parent and _gains_nothing():
        return []
    setpriv = shutil.which("setpriv")  # part of util-linux
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
    """Return whether the kernel bars us and our child processes from gaining privileges."""
    status = Path("/proc/self/status")
    return status.exists() and "\nNoNewPrivs:\t1\n" in status.read_text()


def enterable(folder: Path, user: ServiceUser) -> bool:
    """Return whether this user may enter `folder` and every folder above it."""
    for place in (folder, *folder.parents):
        if not place.exists():
            continue
        entry = place.stat()
        shift = 6 if entry.st_uid == user.uid else 3 if entry.st_gid == user.gid else 0
        if not (entry.st_mode >> shift) & 0o1:
            return False
    return True


def cache_folder() -> Path:
    """Return the cache folder; if we are root, one that Asterisk's user can also enter."""
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
    """Return an Asterisk of at least 22.10, installed or else fetched; None if there is none.

    Without either, one that root fetched into the shared cache is used, unless OFFICELINE_CACHE
    names the folder to look in.
    """
    found = _installed() or fetched(cache_folder() / PRIVATE)
    return found if found or os.environ.get("OFFICELINE_CACHE") else fetched(SHARED_CACHE / PRIVATE)


def require() -> Runtime:
    """Return an Asterisk of at least 22.10; raise EngineError that says how to get one."""
    runtime = find_asterisk()
    if runtime is None:
        raise EngineError(
            "This machine has no Asterisk 22.10 or newer; "
            "install a private one with 'officeline engine fetch'."
        )
    return runtime


def fetched(root: Path) -> Runtime | None:
    """Return the Asterisk unpacked into `root`; None if there is none that works."""
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
    """Run the program to get its version; None if it does not run or is too old."""
    try:
        said = subprocess.run([*command, "-V"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return None
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", said)
    if match is None or (int(match[1]), int(match[2])) < MINIMUM:
        return None
    return Runtime(command, modules, documentation, match[0], private)
