"""Unpack a private Asterisk from Debian's archive into the cache, without installing it."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from pbx.asterisk.engine import runtime
from pbx.asterisk.engine.runtime import PRIVATE, Runtime
from pbx.base.errors import EngineError
from pbx.base.os_errors import os_sentence
from pbx.base.paths import data_folder

# Debian suites that carry Asterisk 22 LTS, in the order in which they are tried. No stable suite
# had it in 2026. A package dropped from forky (testing) is usually still in sid (unstable).
SUITES = ("forky", "sid")
PACKAGES = "asterisk"
MACHINES_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# apt's messages when a suite or its Asterisk package is gone; then the next suite is tried.
GONE = re.compile("does not have a Release file|no installation candidate|Unable to locate package")
KEY = re.compile("(?:NO_PUBKEY|EXPKEYSIG|Missing key) ([0-9A-F]{8,40})")
UNSIGNED = re.compile("is not signed|signatures were invalid|couldn't be verified")
OTHERS = re.compile(r"mmdebstrap failed to run|apt-get .*failed|apt download failed|main\(\) rec")


def fetch(say: Callable[[str], None]) -> Runtime:
    """Fetch a private Asterisk (about 300 MB) into the cache folder and return it.

    Returns an Asterisk that is already there without fetching. `say` is called with progress
    messages. Raises EngineError if the folder cannot be written or the download fails.
    """
    folder = runtime.cache_folder()
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
        fcntl.flock(lock, fcntl.LOCK_EX)  # wait: another process may be fetching
        found = runtime.find_asterisk()
        if found is None:
            found = _bring(folder, say)
    finally:
        os.close(lock)
    return found


def _bring(folder: Path, say: Callable[[str], None]) -> Runtime:
    if shutil.which("mmdebstrap") is None:
        raise EngineError(
            "Asterisk cannot be fetched without mmdebstrap; install it with "
            "'apt-get install mmdebstrap' or install Asterisk 22.10 or newer yourself."
        )
    target = folder / f"{PRIVATE}.part"
    say("Fetching Asterisk 22 from Debian (about half a minute)")
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix="keys-") as keys:
            _unpack(target, _keyrings(Path(keys)), say)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    for unused in ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache"):
        shutil.rmtree(target / unused, ignore_errors=True)
    target.chmod(0o755)
    if runtime.fetched(target) is None:
        raise EngineError(
            f"The Asterisk fetched into {target} is older than 22.10 or does not start; "
            "remove that folder and try again, or install Asterisk 22.10 or newer yourself."
        )
    target.rename(folder / PRIVATE)
    found = runtime.fetched(folder / PRIVATE)
    assert found is not None  # noqa: S101  # it ran before the rename
    return found


def _keyrings(folder: Path) -> list[str]:
    """Return options that name the trusted keys: those shipped with OfficeLine and the machine's.

    Ours are copied to `folder`, because apt reads them as a user that may have no access to the
    folder of our source code.
    """
    folder.chmod(0o755)
    for key in (data_folder("config") / "keys").glob("*.asc"):
        copy = folder / key.name
        shutil.copyfile(key, copy)
        copy.chmod(0o644)
    known = [folder, *([MACHINES_KEYS] if MACHINES_KEYS.exists() else [])]
    return [f"--keyring={place}" for place in known]


def _unpack(target: Path, keyrings: list[str], say: Callable[[str], None]) -> None:
    """Unpack the packages from the first suite that has them; raise EngineError on failure."""
    for suite in SUITES:
        failure = _extract(target, suite, keyrings)
        if "expired" in failure or "Valid-Until" in failure:
            say(f"The mirror's list of {suite} has expired; trying again, signature still checked")
            late = '--aptopt=Acquire::Check-Valid-Until "false"'
            failure = _extract(target, suite, [*keyrings, late])
        if not failure:
            return
        if not GONE.search(failure):
            raise EngineError(_sentence(failure, suite, target.parent))
        say(f"Debian's suite {suite} no longer has Asterisk")
    raise EngineError(
        f"Debian carries no Asterisk in {' or '.join(SUITES)} any more; bring OfficeLine up to "
        "date, or install Asterisk 22.10 or newer yourself."
    )


def _sentence(failure: str, suite: str, folder: Path) -> str:
    """Return a sentence that says why a suite could not be unpacked and what to do."""
    named = KEY.search(failure)
    if named or UNSIGNED.search(failure):
        key = f" ({named[1]})" if named else ""
        return (
            f"Debian's suite {suite} is not signed by a key that OfficeLine or this machine knows"
            f"{key}, so nothing of it was used. The network is not the cause: update "
            "OfficeLine, or install Debian's newest package debian-archive-keyring."
        )
    if "No space left" in failure:
        return (
            f"The disk of {folder} is full; Asterisk needs about 300 MB there, "
            "and 700 MB while it is unpacked."
        )
    said = [line.strip() for line in failure.splitlines() if line.strip()]
    errors = [line for line in said if line.startswith("E: ") and not OTHERS.search(line)]
    last = (errors or said or ["no output"])[-1].removeprefix("E: ")
    return (
        f"Asterisk could not be fetched from Debian ({last}); "
        "check the network and the disk, then try again."
    )


def _extract(target: Path, suite: str, options: list[str]) -> str:
    """Unpack the packages into `target`; return the error output, or an empty string."""
    shutil.rmtree(target, ignore_errors=True)
    # Without root, the default mode (a user namespace) leaves files owned by a subordinate user id.
    mode = [] if os.geteuid() == 0 else ["--mode=chrootless"]
    packages = f"--include={PACKAGES}"
    command = ["mmdebstrap", *mode, "--variant=extract", *options, packages, suite]
    done = subprocess.run([*command, str(target)], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr or f"exit {done.returncode}"
