"""PINs identify people on the telephone, because a caller's number can be forged.

With a million possible PINs, the hash does not help once the secrets file is stolen; the lock
after five wrong tries protects the telephone. See docs/adr/0009-a-code-before-the-pin.md.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from pbx.base.errors import OfficeLineError
from pbx.config import secrets

if TYPE_CHECKING:
    from argon2 import PasswordHasher
    from sqlalchemy import Engine

    from pbx.base.clock import Clock
    from pbx.db.pins import Way

log = structlog.get_logger()

DIGITS = 6
CODE_DIGITS = 2
_PIN = re.compile(r"[0-9]{6}")
_CODE_AND_PIN = re.compile(r"([0-9]{2})([0-9]{6})")
# Patterns that are guessed first: one or two digits only, a repeated half or third, pairs
_SHAPES = re.compile(r"(\d)\1*(\d)(?:\1|\2)*|(\d{3})\3|(\d\d)\4\4|(\d)\5(\d)\6(\d)\7")
_COMMON = frozenset({"102030", "123321", "123654", "147258", "159357", "159753", "321654"})


def weakness(pin: str, numbers: Collection[str] = ()) -> str | None:
    """Return what is wrong with a chosen PIN; None if it is good.

    `numbers` are telephone numbers that a PIN must not be part of: the person's and the office's.
    """
    if _PIN.fullmatch(pin) is None:
        return f"A PIN has {DIGITS} digits."
    steps = {(int(later) - int(one)) % 10 for one, later in itertools.pairwise(pin)}
    if len(steps) == 1 or _SHAPES.fullmatch(pin) or pin in _COMMON:
        return "That PIN is easy to guess; choose another one."
    if any(pin in number for number in numbers):
        return "That PIN is part of your telephone number or the office's; choose another one."
    return None


def hashed(pin: str) -> str:
    """Return the hash of a PIN for the secrets file."""
    return _hasher().hash(pin)


class Pins:
    """Checks PINs against the current secrets file, one at a time; counts tries in the database."""

    def __init__(self, home: Path, engine: Engine, clock: Clock) -> None:
        self._home = home
        self._engine = engine
        self._clock = clock
        self._one = asyncio.Lock()  # a hash takes a whole core and 19 MB

    async def check_pin(self, person: str, pin: str) -> bool:
        """Return whether this is the PIN of the person whose registered number we called."""
        if _PIN.fullmatch(pin) is None:
            return False  # does not count as a try, because no PIN looks like that
        return await self._alone(person, pin, "called") is not None

    async def has_pin(self, person: str) -> bool:
        """Return whether a person has a PIN; True if that cannot be found out."""
        try:
            return person in (await asyncio.to_thread(secrets.read, self._home)).pins
        except OfficeLineError:
            return True

    async def accept(self, person: str, pin: str) -> bool | None:
        """Return the result of `check_pin`; None if the person has no PIN or it cannot be read."""
        try:
            held = await asyncio.to_thread(secrets.read, self._home)
        except OfficeLineError:
            return None
        return await self.check_pin(person, pin) if person in held.pins else None

    async def identify(self, digits: str) -> str | None:
        """Identify a caller by two digits of code and six of PIN; None if they are wrong.

        A wrong code, a wrong PIN, a lock and a failing database take equally long and give the
        same answer. Anything but eight digits does not count as a try.
        """
        found = _CODE_AND_PIN.fullmatch(digits)
        return None if found is None else await self._alone(found[1], found[2], "inbound")

    async def _alone(self, who: str, pin: str, way: Way) -> str | None:
        async with self._one:  # the thread runs on after a hangup, so the try still counts
            return await asyncio.to_thread(self._look, who, pin, way)

    def _look(self, who: str, pin: str, way: Way) -> str | None:
        """Count the try, check the PIN, reset the count; `who` is a code if inbound, else an id."""
        from pbx.db import pins as tries

        try:
            held = secrets.read(self._home)
            person = held.person(who) if way == "inbound" else who
            known = person if person in held.pins else None
            taken = tries.count_try(self._engine, known, way, self._clock.now())
            fits = _fits(held.pins[known] if known and taken.may else _nobodys(), pin)
            if known is not None and taken.may and fits:
                wrong = tries.right(self._engine, known, way)
                log.info("pin.right", person=known, way=way, tries=wrong)
                return known
        except OfficeLineError as error:  # refuse if the try cannot be counted
            log.error("pin.unchecked", error=str(error))  # noqa: TRY400  # the sentence says it all
            return None
        log.warning("pin.wrong" if taken.may else "pin.refused", person=person, way=way)
        for locked in taken.locks:
            log.error("pin.locked", person=locked or tries.EVERYBODY, way=way)
        if taken.may:
            try:
                tries.wrong(self._engine, known, way, taken.locks, self._clock.now())
            except OfficeLineError as error:
                log.error("audit.unwritten", error=str(error))  # noqa: TRY400  # as above
        return None


@cache
def _hasher() -> PasswordHasher:
    """Return the hasher: about 60 ms and 19 MB for each hash, to keep the daemon small."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=5, memory_cost=19 * 1024, parallelism=1)


@cache
def _nobodys() -> str:
    """Return a hash that no PIN matches; checking it takes as long as a real one."""
    return hashed("nobody's")


def _fits(hash_: str, pin: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(hash_, pin)
    except (VerificationError, InvalidHashError):
        return False
