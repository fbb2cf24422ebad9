"""Metrics for Prometheus, only reachable on this machine and without personal data.

A separate thread answers from values in memory, so that Prometheus never causes a database
access and never waits for a call.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, get_args

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector

from dialplan import names
from pbx.asterisk.agi.server import Handler
from pbx.asterisk.agi.session import AgiSession
from pbx.db import records
from pbx.db.news import OpenCounts
from pbx.db.records import Record
from pbx.notify.watch import WatchResult
from routing.follow_up import FollowUpStage
from routing.model import Urgency

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer

HOST = "127.0.0.1"
OUTCOMES: tuple[str, ...] = get_args(records.Outcome)
URGENCIES: tuple[str, ...] = get_args(Urgency)
STAGES = {stage: stage.name.lower() for stage in FollowUpStage}
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 4.0)

log = structlog.get_logger()


class _Pulled:
    """A metric that is read when Prometheus asks: its kind, its help text and how to read it."""

    def __init__(self) -> None:
        self.numbers: dict[str, tuple[bool, str, Callable[[], float]]] = {}

    def collect(self) -> Iterator[Metric]:
        """Read all of these metrics."""
        for name, (is_counter, about, number) in self.numbers.items():
            kind = CounterMetricFamily if is_counter else GaugeMetricFamily
            yield kind(name, about, value=number())


class Metrics:
    """Counts records, from any thread; `start` opens the port."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: tuple[WSGIServer, threading.Thread] | None = None
        self._began = time.monotonic()
        self._beat_at = self._looked_at = self._began
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "officeline_calls", "Calls that are over.", ["outcome"], registry=self.registry
        )
        self._open, self._waiting = (
            Gauge(f"officeline_{word}_messages", about, ["urgency"], registry=self.registry)
            for word, about in (
                ("open", "Messages that are not closed."),
                ("waiting", "Messages that nobody has taken up."),
            )
        )
        self._breached = Gauge(
            "officeline_breached_messages",
            "Open messages that waited longer than was promised.",
            registry=self.registry,
        )
        self._escalations = Counter(
            "officeline_escalations",
            "Calls to our own people about messages.",
            ["stage"],
            registry=self.registry,
        )
        self._verdicts = Histogram(
            "officeline_verdict_seconds",
            "From Asterisk's question about a call to our verdict.",
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self._pulled = _Pulled()
        self.pull(
            "heartbeat_age_seconds",
            "Since our own call came through the dialplan.",
            lambda: time.monotonic() - self._beat_at,
        )
        self.pull(
            "counts_age_seconds",
            "Since messages were counted.",
            lambda: time.monotonic() - self._looked_at,
        )
        self.registry.register(self._pulled)
        ProcessCollector(registry=self.registry)
        for outcome in OUTCOMES:
            self._calls.labels(outcome)
        for stage in STAGES.values():
            self._escalations.labels(stage)
        self._count({})

    def pull(
        self, name: str, about: str, number: Callable[[], float], *, is_counter: bool = False
    ) -> None:
        """Add a metric that is read when Prometheus asks, on the metrics thread."""
        self._pulled.numbers[f"officeline_{name}"] = (is_counter, about, number)

    def record(self, record: Record) -> None:
        """Count a call that is over."""
        if isinstance(record, records.CallEnded) and record.outcome in OUTCOMES:
            self._calls.labels(record.outcome).inc()

    def look(self, look: WatchResult) -> None:
        """Take over what a look at the database found."""
        self._looked_at = time.monotonic()
        self._count(look.standing)
        for stage, count in look.attempts.items():
            self._escalations.labels(STAGES[FollowUpStage(stage)]).inc(count)

    def _count(self, standing: Mapping[str, OpenCounts]) -> None:
        for urgency in URGENCIES:
            found = standing.get(urgency, OpenCounts())
            self._open.labels(urgency).set(found.open)
            self._waiting.labels(urgency).set(found.waiting)
        self._breached.set(sum(one.breached for one in standing.values()))

    def timed(self, handlers: Mapping[str, Handler]) -> dict[str, Handler]:
        """Wrap the FastAGI scripts that are timed or counted."""
        wrapped = {names.ROUTE: self._timed, names.BEAT: self._seen}
        return {
            name: wrapped[name](handler) if name in wrapped else handler
            for name, handler in handlers.items()
        }

    def _timed(self, handler: Handler) -> Handler:
        async def finish(waiting: Awaitable[None], began: float) -> None:
            try:
                await waiting
            finally:
                self._verdicts.observe(time.perf_counter() - began)

        def handle(session: AgiSession) -> Awaitable[None] | None:
            began = time.perf_counter()
            waiting = handler(session)
            if waiting is not None:
                return finish(waiting, began)
            self._verdicts.observe(time.perf_counter() - began)
            return None

        return handle

    def _seen(self, handler: Handler) -> Handler:
        async def handle(session: AgiSession) -> None:
            waiting = handler(session)
            if waiting is not None:
                await waiting
            self._beat_at = time.monotonic()

        return handle

    def start(self) -> None:
        """Open the port; if that fails, log it and continue without metrics."""
        try:
            self._server = start_http_server(self._port, HOST, self.registry)
        except OSError as error:
            log.error("metrics.not_served", port=self._port, error=error.strerror)  # noqa: TRY400  # no traceback is needed

    def stop(self) -> None:
        """Close the port. Blocks briefly."""
        if self._server is not None:
            server, thread = self._server
            server.shutdown()
            server.server_close()
            thread.join()
        self._server = None
