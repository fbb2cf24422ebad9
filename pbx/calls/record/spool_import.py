"""Every few seconds: take in what the standby and the failsafe did, and end the calls of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from pbx.asterisk.ami.client import AmiUnavailable
from pbx.base.clock import Clock
from pbx.base.errors import OfficeLineError
from pbx.calls.record.recorder import Recorder
from pbx.db.batch import UnusableError

EVERY_S = 3.0
UNHEARD = timedelta(seconds=6)  # the standby may still write down a call that has ended
UNRECORDED = timedelta(seconds=10)  # and Asterisk its record of it; where it died, none comes

log = structlog.get_logger()


class SpoolImport:
    """Runs beside the recorder; `live` asks Asterisk which calls there are."""

    def __init__(
        self, recorder: Recorder, live: Callable[[], Awaitable[frozenset[str]]], clock: Clock
    ) -> None:
        self._recorder = recorder
        self._clock = clock
        self._live = live
        self._open: dict[str, datetime] = {}  # calls that others answered, until they are over
        self._over: dict[str, datetime] = {}  # of these, when they were first seen to be over

    async def run(self) -> None:
        """Look until canceled; what fails is tried again."""
        while True:
            await self.once()
            await asyncio.sleep(EVERY_S)

    async def once(self, *, end: bool = True) -> None:
        """Take in what waits and, if Asterisk can be asked, `end` what is over."""
        self._recorder.settle()
        try:
            await asyncio.to_thread(self._take)
            if end:
                await self._end()
        except AmiUnavailable:  # the next connection ends what is gone
            return
        except (OSError, OfficeLineError, SQLAlchemyError, UnusableError) as error:
            log.warning("spool.waits", error=type(error).__name__)
        except Exception:
            log.exception("spool.failed")  # whatever it is, the line goes on

    async def _end(self) -> None:
        """End those calls of others that are over, and take in the failsafe's recordings."""
        catch_up = self._recorder.catch_up
        for call, at in list(self._recorder.unheard.items()):
            if abs(self._clock.now() - at) > UNHEARD:  # a clock set back holds nothing up
                self._open.setdefault(call, at)
                del self._recorder.unheard[call]
        recordings = await asyncio.to_thread(catch_up.recordings)
        if not self._open and not recordings:
            return
        live = await self._live()
        over = {call: at for call, at in self._open.items() if call not in live}
        now = self._clock.now()
        self._over = {call: self._over.get(call, now) for call in over}
        unsure = {call for call, at in self._over.items() if abs(now - at) < UNRECORDED}
        ended = await asyncio.to_thread(catch_up.end, over, self._recorder.held(over), unsure)
        for call in ended:
            self._recorder.forget(call)
            del self._open[call]
        if ended:
            await asyncio.to_thread(catch_up.release, live)
        unjudged = (
            self._recorder.unheard.keys() | self._open.keys()
        )  # what is said of them comes first
        for call, path in recordings.items():
            if call not in live | unjudged and not self._recorder.held([call]):
                await asyncio.to_thread(catch_up.take_recording, call, path)

    def _take(self) -> None:
        """Take in the facts that wait; blocking."""
        catch_up = self._recorder.catch_up
        for path in catch_up.waiting():
            taken = catch_up.take(path)
            if taken is not None:
                fact, message = taken
                self._recorder.taken(fact, message)
                if fact.question is not None or fact.draft is not None:
                    self._open.setdefault(fact.call, fact.at)
