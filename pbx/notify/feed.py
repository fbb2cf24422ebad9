"""Convert what OfficeLine knows into published events. Callable from any thread; never raises."""

from __future__ import annotations

import itertools
import secrets
import string
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import ValidationError

from pbx.config.hosts import Unresolved
from pbx.db import records
from pbx.db.news import News, OpenCounts
from pbx.db.records import Record
from pbx.escalation.trunk_alarm import TrunkHealth
from pbx.notify import payloads
from routing.model import Plan
from routing.oncall import at_instant

if TYPE_CHECKING:
    from pbx.notify.mqtt import Publisher

# the last part of each retained topic
URGENT, ONCALL, NAMES, TRUNK = "urgent", "oncall", "names", "trunk"

log = structlog.get_logger()


class EventFeed:
    """Publishes calls, messages and the current state; event ids are different in each run."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._run = "".join(secrets.choice(string.ascii_lowercase) for _ in range(8))
        self._count = itertools.count(1)

    def record(self, record: Record) -> None:
        """Publish a call's new state, if this record contains one."""
        match record:
            case records.CallStarted():
                self._call(record, "started", line=record.line or None)
            case records.Decided():
                self._call(record, "decided", decision=record.kind, urgency=record.urgency)
            case records.LegAcknowledged():
                self._call(record, "accepted", person=record.person)
            case records.CallEnded():
                self._call(record, "ended", outcome=record.outcome)

    def _call(
        self,
        record: records.CallStarted | records.Decided | records.LegAcknowledged | records.CallEnded,
        state: payloads.CallState,
        **more: str | None,
    ) -> None:
        given = {"state": state, "call": record.call, "at": record.at, **more}
        self._event(f"calls/{state}", payloads.CallEvent, given)

    def news(self, news: Iterable[News]) -> None:
        """Publish what happened to messages, without the text of notes and dispositions."""
        for one in news:
            given = {
                "at": one.at,
                "what": one.what,
                "message": one.message,
                "state": one.state,
                "urgency": one.urgency,
                "breached": one.breached,
                "person": one.person,
            }
            if one.what in payloads.MESSAGE_WHATS:
                topic = f"messages/{one.what.replace(' ', '-')}"
                self._event(topic, payloads.MessageChange, given)

    def urgent(self, standing: OpenCounts, now: datetime) -> None:
        """Publish how many urgent messages are open."""
        given = {
            "open": standing.open,
            "waiting": standing.waiting,
            "breached": standing.breached,
            "oldest": standing.oldest,
        }
        self._state(URGENT, payloads.UrgentEvent, {"at": now, **given})

    def oncall(self, duties: Iterable[payloads.ScheduleOnCall], now: datetime) -> None:
        """Publish who is on call."""
        self._state(ONCALL, payloads.OnCallEvent, {"at": now, "schedules": tuple(duties)})

    def names(self, found: Unresolved, now: datetime) -> None:
        """Publish how many host names have no address, but not the names themselves."""
        given = {"carrier": found.carrier, "phones": found.phones}
        self._state(NAMES, payloads.Names, {"at": now, **given})

    def trunk(self, health: TrunkHealth) -> None:
        """Publish whether the carrier can be reached; if not, since when and why."""
        given = {"at": health.at, "up": health.up, "why": health.why, "since": health.since}
        self._state(TRUNK, payloads.TrunkEvent, given)

    def _event(
        self,
        topic: str,
        kind: type[payloads.CallEvent | payloads.MessageChange],
        given: Mapping[str, Any],
    ) -> None:
        number = f"{self._run}-{next(self._count)}"
        self._try(topic, lambda: self._publisher.event(topic, kind(**given, id=number)))

    def _state(self, topic: str, kind: type[payloads.Payload], given: Mapping[str, Any]) -> None:
        self._try(topic, lambda: self._publisher.state(topic, kind(**given)))

    def _try(self, topic: str, publish: Callable[[], None]) -> None:
        """Publish, unless the payload does not match our schema."""
        try:
            publish()
        except ValidationError as error:
            fields = [".".join(str(part) for part in one["loc"]) for one in error.errors()]
            log.error("mqtt.not_fit", why=f"{topic}: {', '.join(fields)}")  # noqa: TRY400  # a traceback shows the values


def schedules_now(plan: Plan, now: datetime) -> list[payloads.ScheduleOnCall]:
    """List who is on call in each schedule, and until when."""
    found = []
    for schedule in plan.schedules:
        answer, _, until = at_instant(plan, schedule, now)
        people = tuple(answer.people)
        found.append(
            payloads.ScheduleOnCall(
                schedule=schedule, oncall=people, backup=answer.backup, until=until
            )
        )
    return found
