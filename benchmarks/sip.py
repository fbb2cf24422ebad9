"""A carrier of one UDP socket that times how long an INVITE takes to come back as another."""

from __future__ import annotations

import re
import socket
import time
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

AREA = "+1917"  # where callers are, by their number
DEADLINE_S = 8.0  # an INVITE that takes longer has failed; a hung daemon costs four
SDP = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)


class BenchError(Exception):
    """The line did not do what a measurement needs."""


@dataclass(frozen=True)
class Message:
    """One SIP message; header names in lower case, the first of each."""

    start: str
    headers: dict[str, str]
    vias: str
    source: tuple[str, int]
    at: float
    body: str = ""

    @property
    def method(self) -> str:
        """Return a request's method, or an empty text for a response."""
        return "" if self.start.startswith("SIP/2.0") else self.start.split()[0]

    @property
    def status(self) -> int:
        """Return a response's code, or 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0


class OneSocketCarrier:
    """Places a call to the office and receives the call that the office then makes."""

    def __init__(self, host: str, office: tuple[str, int]) -> None:
        self._office = office
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.settimeout(DEADLINE_S)
        self.address: tuple[str, int] = self._socket.getsockname()
        self._me = f"{host}:{self.address[1]}"

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def delay(self, did: str, area: str = AREA) -> float:
        """Return the seconds from our INVITE to the office's; the call is ended in order.

        `area` is what the caller's number begins with.
        """
        dialog = _Dialog(self, did, f"{area}5550123")
        sent = time.perf_counter()
        dialog.invite()
        deadline = sent + DEADLINE_S
        out: Message | None = None
        answered = False
        while not (out and answered):
            message = self._receive(deadline)
            if message.method == "INVITE" and out is None:
                out = message
                self._respond(message, "180 Ringing", tag="bench")
            elif message.status >= 200 and message.headers["call-id"] == dialog.call_id:
                if message.status >= 300:
                    raise BenchError(f"the office answered {message.start}")
                dialog.acknowledge(message)
                answered = True
            elif message.method == "OPTIONS":
                self._respond(message, "200 OK", tag="bench")
        dialog.bye()
        self._finish(out, deadline)
        return out.at - sent

    def _finish(self, out: Message, deadline: float) -> None:
        """Wait until the office has taken its own call back and confirmed the end of ours."""
        canceled = confirmed = False
        while not (canceled and confirmed):
            message = self._receive(deadline)
            if message.method == "CANCEL":
                self._respond(message, "200 OK", tag="bench")
                self._respond(out, "487 Request Terminated", tag="bench")
            elif message.method == "ACK":
                canceled = True
            elif message.method == "OPTIONS":
                self._respond(message, "200 OK", tag="bench")
            elif message.status == 200 and "BYE" in message.headers["cseq"]:
                confirmed = True

    def first_audio(self, did: str, area: str = AREA) -> float:
        """Return the seconds from our INVITE to the first packet of what the office plays."""
        dialog = _Dialog(self, did, f"{area}5550123")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as audio:
            audio.bind((self.address[0], 0))
            audio.settimeout(DEADLINE_S)
            sent = time.perf_counter()
            dialog.invite(audio.getsockname()[1])
            answer = self._answer(dialog, sent + DEADLINE_S)
            port = re.search(r"m=audio (\d+)", answer.body)
            if port is None:
                raise BenchError("the office answered without audio")
            # A caller's audio begins with the answer; Asterisk waits for it, but not forever.
            for number in range(3):
                head = bytes((0x80, 0, 0, number)) + bytes(4) + b"OLBM"
                audio.sendto(head + b"\xff" * 160, (self._office[0], int(port[1])))
            audio.recv(2048)
            heard = time.perf_counter() - sent
        dialog.bye()
        while (ended := self._receive(sent + 2 * DEADLINE_S)).status != 200:
            if ended.method == "OPTIONS":
                self._respond(ended, "200 OK", tag="bench")
        return heard

    def _answer(self, dialog: _Dialog, deadline: float) -> Message:
        while True:
            message = self._receive(deadline)
            if message.status >= 200 and message.headers["call-id"] == dialog.call_id:
                if message.status >= 300:
                    raise BenchError(f"the office answered {message.start}")
                dialog.acknowledge(message)
                return message
            if message.method == "OPTIONS":
                self._respond(message, "200 OK", tag="bench")

    def paced(self, did: str, area: str, calls: int, rate: float, talk_s: float) -> list[float]:
        """Place so many calls a second, each for `talk_s`; return the delays in their order.

        Calls overlap, and the office's INVITEs say nothing of whose they are: they are matched in
        the order in which they come.
        """
        return _Paced(self, did, area, talk_s).run(calls, 1 / rate)

    def send(self, text: str, to: tuple[str, int] | None = None) -> None:
        """Send one message to the office."""
        self._socket.sendto(text.encode(), to or self._office)

    def _receive(self, deadline: float) -> Message:
        self._socket.settimeout(max(deadline - time.perf_counter(), 0.001))
        try:
            data, source = self._socket.recvfrom(65536)
        except TimeoutError as error:
            raise BenchError("the office did not answer in time") from error
        at = time.perf_counter()
        head, _, body = data.decode(errors="replace").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, text = line.partition(":")
            headers.setdefault(name.strip().lower(), text.strip())
        vias = "".join(f"{line}\r\n" for line in lines if line.lower().startswith("via:"))
        return Message(start, headers, vias, source, at, body)

    def _respond(self, request: Message, line: str, tag: str) -> None:
        to = request.headers["to"]
        to = to if "tag=" in to else f"{to};tag={tag}"
        self.send(
            f"SIP/2.0 {line}\r\n{request.vias}From: {request.headers['from']}\r\nTo: {to}\r\n"
            f"Call-ID: {request.headers['call-id']}\r\nCSeq: {request.headers['cseq']}\r\n"
            f"Contact: <sip:{self._me}>\r\nContent-Length: 0\r\n\r\n",
            request.source,
        )


class _Dialog:
    """Our side of one call to the office."""

    def __init__(self, carrier: OneSocketCarrier, did: str, caller: str) -> None:
        self._carrier = carrier
        host, port = carrier.address
        office = "{}:{}".format(*carrier._office)  # noqa: SLF001  # two halves of one client
        self._me = f"{host}:{port}"
        self._host = host
        self._uri = f"sip:{did}@{office}"
        self._from = f"<sip:{caller}@{self._me}>;tag={uuid.uuid4().hex[:8]}"
        self._to = f"<{self._uri}>"
        self.call_id = uuid.uuid4().hex

    def _request(self, method: str, sequence: int, body: str = "") -> str:
        branch = f"z9hG4bK{uuid.uuid4().hex[:12]}"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} {self._uri} SIP/2.0\r\nVia: SIP/2.0/UDP {self._me};rport;branch={branch}\r\n"
            f"Max-Forwards: 70\r\nFrom: {self._from}\r\nTo: {self._to}\r\n"
            f"Call-ID: {self.call_id}\r\nCSeq: {sequence} {method}\r\n"
            f"Contact: <sip:bench@{self._me}>\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def invite(self, audio_port: int = 9) -> None:
        """Call the office; audio is awaited at that port."""
        body = SDP.format(host=self._host, port=audio_port)
        self._carrier.send(self._request("INVITE", 1, body))

    def acknowledge(self, answer: Message) -> None:
        """Confirm the office's answer and remember where the dialog goes on."""
        self._to = answer.headers["to"]
        contact = re.search(r"<([^>]+)>", answer.headers.get("contact", ""))
        if contact:
            self._uri = contact[1]
        self._carrier.send(self._request("ACK", 1))

    def bye(self) -> None:
        """Hang up."""
        self._carrier.send(self._request("BYE", 2))


class _Paced:
    """Calls that begin by the clock, whatever became of those before."""

    def __init__(self, carrier: OneSocketCarrier, did: str, area: str, talk_s: float) -> None:
        self._carrier = carrier
        self._did = did
        self._area = area
        self._talk_s = talk_s
        self._sent: deque[float] = deque()  # our INVITEs that none of the office's answers yet
        self._delays: list[float] = []
        self._dialogs: dict[str, _Dialog] = {}
        self._out: dict[str, Message] = {}
        self._ends: deque[tuple[float, _Dialog]] = deque()

    def run(self, calls: int, every_s: float) -> list[float]:
        """Place them all, and wait until all of both sides are over."""
        begin = time.perf_counter()
        placed = 0
        deadline = begin + calls * every_s + self._talk_s + DEADLINE_S
        while placed < calls or self._dialogs or self._out:
            now = time.perf_counter()
            if now > deadline:
                raise BenchError(f"{len(self._dialogs)} calls did not end")
            if placed < calls and now >= begin + placed * every_s:
                self._begin(now, placed)
                placed += 1
                continue
            if self._ends and now >= self._ends[0][0]:
                self._ends.popleft()[1].bye()
                continue
            self._hear(min(now + 0.05, *self._next(begin + placed * every_s, placed < calls)))
        if self._sent:
            raise BenchError(f"{len(self._sent)} calls rang nobody")
        return self._delays

    def _next(self, call: float, more: bool) -> Sequence[float]:  # noqa: FBT001  # one caller
        ends = [self._ends[0][0]] if self._ends else []
        return [*ends, *([call] if more else []), float("inf")]

    def _begin(self, now: float, number: int) -> None:
        dialog = _Dialog(self._carrier, self._did, f"{self._area}555{number % 10_000:04}")
        self._dialogs[dialog.call_id] = dialog
        self._sent.append(now)
        dialog.invite()

    def _hear(self, until: float) -> None:
        carrier = self._carrier
        try:
            message = carrier._receive(until)  # noqa: SLF001  # two halves of one client
        except BenchError:
            return
        call_id = message.headers["call-id"]
        if message.method == "INVITE" and call_id not in self._out:
            self._out[call_id] = message
            self._delays.append(message.at - self._sent.popleft())
            carrier._respond(message, "180 Ringing", tag="bench")  # noqa: SLF001  # as above
        elif message.method in {"CANCEL", "OPTIONS"}:
            carrier._respond(message, "200 OK", tag="bench")  # noqa: SLF001  # as above
            if message.method == "CANCEL" and call_id in self._out:
                end = "487 Request Terminated"
                carrier._respond(self._out[call_id], end, tag="bench")  # noqa: SLF001  # as above
        elif message.method == "ACK":
            self._out.pop(call_id, None)
        elif message.status >= 200:
            self._answered(message, call_id)

    def _answered(self, message: Message, call_id: str) -> None:
        dialog = self._dialogs.get(call_id)
        if dialog is None:
            return
        if message.status >= 300:
            raise BenchError(f"the office answered {message.start}")
        if "BYE" in message.headers["cseq"]:
            del self._dialogs[call_id]
        else:
            dialog.acknowledge(message)
            self._ends.append((message.at + self._talk_s, dialog))
