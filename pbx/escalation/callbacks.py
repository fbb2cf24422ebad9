"""Place calls that a command requested: each one once, and never late."""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from pbx.base.errors import OfficeLineError
from pbx.db.follow_ups import Outcome
from pbx.db.outbound import Request
from pbx.escalation.outbound_calls import OutboundCalls

LOOK_S = 0.3  # seconds between two looks for requests

log = structlog.get_logger()


class CallbackDialer(Protocol):
    """Calls a person on their mobile."""

    async def call_back(self, request: Request) -> Outcome:
        """Call the person of a request; return when the call is over."""
        ...


class Callbacks:
    """Looks for requests and places them; `run` never ends by itself."""

    def __init__(self, outbound_calls: OutboundCalls, dialer: CallbackDialer) -> None:
        self._outbound_calls = outbound_calls
        self._dialer = dialer
        self._calls: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Place requested calls until canceled; ongoing calls are not canceled."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                request = await self._outbound_calls.take()
            except (SQLAlchemyError, OfficeLineError) as error:
                log.error("callback.database", error=type(error).__name__)  # noqa: TRY400  # tried again at once
                continue
            if request is not None:
                call = asyncio.create_task(self._answer(request))
                self._calls.add(call)
                call.add_done_callback(self._calls.discard)

    async def _answer(self, request: Request) -> None:
        """Call the person of a request, if the limits allow the patient to be called."""
        try:
            no = await self._outbound_calls.refuses(request.person, request.number)
            if no is not None:
                await self._outbound_calls.drop(request, no)
                return
            await self._outbound_calls.ended(request.call, await self._dialer.call_back(request))
        except (SQLAlchemyError, OfficeLineError) as error:
            log.error("callback.failed", call=request.call, error=type(error).__name__)  # noqa: TRY400  # the text may hold a number
