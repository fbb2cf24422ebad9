"""Read the stream of events from the broker and format it for people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from ssl import SSLContext

import aiomqtt

from pbx.base.errors import OfficeLineError
from pbx.base.os_errors import os_sentence
from pbx.notify import payloads
from pbx.notify.mqtt import KEEPALIVE_S, TIMEOUT_S, Broker
from routing.time_text import TimeText

CLOCK = len("12:34:56 PM")  # width of the time column
WORDS = {
    "opened": "was left",
    "joined": "was joined by a further call",
    "delivered": "was heard",
    "acknowledged": "was taken up",
    "called back": "was called back about",
    "overdue": "waits for a call back that is overdue",
    "breach": "has waited longer than promised",
    "reminded": "was recalled to its owner",
    "claimed": "has an owner",
    "note": "has a note",
    "closed": "was closed",
    "cut off": "was cut off from the person who accepted, and is open again",
    "not reached": "was not called back about",
}


async def listen(broker: Broker) -> AsyncGenerator[tuple[str, bytes], None]:
    """Yield topic and payload of everything published, retained ones first.

    Raises OfficeLineError if the broker cannot be reached or disconnects.
    """
    context = await asyncio.to_thread(_context, broker)
    try:
        async with aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.user,
            password=broker.password,
            tls_context=context,
            keepalive=KEEPALIVE_S,
            timeout=TIMEOUT_S,
        ) as client:
            await client.subscribe(f"{broker.topic}/#", qos=1)
            async for message in client.messages:
                if isinstance(message.payload, bytes):
                    yield str(message.topic).removeprefix(f"{broker.topic}/"), message.payload
    except (aiomqtt.MqttError, OSError) as error:
        raise OfficeLineError(
            f"The broker {broker.host}:{broker.port} does not let us listen ({error}); check "
            "[mqtt], at 'officeline secrets set mqtt', and whether the broker runs."
        ) from error


def event_line(topic: str, payload: bytes, times: TimeText) -> str:
    """Return an event as one line; of an unknown payload only the topic, safe for a terminal."""
    try:
        found = payloads.read(payload)
    except ValueError:
        shown = "".join(sign if sign.isprintable() else "?" for sign in topic)[:60]
        return f"{'':{CLOCK}}  {shown}: {len(payload)} bytes that are not one of our events"
    return f"{times.time(found.at, seconds=True):>{CLOCK}}  {_words(found, times)}"


def _words(found: payloads.Published, times: TimeText) -> str:
    match found:
        case payloads.CallEvent():
            return _call(found)
        case payloads.MessageChange():
            by = f" by {found.person}" if found.person else ""
            late = ", BREACHED" if found.breached else ""
            what = WORDS[found.what]
            return f"{found.urgency} message {found.message} {what}{by}; it is {found.state}{late}"
        case payloads.Dropped():
            return f"{found.dropped} events since {times.weekday(found.since)} were DROPPED"
        case _:
            return _state(found, times)


def _state(
    found: payloads.UrgentEvent
    | payloads.OnCallEvent
    | payloads.Names
    | payloads.TrunkEvent
    | payloads.Up,
    times: TimeText,
) -> str:
    match found:
        case payloads.UrgentEvent():
            since = f", the oldest from {times.weekday(found.oldest)}" if found.oldest else ""
            late = f", {found.breached} BREACHED" if found.breached else ""
            return f"urgent messages: {found.open} open, {found.waiting} wait{late}{since}"
        case payloads.OnCallEvent():
            return "; ".join(_duty(one) for one in found.schedules) or "there is no schedule"
        case payloads.Names():
            return _names(found)
        case payloads.TrunkEvent():
            return _trunk(found, times)
        case payloads.Up():
            return "the line is up" if found.up else "the line is DOWN"


def _call(found: payloads.CallEvent) -> str:
    name = f"call {found.call}"
    match found.state:
        case "started":
            return f"{name} on {found.line or 'an unknown line'}"
        case "decided":
            return f"{name}: {found.decision}" + (f", {found.urgency}" if found.urgency else "")
        case "accepted":
            return f"{name} was taken by {found.person or 'somebody'}"
        case "ended":
            return f"{name} is over: {found.outcome}"


def _duty(one: payloads.ScheduleOnCall) -> str:
    backup = f", {one.backup} steps in" if one.backup else ""
    return f"on call for {one.schedule}: {' and '.join(one.oncall) or 'NOBODY'}{backup}"


def _trunk(found: payloads.TrunkEvent, times: TimeText) -> str:
    if found.up or found.since is None:
        return "the carrier can be reached"
    why = "REFUSES US" if found.why == "refused" else "DOES NOT ANSWER"
    return f"the carrier {why} since {times.weekday(found.since)}"


def _names(found: payloads.Names) -> str:
    counts = {"the carrier": found.carrier, "desk phones": found.phones}
    lacking = [f"{count} of {whose}" for whose, count in counts.items() if count]
    if not lacking:
        return "every name of a host has an address"
    return f"names of hosts WITHOUT AN ADDRESS: {', '.join(lacking)}"


def _context(broker: Broker) -> SSLContext | None:
    try:
        return broker.context()
    except OSError as error:
        what = f"The certificates {broker.ca} cannot be read"
        raise OfficeLineError(os_sentence(what, error, otherwise="fix [mqtt] ca")) from error
