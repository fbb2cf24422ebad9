"""Real calls while a real broker listens, stands still and is killed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from pbx.config.schema_network import MqttTable
from pbx.demo.scenes import BACK_LINE, SATURDAY, patient, physician
from pbx.demo.stage import MOBILES, Stage
from tests.conftest import Saw
from tests.support import broker as brokers
from tests.support.ami_peer import until
from tests.support.broker import PASSWORD, SITE, USER, Mosquitto
from tests.support.stages import restart_daemon

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE = 60.0


@pytest_asyncio.fixture(loop_scope="session")
async def broker(stage: Stage, tmp_path: Path) -> AsyncIterator[Mosquitto]:
    """Start a broker, and the control layer anew with it in its file; put all back afterward."""
    before = stage.configuration, stage.secrets
    async with brokers.running(tmp_path) as running:
        table = MqttTable(site=SITE, host="127.0.0.1", port=running.port, tls=False, user=USER)
        stage.configuration = replace(stage.configuration, mqtt=table)
        stage.secrets = replace(stage.secrets, mqtt=PASSWORD)
        await restart_daemon(stage)
        try:
            yield running
        finally:
            stage.configuration, stage.secrets = before
            await restart_daemon(stage)


async def urgent_call(stage: Stage, caller: str) -> tuple[str, str | None]:
    """Call the line that has no menu; return the call, and who took it."""
    stage.set_time(SATURDAY)
    for person, number in MOBILES.items():
        stage.carrier.answers(number, physician(person))
    call = await stage.carrier.dials(BACK_LINE, caller=caller, script=patient(at_most=20))
    await call.ended(DEADLINE)
    found = (await stage.finished(caller)).call
    assert found.outcome == "connected"
    return found.id, found.person


async def test_calls_are_reported_and_wait_for_no_broker(
    stage: Stage, broker: Mosquitto, caller: str, saw: Saw
) -> None:
    """Answered as ever while the broker stands still or is gone, and told when it is back."""
    async with brokers.listening(broker) as heard:
        known = [await urgent_call(stage, caller)]
        await until(lambda: len(heard.all("calls/ended")) == 1)
        reported = [(topic, one) for topic, _, one in heard.heard if one.get("call") == known[0][0]]
        topics = list(dict.fromkeys(topic for topic, _ in reported))
        assert topics == ["calls/started", "calls/decided", "calls/accepted", "calls/ended"]
        assert heard.last("calls/accepted")["person"] == known[0][1]
        assert heard.last("calls/ended")["outcome"] == "connected"
        broker.stop()
        known.append(await urgent_call(stage, f"{caller[:-4]}7{caller[-3:]}"))
        broker.go_on()
        await until(lambda: heard.last("calls/ended").get("call") == known[1][0])
        await broker.kill()
        known.append(await urgent_call(stage, f"{caller[:-4]}8{caller[-3:]}"))
        await broker.start()
        async with asyncio.timeout(DEADLINE):
            while heard.last("calls/ended").get("call") != known[2][0]:
                await asyncio.sleep(0.1)
        for call, person in known:
            (accepted,) = {
                one["person"] for one in heard.all("calls/accepted") if one["call"] == call
            }
            assert accepted == person
        saw("calls while the broker hung or was down: connected, and published when it was back")
        whole = str(heard.heard)
    for number in (*MOBILES.values(), caller):
        assert number[2:] not in whole
        assert number[-7:] not in whole
