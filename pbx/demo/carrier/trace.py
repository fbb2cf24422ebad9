"""Parse the SIP messages that the carrier's Asterisk logged."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_MARK = re.compile(
    r"<--- (Transmitting|Received) SIP (?:request|response) \(\d+ bytes\) (?:to|from) "
    r"\w+:([0-9.]+:\d+) --->\n(.*?)(?=\n\[\d{4}-|\Z)",
    re.DOTALL,
)


@dataclass(frozen=True)
class SipMessage:
    """One message: whether the carrier received it, the other address, and its text."""

    received: bool
    peer: str
    text: str

    @property
    def call_id(self) -> str:
        """Return the Call-ID."""
        match = re.search(r"^Call-ID:\s*(\S+)", self.text, re.MULTILINE | re.IGNORECASE)
        return match[1] if match else ""

    @property
    def start(self) -> str:
        """Return the first line: the method and target of a request, or a status."""
        return self.text.split("\n", 1)[0].strip()


def read(path: Path) -> list[SipMessage]:
    """Return every SIP message in a log with the output of the pjsip logger."""
    text = path.read_text(errors="replace").replace("\r", "") if path.exists() else ""
    return [
        SipMessage(kind == "Received", peer, body.strip())
        for kind, peer, body in _MARK.findall(text)
    ]
