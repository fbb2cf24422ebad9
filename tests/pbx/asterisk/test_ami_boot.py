"""An Asterisk that lets the daemon in before it can place calls."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

from tests.support.ami_peer import DEADLINE, Office, until
from tests.support.asterisk import SECRET, bare_asterisk


async def test_after_a_kill_the_first_order_is_taken() -> None:
    """Connected at the first moment that its manager gives, a call is placed and not refused."""
    with tempfile.TemporaryDirectory(prefix="officeline-boot-") as folder:
        async with bare_asterisk(Path(folder)) as asterisk:
            office = Office(asterisk.instance.ports.ami, SECRET)
            placed = []
            async with office.open() as client:
                for _ in range(3):
                    resyncs = office.story.count("resync")
                    assert asterisk.pid is not None
                    os.kill(asterisk.pid, signal.SIGKILL)
                    await until(lambda now=resyncs: office.story.count("resync") > now)  # type: ignore[misc]  # a default binds it
                    await client.wait_connected(DEADLINE)
                    heard = len(office.events)
                    order = {"Context": "hold", "Exten": "s", "Priority": "1", "Async": "true"}
                    await client.action("Originate", Channel="Local/up@hold/n", **order)
                    placed.append(await outcome(office, heard))
            assert placed == ["Success"] * 3


async def outcome(office: Office, heard: int) -> str:
    """Wait for what came of the order that was given last."""

    def found() -> list[str]:
        reported = office.events[heard:]
        return [one.fields["Response"] for one in reported if one.name == "OriginateResponse"]

    await until(lambda: bool(found()))
    return found()[0]
