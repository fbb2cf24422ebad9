"""A carrier of one UDP socket that times how long an INVITE takes to come back as another."""

from __future__ import annotations

import re
import socket
import time
import uuid
from dataclasses import dataclass

DEADLINE_S = 5.0  # an INVITE that takes longer has failed
SDP = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio 9 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
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

    def delay(self, did: str, caller: str = "+19175550123") -> float:
        """Return the seconds from our INVITE to the office's; the call is ended in order."""
        dialog = _Dialog(self, did, caller)
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
        cancelled = confirmed = False
        while not (cancelled and confirmed):
            message = self._receive(deadline)
            if message.method == "CANCEL":
                self._respond(message, "200 OK", tag="bench")
                self._respond(out, "487 Request Terminated", tag="bench")
            elif message.method == "ACK":
                cancelled = True
            elif message.method == "OPTIONS":
                self._respond(message, "200 OK", tag="bench")
            elif message.status == 200 and "BYE" in message.headers["cseq"]:
                confirmed = True

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
        head = data.decode(errors="replace").split("\r\n\r\n", 1)[0]
        start, *lines = head.split("\r\n")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, text = line.partition(":")
            headers.setdefault(name.strip().lower(), text.strip())
        vias = "".join(f"{line}\r\n" for line in lines if line.lower().startswith("via:"))
        return Message(start, headers, vias, source, at)

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

    def invite(self) -> None:
        """Call the office."""
        self._carrier.send(self._request("INVITE", 1, SDP.format(host=self._host)))

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
