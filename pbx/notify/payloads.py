"""What is published, value by value: what has no field here cannot leave the house by MQTT.

People and lines are ids, which begin with a letter and so are no numbers. `docs/events.schema.json`
is made of these classes. `VERSION` counts up when a field goes or means something else; whoever
reads must pass over fields that it does not know.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, TypeAdapter

VERSION: Literal[2] = 2

# Asterisk's Linkedid, or made of it; the point in it tells it from a telephone number
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
    """A call has come to a state; told twice, it has the same `id`."""

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
    """Something happened to a message; `state` and `breached` are how it stands now."""

    kind: Literal["message"] = "message"
    id: EventId
    what: MessageWhat
    message: Ref
    state: Literal["open", "delivered", "acknowledged", "called back", "closed"]
    urgency: Urgency
    breached: bool
    person: Id | None = None


class UrgentEvent(Payload):
    """How many urgent messages are not closed; of these, nobody has taken `waiting` up."""

    kind: Literal["urgent"] = "urgent"
    open: Count
    waiting: Count
    breached: Count
    oldest: Instant | None = None


class ScheduleOnCall(BaseModel):
    """Who is on call for a schedule, and who steps in."""

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
    """How many names of hosts have no address: calls from there are asked for a password."""

    kind: Literal["names"] = "names"
    carrier: Count
    phones: Count


class Up(Payload):
    """Whether the control layer runs; the broker itself says false when it is lost."""

    kind: Literal["up"] = "up"
    up: bool


class Dropped(Payload):
    """So many events were dropped, the oldest first, as the broker could not be reached."""

    kind: Literal["dropped"] = "dropped"
    dropped: Annotated[int, Field(ge=1)]
    since: Instant


Published = CallEvent | MessageChange | UrgentEvent | OnCallEvent | Names | Up | Dropped
_ANY: TypeAdapter[Published] = TypeAdapter(Annotated[Published, Field(discriminator="kind")])


def read(payload: bytes) -> Published:
    """Read what somebody published; ValueError if it is none of ours."""
    return _ANY.validate_json(payload)


def schema() -> dict[str, object]:
    """Describe all payloads as a JSON schema."""
    title = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "OfficeLine events, version 2",
    }
    return {**title, **_ANY.json_schema(mode="serialization")}
