"""Read a patient list's bytes as text: its encoding, and files that are not lists."""

from __future__ import annotations

import codecs
from pathlib import Path

from pbx.base.errors import OfficeLineError
from pbx.base.os_errors import os_sentence

SIZE_LIMIT = 50_000_000  # bytes; 50,000 patients with all of an EHR's columns take about 20 million

ENCODINGS = (
    "utf-8", "utf-16", "utf-16-le", "utf-16-be",
    "cp1252", "latin-1", "mac-roman", "cp437", "cp850",
)  # fmt: skip

# Longer marks first, because the UTF-32 mark begins with the UTF-16 mark.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_OTHERS = (
    (b"PK\x03\x04", "an Excel workbook or another zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"{\\rtf", "a text document"),
    (b"SQLite format 3", "a database"),
)
_WRITTEN = (
    ("<", "a web page or XML"),
    ("{", "JSON"),
    ("BEGIN:VCARD", "a file of contact cards (vCard)"),
    ("MSH|", "an HL7 message"),
)
_MOST_SHOWN = 1000  # bytes at the start that are checked for other formats


def read(path: Path, encoding: str | None = None) -> str:
    """Return a list's text; OfficeLineError if it is not a list, or has another encoding."""
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise OfficeLineError(
                f"{path} is over {SIZE_LIMIT // 1_000_000} MB; import it in parts."
            )
        data = path.read_bytes()
    except OSError as error:
        raise OfficeLineError(os_sentence(f"{path} cannot be read", error, path)) from error
    for begins, what in _OTHERS:
        if data.startswith(begins):
            raise _no_list(path, what)
    text = _decoded(data, path, encoding)
    start = text[:_MOST_SHOWN].lstrip()
    for word, what in _WRITTEN:
        if start.startswith(word):
            raise _no_list(path, what)
    return text


def _decoded(data: bytes, path: Path, encoding: str | None) -> str:
    if encoding is not None and encoding.lower() not in ENCODINGS:
        known = ", ".join(ENCODINGS)
        raise OfficeLineError(f"Unknown encoding '{encoding}'; use one of {known}.")
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _strictly(data[len(mark) :], name, path)
    if encoding is None:
        if b"\0" in data[:_MOST_SHOWN]:
            raise OfficeLineError(
                f"{path} contains zero bytes, so it may be UTF-16 without a byte order mark. Add "
                "--encoding utf-16-le, or save the file as 'CSV UTF-8'."
            )
        return _strictly(data, "utf-8", path)
    if encoding.lower() not in {"utf-8", "utf-16"} and not data.isascii() and _is_utf8(data):
        raise OfficeLineError(f"{path} is UTF-8, not {encoding}; leave --encoding out.")
    return _strictly(data, encoding.lower(), path)


def _strictly(data: bytes, encoding: str, path: Path) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        if encoding == "utf-8":
            raise OfficeLineError(
                f"{path} is not UTF-8 (line {line}). If Windows or an older program wrote it, add "
                "--encoding cp1252 and check the names in the preview; otherwise, save it as "
                "'CSV UTF-8'."
            ) from error
        raise OfficeLineError(
            f"{path} is not {encoding.upper()} (line {line}); save it as 'CSV UTF-8', or give its "
            f"encoding with --encoding: {', '.join(ENCODINGS)}."
        ) from error


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _no_list(path: Path, what: str) -> OfficeLineError:
    return OfficeLineError(f"{path} is {what}; export the patient list as CSV and import that.")
