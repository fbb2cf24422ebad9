"""How a backup is locked and unlocked: by age, for public keys or with a passphrase.

https://age-encryption.org/v1 has a passphrase stand alone, and pyrage takes it only for what fits
into memory; keys work on streams of any length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from pbx.errors import OfficeLineError

# Reads all of the first, writes all of the second
Lock = Callable[[BinaryIO, BinaryIO], None]

LARGEST = 256 * 1024 * 1024  # bytes that a passphrase is used for
_SHORTEST = 12  # characters of a passphrase: whoever finds the file can try for ever


def for_recipients(keys: Sequence[str]) -> Lock:
    """Lock for these public keys, "age1..."; OfficeLineError if one is none."""
    import pyrage

    try:
        recipients = [pyrage.x25519.Recipient.from_str(key.strip()) for key in keys]
    except pyrage.RecipientError as error:
        raise OfficeLineError(
            "A recipient is an age public key, as in age1...; make a pair with 'age-keygen'."
        ) from error
    return lambda plain, locked: pyrage.encrypt_io(plain, locked, recipients)


def for_passphrase(words: str) -> Lock:
    """Lock with a passphrase."""
    if len(words) < _SHORTEST:
        raise OfficeLineError(f"A passphrase has at least {_SHORTEST} characters; take a longer.")

    def lock(plain: BinaryIO, locked: BinaryIO) -> None:
        import pyrage

        content = plain.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise OfficeLineError(
                f"A passphrase locks at most {LARGEST >> 20} MB; "
                "use a key instead, with --to RECIPIENT."
            )
        locked.write(pyrage.passphrase.encrypt(content, words))

    return lock


def by_identity(file: Path) -> Lock:
    """Unlock with the secret keys of a file that age-keygen wrote."""
    import pyrage

    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
        secrets = [line for line in lines if line and not line.startswith("#")]
        identities = [pyrage.x25519.Identity.from_str(line) for line in secrets]
    except (OSError, ValueError, pyrage.IdentityError) as error:
        raise OfficeLineError(
            f"{file} cannot be read as an age key; name the file that age-keygen wrote."
        ) from error

    def unlock(locked: BinaryIO, plain: BinaryIO) -> None:
        try:
            pyrage.decrypt_io(locked, plain, identities)
        except pyrage.DecryptError as error:
            raise _closed(error) from error

    return unlock


def by_passphrase(words: str) -> Lock:
    """Unlock with a passphrase."""

    def unlock(locked: BinaryIO, plain: BinaryIO) -> None:
        import pyrage

        try:
            content = pyrage.passphrase.decrypt(locked.read(), words)
        except pyrage.DecryptError as error:
            raise _closed(error) from error
        plain.write(content)

    return unlock


def _closed(error: Exception) -> OfficeLineError:
    return OfficeLineError(
        f"The backup cannot be opened ({error}); it is none, or was made for another key."
    )
