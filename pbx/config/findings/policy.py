"""Rules, escalation policies and actions that are incomplete, or leave a caller unanswered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pbx.config.findings.draft import Draft
from pbx.config.findings.finding import Finding
from pbx.config.findings.lines import Path
from routing import spans

if TYPE_CHECKING:
    from pbx.config.schema import DoTable
    from pbx.config.schema_escalations import FollowUpTable


def structure(draft: Draft) -> Iterator[Finding]:
    """Find actions and steps that are empty or do two things, and a file without a last rule."""
    for path, where, do in draft.actions():
        actions = do.actions()
        if len(actions) != 1 and not draft.touched(path):
            given = f"it has {' and '.join(actions)}" if actions else "it has none"
            message = f"'do' must have exactly one action, but {given}"
            fix = "Keep one action." if actions else 'Add one, such as message = "routine".'
            yield draft.find("one-action", path, where, message, fix)
    for name, escalation in draft.file.escalation.items():
        for number, step in enumerate(escalation.live):
            at: Path = ("escalation", name, "live", number)
            if (step.try_ is None) == (step.wait is None) and not draft.touched(at):
                yield draft.find(
                    "empty-step",
                    at,
                    f"escalation policy {name}, step {number + 1}",
                    "a step must have either 'try' or 'wait'",
                    "Keep one of the two, or add one.",
                )
    last = len(draft.file.rules) - 1
    if draft.whole("rules") and draft.file.rules[last].when.model_dump(exclude_none=True):
        yield draft.find(
            "no-last-rule",
            ("rules", last),
            "rules",
            "the last rule has conditions, so some calls would match no rule",
            "Add a rule without 'when' at the end, such as do = { message = \"routine\" }.",
        )


def find(draft: Draft) -> Iterator[Finding]:
    """Find actions that leave an urgent caller alone, and follow-up times in the wrong order."""
    for number, rule in enumerate(draft.file.rules):
        if rule.when.urgency == "urgent" and _leaves_alone(rule.do):
            yield draft.find(
                "urgent-unanswered",
                ("rules", number, "do"),
                f"rule '{rule.name}'",
                "an urgent caller may reach nobody by this rule",
                'Use do = { escalation = "..." }, or ring somebody with an escalation '
                "policy as 'else'.",
            )
    for path, where, do in draft.actions():
        person = draft.file.people.get(do.transfer or "")
        if person is not None and person.role != "service":
            yield draft.find(
                "transfer-not-service",
                (*path, "transfer"),
                where,
                f"{do.transfer} is not an answering service, and would have to press 1",
                "Use 'ring', or set role = \"service\" if it is an answering service.",
            )
    for name, escalation in draft.file.escalation.items():
        if message := _disordered(escalation.follow_up):
            fix = "Put the times in this order: backup, everyone, breach."
            where = f"escalation policy {name}"
            yield draft.find(
                "follow-up-order", ("escalation", name, "follow_up"), where, message, fix
            )
        if escalation.live[0].wait is not None:
            yield draft.find(
                "wait-first",
                ("escalation", name, "live", 0),
                f"escalation policy {name}, step 1",
                "it waits before anybody was tried, so it is skipped",
                "Delete this step.",
            )


def _leaves_alone(do: DoTable) -> bool:
    if do.message is not None or do.announce is not None or do.reject is not None:
        return True
    return (do.ring or do.transfer) is not None and do.else_ is None and do.then != "urgent"


def _disordered(follow_up: FollowUpTable) -> str:
    times = ("backup", "everyone", "breach")
    counted = [spans.seconds(getattr(follow_up, name)) for name in times]
    if counted == sorted(counted):
        return ""
    return "everyone would be called before the backup, or only after the promised time is over"
