"""Security checks of owners and modes of files: who else on this machine can read them."""

from __future__ import annotations

import itertools
import stat
from collections.abc import Iterator
from pathlib import Path

from pbx.config import secrets
from pbx.config.home import Home
from pbx.escalation.pins import DIGITS
from pbx.ops.security.check import SecurityCheck

FIX_CONFIG = "Remove write permission for others: chmod o-w."
FIX = "Restart the line, which sets the modes, or use chmod."
ARGON = "$argon2id$"
SECRET_LENGTH = 20
# the widest mode allowed for each kind of path, for whom, and its name
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o710
SHARED_FILE, SHARED_FOLDER = 0o640, 0o750


def examine(config: Path, home: Home) -> list[SecurityCheck]:
    """Check office.toml, the home's files and the content of the secrets file."""
    return [
        SecurityCheck.of(
            "host", "office.toml cannot be changed by everybody", _config(config), FIX_CONFIG
        ),
        SecurityCheck.of("host", "configuration 0750, its files 0640", _etc(home), FIX),
        SecurityCheck.of(
            "host",
            "home, database and secrets file are readable by their owner only",
            _own(home),
            FIX,
        ),
        SecurityCheck.of(
            "host",
            "logs and recordings are readable by Asterisk and OfficeLine only",
            _written(home),
            FIX,
        ),
        SecurityCheck.of(
            "own",
            f"PINs of {DIGITS} digits hashed by argon2",
            _pins(home),
            "Set them again: 'officeline people pin PERSON'.",
        ),
        SecurityCheck.of(
            "own",
            "secrets have at least 20 characters",
            _secrets(home),
            "Make new ones: 'officeline secrets rekey'.",
        ),
        SecurityCheck.of(
            "own",
            "the audit is unchanged",
            _audit(home),
            "Run 'officeline audit verify', and keep the database file.",
        ),
    ]


def _config(config: Path) -> Iterator[str]:
    for place in (config.resolve(), config.resolve().parent):
        if place.exists() and place.stat().st_mode & stat.S_IWOTH:
            yield f"anybody can write to {place}"


def _etc(home: Home) -> Iterator[str]:
    etc = home.asterisk / "etc"
    yield from _wider(SHARED_FOLDER, home.asterisk, etc)
    yield from _wider(SHARED_FILE, *etc.glob("*"))


def _own(home: Home) -> Iterator[str]:
    yield from _wider(PRIVATE_FOLDER, home.folder)
    beside = home.folder.glob(f"{home.database.name}*")
    yield from _wider(PRIVATE_FILE, *beside, home.folder / secrets.FILE)


def _written(home: Home) -> Iterator[str]:
    logs = home.asterisk / "log"
    yield from _wider(SHARED_FOLDER, home.messages, logs, logs / "cdr-custom")
    everything = itertools.chain(home.messages.glob("*"), logs.glob("*"), logs.glob("*/*"))
    yield from _wider(SHARED_FILE, *(path for path in everything if path.is_file()))


def _wider(allowed: int, *places: Path) -> Iterator[str]:
    """Yield each path with a wider mode than allowed; ignore missing ones."""
    for place in sorted(places):
        if place.exists():
            mode = stat.S_IMODE(place.stat().st_mode)
            if mode & ~allowed:
                yield f"{place} is {mode:04o}, not {allowed:04o}"


def _pins(home: Home) -> Iterator[str]:
    held = secrets.read(home.folder)
    yield from (f"{who}'s is not" for who, kept in held.pins.items() if not kept.startswith(ARGON))


def _secrets(home: Home) -> Iterator[str]:
    held = secrets.read(home.folder)
    named = {**held.phones, "the manager": held.manager, "the dialplan's token": held.token}
    for who, secret in named.items():
        if 0 < len(secret) < SECRET_LENGTH:
            yield f"{who} has a shorter one"


def _audit(home: Home) -> Iterator[str]:
    if not home.database.exists():
        return
    from pbx.db import audit
    from pbx.db.database import open_database

    engine = open_database(home.database)
    try:
        found = audit.verify(engine)
    finally:
        engine.dispose()
    if not found.ok:
        yield f"its row {found.broken_at} was changed"
