"""What was seen of one lock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from pbx.base.errors import OfficeLineError


@dataclass(frozen=True)
class SecurityCheck:
    """One lock: `ok` is whether it is shut, None where nobody could be asked; `fix` what to do.

    A `warning` is told of one that is shut but wider than it could be, as the office decided.
    """

    group: str
    name: str
    ok: bool | None
    detail: str
    fix: str = ""
    warning: str = ""

    @classmethod
    def of(cls, group: str, name: str, found: Iterable[str], fix: str) -> Self:
        """Make one of what is open; a look that fails finds it open, too."""
        try:
            problems = list(found)
        except (OSError, OfficeLineError) as error:
            problems = [str(error).rstrip(".")]
        return cls(
            group, name, not problems, "; ".join(problems) or "shut", fix if problems else ""
        )
