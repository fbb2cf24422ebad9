"""Post-dial delay: the back line through OfficeLine, and the same route written natively.

From the carrier's INVITE to the office's INVITE to the mobile, on one real Asterisk, in one run,
the two routes taking turns so that a machine's drift cancels. The daemon is a process of its own,
as in an office. `python -m benchmarks.pdd [CALLS]`
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.sip import OneSocketCarrier
from dialplan import names
from pbx import office, vault
from pbx.engine import runtime
from pbx.engine.process import AsteriskProcess, Instance
from pbx.home import Home
from pbx.standby import script
from pbx.supervisor import read_configuration, read_vault

CALLS = 400
WARM_UP = 20
HOST = "127.0.0.2"
BACK_LINE, NATIVE = "+12125550101", "+12125550190"
MOBILES = {"lee": "+12125550111", "osei": "+12125550112", "patel": "+12125550113"}
TARGET = 1.8


def native_route(person: str) -> str:
    """Write in the dialplan alone what the verdict for the back line asks for."""
    return f"""
[from-trunk](+)
exten => {NATIVE},1,Set(OL_DID={NATIVE})
 same => n,Set(CALLERID(num)=${{FILTER(+0-9,${{CALLERID(num)}})}})
 same => n,Set(CALLERID(name)=${{FILTER(A-Za-z0-9 .\\-,${{CALLERID(name)}})}})
 same => n,Set(CALLERID(ani)=${{CALLERID(num)}})
 same => n,Set(CALLERID(rdnis)=)
 same => n,Set(_{names.RING}=20)
 same => n,Set(_{names.SHOW}=${{OL_NUMBER}})
 same => n,Set(_{names.WHISPER}=whisper-urgent)
 same => n,Set(_{names.TO}_{person}=PJSIP/{MOBILES[person]}@{names.TRUNK_OUT})
 same => n,Answer(,i)
 same => n,Dial({names.legs((person,))},40,Im({names.HOLD_CLASS}))
"""


@asynccontextmanager
async def office_with_daemon(
    folder: Path,
) -> AsyncIterator[tuple[OneSocketCarrier, asyncio.subprocess.Process]]:
    """Run the office, its daemon as a process of its own; yield the carrier and that process."""
    home = Home(folder / "home")
    user = runtime.service_user()
    found = runtime.require()
    config = folder / "office.toml"
    # a routine call: after an urgent one that nobody took, the relay would call in between
    example, to_ladder = Path("config/office.toml").read_text(), 'do = { ladder = "urgent" }'
    if to_ladder not in example:
        raise SystemExit("config/office.toml has no rule that runs the ladder")
    config.write_text(example.replace(to_ladder, 'do = { ring = "oncall" }', 1))
    configuration = read_configuration(config)
    ports, block = office.choose_ports(configuration)
    carrier = OneSocketCarrier(HOST, ("127.0.0.1", ports.sip))
    text = config.read_text().replace(
        'host = "127.0.0.2" ', f'host = "{HOST}"\nport = {carrier.address[1]}'
    )
    config.write_text(text)
    configuration = read_configuration(config)
    home.prepare(user)
    vault.write(home.folder, vault.Vault(mobiles=MOBILES))
    held = read_vault(home, configuration)
    files = dict(office.asterisk_files(configuration, held, home, found, ports))
    files["extensions.conf"] += native_route("osei")
    asterisk = AsteriskProcess(found, Instance(home.asterisk, ports, files, user, True))
    await asyncio.to_thread(script.install, home, user)
    await asterisk.start()
    home.remember_ports(ports)
    words = ["-m", "cli", "--config", str(config), "--home", str(home.folder), "serve"]
    log = (folder / "daemon.log").open("wb")
    daemon = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=log, stderr=log)
    try:
        while b"daemon.serving" not in (folder / "daemon.log").read_bytes():
            if daemon.returncode is not None:
                raise SystemExit((folder / "daemon.log").read_text())
            await asyncio.sleep(0.1)
        while not (home.standby / "live.json").exists():
            await asyncio.sleep(0.1)
        yield carrier, daemon
    finally:
        if daemon.returncode is None:
            daemon.terminate()
        await daemon.wait()
        await asterisk.stop()
        carrier.close()
        block.release()
        log.close()


async def measure(folder: Path, calls: int) -> dict[str, list[float]]:
    """Run the office and place the calls; return seconds by route."""
    async with office_with_daemon(folder) as (carrier, _daemon):
        return await asyncio.to_thread(_take_turns, carrier, calls)


def _take_turns(carrier: OneSocketCarrier, calls: int) -> dict[str, list[float]]:
    delays: dict[str, list[float]] = {"native": [], "officeline": []}
    for number in range(calls + WARM_UP):
        routes = [("native", NATIVE), ("officeline", BACK_LINE)]
        for name, did in routes if number % 2 else reversed(routes):
            delay = carrier.delay(did)
            if number >= WARM_UP:
                delays[name].append(delay)
    return delays


def main() -> None:
    """Measure, print the table, write the JSON; exit 1 past the target."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    with tempfile.TemporaryDirectory(prefix="officeline-bench-") as name:
        Path(name).chmod(0o755)
        delays = asyncio.run(measure(Path(name), calls))
    rows = {}
    print(f"{'route':<12}{'p50 ms':>9}{'p90 ms':>9}{'p99 ms':>9}   ({calls} calls each)")
    for route, seconds in delays.items():
        cuts = statistics.quantiles(seconds, n=100)
        rows[route] = {"p50": cuts[49] * 1e3, "p90": cuts[89] * 1e3, "p99": cuts[98] * 1e3}
        print(f"{route:<12}" + "".join(f"{value:>9.2f}" for value in rows[route].values()))
    ratio = rows["officeline"]["p50"] / rows["native"]["p50"]
    print(f"ratio at the median: {ratio:.2f} (at most {TARGET})")
    found = runtime.require()
    report = {
        "benchmark": "pdd",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "asterisk": found.version,
        "processors": os.cpu_count(),
        "machine": platform.machine(),
        "calls": calls,
        "milliseconds": rows,
        "ratio_p50": ratio,
    }
    target = Path("var/bench")
    target.mkdir(parents=True, exist_ok=True)
    (target / "pdd.json").write_text(json.dumps(report, indent=1))
    if ratio > TARGET:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
