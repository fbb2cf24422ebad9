"""Find people's phone numbers anywhere in the file: in comments, keys and values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pbx.base.phone_numbers import mask
from pbx.config.findings.draft import Draft
from pbx.config.findings.finding import Finding, finding
from pbx.config.findings.lines import Path

# Common forms: +12125550100, (212) 555-0100, 212.555.0100, 1 212 555 0100
_INTERNATIONAL = r"\+[ ]?[1-9](?:[ ().-]{0,2}\d){6,14}"
_NORTH_AMERICAN = r"(?:1[ .-]?)?(?:\([2-9]\d\d\)|[2-9]\d\d)[ .-]{0,2}[2-9]\d\d[ .-]?\d{4}"
_NUMBER = re.compile(rf"(?<![\w+.-])(?:{_INTERNATIONAL}|{_NORTH_AMERICAN})(?![\w-])")


def find(draft: Draft) -> Iterator[Finding]:
    """Find everything that looks like a telephone number and is not the office's own."""
    own = _own(draft.raw)
    reported = set()
    for number, line in enumerate(draft.text.split("\n"), start=1):
        for digits in _numbers(line):
            if digits not in own:
                reported.add(digits)
                yield _finding(number, digits)
    for path, value in _texts(draft.raw, ()):  # TOML may also write a number with escapes
        for digits in _numbers(value):
            if digits not in own | reported:
                reported.add(digits)
                yield _finding(draft.lines.of(path), digits)


def _finding(line: int, digits: str) -> Finding:
    return finding(
        "personal-number",
        f"line {line} of the file",
        line,
        f"{mask(digits)} looks like a person's telephone number, and this file is not secret",
        "Delete it here and store it in the secrets file: "
        "'officeline people mobile PERSON NUMBER'.",
    )


def _numbers(text: str) -> Iterator[str]:
    """List the numbers in a text as digits, North American ones without their 1."""
    for match in _NUMBER.finditer(text):
        yield _plain(match[0])


def _plain(number: str) -> str:
    digits = re.sub(r"\D", "", number)
    return digits.removeprefix("1") if len(digits) == len("12125550100") else digits


def _own(raw: Any) -> set[str]:
    """Return the numbers that are allowed in the file: the office's, its lines', and `allow`."""
    office, lines, outbound = raw.get("office"), raw.get("lines"), raw.get("outbound")
    values = [office.get("number")] if isinstance(office, dict) else []
    allow = outbound.get("allow") if isinstance(outbound, dict) else None
    values += allow if isinstance(allow, list) else []
    if isinstance(lines, list):
        values += [line.get("did") for line in lines if isinstance(line, dict)]
    return {_plain(value) for value in values if isinstance(value, str)}


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield (*path, key), key
            yield from _texts(one, (*path, key))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _texts(one, (*path, number))
    elif isinstance(value, str):
        yield path, value
