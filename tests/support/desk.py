"""A desk phone by hand: it registers, picks up, and puts whoever calls on hold, without audio."""

from __future__ import annotations

import re
import time
import uuid

from pbx.demo.stage import Stage
from tests.support.sip import DEADLINE_S, SipSocket, digest, office

HOST = "127.0.0.1"


class DeskPhone:
    """One desk phone of a stage; each method blocks."""

    def __init__(self, stage: Stage, phone: str) -> None:
        self._peer = SipSocket(HOST, office(stage))
        self._phone, self._secret = phone, stage.secrets.phones[phone]
        self._invite = ""
        self._count = 0

    def register(self) -> None:
        """Register with the phone's password; AssertionError if that is refused."""
        peer, phone = self._peer, self._phone
        named = {
            "To": f"<sip:{phone}@{HOST}>",
            "Contact": f"<sip:{phone}@{peer.host}:{peer.port}>",
            "Expires": "600",
        }
        text, call = peer.request("REGISTER", phone, caller=phone, headers=named)
        peer.send(text)
        uri = f"sip:{phone}@{peer.office[0]}:{peer.office[1]}"
        answer = digest(peer.receive() or "", phone, self._secret, "REGISTER", uri)
        more = {**named, "Authorization": answer, "Call-ID": call, "CSeq": "2 REGISTER"}
        assert peer.asks("REGISTER", phone, caller=phone, headers=more) == 200

    def picks_up(self, deadline: float) -> None:
        """Answer the next call; AssertionError if none comes in so many seconds."""
        self._invite = self._next("INVITE", deadline)
        self._peer.send(self._answer(self._invite, self._peer.sdp()))
        self._next("ACK", DEADLINE_S)

    def picks_up_forked(self, deadline: float) -> list[str]:
        """Answer the next call twice, as two phones behind one proxy do; return what comes then."""
        self._invite = self._next("INVITE", deadline)
        first = self._answer(self._invite, self._peer.sdp())
        self._peer.send(first)
        self._next("ACK", DEADLINE_S)
        self._peer.send(first.replace(";tag=desk", ";tag=other"))
        found = []
        while (text := self._peer.receive(2)) is not None:
            found.append(text)
        return found

    def invite(self) -> str:
        """Return the call that was picked up, as it came."""
        return self._invite

    def holds(self, way: str) -> int | None:
        """Say that audio goes this `way`, as "sendonly" or "inactive"; return the status."""
        return self._asks("INVITE", f"{self._peer.sdp()}a={way}\r\n")

    def is_asked(self, deadline: float, *, answers: bool = True) -> str:
        """Wait until we are asked within the call whether we are there; return the request.

        An answer with the SDP of a phone that goes on holding is given, or none.
        """
        asked = self._next(("INVITE", "UPDATE"), deadline)
        if answers:
            sdp = f"{self._peer.sdp()}a=sendonly\r\n" if "m=audio" in asked else ""
            self._peer.send(self._answer(asked, sdp))
        return asked

    def hangs_up(self) -> None:
        """End the call and close the phone."""
        self._asks("BYE")
        self.vanishes()

    def vanishes(self) -> None:
        """Close the phone without a word."""
        self._peer.socket.close()

    def _next(self, method: str | tuple[str, ...], deadline: float) -> str:
        while True:
            text = self._peer.receive(deadline)
            assert text is not None, f"no {method} came"
            if text.partition(" ")[0] in method:
                return text
            if text.startswith("OPTIONS "):
                self._peer.send(self._answer(text))

    def _answer(self, request: str, body: str = "") -> str:
        lines = [
            line if not line.startswith("To:") or ";tag=" in line else f"{line};tag=desk"
            for line in request.partition("\r\n\r\n")[0].split("\r\n")[1:]
            if line.startswith(("Via:", "From:", "To:", "Call-ID:", "CSeq:"))
        ]
        own = f"Contact: <sip:{self._phone}@{self._peer.host}:{self._peer.port}>"
        kind = ["Content-Type: application/sdp"] if body else []
        length = f"Content-Length: {len(body)}"
        return "\r\n".join(["SIP/2.0 200 OK", *lines, own, *kind, length, "", body])

    def _asks(self, method: str, body: str = "") -> int | None:
        """Send a request of our own within the call that came; return the answer's status."""
        self._count += 1
        found = {
            name: re.search(rf"(?m)^{name}: ([^\r\n]*)", self._invite)
            for name in ("From", "To", "Call-ID", "Contact")
        }
        theirs = {name: one[1] for name, one in found.items() if one}
        target = theirs["Contact"].partition("<")[2].partition(">")[0]
        branch = f"z9hG4bK{uuid.uuid4().hex[:12]}"

        def request(method: str, body: str) -> str:
            fields = {
                "Via": f"SIP/2.0/UDP {self._peer.host}:{self._peer.port};rport;branch={branch}",
                "Max-Forwards": "70",
                "From": f"{theirs['To']};tag=desk",
                "To": theirs["From"],
                "Call-ID": theirs["Call-ID"],
                "CSeq": f"{self._count} {method}",
                "Contact": f"<sip:{self._phone}@{self._peer.host}:{self._peer.port}>",
                **({"Content-Type": "application/sdp"} if body else {}),
                "Content-Length": str(len(body)),
            }
            lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
            return f"{method} {target} SIP/2.0\r\n{lines}\r\n{body}"

        self._peer.send(request(method, body))
        end = time.monotonic() + DEADLINE_S
        while (left := end - time.monotonic()) > 0:
            text = self._peer.receive(left) or ""
            code = re.match(r"SIP/2\.0 ([2-6]\d\d)", text)
            if code and f"{self._count} {method}" in text:
                if method == "INVITE":
                    self._peer.send(request("ACK", ""))
                return int(code[1])
        return None
