"""What the dialplan does next: decisions of `routing` made into verdicts, turn by turn.

Nothing of a call is kept in memory. What a later turn must know travels with the channel as the
call's state, so that a daemon that was restarted goes on in the middle of a call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime

from dialplan import names
from routing import engine, ladder
from routing.decision import Decision, Facts
from routing.model import Plan

KEY_WAIT_S = 5  # how long silence at the menu lasts before it counts as urgent
NUMBER_WAIT_S = 6
NATIONAL_DIGITS = 10


@dataclass(frozen=True)
class Question:
    """What Asterisk asks: the call (its Linkedid and Uniqueid), the turn, and what happened."""

    call: str
    unique: str
    turn: str
    did: str
    event: str
    detail: str
    state: str
    caller: str | None


@dataclass(frozen=True)
class CallState:
    """What a call remembers between turns; plain words, none of which holds the separator."""

    urgency: str = ""
    ladder: str = ""
    step: int = -1
    callback: str = ""
    asked: int = 0  # how often the callback number was asked for

    def encode(self) -> str:
        """Write the state as one word for a channel variable."""
        return ":".join(str(getattr(self, part.name)) for part in fields(self))

    @classmethod
    def decode(cls, text: str) -> CallState:
        """Read a state; a word that is none of ours is an empty state."""
        match = re.fullmatch(r"(\w*):([\w-]*):(-?\d+):(\+?\d*):(\d+)", text)
        if match is None:
            return cls()
        urgency, name, step, callback, asked = match.groups()
        return cls(urgency, name, int(step), callback, int(asked))


@dataclass(frozen=True)
class Verdict:
    """What the dialplan shall do: a verb, its variables, and for the log what was decided.

    `message` says that a message of this urgency must be durable before the verdict is given.
    """

    verb: str
    variables: Mapping[str, str] = field(default_factory=dict)
    state: CallState = field(default_factory=CallState)
    decision: Decision | None = None
    message: str | None = None


class CallFlow:
    """Answers questions about calls from a plan and the people's dial strings.

    `dial` maps the ids of reachable people and desk phones to what Asterisk dials.
    """

    def __init__(self, plan: Callable[[], Plan], dial: Callable[[], Mapping[str, str]]) -> None:
        self._plan = plan
        self._dial = dial

    def answer(self, question: Question, now: datetime) -> Verdict:
        """Decide the next turn; an event that is none of ours counts as an arrival."""
        plan = self._plan()
        state = CallState.decode(question.state)
        match question.event:
            case names.PRESSED:
                return self._route(question, plan, now, pressed=question.detail)
            case names.KEYED:
                return self._keyed(question.detail, state, plan, now)
            case names.RANG | names.WAITED if state.ladder:
                return self._climb(state, plan, now)
            case names.RANG:
                return self._record(state, ("leave-message",))
            case names.RECORDED:
                urgent = state.urgency == "urgent"
                return self._goodbye("message-urgent-saved" if urgent else "message-saved")
        return self._route(question, plan, now, pressed=None)

    def on_call_legs(self, now: datetime) -> tuple[str, ...]:
        """Name who would be rung at this instant by the first ladder's first step."""
        plan = self._plan()
        first = next(iter(plan.ladders.values()), None)
        if first is None:
            return ()
        reachable = frozenset(self._dial())
        step = ladder.next_step(first, plan, now, after=-1, reachable=reachable)
        return step.who if isinstance(step, ladder.Ringing) else ()

    def _route(self, question: Question, plan: Plan, now: datetime, pressed: str | None) -> Verdict:
        decision = engine.route(Facts(question.did, question.caller, pressed), plan, now)
        return replace(self._perform(decision, question, plan, now), decision=decision)

    def _perform(
        self, decision: Decision, question: Question, plan: Plan, now: datetime
    ) -> Verdict:
        state = CallState(urgency=decision.urgency or "")
        match decision.kind:
            case "menu":
                words = {names.SAY: names.sounds(decision.say), names.PAUSE: str(KEY_WAIT_S)}
                return Verdict(names.MENU, words, state)
            case "ring":
                group = plan.groups.get(decision.target)
                who = group.members if group else (decision.target,)
                return self._ring(who, decision.ring_s, state, plan)
            case "ladder":
                return self._start_ladder(
                    replace(state, ladder=decision.target), question, plan, now
                )
            case "message":
                return self._record(state, ("leave-message",))
            case "announce":
                return self._goodbye(*decision.say)
        return Verdict(names.REJECT, {}, state)

    def _start_ladder(
        self, state: CallState, question: Question, plan: Plan, now: datetime
    ) -> Verdict:
        """Dial at once, unless a caller at the menu has no number to be called back on."""
        at_menu = question.event == names.PRESSED  # a line without a menu asks nothing
        if at_menu and question.caller is None:
            return self._ask_number(state, "ask-callback")
        return self._climb(state, plan, now, ("connecting",) if at_menu else ())

    def _keyed(self, digits: str, state: CallState, plan: Plan, now: datetime) -> Verdict:
        """Take a callback number of ten digits; after a second slip go on without one."""
        number = ""
        if re.fullmatch(r"[2-9]\d{2}[2-9]\d{6}", digits):
            number = f"+1{digits}"
        elif state.asked < 2:  # noqa: PLR2004  # asked twice, and then the physician matters more
            return self._ask_number(state, "callback-again")
        return self._climb(replace(state, callback=number), plan, now, ("connecting",))

    def _ask_number(self, state: CallState, prompt: str) -> Verdict:
        words = {names.SAY: names.sounds((prompt,)), names.PAUSE: str(NUMBER_WAIT_S)}
        return Verdict(names.NUMBER, words, replace(state, asked=state.asked + 1))

    def _climb(
        self, state: CallState, plan: Plan, now: datetime, say: tuple[str, ...] = ()
    ) -> Verdict:
        """Go to the ladder's next step; at its end an urgent message is taken."""
        rungs = plan.ladders.get(state.ladder)
        reachable = frozenset(self._dial())
        step = rungs and ladder.next_step(rungs, plan, now, after=state.step, reachable=reachable)
        if isinstance(step, ladder.Ringing):
            state = replace(state, step=step.step)
            return self._ring(step.who, step.ring_s, state, plan, say)
        if isinstance(step, ladder.Waiting):
            words = {names.PAUSE: str(step.seconds)}
            return Verdict(names.WAIT, words, replace(state, step=step.step))
        return self._record(replace(state, ladder=""), ("leave-message-urgent",))

    def _ring(
        self,
        who: tuple[str, ...],
        ring_s: int,
        state: CallState,
        plan: Plan,
        say: tuple[str, ...] = (),
    ) -> Verdict:
        """Ring these together; nobody reachable among them means a message at once."""
        dial = self._dial()
        who = tuple(one for one in who if one in dial)
        if not who:
            return self._record(state, ("leave-message",))
        desks = [one for one in who if one in plan.phones]
        whisper = "whisper-urgent" if state.urgency == "urgent" else "whisper-routine"
        words = {
            names.SAY: names.sounds(say),
            names.DIAL: names.legs(who),
            f"_{names.RING}": str(ring_s),
            f"_{names.SHOW}": plan.office.number,
            f"_{names.WHISPER}": names.sounds((whisper,)),
            **{f"_{names.TO}_{one}": dial[one] for one in who},
            **{f"_{names.KIND}_{one}": "desk" for one in desks},
        }
        return Verdict(names.DESK if len(desks) == len(who) else names.LADDER, words, state)

    def _record(self, state: CallState, say: tuple[str, ...]) -> Verdict:
        words = {names.SAY: names.sounds((*say, "beep"))}
        return Verdict(names.MESSAGE, words, state, message=state.urgency or "urgent")

    def _goodbye(self, *say: str) -> Verdict:
        return Verdict(names.GOODBYE, {names.SAY: names.sounds(say)})


def variables(verdict: Verdict, question: Question, record: str) -> dict[str, str]:
    """Lay a verdict out as channel variables, the proof that it is one last of all."""
    return {
        names.VERB: verdict.verb,
        names.STATE: verdict.state.encode(),
        names.RECORD: record,
        **verdict.variables,
        names.VERDICT: f"{question.unique}/{question.turn}",
    }
