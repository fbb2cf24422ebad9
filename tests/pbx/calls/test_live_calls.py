"""Which calls go on, when Asterisk is asked after nobody listened for a while."""

from __future__ import annotations

from dialplan import names
from pbx.calls.record.live_calls import under_way

FOLLOWED_UP = f"{names.FOLLOW_UP_CALL}1795658041-4"


def channel(unique: str, call: str) -> dict[str, str]:
    """Make an entry of Asterisk's list of channels."""
    return {"Channel": "PJSIP/trunk-00000001", "Uniqueid": unique, "Linkedid": call}


def test_a_phone_that_hears_a_sentence_to_its_end_is_no_call() -> None:
    """The caller is gone; a physician who pressed too late is being told so."""
    assert "1.1" not in under_way([channel("1.5", "1.1"), channel("2.1", "2.1")])
    assert "1.1" in under_way([channel("1.1", "1.1"), channel("1.5", "1.1")])


def test_a_caller_who_was_joined_to_an_older_call_goes_on() -> None:
    """Asterisk names all channels of a bridge after the oldest call."""
    assert {"1.1", "2.1"} <= under_way([channel("1.1", "1.1"), channel("2.1", "1.1")])


def test_a_call_that_the_office_placed_lasts_as_long_as_any_of_its_channels() -> None:
    """Its own first half is gone as soon as the two phones are joined."""
    assert FOLLOWED_UP in under_way([channel("2.1", FOLLOWED_UP)])
    assert under_way([]) == frozenset()
