"""Encrypt and decrypt backups with age, for public keys or with a passphrase.

With keys, pyrage encrypts streams of any length; with a passphrase, only what fits into memory. So
the passphrase encrypts a key that is made for this backup, and that key encrypts the rest; the
backup is a tar of both (docs/adr/0019). The format is https://age-encryption.org/v1.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from pbx.base.errors import OfficeLineError

# Reads the first file to its end and writes the result to the second
Lock = Callable[[BinaryIO, BinaryIO], None]

SHORTEST = 12  # characters of a passphrase, because a thief of the file can try without limit
KEY, CONTENT = "key.age", "office.tar.age"  # the files in a backup with a passphrase
_END = 2 * tarfile.BLOCKSIZE  # bytes; the zeros at the end of a tar
_LARGEST_KEY = 10_000  # bytes; a real one has about 250
_DIRECT = b"age-encryption.org/v1\n-> scrypt "  # encrypted with the passphrase itself


def for_recipients(keys: Sequence[str]) -> Lock:
    """Return the encryption for public keys ("age1..."); OfficeLineError if one is invalid."""
    import pyrage

    if any(key.strip().upper().startswith("AGE-SECRET-KEY-") for key in keys):
        raise OfficeLineError(
            "A secret key opens backups, and must not be on this machine; give the public key that "
            "'age-keygen' printed with it, as in age1..., and make a new pair if others saw it."
        )
    try:
        recipients = [pyrage.x25519.Recipient.from_str(key.strip()) for key in keys]
    except pyrage.RecipientError as error:
        raise OfficeLineError(
            "A recipient is an age public key, as in age1...; make a pair with 'age-keygen'."
        ) from error
    return lambda plain, locked: pyrage.encrypt_io(plain, locked, recipients)


def for_passphrase(words: str) -> Lock:
    """Return the encryption with a passphrase; the output must be seekable."""
    if len(words) < SHORTEST:
        raise OfficeLineError(
            f"A passphrase needs at least {SHORTEST} characters; use a longer one."
        )

    def lock(plain: BinaryIO, locked: BinaryIO) -> None:
        import pyrage

        key = pyrage.x25519.Identity.generate()
        sealed = pyrage.passphrase.encrypt(f"{key}\n".encode(), words)
        _add(locked, KEY, lambda: locked.write(sealed))
        _add(locked, CONTENT, lambda: pyrage.encrypt_io(plain, locked, [key.to_public()]))
        locked.write(bytes(_END))

    return lock


def by_identity(file: Path) -> Lock:
    """Return the decryption with the secret keys in a file from age-keygen."""
    import pyrage

    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
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
    """Return the decryption with a passphrase, also for age's own passphrase format."""

    def unlock(locked: BinaryIO, plain: BinaryIO) -> None:
        import pyrage

        is_direct = locked.read(len(_DIRECT)) == _DIRECT
        locked.seek(0)
        try:
            if is_direct:
                plain.write(pyrage.passphrase.decrypt(locked.read(), words))
                return
            with tarfile.open(fileobj=locked, mode="r:") as tar:
                sealed = _member(tar, KEY, _LARGEST_KEY).read()
                key = pyrage.passphrase.decrypt(sealed, words).decode().strip()
                identity = pyrage.x25519.Identity.from_str(key)
                pyrage.decrypt_io(_member(tar, CONTENT), plain, [identity])
                _see_end(tar, locked)
        except (pyrage.DecryptError, pyrage.IdentityError, tarfile.ReadError, ValueError) as error:
            raise _closed(error) from error

    return unlock


def _add(tar: BinaryIO, name: str, write: Callable[[], object]) -> None:
    """Add a file whose size is known only afterward to a tar, by rewriting its header."""
    header = tar.tell()
    tar.write(bytes(tarfile.BLOCKSIZE))
    write()
    end = tar.tell()
    info = tarfile.TarInfo(name)
    info.mode, info.size = 0o600, end - header - tarfile.BLOCKSIZE
    tar.write(bytes(-info.size % tarfile.BLOCKSIZE))
    tar.seek(header)
    tar.write(info.tobuf(tarfile.GNU_FORMAT))
    tar.seek(0, 2)


def _member(tar: tarfile.TarFile, name: str, largest: int | None = None) -> BinaryIO:
    """Open the next file of a tar; OfficeLineError if it is not this one."""
    info = tar.next()
    content = None if info is None or info.name != name else tar.extractfile(info)
    if info is None or content is None or (largest is not None and info.size > largest):
        raise tarfile.ReadError(f"it has no {name}")
    return cast("BinaryIO", content)


def _see_end(tar: tarfile.TarFile, file: BinaryIO) -> None:
    """Check that nothing follows the content except what we write there."""
    last = tar.getmembers()[-1]
    file.seek(last.offset_data + last.size)
    end = bytes(-last.size % tarfile.BLOCKSIZE + _END)
    if last.name != CONTENT or file.read(len(end) + 1) != end:
        raise tarfile.ReadError("it is incomplete, or something follows its end")


def _closed(error: Exception) -> OfficeLineError:
    return OfficeLineError(
        f"The backup cannot be opened ({error}); "
        "it is not a backup, or it was made for another key or passphrase."
    )
