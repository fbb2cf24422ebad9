"""The one thread that writes the call log, so that no call ever waits for the database."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from itertools import islice

import structlog
from sqlalchemy import Engine

from pbx.base.errors import OfficeLineError
from pbx.base.pauses import Pauses
from pbx.db import call_rows
from pbx.db.batch import UnusableError, write_batch
from pbx.db.damage import code_of
from pbx.db.database import writing
from pbx.db.driver import is_damage
from pbx.db.records import Record

BATCH = 500  # small enough that a message waits for its turn at the lock for milliseconds only
GATHER_S = 0.03  # what comes within it is one transaction, which costs more than a record does
CLOSE_S = 10.0

log = structlog.get_logger()


class LogWriter:
    """Writes records in their order; `open` gives the database, and again after each failure.

    At most `queue_size` records wait; what comes beyond is counted in `lost` and logged. `hear` is
    told of each record at once, on the thread that puts it, and must neither wait nor raise.
    `spill` takes durably what the database does not take now, or raises OSError; without one it
    waits here. `damaged` is set once the database turned out to be.
    """

    def __init__(
        self,
        open: Callable[[], Engine],  # noqa: A002  # a word that callers read: LogWriter(open=...)
        queue_size: int = 10_000,
        hear: Callable[[Record], None] = lambda _: None,
        spill: Callable[[Sequence[Record]], None] | None = None,
    ) -> None:
        self._open = open
        self._hear = hear
        self._spill = spill
        self._size = queue_size
        self._waiting: deque[Record] = deque()
        self._taken = 0  # records accepted since the start
        self._done = 0  # of these, written or given up
        self._wanted = 0  # how many of these somebody waits for
        self._closing = False
        self._overflows = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._engine: Engine | None = None
        self.lost = 0
        self.damaged = False

    def start(self) -> None:
        """Begin to write; records that were put before are kept."""
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="call-log", daemon=True)
        self._thread.start()

    def put(self, record: Record) -> None:
        """Take a record; returns at once, whatever state the database is in."""
        self._hear(record)
        with self._changed:
            if len(self._waiting) < self._size:
                self._waiting.append(record)
                self._taken += 1
                if len(self._waiting) in {1, BATCH}:  # whoever gathers need not wake for each
                    self._changed.notify_all()
                return
            self.lost += 1
            known, self._overflows = self._overflows, True
        if not known:
            log.error("calllog.overflow", queue=self._size)

    def tell(self, record: Record) -> None:
        """Notify listeners of a record that is already in the database."""
        self._hear(record)

    @property
    def waiting(self) -> int:
        """Return how many records are not written yet."""
        return len(self._waiting)

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until all that was put before is committed or spilled; False after `timeout` s.

        Committed survives our own death; only messages are promised to survive a power cut.
        """
        with self._changed:
            self._wanted = wanted = self._taken
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._done >= wanted, timeout)

    def close(self) -> None:
        """Write what waits, if the database lets us within some seconds, and stop."""
        if self._thread is None:
            return
        self.flush(CLOSE_S)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        self._thread = None
        if self._waiting:
            log.error("calllog.closed_unwritten", records=len(self._waiting))

    def _run(self) -> None:
        pauses, refused = Pauses(0.2, 5.0), False
        while batch := self._next_batch():
            try:
                self._write(batch)
            except UnusableError as error:
                self.damaged = self.damaged or is_damage(str(error))
                self._let_go()
                if not refused:  # once: somebody must look, however many records come
                    log.error("calllog.refused", error=str(error))  # noqa: TRY400  # one line
                refused = True
                if self._spilled(batch):
                    self._finish(len(batch))
                    continue
                # the batch is still at the head of the queue: nothing is lost while there is room
                log.warning("calllog.retrying", error=str(error), pause_s=pauses.pause)
                if self._closes_within(pauses.take()):
                    break
            else:
                if refused:
                    log.info("calllog.takes_again")
                pauses.reset()
                refused = False
                self._finish(len(batch))
        self._let_go()

    def _spilled(self, batch: list[Record]) -> bool:
        """Put a batch where it waits for the database, if there is such a place."""
        if self._spill is None:
            return False
        try:
            self._spill(batch)
        except OSError as error:
            log.error("calllog.not_spilled", error=error.strerror)  # noqa: TRY400  # one line
            return False
        log.warning("calllog.spilled", records=len(batch))
        return True

    def _next_batch(self) -> list[Record]:
        """Wait for records; they stay in the queue until they are written. Empty: time to stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            self._changed.wait_for(self._is_gathered, GATHER_S)
            return list(islice(self._waiting, BATCH))

    def _is_gathered(self) -> bool:
        return self._closing or self._wanted > self._done or len(self._waiting) >= BATCH

    def _closes_within(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._closing, seconds)

    def _finish(self, count: int) -> None:
        with self._changed:
            for _ in range(count):
                self._waiting.popleft()
            self._done += count
            overflowed, self._overflows = self._overflows, False
            self._changed.notify_all()
        if overflowed:
            log.error("calllog.records_lost", since_start=self.lost)

    def _let_go(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
        self._engine = None

    def _write(self, batch: list[Record]) -> None:
        try:
            engine = self._engine = self._engine or self._open()
        except OfficeLineError as error:
            raise UnusableError(code_of(error) or str(error)) from error
        write_batch(engine, batch)


def mark_interrupted(engine: Engine, gone: Collection[str]) -> frozenset[str]:
    """End those of these calls that are open in the log; return which; blocking.

    Such a call ends with the last thing that was heard of it. StoreError if it cannot be written.
    """
    with writing(engine) as connection:
        ended = frozenset(call_rows.calls_open(connection)) & frozenset(gone)
        for call in ended:
            call_rows.interrupt_call(connection, call)
    return ended
