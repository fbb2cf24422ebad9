"""Who can be called, and who calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from routing.model.words import Window


@dataclass(frozen=True)
class Contact:
    """A way to reach a person: "mobile" or "second" (numbers in the vault), or a desk phone's id.

    Without windows it holds always; the first contact that holds is the one that is used. Who
    answers there presses 1, or keys in their PIN where `pin` asks for it.
    """

    via: str
    only: tuple[Window, ...] = ()
    pin: bool = False


@dataclass(frozen=True)
class Away:
    """A time, from one naive local time up to another, in which a person takes no turns."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Person:
    """Somebody who can be called; the numbers are in the vault, never here.

    `patch` connects the holding patient, `relay` has a message taken first. In `quiet` windows only
    urgent calls ring. The role "service" is an answering service: whoever answers has accepted.
    While `away` their turns are the next person's.
    """

    id: str
    name: str
    role: str
    contacts: tuple[Contact, ...] = (Contact("mobile"),)
    mode: Literal["patch", "relay"] = "patch"
    quiet: tuple[Window, ...] = ()
    away: tuple[Away, ...] = ()


@dataclass(frozen=True)
class Phone:
    """A desk phone that registers with the office."""

    id: str
    name: str


@dataclass(frozen=True)
class Group:
    """People or desk phones that ring together."""

    name: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class Patient:
    """A caller in the directory; several numbers may lead to the same patient."""

    id: str
    name: str
    panel: str | None = None  # the physician whose patient this is
    flags: frozenset[str] = frozenset()
