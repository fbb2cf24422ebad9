"""Check the carrier: whether it answers OPTIONS, and whether it accepts our registration."""

from __future__ import annotations

import re
import socket
import uuid
from collections.abc import Callable
from pathlib import Path

from dialplan.names import TRUNK

DEADLINE_S = 2.0
TAIL = 100_000  # bytes of the log: hours of tries
# https://github.com/asterisk/asterisk/blob/22/res/res_pjsip_outbound_registration.c
_TRY = re.compile(
    r"(?:No response|Temporal response '(?=\d)|'(?=\d+' fatal)|(?=403 Forbidden fatal))(\d*)"
    r".{0,30} received from .* registration attempt"
)


def reaches(host: str, port: int) -> bool:
    """Return whether a SIP server answers OPTIONS over UDP with any status. Blocks up to 2 s."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as knock:
            knock.settimeout(DEADLINE_S)
            knock.connect(address)
            own, own_port = knock.getsockname()[:2]
            request = (
                f"OPTIONS sip:{host}:{port} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {own}:{own_port};rport;branch=z9hG4bK{uuid.uuid4().hex[:16]}\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:officeline@{own}>;tag={uuid.uuid4().hex[:8]}\r\n"
                f"To: <sip:{host}:{port}>\r\nCall-ID: {uuid.uuid4().hex}\r\n"
                f"CSeq: 1 OPTIONS\r\nContact: <sip:officeline@{own}:{own_port}>\r\n"
                "Content-Length: 0\r\n\r\n"
            )
            knock.send(request.encode())
            return knock.recv(2048).startswith(b"SIP/2.0 ")
    except OSError:  # refused, unknown host, or no answer in time
        return False


def registration(ask: Callable[[str], str]) -> str:
    """Return the state of our registration from Asterisk's console, such as "Registered"."""
    said = ask("pjsip show registrations")
    found = re.search(r"^ *trunk-registration/\S+ +\S+ +(\w+)", said, re.MULTILINE)
    return found[1] if found else "Unknown"


def last_try(log: Path) -> str | None:
    """Read from Asterisk's log what the carrier answered when we failed to register last.

    It is a status, as "403", or empty where nothing came; None if the log tells of no such try.
    """
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL))
            said = file.read().decode(errors="replace")
    except OSError:
        return None
    tries = _TRY.findall(said)
    return tries[-1] if tries else None


def trunk_state(ask: Callable[[str], str]) -> str | None:
    """Return the state of the trunk from Asterisk's console, without sending anything.

    It is the registration's state, or else whether the carrier answers OPTIONS: "Avail" or
    "Unavail". None if Asterisk does not know yet.
    """
    registered = registration(ask)
    if registered != "Unknown":
        return registered
    found = contact_states(ask).get(TRUNK)
    return found if found in {"Avail", "Unavail"} else None


def contact_states(ask: Callable[[str], str]) -> dict[str, str]:
    """Map each endpoint in Asterisk's console to the best state of its contacts."""
    found: dict[str, str] = {}
    for line in ask("pjsip show contacts").splitlines():
        reported = re.match(r" *Contact: +([^/\s]+)/\S+ .* (\w+) +\S+ *$", line)
        if reported and found.get(reported[1]) != "Avail":
            found[reported[1]] = reported[2]
    return found
