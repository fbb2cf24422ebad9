"""Asterisk's events as dataclasses: one for each event we use, with the fields we read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dialplan import names
from pbx.asterisk.ami.protocol import AmiEvent


@dataclass(frozen=True)
class AsteriskEvent:
    """Any event; `at` is when it arrived, which can be well before it is handled."""

    at: datetime


@dataclass(frozen=True)
class DialBegin(AsteriskEvent):
    """A phone is about to ring.

    `channel` and `leg_channel` are the channel names of the dialing and the dialed side, `leg` is
    the Uniqueid of the dialed channel, and `call` its Linkedid.
    """

    channel: str
    leg: str
    leg_channel: str
    call: str


@dataclass(frozen=True)
class DialEnd(AsteriskEvent):
    """A phone was answered or stopped ringing; `status` is Asterisk's DialStatus."""

    leg: str
    status: str


@dataclass(frozen=True)
class HangupEvent(AsteriskEvent):
    """A channel ended; `state` is the state it was in, `cause` the Q.850 cause code."""

    unique: str
    call: str
    channel: str
    state: str
    cause: str

    @property
    def is_phone(self) -> bool:
        """Return whether this is a SIP channel, not an internal one that leads to a phone."""
        return self.channel.startswith("PJSIP/")

    @property
    def is_placed(self) -> bool:
        """Return whether this channel is a call that the office itself placed."""
        return self.unique.startswith(names.FOLLOW_UP_CALL)


@dataclass(frozen=True)
class HoldEvent(AsteriskEvent):
    """One party put the other on hold (`begins` is true) or took them off hold."""

    unique: str
    call: str
    begins: bool


@dataclass(frozen=True)
class OriginateResponse(AsteriskEvent):
    """The result of an Originate action, which places a call."""

    unique: str
    failed: bool


@dataclass(frozen=True)
class RegistryEvent(AsteriskEvent):
    """The result of an attempt to register with the carrier."""

    accepted: bool


@dataclass(frozen=True)
class UserEvent(AsteriskEvent):
    """An event that our own dialplan sent: `what` happened in the call `about`.

    Trust it only if `token` is ours, because a caller can forge events. `call` is the Linkedid,
    which Asterisk gives to all channels of a call.
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
    """Return the matching dataclass; a plain `AsteriskEvent` for events we do not use."""

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
