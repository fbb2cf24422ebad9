"""Rules, ladders and actions that are incomplete, or leave somebody without an answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pbx.config.findings.draft import Draft
from pbx.config.findings.finding import Finding
from pbx.config.findings.lines import Path
from routing import spans

if TYPE_CHECKING:
    from pbx.config.schema import DoTable
    from pbx.config.schema_ladders import RelayTable


def structure(draft: Draft) -> Iterator[Finding]:
    """Find actions and steps that say nothing or two things, and a file without a last rule."""
    for path, where, do in draft.actions():
        actions = do.actions()
        if len(actions) != 1 and not draft.touched(path):
            given = " and ".join(actions) or "none"
            message = f"'do' must name exactly one action, and there is {given}"
            yield draft.find("one-action", path, where, message, "Keep one, or add one.")
    for name, ladder in draft.file.ladder.items():
        for number, step in enumerate(ladder.live):
            at: Path = ("ladder", name, "live", number)
            if (step.try_ is None) == (step.wait is None) and not draft.touched(at):
                yield draft.find(
                    "empty-step",
                    at,
                    f"ladder {name}, step {number + 1}",
                    "name either 'try' or 'wait'",
                    "Keep one, or add one.",
                )
    last = len(draft.file.rules) - 1
    if draft.whole("rules") and draft.file.rules[last].when.model_dump(exclude_none=True):
        yield draft.find(
            "no-last-rule",
            ("rules", last),
            "rules",
            "the last rule must have no conditions, so that every call has an end",
            "Add a rule without 'when' at the end, such as do = { message = \"routine\" }.",
        )


def look(draft: Draft) -> Iterator[Finding]:
    """Find what leaves an urgent caller alone, and orders of time that cannot be meant."""
    for number, rule in enumerate(draft.file.rules):
        if rule.when.urgency == "urgent" and _leaves_alone(rule.do):
            yield draft.find(
                "urgent-unanswered",
                ("rules", number, "do"),
                f"rule '{rule.name}'",
                "an urgent caller reaches nobody here",
                "Use do = { ladder = \"...\" }, or ring somebody and name a ladder as 'else'.",
            )
    for path, where, do in draft.actions():
        person = draft.file.people.get(do.transfer or "")
        if person is not None and person.role != "service":
            yield draft.find(
                "transfer-not-service",
                (*path, "transfer"),
                where,
                f"{do.transfer} is no answering service, and would have to press 1",
                "Use 'ring', or give this person role = \"service\" if it is one.",
            )
    for name, ladder in draft.file.ladder.items():
        if message := _disordered(ladder.relay):
            mend = "Put the times in this order: backup, everyone, breach."
            where = f"ladder {name}"
            yield draft.find("relay-order", ("ladder", name, "relay"), where, message, mend)
        if ladder.live[0].wait is not None:
            yield draft.find(
                "wait-first",
                ("ladder", name, "live", 0),
                f"ladder {name}, step 1",
                "a wait before anybody was tried is left out",
                "Take it away.",
            )


def _leaves_alone(do: DoTable) -> bool:
    if do.message is not None or do.announce is not None or do.reject is not None:
        return True
    return (do.ring or do.transfer) is not None and do.else_ is None and do.then != "urgent"


def _disordered(relay: RelayTable) -> str:
    times = ("backup", "everyone", "breach")
    counted = [spans.seconds(getattr(relay, name)) for name in times]
    if counted == sorted(counted):
        return ""
    return "a message would reach everyone before the backup, or nobody before the promise breaks"
