"""SIP by hand: one UDP socket on any loopback address, which says what no telephone would."""

from __future__ import annotations

import hashlib
import re
import socket
import time
import uuid
from collections.abc import Mapping
from typing import Self

from pbx.demo.stage import Stage

DEADLINE_S = 4.0
SDP = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio 9 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)


def office(stage: Stage) -> tuple[str, int]:
    """Return where the office of a stage speaks SIP."""
    return stage.asterisk.instance.host, stage.asterisk.instance.ports.sip


class SipSocket:
    """One peer of the office, named by its loopback address; `office` is host and port."""

    def __init__(self, host: str, office: tuple[str, int]) -> None:
        self.office = office
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.host, self.port = self.socket.getsockname()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, message: str | bytes) -> None:
        """Send one datagram as it is."""
        data = message.encode("utf-8", "surrogateescape") if isinstance(message, str) else message
        self.socket.sendto(data, self.office)

    def receive(self, deadline: float = DEADLINE_S) -> str | None:
        """Wait for the next datagram; None if none comes in so many seconds."""
        self.socket.settimeout(deadline)
        try:
            return self.socket.recv(65535).decode(errors="replace")
        except TimeoutError:
            return None

    def status(self, call_id: str | None = None, deadline: float = DEADLINE_S) -> int | None:
        """Wait for the final answer (to one call's request, if named); None if there is none.

        Provisional answers and requests of the office are passed over.
        """
        end = time.monotonic() + deadline
        while (left := end - time.monotonic()) > 0:
            text = self.receive(left)
            if text is None:
                return None
            code = re.match(r"SIP/2\.0 ([2-6]\d\d)", text)
            if code and (call_id is None or call_id in text):
                return int(code[1])
        return None

    def request(
        self,
        method: str,
        user: str,
        *,
        caller: str = "mallory",
        headers: Mapping[str, str] | None = None,
        body: str = "",
    ) -> tuple[str, str]:
        """Write a request to a user of the office; return it and its Call-ID.

        `headers` replace those of the same name, or are added.
        """
        call_id = uuid.uuid4().hex
        host, port = self.office
        fields = {
            "Via": f"SIP/2.0/UDP {self.host}:{self.port};rport;branch=z9hG4bK{call_id[:12]}",
            "Max-Forwards": "70",
            "From": f"<sip:{caller}@{self.host}>;tag={call_id[:8]}",
            "To": f"<sip:{user}@{host}>",
            "Call-ID": call_id,
            "CSeq": f"1 {method}",
            "Contact": f"<sip:{self.host}:{self.port}>",
            **(headers or {}),
        }
        if body:
            fields.setdefault("Content-Type", "application/sdp")
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        length = len(body.encode("utf-8", "surrogateescape"))
        start = f"{method} sip:{user}@{host}:{port} SIP/2.0\r\n"
        return f"{start}{lines}Content-Length: {length}\r\n\r\n{body}", fields["Call-ID"]

    def asks(
        self,
        method: str,
        user: str,
        *,
        caller: str = "mallory",
        headers: Mapping[str, str] | None = None,
        body: str = "",
    ) -> int | None:
        """Send a request and return the status of its final answer; an INVITE's is confirmed."""
        text, call_id = self.request(method, user, caller=caller, headers=headers, body=body)
        self.send(text)
        status = self.status(call_id)
        if method == "INVITE" and status is not None:
            self.send(self.confirmation(text))
        return status

    @staticmethod
    def confirmation(invite: str) -> str:
        """Write the ACK that ends an INVITE's transaction."""
        lines = invite.partition("\r\n\r\n")[0].replace("INVITE", "ACK").split("\r\n")
        return "\r\n".join(line for line in lines if not line.startswith("Content-")) + "\r\n\r\n"

    def sdp(self) -> str:
        """Describe audio at this address, which nobody listens to."""
        return SDP.format(host=self.host)


class Dialog:
    """A call to the office that was answered; requests go on in it."""

    def __init__(self, peer: SipSocket, user: str, headers: Mapping[str, str]) -> None:
        self._peer = peer
        self._user = user
        self._headers = dict(headers)
        self._count = 1

    @classmethod
    def called(
        cls, peer: SipSocket, user: str, caller: str, headers: Mapping[str, str] | None = None
    ) -> Self:
        """Call the office and wait until it answers; AssertionError if it does not."""
        text, call_id = peer.request(
            "INVITE", user, caller=caller, headers=headers, body=peer.sdp()
        )
        peer.send(text)
        end = time.monotonic() + DEADLINE_S
        while True:
            answer = peer.receive(max(end - time.monotonic(), 0.01))
            assert answer is not None, "nobody answered"
            if call_id in answer and answer.startswith("SIP/2.0 2"):
                break
            assert not re.match(r"SIP/2\.0 [3-6]", answer), answer
        kept = {
            name: re.search(rf"(?im)^{name}: ([^\r\n]*)", answer)
            for name in ("From", "To", "Call-ID")
        }
        dialog = cls(peer, user, {name: found[1] for name, found in kept.items() if found})
        peer.send(dialog._request("ACK"))
        return dialog

    def asks(
        self,
        method: str,
        headers: Mapping[str, str] | None = None,
        deadline: float = DEADLINE_S,
    ) -> int | None:
        """Send a request inside the call and return the status of its answer, None if none came."""
        self._count += 1
        self._peer.send(self._request(method, headers))
        end = time.monotonic() + deadline
        while (left := end - time.monotonic()) > 0:
            text = self._peer.receive(left) or ""
            code = re.match(r"SIP/2\.0 ([2-6]\d\d)", text)
            if code and f"{self._count} {method}" in text:
                return int(code[1])
        return None

    def _request(self, method: str, headers: Mapping[str, str] | None = None) -> str:
        sequence = {"CSeq": f"{self._count} {method}"}
        branch = f"z9hG4bK{uuid.uuid4().hex[:12]}"
        via = {"Via": f"SIP/2.0/UDP {self._peer.host}:{self._peer.port};rport;branch={branch}"}
        more = {**self._headers, **sequence, **via, **(headers or {})}
        return self._peer.request(method, self._user, headers=more)[0]


def digest(challenge: str, user: str, secret: str, method: str, uri: str) -> str:
    """Answer the challenge of a 401 as a telephone does (RFC 2617, MD5, with or without qop)."""
    words = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge.partition("Digest ")[2]))
    one, two = _md5(f"{user}:{words['realm']}:{secret}"), _md5(f"{method}:{uri}")
    nonce, count, own = words["nonce"], "00000001", uuid.uuid4().hex[:8]
    if "qop" in words:
        answer = _md5(f"{one}:{nonce}:{count}:{own}:auth:{two}")
        more = f', qop=auth, nc={count}, cnonce="{own}"'
    else:
        answer, more = _md5(f"{one}:{nonce}:{two}"), ""
    opaque = f', opaque="{words["opaque"]}"' if "opaque" in words else ""
    return (
        f'Digest username="{user}", realm="{words["realm"]}", nonce="{nonce}", uri="{uri}", '
        f'response="{answer}", algorithm=MD5{more}{opaque}'
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()  # SIP's digest is MD5
