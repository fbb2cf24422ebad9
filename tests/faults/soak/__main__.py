"""Play calls and faults at random for as long as it is told: `./run soak --minutes 10 --seed 1`.

Exit 1 if a call was lost; each is named. The same seed plans the same calls and faults.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.line import Line, line_up
from tests.faults.soak.assess import Verdict, assess, settle
from tests.faults.soak.faults import Faults
from tests.faults.soak.plan import planned
from tests.faults.soak.play import Soak

LONGEST_MIN = 24 * 60
OFFICE_RTP, CARRIER_RTP = (12000, 13999), (14000, 16999)


def quick(text: str) -> str:
    """Shorten an escalation's steps, and let the office take as many calls as a soak places."""
    text = re.sub(r"ring = \d+", "ring = 5", text)
    text = re.sub(r"wait = \d+", "wait = 2", text)
    text = text.replace("[trunk]", "[trunk]\nmax_calls = 200")
    return text.replace("[network]", '[network]\nrtp_ports = "{}-{}"'.format(*OFFICE_RTP))


async def soak(seconds: float, seed: int, kept: Path | None = None) -> Verdict:
    """Play so many seconds of the seed's plan on an office of its own, and judge."""
    async with line_up(closed=True, edit=quick, rtp=CARRIER_RTP) as line:
        began = datetime.now(UTC)
        played = Soak(line, planned(seconds, seed), Faults(line), keeps=kept is not None)
        await played.play()
        try:
            left = await settle(line)
            return await asyncio.to_thread(assess, played, began, left)
        finally:
            if kept is not None:
                _keep(line, kept)


def _keep(line: Line, folder: Path) -> None:
    """Copy what tells why a call was lost."""
    import shutil

    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(line.up.output, folder / "output")
    for path in line.up.home.folder.glob("officeline.db*"):
        shutil.copy(path, folder)
    for path in (line.up.carrier.folder / "recordings").glob("*-heard.wav"):
        shutil.copy(path, folder)
    for path in (line.up.home.asterisk / "log").rglob("*"):
        if path.is_file():
            shutil.copy(path, folder)


def main(words: Sequence[str] | None = None) -> int:
    """Play, print the table; exit 1 if something was lost."""
    parser = argparse.ArgumentParser(prog="./run soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for logs and database")
    wanted = parser.parse_args(words)
    if not 0 < wanted.minutes <= LONGEST_MIN:
        parser.error(f"--minutes is more than 0, and at most {LONGEST_MIN}")
    began = time.monotonic()
    verdict = asyncio.run(soak(wanted.minutes * 60, wanted.seed, wanted.keep))
    lines = [f"| {name} | {value} |" for name, value in verdict.figures.items()]
    lines.append(f"| it took | {time.monotonic() - began:.0f} s |")
    lines.append(f"\n{len(verdict.lost)} violations.")
    sys.stdout.write("\n".join(["", "| | |", "|---|---|", *lines, *verdict.lost, ""]))
    return 1 if verdict.lost else 0


if __name__ == "__main__":
    sys.exit(main())
