"""The vault: people's numbers and every secret, in one file that only its owner can read."""

from __future__ import annotations

import json
import os
import secrets
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from pbx.errors import ConfigError

FILE = "vault.json"
SECRET_BYTES = 18  # 24 characters of base64


@dataclass(frozen=True)
class Vault:
    """What nobody may read: mobiles by person (E.164), phone secrets by id, the trunk's password.

    `manager` is the AMI login's secret, `token` marks our own dialplan's events.
    """

    mobiles: dict[str, str] = field(default_factory=dict, repr=False)
    phones: dict[str, str] = field(default_factory=dict, repr=False)
    trunk: str = field(default="", repr=False)
    manager: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    def with_mobile(self, person: str, e164: str) -> Self:
        """Set one person's mobile."""
        return replace(self, mobiles={**self.mobiles, person: e164})

    def completed(self, phones: tuple[str, ...]) -> Self:
        """Add the secrets that nobody chooses: for each desk phone, the manager and the token."""
        made = {
            phone: self.phones.get(phone) or secrets.token_urlsafe(SECRET_BYTES) for phone in phones
        }
        return replace(
            self,
            phones={**self.phones, **made},
            manager=self.manager or secrets.token_urlsafe(SECRET_BYTES),
            token=self.token or secrets.token_hex(SECRET_BYTES),
        )


def read(home: Path) -> Vault:
    """Read the vault of this home (an empty one if there is none); refuse one others can read."""
    path = home / FILE
    try:
        mode = path.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(
                f"The vault {path} can be read by others (mode {stat.S_IMODE(mode):o}); "
                f"close it with 'chmod 600 {path}'."
            )
        return Vault(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Vault()
    except OSError as error:
        raise ConfigError(f"The vault {path} cannot be read ({error.strerror}).") from error
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"The vault {path} is damaged; put back a backup of it or set the numbers again."
        ) from error


def write(home: Path, vault: Vault) -> None:
    """Replace the vault as a whole, mode 0600, durable before it takes the old one's place."""
    path = home / FILE
    part = home / f"{FILE}.part"
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(vars(vault), file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ConfigError(
            f"The vault {path} cannot be written ({error.strerror}); it is as it was."
        ) from error
