"""Import what the standby and the failsafe did, every few seconds, and end their calls."""

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
UNHEARD = timedelta(seconds=6)  # the standby may still be writing about a call that has ended
UNRECORDED = timedelta(seconds=10)  # so may Asterisk; if it crashed, it writes no record

log = structlog.get_logger()


class SpoolImport:
    """Imports facts beside the recorder; `live` asks Asterisk which calls are live."""

    def __init__(
        self, recorder: Recorder, live: Callable[[], Awaitable[frozenset[str]]], clock: Clock
    ) -> None:
        self._recorder = recorder
        self._clock = clock
        self._live = live
        self._open: dict[str, datetime] = {}  # answered by the standby or the failsafe
        self._over: dict[str, datetime] = {}  # when we first saw that such a call was over

    async def run(self) -> None:
        """Import until canceled; after an error, try again."""
        while True:
            await self.once()
            await asyncio.sleep(EVERY_S)

    async def once(self, *, end: bool = True) -> None:
        """Import what waits and, if Asterisk answers, `end` the calls that are over."""
        self._recorder.settle()
        try:
            await asyncio.to_thread(self._take)
            if end:
                await self._end()
        except AmiUnavailable:  # the next connect ends these calls
            return
        except (OSError, OfficeLineError, SQLAlchemyError, UnusableError) as error:
            log.warning("spool.waits", error=type(error).__name__)
        except Exception:
            log.exception("spool.failed")  # after any error, try again

    async def _end(self) -> None:
        """End such calls that are over, and import the failsafe's recordings."""
        catch_up = self._recorder.catch_up
        for call, at in list(self._recorder.unheard.items()):
            if abs(self._clock.now() - at) > UNHEARD:  # abs: also if the clock was set back
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
        unjudged = self._recorder.unheard.keys() | self._open.keys()  # import their facts first
        for call, path in recordings.items():
            if call not in live | unjudged and not self._recorder.held([call]):
                await asyncio.to_thread(catch_up.take_recording, call, path)

    def _take(self) -> None:
        """Import the waiting facts. Blocks."""
        catch_up = self._recorder.catch_up
        for path in catch_up.waiting():
            taken = catch_up.take(path)
            if taken is not None:
                fact, message = taken
                self._recorder.taken(fact, message)
                if fact.question is not None or fact.draft is not None:
                    self._open.setdefault(fact.call, fact.at)
