"""Where Asterisk is: an installed one that is new enough, or a private one in the cache folder."""

from __future__ import annotations

import fcntl
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pbx.errors import EngineError
from pbx.os_errors import os_sentence

MINIMUM = (22, 10)
SUITE = "forky"  # the Debian suite that carries Asterisk 22 LTS; stable ones carry none
PACKAGES = "asterisk"
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


def find() -> Runtime | None:
    """Find an Asterisk of at least 22.10: the installed one first, then the fetched one.

    One that root fetched serves whoever has none, unless OFFICELINE_CACHE says where to look.
    """
    found = _installed() or _fetched(cache_folder() / PRIVATE)
    return (
        found if found or os.environ.get("OFFICELINE_CACHE") else _fetched(SHARED_CACHE / PRIVATE)
    )


def require() -> Runtime:
    """Find an Asterisk or say in one sentence how to get it."""
    runtime = find()
    if runtime is None:
        raise EngineError(
            "There is no Asterisk of 22.10 or newer on this machine; "
            "bring a private one with 'officeline engine fetch'."
        )
    return runtime


def fetch(say: Callable[[str], None]) -> Runtime:
    """Bring a private Asterisk into the cache folder, about 300 MB; nothing is installed."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "fetch.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        what, other = (
            f"The cache folder {folder} cannot be written",
            "name another in OFFICELINE_CACHE",
        )
        raise EngineError(os_sentence(what, error, folder, otherwise=other)) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # somebody else's fetch may just be ending
        runtime = find()
        if runtime is None:
            runtime = _bring(folder, say)
    finally:
        os.close(lock)
    return runtime


def _bring(folder: Path, say: Callable[[str], None]) -> Runtime:
    if shutil.which("mmdebstrap") is None:
        raise EngineError(
            "Asterisk cannot be fetched without mmdebstrap; install it with "
            "'apt-get install mmdebstrap' or install Asterisk 22.10 or newer yourself."
        )
    target = folder / f"{PRIVATE}.part"
    shutil.rmtree(target, ignore_errors=True)
    say("Fetching Asterisk 22 from Debian (about half a minute)")
    failure = _extract(target, ())
    if "expired" in failure or "Valid-Until" in failure:
        say("The mirror's release file is past its date; trying again, signatures still checked")
        shutil.rmtree(target, ignore_errors=True)
        failure = _extract(target, ('--aptopt=Acquire::Check-Valid-Until "false"',))
    if failure:
        shutil.rmtree(target, ignore_errors=True)
        last = failure.strip().splitlines()[-1] if failure.strip() else "no output"
        raise EngineError(
            f"Asterisk could not be fetched from Debian ({last}); "
            "check the network and the disk, then try again."
        )
    for unused in ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache"):
        shutil.rmtree(target / unused, ignore_errors=True)
    target.chmod(0o755)
    if _fetched(target) is None:
        raise EngineError(
            f"The Asterisk fetched into {target} does not start; remove that folder and try again."
        )
    target.rename(folder / PRIVATE)
    runtime = _fetched(folder / PRIVATE)
    assert runtime is not None  # noqa: S101  # the same files answered under their first name
    return runtime


def _extract(target: Path, options: tuple[str, ...]) -> str:
    """Unpack the packages into `target`; return an empty text or what went wrong."""
    # Without root the default mode leaves files that belong to a user of a user namespace.
    mode = () if os.geteuid() == 0 else ("--mode=chrootless",)
    packages = f"--include={PACKAGES}"
    command = ["mmdebstrap", *mode, "--variant=extract", *options, packages, SUITE]
    done = subprocess.run([*command, str(target)], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr or f"exit {done.returncode}"


def _fetched(root: Path) -> Runtime | None:
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
