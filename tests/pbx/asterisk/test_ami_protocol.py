"""The AMI codec by itself: bytes in, events and answers out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.asterisk.ami import protocol as codec
from pbx.asterisk.ami.protocol import (
    LINE_LIMIT,
    MESSAGE_LIMIT,
    AmiEvent,
    AmiResponse,
    AmiUnavailable,
    HardenedProtocol,
    encode_action,
)
from tests.support.ami_peer import DEADLINE, GREETING, Peer, listening, until


class Ear:
    """A protocol without a socket, and what it gave out."""

    def __init__(self) -> None:
        self.events: list[AmiEvent] = []
        self.lost: list[str] = []
        self.protocol = HardenedProtocol(self.events.append, self.lost.append)

    def hears(self, *chunks: bytes) -> list[str]:
        """Feed these chunks; return the names of all events so far."""
        for chunk in chunks:
            self.protocol.data_received(chunk)
        return [event.name for event in self.events]


def test_an_action_is_encoded_in_one_piece() -> None:
    """Name and id come first, a list repeats its header, and the text is UTF-8."""
    encoded = encode_action("Originate", "7", {"Variable": ["A=1", "B=2"], "CallerID": "René"})
    assert encoded == (
        b"Action: Originate\r\nActionID: 7\r\nVariable: A=1\r\nVariable: B=2\r\n"
        b"CallerID: Ren\xc3\xa9\r\n\r\n"
    )


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "x\r\nAction: Originate"])
def test_what_would_make_one_action_two_is_refused(bad: str) -> None:
    """In the name, in a key, in a value and in a list's value."""
    for name, fields in (
        ("Ping" + bad, {}),
        ("Ping", {"Key" + bad: "value"}),
        ("Ping", {"Key": bad}),
        ("Ping", {"Key": ["fine", bad]}),
    ):
        with pytest.raises(ValueError, match="line break"):
            encode_action(name, "1", fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"ActionID": "2"},
        {"action": "Command"},
        {"Key: Action": "Command"},
        {"Key": "x" * LINE_LIMIT},
        {"Key": ["x"] * 127},
    ],
)
def test_what_asterisk_would_misread_is_refused(fields: dict[str, str | list[str]]) -> None:
    """A second name or id, a key that is more than one, too long a line, too many of them."""
    with pytest.raises(ValueError, match="an AMI"):
        encode_action("Ping", "1", fields)


def test_the_longest_action_that_asterisk_reads_is_sent() -> None:
    """The limits are not tighter than Asterisk's."""
    longest = "x" * (LINE_LIMIT - len("Key: "))
    assert encode_action("Ping", "1", {"Key": [longest] * 126}).count(b"\r\n") == 129


def test_the_first_header_of_a_name_counts() -> None:
    """A later one changes nothing, however it is spelled: it may be a stranger's."""
    ear = Ear()
    ear.hears(
        GREETING,
        b"Event: Hangup\r\nUniqueid: 1.1\r\nCallerIDNum: x\r\nuniqueid: 6.6\r\nUniqueid: 7.7\r\n"
        b"event: UserEvent\r\n\r\n",
    )
    (event,) = ear.events
    assert event == AmiEvent("Hangup", event.fields)
    assert dict(event.fields) == {"Event": "Hangup", "Uniqueid": "1.1", "CallerIDNum": "x"}


def test_the_rest_of_an_event_that_was_cut_in_two_is_no_event() -> None:
    """Neither are a name that Asterisk would not give and a line without a header."""
    ear = Ear()
    names = ear.hears(
        GREETING,
        b"Event: Hangup\r\nCallerIDName: a\r\n\r\nExten: s\r\nEvent: UserEvent\r\n\r\n",
        b"Event: +12125550111\r\n\r\n",
        b"Event:\r\n\r\n\r\n\r\n",
        b"Event: AOC-D\r\nno header\r\n\r\n",
    )
    assert names == ["Hangup", "AOC-D"]
    assert ear.lost == []


def test_an_event_called_shutdown_ends_nothing() -> None:
    """A caller could forge it; Asterisk closes the socket by itself."""
    ear = Ear()
    assert ear.hears(GREETING, b"Event: Shutdown\r\n\r\nEvent: Next\r\n\r\n") == [
        "Shutdown",
        "Next",
    ]


def test_bytes_that_are_no_text_are_replaced() -> None:
    """They cost neither the event nor the connection."""
    ear = Ear()
    ear.hears(GREETING, b"Event: A\r\nName: \xff\xc3\r\n\r\n")
    assert ear.events[0].fields["Name"] == "\ufffd\ufffd"


@given(
    st.integers(MESSAGE_LIMIT - 2, MESSAGE_LIMIT + 2),
    st.lists(st.integers(MESSAGE_LIMIT - 8, MESSAGE_LIMIT + 90), max_size=6).map(sorted),
)
def test_the_limit_is_the_same_for_any_chunking(size: int, cuts: list[int]) -> None:
    """A message of just the limit is taken, one byte more ends the connection for good."""
    head = b"Event: Big\r\nX: "
    big = head + b"x" * (size - len(head)) + b"\r\n\r\n"
    stream = GREETING + big + b"Event: Next\r\n\r\n"
    ear = Ear()
    names = ear.hears(*(stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)))
    if size <= MESSAGE_LIMIT:
        assert (names, ear.lost) == (["Big", "Next"], [])
    else:
        assert (names, ear.lost) == ([], [f"a message of more than {MESSAGE_LIMIT} bytes"])


@pytest.mark.parametrize(
    "first", [b"SSH-2.0-x\r\n", b"x" * 2000, GREETING[:-2] + b"x" * 2000 + b"\r\n"]
)
def test_who_does_not_greet_as_asterisk_is_left(first: bytes) -> None:
    """For any chunking, too."""
    for chunks in ([first], [first[n : n + 1] for n in range(len(first))]):
        ear = Ear()
        ear.hears(*chunks)
        assert ear.lost == ["the program on that port is not Asterisk's manager"]


@asynccontextmanager
async def connection() -> AsyncIterator[tuple[HardenedProtocol, Peer, Ear]]:
    """Connect a protocol to a peer over TCP."""
    peers: asyncio.Queue[Peer] = asyncio.Queue()

    async def play(peer: Peer) -> None:
        await peer.write(GREETING)
        peers.put_nowait(peer)
        await asyncio.Event().wait()

    ear = Ear()
    async with listening(play) as port:
        await asyncio.get_running_loop().create_connection(lambda: ear.protocol, "127.0.0.1", port)
        yield ear.protocol, await asyncio.wait_for(peers.get(), DEADLINE), ear
        ear.protocol.abort("the test is over")


async def answered(answer: asyncio.Future[AmiResponse]) -> AmiResponse:
    """Wait for an answer."""
    return await asyncio.wait_for(answer, DEADLINE)


async def test_a_list_is_gathered_and_other_events_are_not() -> None:
    """What has no id of ours, or one that was not asked for a list, is an event of its own."""
    async with connection() as (protocol, peer, ear):
        answer = protocol.send("CoreShowChannels", {})
        action = await peer.action("CoreShowChannels")
        await peer.answer(action, "Event: OriginateResponse", "Response: Failure")
        await peer.answer(action, "Response: Success", "EventList: start", "Message: follows")
        await peer.answer(action, "Event: CoreShowChannel", "Linkedid: 1.1")
        await peer.say("Event: Hangup", "ActionID: guessed")
        await peer.say("Response: Success", "ActionID: guessed")
        await peer.answer(action, "Event: CoreShowChannelsComplete", "EventList: Complete")
        response = await answered(answer)
        assert (response.ok, response.message) == (True, "follows")
        assert [event.name for event in response.events] == [
            "CoreShowChannel",
            "CoreShowChannelsComplete",
        ]
        assert [event.name for event in ear.events] == ["OriginateResponse", "Hangup"]


async def test_an_empty_list_and_an_error_are_answers() -> None:
    """An error has no list behind it, and a list may be its end alone."""
    async with connection() as (protocol, peer, _):
        for first, last, end in (
            ("Error", None, ""),
            ("Success", "Event: StatusComplete", "EventList: Complete"),
            ("Success", "Event: StatusComplete", "EventList: Cancelled"),  # as Asterisk spells it
        ):
            answer = protocol.send("Status", {})
            action = await peer.action("Status")
            await peer.answer(action, f"Response: {first}", "EventList: start")
            if last is not None:
                await peer.answer(action, last, end)
            response = await answered(answer)
            assert (response.ok, len(response.events)) == (last is not None, int(last is not None))


async def test_a_list_without_end_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its events are held up to a bound; who asked is told."""
    monkeypatch.setattr(codec, "LIST_LIMIT", 10_000)  # bytes; a test need not send 8 MiB
    async with connection() as (protocol, peer, ear):
        answer = protocol.send("Status", {})
        action = await peer.action("Status")
        await peer.answer(action, "Response: Success", "EventList: start")
        for _ in range(40):
            await peer.answer(action, "Event: Status")
        with pytest.raises(AmiUnavailable, match="a list of more"):
            await answered(answer)
        assert ear.lost == ["a list of more than we can hold"]


async def test_too_many_unanswered_actions_end_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also those that nobody waits for any more are counted."""
    monkeypatch.setattr(codec, "UNANSWERED_LIMIT", 3)
    async with connection() as (protocol, _, ear):
        answers = [protocol.send("Slow", {}) for _ in range(3)]
        answers[0].cancel()
        with pytest.raises(AmiUnavailable):
            protocol.send("Slow", {})
        assert ear.lost == ["Asterisk left 3 actions unanswered"]
        for answer in answers[1:]:
            with pytest.raises(AmiUnavailable, match="unanswered"):
                await answer


async def test_a_loss_fails_what_was_asked_and_is_reported_once() -> None:
    """Afterward nothing can be sent."""
    async with connection() as (protocol, peer, ear):
        answer = protocol.send("Slow", {})
        await peer.action("Slow")
        peer.cut()
        with pytest.raises(AmiUnavailable):
            await answered(answer)
        await until(lambda: bool(ear.lost))
        with pytest.raises(AmiUnavailable):
            protocol.send("Ping", {})
        assert len(ear.lost) == 1


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
