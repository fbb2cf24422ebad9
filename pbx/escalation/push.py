"""Push notifications ("urgent message waiting, call the office") with each call about a message.

Each person chooses a service; its address contains a secret and is in the secrets file. A separate
process sends each push, so that a service that hangs can be killed and affects neither calls nor
the daemon's memory. Pushes say nothing about any patient.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable

import structlog
from sqlalchemy import Engine

from pbx.base.clock import Clock
from pbx.calls.conversation import Plans
from pbx.config.secrets import Secrets
from pbx.db import message_progress
from pbx.db.background import Background
from pbx.db.follow_ups import Outcome
from pbx.escalation.ringing import PersonDialer

WORDS = "Urgent message waiting, call the office."
SEND_S = 20.0
AT_ONCE = 3

log = structlog.get_logger()


async def send(url: str, title: str, body: str, seconds: float = SEND_S) -> str | None:
    """Send a push; return in a few words why it failed, None if the service accepted it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pbx.escalation.push_process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(seconds):
            await process.communicate(json.dumps([url, title, body]).encode())
    except TimeoutError:
        return f"no answer within {seconds:g} s"
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return "the service did not take it" if process.returncode else None


class PushingDialer:
    """Calls through another dialer, and at the same time sends a push if the person has a service.

    The message's history shows the result of a push. A push that fails does not affect the call.
    """

    def __init__(
        self,
        dialer: PersonDialer,
        engine: Engine,
        plans: Plans,
        secrets: Callable[[], Secrets],
        clock: Clock,
        seconds: float = SEND_S,
    ) -> None:
        self._dialer = dialer
        self._store = Background(engine)
        self._plans = plans
        self._secrets = secrets
        self._clock = clock
        self._seconds = seconds
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    async def deliver(self, message_id: str, person: str, *, urgent: bool, attempt: int) -> Outcome:
        """Call somebody about a message; see `pbx.escalation.ringing.PersonDialer`."""
        url = self._secrets().push.get(person) if urgent else None
        if url is not None:
            task = asyncio.create_task(self._push(message_id, person, url))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await self._dialer.deliver(message_id, person, urgent=urgent, attempt=attempt)

    def rings(self, message_id: str, person: str) -> bool:
        """Return whether their phone rings; see `pbx.escalation.ringing.PersonDialer`."""
        return self._dialer.rings(message_id, person)

    async def _push(self, message_id: str, person: str, url: str) -> None:
        try:
            async with self._turn:
                why = await send(url, self._plans.plan.office.name, WORDS, self._seconds)
            if why is not None:
                log.warning("push.failed", call=message_id, person=person, why=why)
            now = self._clock.now()
            await self._store.write(message_progress.note_push, message_id, person, why, at=now)
        except Exception as error:  # noqa: BLE001  # whatever it is, the call goes on
            log.error("push.failed", call=message_id, person=person, error=type(error).__name__)  # noqa: TRY400  # a traceback may show the address

    async def stop(self) -> None:
        """Cancel the pushes that are being sent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
