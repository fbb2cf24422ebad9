"""Who can be called, and who calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

from routing.model.words import Window


@dataclass(frozen=True)
class Contact:
    """A way to reach a person: "mobile" or "second" (in the secrets file), or a desk phone's id.

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
    """Somebody who can be called; the numbers are in the secrets file, never here.

    `patch` connects the holding patient, `follow_up` has a message taken first. In `quiet` windows
    only urgent calls ring. The role "service" is an answering service: whoever answers has
    accepted. While `away` their turns are the next person's.
    """

    id: str
    name: str
    role: str
    contacts: tuple[Contact, ...] = (Contact("mobile"),)
    mode: Literal["patch", "follow_up"] = "patch"
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
    """A caller in the directory; several numbers may lead to the same patient.

    Whoever calls from a number that several patients share (`members`) may be any of them: panel
    and flags are those that all of them have, `some` the flags that only some have.
    """

    id: str
    name: str
    panel: str | None = None  # the physician whose patient this is
    flags: frozenset[str] = frozenset()
    members: tuple[Patient, ...] = ()

    @cached_property
    def everyone(self) -> tuple[Patient, ...]:
        """List the patients that this may be, in the order of their ids."""
        return self.members or (self,)

    @cached_property
    def some(self) -> frozenset[str]:
        """List the flags that some of those who share the number have, and others have not."""
        return frozenset().union(*(one.flags for one in self.members)) - self.flags


NAMED = 3  # of those who share a number; a nursing home's may be that of hundreds


def together(patients: Sequence[Patient]) -> Patient:
    """Make one caller of the patients of a number; a patient alone is that patient."""
    if len(patients) == 1:
        return patients[0]
    members = tuple(sorted(patients, key=lambda one: one.id))
    panels = {one.panel for one in members}
    more = f" and {len(members) - NAMED} more" if len(members) > NAMED else ""
    return Patient(
        ", ".join(one.id for one in members[:NAMED]) + more,
        ", ".join(one.name for one in members[:NAMED]) + more,
        panels.pop() if len(panels) == 1 else None,
        frozenset.intersection(*(one.flags for one in members)),
        members,
    )
