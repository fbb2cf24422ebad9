"""One thing that the doctor looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; `fix` says what to do when it is not ok."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
