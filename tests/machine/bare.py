"""The README's two commands on a bare system: a root filesystem with Python and a shell alone.

`./run machine debian-13` makes such a folder with mmdebstrap, clones the last commit into it, and
gives the commands there; nothing of it is left. What the folder starts is in namespaces of its own
and ends with it. The network is the machine's as far as apt and pip need it.

It ends 0 if all went well, 1 if not, 2 where it cannot be; the last lines are a table.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.machine.__main__ import ROOT, TRUSTED, UnableError, run, tell

KEYS = ROOT / "config" / "keys"
STALE = '--aptopt=Acquire::Check-Valid-Until "false"'
LINES = 10  # of what a newcomer sees first
# About half of the tests: what differs from system to system is in it (SQLite, time zones, openssl,
# baresip, mosquitto, Asterisk's own user), and calls by each kind of client
HALF = (
    "tests/routing tests/dialplan tests/pbx/asterisk tests/pbx/base"
    " tests/pbx/calls tests/pbx/config tests/pbx/db tests/pbx/notify"
    " tests/pbx/ops tests/pbx/service"
    " tests/calls/test_phones.py tests/calls/test_events.py tests/calls/test_processes.py"
)
BRING = "./run test --version"  # what apt and pip must bring first
COMMANDS = {"demo": "./run demo", "half": f"./run test -n 2 {HALF}", "test": "./run test"}


@dataclass(frozen=True)
class System:
    """A system that the README names: its suite, where the checkout lies, what apt may bring."""

    suite: str
    checkout: str
    components: str = "main"


SYSTEMS = {
    "debian-12": System("bookworm", "srv/officeline"),
    "debian-13": System("trixie", "root/officeline"),  # a folder that Asterisk's user cannot enter
    "ubuntu-24.04": System("noble", "srv/officeline", "main,universe"),
}


def main() -> int:
    """Make the system that was named, give the commands, and print the table."""
    parser = argparse.ArgumentParser(prog="./run machine")
    parser.add_argument("system", choices=SYSTEMS)
    parser.add_argument("commands", nargs="*", default=["demo", "test"], metavar="COMMAND")
    wanted = parser.parse_args()
    if unknown := set(wanted.commands) - set(COMMANDS):
        parser.error(f"the commands are {', '.join(COMMANDS)}, and not {', '.join(unknown)}")
    system = SYSTEMS[wanted.system]
    rows: list[str] = []
    try:
        able()
        with made(system) as root:
            for command in wanted.commands:
                began = time.monotonic()
                ok = command == "demo" or given(root, system, BRING)
                ok = ok and given(root, system, COMMANDS[command], alone=command != "demo")
                took, said = time.monotonic() - began, "passed" if ok else "FAILED"
                rows.append(f"| {wanted.system} | {command} | {said} | {took:.0f} |")
    except UnableError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    tell("\n".join(["| system | command | result | seconds |", "|---|---|---|---|", *rows]))
    return 1 if any("FAILED" in row for row in rows) else 0


def able() -> None:
    """Raise UnableError with what is missing."""
    if os.geteuid() != 0:
        raise UnableError("Only root can make a system in a folder; give the command with sudo.")
    for tool in ("mmdebstrap", "unshare", "chroot", "git", "ip"):
        if shutil.which(tool) is None:
            raise UnableError(f"The program {tool} is missing; install it with apt-get.")


@contextmanager
def made(system: System) -> Iterator[Path]:
    """Make the folder with a clone of this checkout in it; it is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="officeline-bare-", ignore_cleanup_errors=True) as name:
        folder, root = Path(name), Path(name) / "root"
        folder.chmod(0o755)
        # apt is part of every system that people meet, but Ubuntu does not call it required
        bare = ("--variant=minbase", "--include=apt,python3", f"--components={system.components}")
        bootstrap(system.suite, root, bare, folder)
        (root / "etc/hostname").write_text("bare\n")
        (root / "etc/hosts").write_text("127.0.0.1 localhost bare\n")
        shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
        if Path("/", TRUSTED).exists():  # where a proxy has an authority of its own, it is known
            shutil.copyfile(Path("/", TRUSTED), root / "etc/ssl-of-the-host.crt")
            (root / "etc/pip.conf").write_text("[global]\ncert = /etc/ssl-of-the-host.crt\n")
        run("git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(root / system.checkout))
        yield root


def bootstrap(suite: str, root: Path, options: tuple[str, ...], folder: Path) -> None:
    """Make a root filesystem; its packages' signatures count, by keys that Debian signed."""
    trusted = folder / "keys"
    if not trusted.exists():
        trusted.mkdir(mode=0o755)
        for key in KEYS.glob("*.asc"):
            shutil.copyfile(key, trusted / key.name)
    words = ["mmdebstrap", "--quiet", "--dpkgopt=force-unsafe-io", *options]
    own = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    words += [f"--keyring={place}" for place in (trusted, own) if place.exists()]
    if suite == "noble":
        ubuntu = folder / "ubuntu"
        bootstrap("trixie", ubuntu, ("--variant=extract", "--include=ubuntu-keyring"), folder)
        key = ubuntu / "usr/share/keyrings/ubuntu-archive-keyring.gpg"
        words.append(f"--keyring={shutil.copy(key, folder / 'ubuntu.gpg')}")
    try:
        run(*words, suite, str(root))
    except UnableError:  # where the mirror's release file has expired
        shutil.rmtree(root, ignore_errors=True)
        run(*words, STALE, suite, str(root))


def given(root: Path, system: System, command: str, *, alone: bool = False) -> bool:
    """Give a command in the folder; show its first lines, and all of it where it failed.

    What runs `alone` has a loopback of its own, where no other test wants the same ports.
    """
    tell(f"== {system.suite}: {command}")
    inside = f"cd /{system.checkout} && {command}"
    words = ["unshare", "--fork", "--pid", "--mount", "--uts", "--ipc", "--kill-child"]
    words += ["--net"] if alone else []
    with (root.parent / "said").open("w+", errors="replace") as said:
        done = subprocess.run(
            [*words, "bash", "-ec", ENTER, "enter", str(root), inside, "alone" if alone else ""],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            check=False,
        )
        said.seek(0)
        lines = said.read().splitlines()
    shown = [*lines[:LINES], "...", *lines[-LINES:]] if done.returncode == 0 else lines
    tell("\n".join(f"    {line}" for line in shown))
    return done.returncode == 0


# What a container has: /proc, /sys, and the few devices that programs expect
ENTER = r"""
root=$1
[ -z "$3" ] || ip link set lo up
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for one in null zero full random urandom tty; do
    touch "$root/dev/$one"
    mount --bind "/dev/$one" "$root/dev/$one"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for number in 0 1 2; do ln -s "/proc/self/fd/$number" "$root/dev/$number"; done
cd "$root/dev" && mv 0 stdin && mv 1 stdout && mv 2 stderr && cd /
# the network is shared, and so must be who has which ports of it
mkdir -p -m 700 /tmp/officeline-ports-0 "$root/tmp/officeline-ports-0"
mount --bind /tmp/officeline-ports-0 "$root/tmp/officeline-ports-0"
hostname bare
exec chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/root TERM=dumb LANG=C.UTF-8 bash -c "$2"
"""


if __name__ == "__main__":
    sys.exit(main())
