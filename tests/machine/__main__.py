"""A machine from nothing: Debian, systemd, and OfficeLine word for word as docs/install.md says.

`./run machine` builds a folder with Debian in it, boots systemd there in namespaces of its own, and
tells what held; nothing of it is left. It ends 0 if all held, 1 if not, 2 where it cannot be.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyrage

ROOT = Path(__file__).parents[2]
SUITE = "bookworm"  # the oldest that docs/install.md names
BASE = "systemd,systemd-sysv,dbus,sudo,procps,ca-certificates"
TRUSTED = "etc/ssl/certs/ca-certificates.crt"
BOOT_S = 90.0
NAME = "officeline-machine"
ANSWERS = (
    " --preset group --name 'Lakeside Internal Medicine' --timezone America/New_York"
    " --number '+1 212 555 0100' --backline '+1 212 555 0101' --trunk later --bind 127.0.0.1"
    " --physician lee='Dr. Ana Lee' --physician osei='Dr. Kofi Osei'"
    " --physician patel='Dr. Mira Patel' --mobiles </machine/mobiles"
)
MIGRATION = """
from alembic import op

revision, down_revision, branch_labels, depends_on = "9999", "{before}", None, None

def upgrade():
    op.execute("CREATE TABLE machine (id INTEGER PRIMARY KEY)")
"""


class UnableError(Exception):
    """This machine cannot do it; the text is the sentence that says why."""


def main() -> int:
    """Build, boot, try and clear away; print the table and how long it took."""
    began = time.monotonic()
    try:
        able()
        with tempfile.TemporaryDirectory(prefix="officeline-machine-") as name:
            Path(name).chmod(0o755)
            root = Path(name) / "root"
            build(root)
            tell("| holds | what | seen |\n|---|---|---|")
            held = installed(root)
            for phase in ("first", "again"):
                held = held and try_out(root, phase)
    except UnableError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    tell(f"All of it took {time.monotonic() - began:.0f} s.")
    return 0 if held else 1


def tell(line: str) -> None:
    """Say a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def able() -> None:
    """Raise UnableError with what is missing."""
    if os.geteuid() != 0:
        raise UnableError("Only root can boot a machine in a folder; give the command with sudo.")
    for tool in ("systemd-nspawn", "mmdebstrap", "nsenter"):
        if shutil.which(tool) is None:
            raise UnableError(f"The program {tool} is missing; install it with apt-get.")


def blocks(heading: str) -> list[str]:
    """Return the blocks of commands below a heading of docs/install.md, in their order."""
    text = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [
        re.sub("^    ", "", one, flags=re.MULTILINE)
        for one in re.findall(r"(?:^ {4}.*\n)+", f"{section}\n", re.MULTILINE)
    ]


def build(root: Path) -> None:
    """Make the folder: Debian, the checkout, a newer one, and the packages."""
    program, office, start = blocks("Install the program")
    _key, timers = blocks("Schedule backups and test calls")
    (newer,) = blocks("Upgrade")
    packages = re.search("apt-get install --yes (.*)", program)
    assert packages is not None  # the document's first command
    include = ",".join([BASE, *packages[1].split()])
    options = ["--quiet", "--variant=minbase", "--dpkgopt=force-unsafe-io"]
    run("mmdebstrap", *options, f"--include={include}", SUITE, str(root))
    (root / "etc/hostname").write_text(f"{NAME}\n")
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost {NAME}\n")
    if Path("/", TRUSTED).exists():  # where a proxy has an authority of its own, it is known here
        shutil.copy2(Path("/", TRUSTED), root / TRUSTED)
        (root / "etc/pip.conf").write_text(f"[global]\ncert = /{TRUSTED}\n")
    machine = root / "machine"
    listed = run(
        "git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"
    )
    for folder in (machine / "source", machine / "newer"):
        for name in filter(None, listed.split("\0")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    make_newer(machine / "newer")
    (machine / "mobiles").write_text("lee=+12125550111\nosei=+12125550112\npatel=+12125550113\n")
    office = re.sub(" init$", lambda _: f" init{ANSWERS}", office, flags=re.MULTILINE)
    secret = pyrage.x25519.Identity.generate()
    (machine / "key.txt").write_text(f"{secret}\n")
    timers = timers.replace(" age1... ", f" {secret.to_public()} ")
    texts = {
        "program": program,
        "office": office,
        "start": start,
        "timers": timers,
        "newer": newer,
    }
    for name, text in texts.items():
        (machine / f"{name}.sh").write_text(f"set -ex\n{text}")


def make_newer(source: Path) -> None:
    """Turn a copy of the checkout into a later version with one more table."""
    project, database = source / "pyproject.toml", source / "pbx/db/database.py"
    later = re.sub(
        '^version = "(.*)"', r'version = "\1.post1"', project.read_text(), flags=re.MULTILINE
    )
    project.write_text(later)
    text = database.read_text()
    schema = re.search('^SCHEMA = "(.*?)"', text, re.MULTILINE)
    assert schema is not None  # a line of ours
    database.write_text(text.replace(schema[0], 'SCHEMA = "9999"'))
    revision = database.parent / "migrations/versions/v9999_machine.py"
    revision.write_text(MIGRATION.format(before=schema[1]))


def installed(root: Path) -> bool:
    """Install the program with the host's network, which the fetching of Asterisk needs."""
    words = ["--pipe", "--resolv-conf=copy-host", "--chdir=/machine/source", "sh"]
    done = subprocess.run(
        [*nspawn(root), *words, "/machine/program.sh"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    ok = done.returncode == 0
    tell(f"| {'yes' if ok else 'NO'} | The commands that install the program end well | |")
    if not ok:
        sys.stderr.write(done.stdout)
    return ok


def try_out(root: Path, phase: str) -> bool:
    """Boot the folder and play one phase of `inside.py` in it; tell whether all of it held."""
    with booted(root) as enter:
        words = ["/opt/officeline/bin/python", "-m", "tests.machine.inside", phase]
        return subprocess.run([*enter, *words], check=False).returncode == 0


@contextmanager
def booted(root: Path) -> Iterator[list[str]]:
    """Boot systemd in the folder; yield the words that run a command there, and end it at last."""
    words = [*nspawn(root), "--boot", "--private-network", "--console=read-only"]
    log = root.with_name("boot.log")
    with log.open("wb") as output:
        boot = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield _up(boot, log)
    finally:
        boot.terminate()  # it shuts the machine down in order
        try:
            boot.wait(60)
        except subprocess.TimeoutExpired:
            boot.kill()
            boot.wait()


def _up(boot: subprocess.Popen[bytes], log: Path) -> list[str]:
    """Wait until systemd says that it runs."""
    children = Path(f"/proc/{boot.pid}/task/{boot.pid}/children")
    deadline = time.monotonic() + BOOT_S
    while boot.poll() is None and time.monotonic() < deadline:
        for leader in children.read_text().split():
            path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            enter = ["nsenter", f"--target={leader}", "--all"]
            plain = ["env", "-i", "-C/machine/source", path, "HOME=/root", "LANG=C.UTF-8"]
            asked = [*enter, *plain, "systemctl", "is-system-running"]
            said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
            if said.strip() in {"running", "degraded"}:
                return [*enter, *plain]
        time.sleep(0.5)
    last = log.read_text(errors="replace").strip().splitlines()[-1:]
    raise UnableError(
        f"systemd does not boot in a folder here ({''.join(last) or 'it said nothing'})."
    )


def nspawn(root: Path) -> list[str]:
    """Return the words for a machine in this folder that needs no systemd around it."""
    return [
        "systemd-nspawn",
        "-q",
        "--register=no",
        "--keep-unit",
        f"--machine={NAME}",
        f"-D{root}",
    ]


def run(*words: str) -> str:
    """Run a step of the building; UnableError quotes its last words."""
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise UnableError(f"The machine cannot be built, as {words[0]} failed ({last}).")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
