"""What one turn of a call produces: records for the log and a message for the inbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dialplan import names
from pbx.calls import explain
from pbx.calls.conversation import CallState, Question, Verdict
from pbx.db import records
from routing.model import Plan


@dataclass(frozen=True)
class MessageDraft:
    """The content of a new message; `number` is E.164 or None, `escalation` may be empty."""

    number: str | None
    urgency: str
    escalation: str


def turn_records(
    question: Question, verdict: Verdict, plan: Plan, now: datetime
) -> list[records.Record]:
    """List a turn's log records. Each turn records the call's start; only the first one counts."""
    call, line = question.call, plan.line_of(question.did)
    name = line.name if line else ""
    found: list[records.Record] = [
        records.CallStarted(call, now, name, question.did, question.caller, plan.hash)
    ]
    decision, facts = verdict.decision, verdict.facts
    began = verdict.state.begun(now)
    first_s = int(verdict.variables.get(f"_{names.RING}", "0"))
    if decision is not None and facts is not None:
        found.append(
            records.Decided(
                call,
                now,
                turn=int(question.turn),
                kind=decision.kind,
                target=decision.target,
                urgency=decision.urgency,
                reasons=decision.reasons,
                facts=explain.details_to_keep(facts, decision, verdict.who, plan, began, first_s),
            )
        )
    detail = {"event": question.event, "verb": verdict.verb}
    return [*found, records.EventNoted(call, now, "turn", detail)]


def draft(question: Question, verdict: Verdict) -> MessageDraft:
    """Return the content of the message that a turn opens."""
    escalation = CallState.decode(question.state).escalation or verdict.state.escalation
    number = verdict.state.callback or question.caller
    return MessageDraft(number, verdict.message or "urgent", escalation)
