"""A finding: one mistake or possible mistake in an office.toml, and how to fix it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pbx.base.phone_numbers import mask_within

Severity = Literal["error", "warning"]

# These prevent a plan.
FATAL = frozenset({
    "backwards-period",
    "bad-toml",
    "bad-value",
    "bad-zone",
    "duplicate-line",
    "duplicate-name",
    "empty-step",
    "missing-key",
    "no-last-rule",
    "one-action",
    "shift-backwards",
    "too-large",
    "turn-length",
    "unknown-key",
    "unknown-name",
})  # fmt: skip
# These would harm callers.
ERRORS = frozenset({
    "empty-group",
    "greeting-without-emergency",
    "menu-endless",
    "menu-ends-call",
    "no-contact",
    "nobody-to-ring",
    "opening-weekend",
    "overlapping-periods",
    "personal-number",
    "follow-up-order",
    "schedule-gap",
    "rule-hidden",
    "rule-impossible",
    "season-weekday",
    "transfer-not-service",
    "unknown-prompt",
    "urgent-unanswered",
})  # fmt: skip
# These may be intended.
WARNINGS = frozenset({
    "all-away",
    "away-past",
    "closure-overridden",
    "closure-past",
    "handoff-day",
    "layer-over",
    "menu-circle",
    "menu-otherwise",
    "menu-too-long",
    "menu-unheard",
    "mqtt-in-clear",
    "never-on-call",
    "no-backup",
    "no-daylight-saving",
    "own-country",
    "ring-past-voicemail",
    "schedule-unused",
    "rule-same-name",
    "shift-away",
    "since-far",
    "swapped-hours",
    "wait-first",
    "window-split",
})  # fmt: skip
CODES = FATAL | ERRORS | WARNINGS


@dataclass(frozen=True)
class Finding:
    """One mistake at one place of the file; `line` counts from 1, `fix` says what to do.

    `about` is the unknown word, if the finding is about one.
    """

    code: str
    where: str
    line: int
    message: str
    fix: str
    about: str = ""

    @property
    def severity(self) -> Severity:
        """Return "error" if the file must not be applied with it, else "warning"."""
        return "warning" if self.code in WARNINGS else "error"

    @property
    def fatal(self) -> bool:
        """Whether this finding prevents a plan."""
        return self.code in FATAL

    def sentence(self, path: Path) -> str:
        """Return the finding with its place, formatted like a compiler's message."""
        place = f"{path}:{self.line}: {self.severity} {self.code}"
        return f"{place}: {self.where}: {self.message}. Fix: {self.fix}"


def finding(code: str, where: str, line: int, message: str, fix: str) -> Finding:
    """Return a finding with texts that are safe to print: one line, phone numbers masked."""
    return Finding(code, _fit(where), line, _fit(message), _fit(fix))


def _fit(text: str) -> str:
    """Mask everything that looks like a telephone number, and escape unprintable characters."""
    text = "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )
    return mask_within(text)
