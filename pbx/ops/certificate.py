"""Read when a certificate expires from its file (RFC 5280, section 4.1, in DER)."""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime
from pathlib import Path

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_VERSION, _UTC_TIME, _LONG = 0xA0, 0x17, 0x80
# The signed part: optional version, serial number, algorithm, issuer, and the validity.
_BEFORE_VALIDITY = 3


def certificate_end(path: Path) -> datetime:
    """Return when the first certificate of a PEM file expires; ValueError if it has none."""
    pem = _PEM.search(path.read_text(encoding="ascii", errors="replace"))
    if pem is None:
        raise ValueError("no certificate")
    try:
        (_, certificate), *_ = _parts(ssl.PEM_cert_to_DER_cert(pem[0]))
        (_, signed), *_ = _parts(certificate)
        fields = [field for field in _parts(signed) if field[0] != _VERSION]
        _, (kind, end) = _parts(fields[_BEFORE_VALIDITY][1])
    except IndexError as error:
        raise ValueError("no certificate") from error
    # two-digit years mean 1950 to 2049 (section 4.1.2.5.1); strptime agrees from 1969 on
    form = "%y%m%d%H%M%SZ" if kind == _UTC_TIME else "%Y%m%d%H%M%SZ"
    return datetime.strptime(end.decode("ascii"), form).replace(tzinfo=UTC)


def _parts(data: bytes) -> list[tuple[int, bytes]]:
    """Split consecutive DER values into (tag, content)."""
    found = []
    while data:
        kind, size, begin = data[0], data[1], 2
        if size >= _LONG:
            begin += size - _LONG
            size = int.from_bytes(data[2:begin], "big")
        found.append((kind, data[begin : begin + size]))
        data = data[begin + size :]
    return found
