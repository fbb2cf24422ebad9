"""What the line's own test call is told: what a patient would hear first, and nobody's phone."""

from __future__ import annotations

from datetime import datetime

from dialplan import names
from pbx.calls.callflow import CallFlow
from pbx.calls.conversation import Plans, Question, Verdict
from pbx.calls.recent import RecentCallers

SCRIPT = f"{names.CANARY}/{names.ROUTE}"  # what the dialplan asks for a canary
NO_WORDS = "test-call"  # said where phones would ring without a word
OVER = "goodbye"


def answer(plans: Plans, question: Question, now: datetime) -> Verdict:
    """Give the plan's own menu, or have said what the plan says first; nothing is remembered."""
    if question.event != names.ARRIVED:
        return Verdict(names.CANARY, {names.SAY: OVER})
    verdict = CallFlow(plans, RecentCallers()).answer(question, now)
    if verdict.verb == names.MENU:
        return verdict
    say = verdict.variables.get(names.SAY) or names.sounds((NO_WORDS,))
    return Verdict(names.CANARY, {names.SAY: say}, verdict.state)
