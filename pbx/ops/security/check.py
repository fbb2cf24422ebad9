"""The result of one security check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from pbx.base.errors import OfficeLineError


@dataclass(frozen=True)
class SecurityCheck:
    """One security check: `ok` is None if it could not be made; `fix` says what to do.

    A `warning` is for a check that passes but is weaker than it could be, by the office's choice.
    """

    group: str
    name: str
    ok: bool | None
    detail: str
    fix: str = ""
    warning: str = ""

    @classmethod
    def of(cls, group: str, name: str, found: Iterable[str], fix: str) -> Self:
        """Return the check for the problems found; an error while looking counts as a problem."""
        try:
            problems = list(found)
        except (OSError, OfficeLineError) as error:
            problems = [str(error).rstrip(".")]
        return cls(
            group, name, not problems, "; ".join(problems) or "shut", fix if problems else ""
        )
