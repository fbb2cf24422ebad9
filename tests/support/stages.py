"""What scenes ask of a stage and its phones beside what the demo does with them."""

from __future__ import annotations

import asyncio

from pbx.db.calls import list_calls
from pbx.db.database import open_database
from pbx.demo.carrier.handset import Handset, PhoneCall, Script
from pbx.demo.carrier.network import Carrier
from pbx.demo.carrier.trace import SipMessage
from pbx.demo.stage import Stage
from pbx.service.build import build


def never_answers() -> Script:
    """Ring until the caller gives up."""

    async def script(phone: Handset) -> None:
        await phone.ring(600)

    return script


def did_not_ring(carrier: Carrier, number: str) -> bool:
    """Tell whether no ringing of this phone waits to be handed out."""
    return carrier.ringing[number].empty()


def messages_of(carrier: Carrier, call: PhoneCall) -> list[SipMessage]:
    """Return the SIP messages of one phone's call."""
    return [message for message in carrier.messages() if message.call_id == call.call_id]


async def restart_daemon(stage: Stage) -> None:
    """End the control layer and start another one, as after an update."""
    await stage.stop_daemon()
    stage.daemon = await build(
        stage.configuration, stage.secrets, stage.home, stage.ports, stage.clock
    )
    await stage.daemon.start()


async def calls_logged(stage: Stage) -> int:
    """Count the newest calls in the database, up to a thousand."""
    stage.daemon.recorder.settle()
    await asyncio.to_thread(stage.daemon.writer.flush, 10.0)
    engine = await asyncio.to_thread(open_database, stage.home.database)
    try:
        return len(await asyncio.to_thread(list_calls, engine, limit=1000))
    finally:
        engine.dispose()
