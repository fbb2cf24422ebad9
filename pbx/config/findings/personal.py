"""Find people's phone numbers anywhere in the file: in comments, keys and values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pbx.base.phone_numbers import mask, numbers_within, to_e164
from pbx.config.findings.draft import Draft
from pbx.config.findings.finding import Finding, finding
from pbx.config.findings.lines import Path
from pbx.config.setup.country import country_of


def find(draft: Draft) -> Iterator[Finding]:
    """Find everything that looks like a telephone number and is not the office's own."""
    country = country_of(draft.raw)
    own = _own(draft.raw, country)
    reported = set()
    for number, line in enumerate(draft.text.split("\n"), start=1):
        for found in numbers_within(line, country):
            if found not in own:
                reported.add(found)
                yield _finding(number, found)
    for path, value in _texts(draft.raw, ()):  # TOML may also write a number with escapes
        for found in numbers_within(value, country):
            if found not in own | reported:
                reported.add(found)
                yield _finding(draft.lines.of(path), found)


def _finding(line: int, found: str) -> Finding:
    return finding(
        "personal-number",
        f"line {line} of the file",
        line,
        f"{mask(found)} looks like a person's telephone number, and this file is not secret",
        "Delete it here and store it in the secrets file: "
        "'officeline people mobile PERSON NUMBER'.",
    )


def _own(raw: Any, country: str) -> set[str | None]:
    """Return the numbers that are allowed in the file: the office's, its lines', and `allow`."""
    office, lines, outbound = raw.get("office"), raw.get("lines"), raw.get("outbound")
    values = [office.get("number")] if isinstance(office, dict) else []
    allow = outbound.get("allow") if isinstance(outbound, dict) else None
    values += allow if isinstance(allow, list) else []
    if isinstance(lines, list):
        values += [line.get("did") for line in lines if isinstance(line, dict)]
    return {to_e164(value, country) for value in values if isinstance(value, str)}


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
