"""The database from the event loop: in threads, one writer at a time, and as often as it takes."""

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
    """Runs functions that take an engine first, and block."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writing = asyncio.Lock()  # so that our own writers never find the database locked

    async def read(
        self, ask: Callable[Concatenate[Engine, P], T], *args: P.args, **named: P.kwargs
    ) -> T:
        """Read once."""
        return await asyncio.to_thread(ask, self._engine, *args, **named)

    async def write(
        self, act: Callable[Concatenate[Engine, P], T], *args: P.args, **named: P.kwargs
    ) -> T:
        """Write once."""
        async with self._writing:
            return await asyncio.to_thread(act, self._engine, *args, **named)

    async def insist(
        self, act: Callable[Concatenate[Engine, P], T], *args: P.args, **named: P.kwargs
    ) -> T:
        """Write until the database takes it; any other objection is raised."""
        pauses = Pauses(0.1, LONGEST_PAUSE_S)
        while True:
            try:
                return await self.write(act, *args, **named)
            except (SQLAlchemyError, StoreError):
                log.exception("database.unwritten")
            await asyncio.sleep(pauses.take())
