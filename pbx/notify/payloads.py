"""The payloads that are published; nothing without a field here can be published by MQTT.

People and lines are ids, which begin with a letter and so cannot be telephone numbers.
`docs/events.schema.json` is generated from these classes. `VERSION` goes up when a field is removed
or changes its meaning; readers must ignore unknown fields.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, TypeAdapter

VERSION: Literal[2] = 2

# Asterisk's Linkedid or made from it; the point shows that it is not a telephone number
Ref = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,60}\.[0-9]{1,10}$")]
EventId = Annotated[str, Field(pattern=r"^[a-z]{8}-[0-9]{1,15}$")]
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{1,30}$")]
Count = Annotated[int, Field(ge=0)]
Urgency = Literal["urgent", "routine"]
Instant = Annotated[
    datetime,
    PlainSerializer(lambda at: f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z", return_type=str),
    Field(json_schema_extra={"format": "date-time"}),
]
CallState = Literal["started", "decided", "accepted", "ended"]
MessageWhat = Literal[
    "opened", "joined", "delivered", "acknowledged", "called back", "overdue", "breach",
    "reminded", "claimed", "note", "closed", "cut off", "not reached",
]  # fmt: skip
MESSAGE_WHATS: tuple[str, ...] = get_args(MessageWhat)


class Payload(BaseModel):
    """What all have: the version of these shapes, and when it was so (UTC)."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    v: Literal[2] = VERSION
    at: Instant


class CallEvent(Payload):
    """A call has reached a state; an event that is sent twice has the same `id`."""

    kind: Literal["call"] = "call"
    id: EventId
    state: CallState
    call: Ref
    line: Id | None = None
    decision: Literal["ring", "escalation", "message", "menu", "announce", "reject"] | None = None
    urgency: Urgency | None = None
    person: Id | None = None
    outcome: (
        Literal["connected", "message", "failsafe", "blocked", "abandoned", "interrupted"] | None
    ) = None


class MessageChange(Payload):
    """Something happened to a message; `state` and `breached` are the values after it."""

    kind: Literal["message"] = "message"
    id: EventId
    what: MessageWhat
    message: Ref
    state: Literal["open", "delivered", "acknowledged", "called back", "closed"]
    urgency: Urgency
    breached: bool
    person: Id | None = None


class UrgentEvent(Payload):
    """How many urgent messages are not closed; nobody has acknowledged `waiting` of them."""

    kind: Literal["urgent"] = "urgent"
    open: Count
    waiting: Count
    breached: Count
    oldest: Instant | None = None


class ScheduleOnCall(BaseModel):
    """Who is on call for a schedule, and who is the backup."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    schedule: Id
    oncall: tuple[Id, ...]
    backup: Id | None = None
    until: Instant | None = None


class OnCallEvent(Payload):
    """Who is on call now, in every schedule."""

    kind: Literal["oncall"] = "oncall"
    schedules: tuple[ScheduleOnCall, ...]


class Names(Payload):
    """How many host names have no address; calls from those hosts must authenticate."""

    kind: Literal["names"] = "names"
    carrier: Count
    phones: Count


class TrunkEvent(Payload):
    """Whether the carrier can be reached; if not, since when and why."""

    kind: Literal["trunk"] = "trunk"
    up: bool
    why: Literal["unanswered", "refused"] | None = None
    since: Instant | None = None


class Up(Payload):
    """Whether the control layer runs; the broker publishes false if the connection is lost."""

    kind: Literal["up"] = "up"
    up: bool


class Dropped(Payload):
    """How many of the oldest events were dropped because the broker could not be reached."""

    kind: Literal["dropped"] = "dropped"
    dropped: Annotated[int, Field(ge=1)]
    since: Instant


Published = (
    CallEvent | MessageChange | UrgentEvent | OnCallEvent | Names | TrunkEvent | Up | Dropped
)
_ANY: TypeAdapter[Published] = TypeAdapter(Annotated[Published, Field(discriminator="kind")])


def read(payload: bytes) -> Published:
    """Parse a published payload; ValueError if it is not one of ours."""
    return _ANY.validate_json(payload)


def schema() -> dict[str, object]:
    """Return the JSON schema of all payloads."""
    title = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "OfficeLine events, version 2",
    }
    return {**title, **_ANY.json_schema(mode="serialization")}
