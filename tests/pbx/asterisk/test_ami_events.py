"""Asterisk's events as values: what is asked for arrives, and what arrives is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pytest

from dialplan import manager, names
from pbx.asterisk.ami.client import BOOTED
from pbx.asterisk.ami.events import (
    AsteriskEvent,
    DialBegin,
    DialEnd,
    HangupEvent,
    HoldEvent,
    OriginateResponse,
    RegistryEvent,
    UserEvent,
    event_of,
)
from pbx.asterisk.ami.protocol import AmiEvent

NOW = datetime(2026, 11, 28, 7, 10, tzinfo=UTC)
KINDS = {
    "DialBegin": DialBegin,
    "DialEnd": DialEnd,
    "Hangup": HangupEvent,
    "Hold": HoldEvent,
    "Unhold": HoldEvent,
    "OriginateResponse": OriginateResponse,
    "Registry": RegistryEvent,
    "UserEvent": UserEvent,
}


class Fields(Mapping[str, str]):
    """Fields that remember which of them were read."""

    def __init__(self) -> None:
        self.read: set[str] = set()

    def __getitem__(self, field: str) -> str:
        self.read.add(field)
        return names.USER_EVENT if field == "UserEvent" else f"the {field}"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_what_asterisk_is_asked_for_has_a_type() -> None:
    """Each event of manager.conf but the one of the boot, which the client itself waits for."""
    assert set(KINDS) == set(manager.EVENTS) - {BOOTED}
    found = {name: type(event_of(AmiEvent(name, Fields()), NOW)) for name in KINDS}
    assert found == KINDS


def test_what_is_read_of_an_event_is_kept() -> None:
    """A field that the daemon's connection does not keep would be read as empty for ever."""
    fields = Fields()
    for name in KINDS:
        event_of(AmiEvent(name, fields), NOW)
    assert fields.read == set(manager.FIELDS)


@pytest.mark.parametrize(
    ("name", "fields"), [("Newchannel", {}), ("UserEvent", {"UserEvent": "Queue"}), ("", {})]
)
def test_an_event_of_others_is_none_of_ours(name: str, fields: dict[str, str]) -> None:
    """It has an instant and no more, and what a phone could say is in no field of it."""
    assert event_of(AmiEvent(name, fields), NOW) == AsteriskEvent(NOW)


def test_a_hangup_says_whose_channel_it_was() -> None:
    """A phone's, or one of our own; and of a call that the office placed, or a patient's."""
    phone = {"Uniqueid": "1.2", "Linkedid": "1.1", "Channel": "PJSIP/trunk-00000001"}
    ours = {"Uniqueid": f"{names.FOLLOW_UP_CALL}1-1", "Channel": "Local/lee@leg-00000001;1"}
    found = [event_of(AmiEvent("Hangup", fields), NOW) for fields in (phone, ours)]
    reported = [(one.is_phone, one.is_placed) for one in found if isinstance(one, HangupEvent)]
    assert reported == [(True, False), (False, True)]
