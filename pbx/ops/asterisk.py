"""Check whether this office's Asterisk answers, without using the control layer."""

from __future__ import annotations

import hashlib
import re
import socket

from dialplan.manager import USER
from pbx.base.errors import OfficeLineError
from pbx.config import secrets
from pbx.config.home import Home

ANSWERS_S = 1.0  # enough for a manager on this machine
LARGEST = 10_000  # bytes of an answer


def manager_answers(home: Home) -> bool | None:
    """Return whether the manager accepts our login; None if its port or secret cannot be read.

    The login distinguishes our Asterisk from another office's that uses the port now. The secret is
    not sent in plain text, because any process may be listening there.
    """
    try:
        port, secret = home.recall_ports().ami, secrets.read(home.folder).manager
    except OfficeLineError:
        return None if home.ports.exists() else False
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=ANSWERS_S) as manager:
            asked = _said(manager, "Action: Challenge", "AuthType: MD5")
            challenge = re.search(rb"Challenge: (\S+)", asked)
            if challenge is None:
                return False
            key = hashlib.md5(challenge[1] + secret.encode(), usedforsecurity=False).hexdigest()
            login = (f"Username: {USER}", f"Key: {key}", "Events: off")
            return b"Success" in _said(manager, "Action: Login", "AuthType: MD5", *login)
    except OSError:  # refused, or no answer in time
        return False


def _said(manager: socket.socket, *lines: str) -> bytes:
    """Send an action and return the complete answer; OSError if none comes."""
    manager.settimeout(ANSWERS_S)
    manager.sendall("\r\n".join((*lines, "", "")).encode())
    said = b""
    while not re.search(rb"Response: .*\r\n\r\n", said, re.DOTALL) and len(said) < LARGEST:
        if not (more := manager.recv(4096)):
            break
        said += more
    return said
