"""Answers the canary, a test call: it hears what a patient hears first, and no phone rings."""

from __future__ import annotations

from datetime import datetime

from dialplan import names
from pbx.calls.callflow import CallFlow
from pbx.calls.conversation import Plans, Question, Verdict
from pbx.calls.recent import RecentCallers

SCRIPT = f"{names.CANARY}/{names.ROUTE}"  # the AGI path that the dialplan requests for a canary
NO_WORDS = "test-call"  # played where phones would ring without any prompt
OVER = "goodbye"


def answer(plans: Plans, question: Question, now: datetime) -> Verdict:
    """Return the plan's menu or its first prompt; nothing is stored."""
    if question.event != names.ARRIVED:
        return Verdict(names.CANARY, {names.SAY: OVER})
    verdict = CallFlow(plans, RecentCallers()).answer(question, now)
    if verdict.verb == names.MENU:
        return verdict
    say = verdict.variables.get(names.SAY) or names.sounds((NO_WORDS,))
    return Verdict(names.CANARY, {names.SAY: say}, verdict.state)
