"""The AMI codec by itself: bytes in, events out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pbx.ami.protocol import AmiEvent, HardenedProtocol


@given(st.lists(st.integers(0, 400), max_size=30).map(sorted))
def test_it_does_not_matter_how_the_bytes_are_cut(cuts: list[int]) -> None:
    """Events are the same for any chunking, in the middle of a character too."""
    stream = (
        b"Asterisk Call Manager/11.0\r\nEvent: Hangup\r\nChannel: PJSIP/1\r\nUniqueid: 1.1\r\n\r\n"
        b"Event: UserEvent\r\nUserEvent: OfficeLine\r\nName: Ren\xc3\xa9\r\nName: second\r\n\r\n"
        b"Event: DialEnd\r\nDialStatus: BUSY\r\n\r\n"
    )
    events: list[AmiEvent] = []
    protocol = HardenedProtocol(events.append, lambda _: None)
    protocol.version = None
    protocol.closed = False
    ends = [min(cut, len(stream)) for cut in cuts]
    for start, end in zip([0, *ends], [*ends, len(stream)], strict=True):
        protocol.data_received(stream[start:end])
    assert [event.name for event in events] == ["Hangup", "UserEvent", "DialEnd"]
    assert events[1].fields["Name"] == "René"
