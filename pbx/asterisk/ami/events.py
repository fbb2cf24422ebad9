"""Asterisk's events as values: one class for each that we listen to, with what we read of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dialplan import names
from pbx.asterisk.ami.protocol import AmiEvent


@dataclass(frozen=True)
class AsteriskEvent:
    """Any event; `at` is when it came, for it may wait before it is handled."""

    at: datetime


@dataclass(frozen=True)
class DialBegin(AsteriskEvent):
    """A phone is about to ring: `leg` is its channel's id, `channel` that of who dials it."""

    channel: str
    leg: str
    leg_channel: str
    call: str


@dataclass(frozen=True)
class DialEnd(AsteriskEvent):
    """A phone was answered, or rings no more."""

    leg: str
    status: str


@dataclass(frozen=True)
class HangupEvent(AsteriskEvent):
    """A channel is gone; `state` is that in which it was, `cause` a number of Q.850."""

    unique: str
    call: str
    channel: str
    state: str
    cause: str

    @property
    def is_phone(self) -> bool:
        """Tell a phone's channel from those of our own that lead to it."""
        return self.channel.startswith("PJSIP/")

    @property
    def is_placed(self) -> bool:
        """Tell whether the office placed the call of this very channel."""
        return self.unique.startswith(names.FOLLOW_UP_CALL)


@dataclass(frozen=True)
class HoldEvent(AsteriskEvent):
    """Somebody puts the other on hold, or (`begins` is false) comes back."""

    unique: str
    call: str
    begins: bool


@dataclass(frozen=True)
class OriginateResponse(AsteriskEvent):
    """What became of an order to place a call."""

    unique: str
    failed: bool


@dataclass(frozen=True)
class RegistryEvent(AsteriskEvent):
    """What came of a try to register at the carrier."""

    accepted: bool


@dataclass(frozen=True)
class UserEvent(AsteriskEvent):
    """What our own dialplan says, if `token` is ours: `what` happened in the call `about`.

    `call` is the id that Asterisk gives to all channels of a call.
    """

    token: str
    what: str
    about: str
    unique: str
    call: str
    who: str
    turn: str
    number: str
    caller: str
    up_ms: str


def event_of(raw: AmiEvent, at: datetime) -> AsteriskEvent:
    """Read an event; one that nobody here listens to is an `AsteriskEvent` and no more."""

    def get(field: str) -> str:
        return raw.fields.get(field, "")

    found = AsteriskEvent(at)
    match raw.name:
        case "DialBegin":
            channels = get("Channel"), get("DestUniqueid"), get("DestChannel")
            found = DialBegin(at, *channels, get("DestLinkedid"))
        case "DialEnd":
            found = DialEnd(at, get("DestUniqueid"), get("DialStatus"))
        case "Hangup":
            ids = get("Uniqueid"), get("Linkedid"), get("Channel")
            found = HangupEvent(at, *ids, get("ChannelStateDesc"), get("Cause"))
        case "Hold" | "Unhold":
            found = HoldEvent(at, get("Uniqueid"), get("Linkedid"), begins=raw.name == "Hold")
        case "OriginateResponse":
            found = OriginateResponse(at, get("Uniqueid"), failed=get("Response") == "Failure")
        case "Registry":
            found = RegistryEvent(at, accepted=get("Status") == "Registered")
        case "UserEvent" if get("UserEvent") == names.USER_EVENT:
            found = UserEvent(
                at,
                token=get("Token"),
                what=get("What"),
                about=get("Call"),
                unique=get("Uniqueid"),
                call=get("Linkedid"),
                who=get("Who"),
                turn=get("Turn"),
                number=get("Number"),
                caller=get("CallerIDNum"),
                up_ms=get("Up"),
            )
    return found
