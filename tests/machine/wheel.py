"""The wheel as it reaches somebody without a checkout: built, installed by pipx, used.

`./run machine wheel` gives the commands of docs/install.md word for word, in an
empty folder where they are officeline's; it ends 0 if all held, 1 with the output of what did not.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.machine.__main__ import ANSWERS, ROOT, blocks, tell

MOBILES = "lee=+12125550111\nosei=+12125550112\npatel=+12125550113\n"
PIPX = "pipx==1.18.4"


def main() -> int:
    """Build, install and use the wheel; print the table."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="officeline-wheel-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # Asterisk runs as another user and must be able to enter
        (folder / "empty").mkdir()
        (folder / "mobiles").write_text(MOBILES)
        tell("| holds | what | seconds |\n|---|---|---|")
        held = all(step(words, place, isolated(folder)) for words, place in steps(folder))
    tell(f"All of it took {time.monotonic() - began:.0f} s.")
    return 0 if held else 1


def isolated(folder: Path) -> dict[str, str]:
    """Return an environment in which pipx keeps everything in this folder."""
    return {key: value for key, value in os.environ.items() if key != "OFFICELINE_HOME"} | {
        "PIPX_HOME": str(folder / "pipx"),
        "PIPX_BIN_DIR": str(folder / "bin"),
        "PIPX_MAN_DIR": str(folder / "man"),
        "PATH": f"{folder}/bin:{folder}/tools/bin:{os.environ['PATH']}",
    }


def steps(folder: Path) -> list[tuple[str, Path]]:
    """List the document's commands, and the folder in which each is given."""
    (commands,) = blocks("Install without a checkout")
    build, install, *used = (line.partition("  #")[0].strip() for line in commands.splitlines())
    answers = ANSWERS.replace("/machine/mobiles", f"{folder}/mobiles")
    used = [re.sub(" init$", lambda _: f" init{answers}", one) for one in used]
    tools = f"{sys.executable} -m venv {folder}/tools && {folder}/tools/bin/pip install -q {PIPX}"
    before = [(build, ROOT), (tools, ROOT), (install, ROOT)]
    return [*before, *((one, folder / "empty") for one in used)]


def step(words: str, place: Path, environment: dict[str, str]) -> bool:
    """Give one command, and tell whether it ended well; if not, print what it said."""
    began = time.monotonic()
    done = subprocess.run(
        ["sh", "-ec", words],
        cwd=place,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    ok = done.returncode == 0
    tell(f"| {'yes' if ok else 'NO'} | `{words[:60]}` | {time.monotonic() - began:.0f} |")
    if not ok:
        sys.stderr.write(done.stdout)
    return ok


if __name__ == "__main__":
    sys.exit(main())
