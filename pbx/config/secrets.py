"""The secrets file: people's phone numbers and all secrets, readable by its owner only."""

from __future__ import annotations

import json
import secrets
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from pbx.base import files
from pbx.base.errors import ConfigError, OfficeLineError
from pbx.base.os_errors import os_sentence

FILE = "secrets.json"
SECRET_BYTES = 18  # 24 characters of base64
CODES = tuple(str(number) for number in range(10, 100))


@dataclass(frozen=True)
class Secrets:
    """People's phone numbers (E.164) by id, and all secrets.

    `phones` holds the desk phones' passwords by id, `trunk` is the carrier's password, `manager`
    the AMI password, `mqtt` the broker's password; `token` marks our own dialplan's events.
    `pins` holds argon2 hashes by id. `codes` holds the two digits, not secret, that a person
    enters before the PIN. `push` holds URLs of push services, with their secrets, by id.
    """

    mobiles: dict[str, str] = field(default_factory=dict, repr=False)
    seconds: dict[str, str] = field(default_factory=dict, repr=False)
    pins: dict[str, str] = field(default_factory=dict, repr=False)
    codes: dict[str, str] = field(default_factory=dict)
    phones: dict[str, str] = field(default_factory=dict, repr=False)
    trunk: str = field(default="", repr=False)
    manager: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    mqtt: str = field(default="", repr=False)
    push: dict[str, str] = field(default_factory=dict, repr=False)

    def with_mobile(self, person: str, e164: str) -> Self:
        """Set one person's mobile."""
        return replace(self, mobiles={**self.mobiles, person: e164})

    def with_second(self, person: str, e164: str) -> Self:
        """Set one person's second number."""
        return replace(self, seconds={**self.seconds, person: e164})

    def with_pin(self, person: str, hashed: str) -> Self:
        """Set the hash of one person's PIN; a person without a code gets the first free one."""
        taken = set(self.codes.values())
        code = self.codes.get(person) or next((one for one in CODES if one not in taken), None)
        if code is None:
            raise OfficeLineError(
                f"All {len(CODES)} telephone codes are in use. "
                "Remove people who have left with 'officeline people remove PERSON'."
            )
        return replace(self, pins={**self.pins, person: hashed}, codes={**self.codes, person: code})

    def with_push(self, person: str, url: str | None) -> Self:
        """Set the URL for one person's push messages; None for no push messages."""
        kept = _without(self.push, person)
        return replace(self, push=kept if url is None else {**kept, person: url})

    def without(self, person: str) -> Self:
        """Remove a person's numbers, PIN, code and push URL."""
        return replace(
            self,
            mobiles=_without(self.mobiles, person),
            seconds=_without(self.seconds, person),
            pins=_without(self.pins, person),
            codes=_without(self.codes, person),
            push=_without(self.push, person),
        )

    def named(self) -> frozenset[str]:
        """Return the ids of all people in the file."""
        return frozenset({*self.mobiles, *self.seconds, *self.pins, *self.codes, *self.push})

    def person(self, code: str) -> str | None:
        """Return the id of the person with this code, or None."""
        return next((person for person, held in self.codes.items() if held == code), None)

    def contacts(self, person: str) -> dict[str, str]:
        """Return a person's known numbers (E.164) by contact, "mobile" and "second"."""
        held = {"mobile": self.mobiles, "second": self.seconds}
        return {via: numbers[person] for via, numbers in held.items() if person in numbers}

    def reachable(self, people: Iterable[str]) -> dict[str, frozenset[str]]:
        """Return each person's contacts with a number; if the file has no numbers, all contacts."""
        found = {person: frozenset(self.contacts(person)) for person in people}
        if any(found.values()):
            return found
        return dict.fromkeys(found, frozenset({"mobile", "second"}))

    def completed(self, phones: tuple[str, ...]) -> Self:
        """Add missing generated secrets: for each desk phone, the manager and the token."""
        made = {
            phone: self.phones.get(phone) or secrets.token_urlsafe(SECRET_BYTES) for phone in phones
        }
        return replace(
            self,
            phones={**self.phones, **made},
            manager=self.manager or secrets.token_urlsafe(SECRET_BYTES),
            token=self.token or secrets.token_hex(SECRET_BYTES),
        )

    def rekeyed(self, phones: tuple[str, ...]) -> Self:
        """Replace all generated secrets; desk phones that are not in `phones` lose theirs."""
        return replace(self, phones={}, manager="", token="").completed(phones)


def _without(held: dict[str, str], person: str) -> dict[str, str]:
    return {key: value for key, value in held.items() if key != person}


def read(home: Path) -> Secrets:
    """Read this home's secrets file; ConfigError if it is damaged or others can read it.

    Without a file, the result is empty.
    """
    path = home / FILE
    try:
        mode = path.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(
                f"Other users can read the secrets file {path} (mode {stat.S_IMODE(mode):o}). "
                f"Run 'chmod 600 {path}'."
            )
        return Secrets(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Secrets()
    except OSError as error:
        raise ConfigError(
            os_sentence(f"The secrets file {path} cannot be read", error, path)
        ) from error
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"The secrets file {path} is damaged. Restore a backup of it, or set the numbers again."
        ) from error


def write(home: Path, secrets: Secrets) -> None:
    """Replace the secrets file atomically, with mode 0600; returns when it is on disk."""
    path = home / FILE
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.replace(path, json.dumps(vars(secrets), indent=1, sort_keys=True), 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error


def change(home: Path, how: Callable[[Secrets], Secrets]) -> Secrets:
    """Read, change and write the secrets file under a file lock; return the new secrets."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with files.folder_lock(home):
            held = read(home)
            changed = how(held)
            if changed != held:
                write(home, changed)
            return changed
    except OSError as error:
        raise _unwritable(home / FILE, error) from error


def _unwritable(path: Path, error: OSError) -> ConfigError:
    what = f"The secrets file {path} cannot be written"
    return ConfigError(os_sentence(what, error, path, so="it was left unchanged"))
