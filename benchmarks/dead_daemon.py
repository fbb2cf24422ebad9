"""What a dead control layer costs the caller: the back line with the daemon alive, then killed.

From the carrier's INVITE to the office's INVITE to the mobile. `python -m benchmarks.dead_daemon`
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.pdd import BACK_LINE, office_with_daemon

CALLS = 60
WARM_UP = 5
TARGET_S = 0.3


async def measure(folder: Path, calls: int) -> tuple[list[float], list[float]]:
    """Return the seconds of each call, with the daemon alive and dead."""
    async with office_with_daemon(folder) as (carrier, daemon):

        def place() -> list[float]:
            return [carrier.delay(BACK_LINE) for _ in range(calls + WARM_UP)][WARM_UP:]

        alive = await asyncio.to_thread(place)
        daemon.kill()
        await daemon.wait()
        return alive, await asyncio.to_thread(place)


def main() -> None:
    """Measure, print, write the JSON; exit 1 past the target."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    with tempfile.TemporaryDirectory(prefix="officeline-bench-") as name:
        Path(name).chmod(0o755)
        alive, dead = asyncio.run(measure(Path(name), calls))
    more = statistics.median(dead) - statistics.median(alive)
    for title, seconds in (("alive", alive), ("dead", dead)):
        cuts = statistics.quantiles(seconds, n=20)
        print(f"{title:<7}{cuts[9] * 1e3:>9.1f} ms p50{cuts[18] * 1e3:>9.1f} ms p95")
    print(f"a dead daemon costs {more * 1e3:.0f} ms more (at most {TARGET_S * 1e3:.0f})")
    target = Path("var/bench")
    target.mkdir(parents=True, exist_ok=True)
    found = {"benchmark": "dead_daemon", "alive_s": alive, "dead_s": dead, "more_s": more}
    (target / "dead_daemon.json").write_text(json.dumps(found, indent=1))
    if more > TARGET_S:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
