"""Answer one question of Asterisk's over stdin and stdout, as an AGI script.

It lives a few seconds, opens no database or connection and logs nothing about anybody. What the
turn produced is in the spool before the verdict is sent.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import TextIOWrapper
from pathlib import Path

from asterisk.agi import AGI

from pbx.asterisk.agi.protocol import LINE_LIMIT, AgiReader, AgiRequest, encode_variables
from pbx.base.paths import SPOOL
from pbx.calls import turns
from pbx.calls.callflow import CallFlow
from pbx.calls.conversation import Question, Verdict, asked, variables
from pbx.calls.recent import RecentCallers
from pbx.calls.record.spool import Fact, Spool
from pbx.calls.standby.cache import CachedPlans
from pbx.db.records import CallStarted

LIVES_S = 4  # end ourselves: Asterisk does not end a script that it no longer waits for
NO_QUESTION = "no question"


class _Agi(AGI):  # type: ignore[misc]  # pyst2 has no types
    """pyst2's AGI with our own parser, so that a caller cannot forge a header."""

    request: AgiRequest

    def _get_agi_env(self) -> None:
        reader = AgiReader()
        while line := self.stdin.readline(LINE_LIMIT + 1):
            for found in reader.feed(line):
                if isinstance(found, AgiRequest):
                    self.request = found
                    self.env = dict(found.headers)
                    return
        raise EOFError(NO_QUESTION)

    def conclude(self, values: dict[str, str]) -> None:
        """Set all variables in one command, with the escaping that pyst2 lacks."""
        self.execute(encode_variables(values).decode())


def main(cache: str, messages: str) -> None:
    """Answer Asterisk's question from the cache in a folder; after any failure set no verdict."""
    signal.alarm(LIVES_S)
    for stream in (sys.stdout, sys.stderr):  # independent of the environment
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123  # a device
            _answer(_Agi(sys.stdin.buffer, sys.stdout, nowhere), Path(cache), Path(messages))
    except Exception as error:  # noqa: BLE001  # without a verdict the failsafe takes the call
        sys.stderr.write(f"The standby gave no verdict ({type(error).__name__}).\n")
        sys.exit(1)


def _answer(agi: _Agi, cache: Path, messages: Path) -> None:
    now = datetime.now(UTC)
    plans = CachedPlans(cache, agi.request.callerid)
    question = asked(agi.request, plans.plan.office.country)
    spool = Spool(cache / SPOOL)
    flow = CallFlow(plans, _recent(spool, question, plans, now), physicians_menu=False)
    verdict = flow.answer(question, now)
    record = str(messages / question.call)
    try:
        spool.put(_fact(question, verdict, plans, now))
    except (OSError, ValueError, TypeError):  # the caller is connected anyway
        sys.stderr.write("The standby could not write a call down.\n")
    agi.conclude(variables(verdict, question, record))


def _fact(question: Question, verdict: Verdict, plans: CachedPlans, now: datetime) -> Fact:
    """Return what the turn produced, without the dial strings, which contain private numbers."""
    plan = plans.by_hash(verdict.state.plan) or plans.plan
    bare = replace(verdict, variables={}, decision=None, facts=None, who=())
    draft = turns.draft(question, verdict) if verdict.message is not None else None
    reported = tuple(turns.turn_records(question, verdict, plan, now))
    return Fact(question.call, now, reported, draft, question, bare)


def _recent(spool: Spool, question: Question, plans: CachedPlans, now: datetime) -> RecentCallers:
    """Return recent callers, if a rule needs them: from the daemon's cache, then our own spool."""
    asked_for = [rule.when.repeat.minutes for rule in plans.plan.rules if rule.when.repeat]
    caller = question.caller
    if not asked_for or caller is None:
        return RecentCallers()
    since = now - timedelta(minutes=max(asked_for))
    started = [
        (caller, one.call, one.at)
        for fact in spool.since(since)
        for one in fact.records
        if isinstance(one, CallStarted) and one.caller == caller
    ]
    return RecentCallers((*plans.recent(since), *started))
