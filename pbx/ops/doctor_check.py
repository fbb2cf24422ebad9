"""The result of one check by the doctor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """The result of one check; `fix` says what to do if it is not ok."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
