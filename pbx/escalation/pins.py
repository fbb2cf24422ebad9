"""PINs: who somebody at the telephone is. The number they call from never says it.

Six digits are a million: their hash protects nobody whose secrets file is stolen, the lock after
five wrong tries protects the telephone. See docs/adr/0009-a-code-before-the-pin.md.
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
# Shapes that people choose first: one or two digits alone, a half or a third again, pairs
_SHAPES = re.compile(r"(\d)\1*(\d)(?:\1|\2)*|(\d{3})\3|(\d\d)\4\4|(\d)\5(\d)\6(\d)\7")
_COMMON = frozenset({"102030", "123321", "123654", "147258", "159357", "159753", "321654"})


def weakness(pin: str, numbers: Collection[str] = ()) -> str | None:
    """Say what is wrong with a PIN that somebody chose; None if it is good.

    `numbers` are telephone numbers that others may think of first: the person's, the office's.
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
    """Hash a PIN as the secrets file keeps it."""
    return _hasher().hash(pin)


class Pins:
    """Checks PINs against the secrets file as it is now, one at a time, counted in the database."""

    def __init__(self, home: Path, engine: Engine, clock: Clock) -> None:
        self._home = home
        self._engine = engine
        self._clock = clock
        self._one = asyncio.Lock()  # a hash costs a processor and 19 MB

    async def check_pin(self, person: str, pin: str) -> bool:
        """Tell whether who answers at a person's registered number keyed in that person's PIN."""
        if _PIN.fullmatch(pin) is None:
            return False  # no try: nobody's PIN is like that
        return await self._alone(person, pin, "called") is not None

    async def has_pin(self, person: str) -> bool:
        """Tell whether a person has a PIN; yes where nobody can tell."""
        try:
            return person in (await asyncio.to_thread(secrets.read, self._home)).pins
        except OfficeLineError:
            return True

    async def accept(self, person: str, pin: str) -> bool | None:
        """As `check_pin`; None where nobody can tell: this person has no PIN."""
        try:
            held = await asyncio.to_thread(secrets.read, self._home)
        except OfficeLineError:
            return None
        return await self.check_pin(person, pin) if person in held.pins else None

    async def identify(self, digits: str) -> str | None:
        """Find who calls in, by two digits of their code and six of their PIN; None is nobody.

        A wrong code, a wrong PIN, a lock and a database that cannot count take as long and answer
        alike. What is not eight digits is no try.
        """
        found = _CODE_AND_PIN.fullmatch(digits)
        return None if found is None else await self._alone(found[1], found[2], "inbound")

    async def _alone(self, who: str, pin: str, way: Way) -> str | None:
        async with self._one:  # in one thread to the end: a caller who hangs up saves no try
            return await asyncio.to_thread(self._look, who, pin, way)

    def _look(self, who: str, pin: str, way: Way) -> str | None:
        """Count the try, look, and forgive; `who` is a code of a call that came in, else an id."""
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
        except OfficeLineError as error:  # who cannot be counted is not let in
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
    """Make the hasher: about 60 ms and 19 MB a hash, so that the daemon stays small."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=5, memory_cost=19 * 1024, parallelism=1)


@cache
def _nobodys() -> str:
    """Return a hash that fits nothing that can be keyed in; looking at it takes as long."""
    return hashed("nobody's")


def _fits(hash_: str, pin: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(hash_, pin)
    except (VerificationError, InvalidHashError):
        return False
