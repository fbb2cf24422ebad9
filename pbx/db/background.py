"""Database access from the event loop: in threads, with one writer at a time, and with retries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from pbx.base.pauses import Pauses
from pbx.db.database import StoreError

LONGEST_PAUSE_S = 5.0

log = structlog.get_logger()

P = ParamSpec("P")
T = TypeVar("T")


class Background:
    """Runs blocking functions whose first argument is an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writing = asyncio.Lock()  # so that our own writers never block one another

    async def read(
        self, ask: Callable[Concatenate[Engine, P], T], *args: P.args, **named: P.kwargs
    ) -> T:
        """Run a reading function once, without retries."""
        return await asyncio.to_thread(ask, self._engine, *args, **named)

    async def write(
        self, act: Callable[Concatenate[Engine, P], T], *args: P.args, **named: P.kwargs
    ) -> T:
        """Run a writing function once, without retries."""
        async with self._writing:
            return await asyncio.to_thread(act, self._engine, *args, **named)

    async def insist(
        self, act: Callable[Concatenate[Engine, P], T], *args: P.args, **named: P.kwargs
    ) -> T:
        """Retry a write until the database accepts it; errors of any other kind are raised."""
        pauses = Pauses(0.1, LONGEST_PAUSE_S)
        while True:
            try:
                return await self.write(act, *args, **named)
            except (SQLAlchemyError, StoreError):
                log.exception("database.unwritten")
            await asyncio.sleep(pauses.take())
