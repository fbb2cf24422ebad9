"""The image of config/containers, built from nothing, and its user's calls in it.

`./run machine container` needs no registry of images: mmdebstrap makes the Containerfile's base.
buildah builds the image and runs it isolated by chroot, which needs nothing of the kernel but root.
It ends 0 if all held, 1 if not, 2 where it cannot be.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.machine.__main__ import UnableError, run, tell

ROOT = Path(__file__).parents[2]
CONTAINERFILE = ROOT / "config" / "containers" / "Containerfile"
BASE = "localhost/officeline-base"
IMAGE = "localhost/officeline"
TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")
STALE = 'Acquire::Check-Valid-Until "false"'
# What is tried in the image, as its own user: the code it ends with, and what that shows
TRIED = (
    ("engine status", 0, "it has an Asterisk that is new enough"),
    ("--config /nowhere/office.toml check", 2, "an office that is not there is refused"),
    ("demo", 0, "eight callers reach whom they should"),
)


def main() -> int:
    """Build the image and run it; print the table and how long it took."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="officeline-image-") as name:
        try:
            build(Path(name))
            tell("| holds | what | seconds |\n|---|---|---|")
            held = all(tried(Path(name), *one) for one in TRIED)
        except UnableError as error:
            sys.stderr.write(f"{error}\n")
            return 2
        finally:
            if shutil.which("buildah"):
                run(*buildah(Path(name)), "rm", "--all")
                run(*buildah(Path(name)), "rmi", "--all", "--force")
    tell(f"All of it took {time.monotonic() - began:.0f} s.")
    return 0 if held else 1


def buildah(folder: Path) -> list[str]:
    """Return the words for a buildah that keeps everything in this folder."""
    storage = ["--root", f"{folder}/storage", "--runroot", f"{folder}/run"]
    return ["buildah", "--storage-driver", "vfs", *storage]


def build(folder: Path) -> None:
    """Make the base that the Containerfile names, and the image on it."""
    for tool in ("buildah", "mmdebstrap", "ip"):
        if shutil.which(tool) is None:
            raise UnableError(f"The program {tool} is missing; install it with apt-get.")
    suite = re.search(r"^ARG BASE=debian:(\w+)-slim$", CONTAINERFILE.read_text(), re.MULTILINE)
    assert suite is not None  # a line of ours
    base = folder / "base.tar"
    debian = ["mmdebstrap", "--quiet", "--variant=minbase", "--dpkgopt=force-unsafe-io"]
    try:
        run(*debian, suite[1], str(base))
    except UnableError:  # where the mirror's release file has expired; signatures still count
        run(*debian, f"--aptopt={STALE}", suite[1], str(base))
    words = buildah(folder)
    begun = run(*words, "from", "scratch").strip()
    run(*words, "add", "--quiet", begun, str(base), "/")
    if TRUSTED.exists():  # where a proxy has an authority of its own, it is known here
        run(*words, "copy", "--quiet", begun, str(TRUSTED), "/etc/ssl/host.crt")
        (folder / "pip.conf").write_text("[global]\ncert = /etc/ssl/host.crt\n")
        run(*words, "copy", "--quiet", begun, f"{folder}/pip.conf", "/etc/pip.conf")
    run(*words, "commit", "--quiet", "--rm", begun, BASE)
    base.unlink()
    built = [*words, "build", "--isolation", "chroot", "--network", "host"]
    run(*built, f"--build-arg=BASE={BASE}", f"--file={CONTAINERFILE}", f"--tag={IMAGE}", str(ROOT))


def tried(folder: Path, command: str, code: int, promise: str) -> bool:
    """Give one command of officeline in a container of its own; tell whether it ended so."""
    began = time.monotonic()
    words = buildah(folder)
    container = run(*words, "from", "--pull-never", IMAGE).strip()
    # a chroot shares the machine's network, where other tests may want the same ports
    alone = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    started = [*alone, *words, "run", "--isolation", "chroot", container, "--", "officeline"]
    done = subprocess.run(
        [*started, *command.split()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    ok = done.returncode == code
    took = time.monotonic() - began
    tell(f"| {'yes' if ok else 'NO'} | `officeline {command}`: {promise} | {took:.0f} |")
    if not ok:
        sys.stderr.write(done.stdout)
    return ok


if __name__ == "__main__":
    sys.exit(main())
