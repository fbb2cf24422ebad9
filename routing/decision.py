"""What is known of a call, and what is decided about it, with every reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from routing.model import Urgency

Kind = Literal["ring", "ladder", "message", "menu", "announce", "reject"]


@dataclass(frozen=True)
class Facts:
    """A call as far as it is known: the dialled DID, the caller (None: anonymous) and the key.

    `pressed` is None before the menu was offered and "" after silence at it.
    """

    did: str
    caller: str | None = None
    pressed: str | None = None


@dataclass(frozen=True)
class Reason:
    """One rule that was looked at, whether it matched, and why in a person's words."""

    rule: str
    matched: bool
    because: str


@dataclass(frozen=True)
class Decision:
    """What happens to the call; `target` is the group, ladder or menu, `say` are prompts."""

    kind: Kind
    line: str
    hours: str
    urgency: Urgency | None
    reasons: tuple[Reason, ...]
    target: str = ""
    ring_s: int = 0
    say: tuple[str, ...] = ()
