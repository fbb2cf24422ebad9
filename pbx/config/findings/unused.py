"""Schedules that nothing uses, so that their people are never called."""

from __future__ import annotations

from collections.abc import Iterator

from pbx.config.findings.draft import Draft
from pbx.config.findings.finding import Finding
from routing import model


def find(draft: Draft) -> Iterator[Finding]:
    """Find the schedules that no escalation policy, rule, menu key or backup uses."""
    if not draft.whole("schedule", "escalation", "rules", "menu"):
        return
    used = _used(draft)
    for name in draft.file.schedule:
        if name not in used:
            yield draft.find(
                "schedule-unused",
                ("schedule", name),
                f"schedule {name}",
                "no escalation policy, rule or backup uses it, so nobody in it is ever called",
                f'Write schedule = "{name}" in an escalation policy, use it as another '
                "schedule's 'backup', or delete it.",
            )


def _used(draft: Draft) -> set[str]:
    """Return the schedules in use; where no schedule is named, the first one is used."""
    first = next(iter(draft.file.schedule), "")
    used = {escalation.schedule or first for escalation in draft.file.escalation.values()}
    if any(do.ring == model.ONCALL for _, _, do in draft.actions()):
        used.add(first)
    while (
        more := {draft.file.schedule[one].backup for one in used if one in draft.file.schedule}
        - used
    ):
        used |= more
    return used
