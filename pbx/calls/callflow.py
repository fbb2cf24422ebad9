"""Decide what the dialplan does next: turn the decisions of `routing` into verdicts.

Nothing about a call is kept in memory. What a later turn needs travels with the channel as the
call's state, so that a restarted daemon can continue in the middle of a call.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from dialplan import names
from pbx.asterisk.speech import spoken
from pbx.base import phone_numbers as numbers
from pbx.calls import legs, memory
from pbx.calls.conversation import Book, CallState, Plans, Question, Verdict
from pbx.calls.recent import RecentCallers
from routing import engine, escalation, outbound
from routing.decision import Decision, Facts
from routing.follow_up import follow_up_of
from routing.model import Plan

STAR = "*"  # at a menu: the physician's menu
KEY_WAIT_S = 5  # silence at the menu for this long counts as urgent
NUMBER_WAIT_S = 6
SAME_WAIT_S = 3  # silence for this long accepts the number that the caller is calling from
ASKED = 2  # ask for a number at most this often, so that reaching the physician is not delayed
REASON_S = 20  # how long the caller may describe the reason before we start to dial
WORDS, SAVED = "words", "yes"  # progress of an urgent caller's message
TRIED = "yes"  # the caller pressed star, was asked for a PIN and gave none
OVER = "over"  # the escalation policy has ended; its message still needs a callback number


class CallFlow:
    """Answers questions about calls; `recent` knows who called before.

    Without a `physicians_menu`, star at a menu is a wrong key like any other.
    """

    def __init__(
        self, plans: Plans, recent: RecentCallers, *, physicians_menu: bool = True
    ) -> None:
        self._plans = plans
        self._recent = recent
        self._menu = physicians_menu

    def answer(self, question: Question, now: datetime) -> Verdict:
        """Decide the next turn. An unknown event or state counts as a new call."""
        if CallState.is_foreign(question.state):
            question = replace(question, event=names.ARRIVED, detail="", state="")
        state = CallState.decode(question.state)
        plan = self._plans.by_hash(state.plan) or self._plans.plan
        state = replace(state, plan=plan.revision)
        if not state.began:
            state = self._begun(state, question, plan, memory.moment(now))
        turn = _Turn(question, state, plan, self._plans.book, state.begun(now))
        if question.event == names.RETURNED:  # back to the menu they came from
            return self._route(replace(turn, state=replace(turn.state, star=TRIED)))
        if question.event == names.PRESSED and self._menu and turn.calls_in():
            return Verdict(names.CALL_IN, {}, turn.state)
        if question.event == names.PRESSED:
            return self._route(turn.pressed(question.detail))
        return turn.goes_on() or self._route(turn)

    def _route(self, turn: _Turn) -> Verdict:
        asked, kept = turn.question, turn.state
        if (number := turn.number) is not None:
            self._recent.note(number, asked.call, turn.began)
        facts = Facts(
            asked.did,
            asked.caller,
            kept.presses(),
            memory.earlier_calls(kept.earlier, kept.began),
            memory.directory(kept.known, asked.caller, turn.plan),
        )
        decision = engine.route(facts, turn.plan, turn.began)
        return replace(turn.perform(decision), decision=decision, facts=facts)

    def _begun(self, state: CallState, question: Question, plan: Plan, began: int) -> CallState:
        """Record in the state what must not change during the call."""
        caller = question.caller
        patient = plan.patients.get(caller) if caller is not None else None
        number = outbound.callback_number(plan, caller)
        earlier = memory.ages(self._recent.earlier(number, question.call), began, plan)
        return replace(state, began=began, earlier=earlier, known=memory.known_facts(patient, plan))


@dataclass(frozen=True)
class _Turn:
    """One question with all that its answer depends on.

    The plan and the time are those of the call's start (`began`). Only `book` is current, so that
    a mobile number that has just been changed is the one that rings.
    """

    question: Question
    state: CallState
    plan: Plan
    book: Book
    began: datetime

    @property
    def number(self) -> str | None:
        """Return the number to call back; None if the caller has to be asked for it."""
        return outbound.callback_number(self.plan, self.question.caller)

    def calls_in(self) -> bool:
        """Return whether the caller pressed star, for the physician's menu, for the first time."""
        taken = any(STAR in menu.keys for menu in self.plan.menus.values())
        return self.question.detail == STAR and not taken and not self.state.star

    def goes_on(self) -> Verdict | None:
        """Answer what needs no routing decision; None for a new call and for an unknown event."""
        match self.question.event:
            case names.KEYED:
                return self.keyed(self.question.detail)
            case names.RECORDED:
                return self.recorded()
            case names.RANG | names.WAITED if self.state.escalation:
                return self.next_step()
            case names.RANG:
                return self.record(("desk-no-answer", "leave-message"))
            case names.STOPPED:
                return self.give_up()
        return None

    def pressed(self, key: str) -> _Turn:
        return replace(self, state=self.state.pressed(key))

    def keyed(self, digits: str) -> Verdict:
        """Accept a number that we may call back; after the second invalid one, go on without it.

        A caller who was asked before leaving a message, not before an escalation, leaves it now.
        """
        refused = partial(outbound.refused, self.plan)
        number = numbers.callback(digits, self.plan.office.country, refused)
        wanted = bool(digits) or self.number is None
        if number is None and wanted and self.state.asked < ASKED:
            return self._ask_number("callback-again")
        state = replace(self.state, callback=number or "")
        if state.saved == OVER:
            return replace(self, state=replace(state, saved="")).leave_urgent()
        if not state.escalation:
            return replace(self, state=state).record(("leave-message",))
        say = ("callback-thanks",) if number else () if self.number else ("callback-missing",)
        return replace(self, state=replace(state, saved=WORDS)).reason(*say)

    def reason(self, *say: str) -> Verdict:
        """Ask the caller for the reason, recorded into the message that is already on the disk."""
        words = {names.SAY: names.sounds((*say, "say-reason", "beep")), names.PAUSE: str(REASON_S)}
        return Verdict(names.REASON, words, self.state, message="urgent")

    def recorded(self) -> Verdict:
        """Continue after a recording: dial the people on call, or end the call."""
        if self.state.saved == WORDS:
            turn = replace(self, state=replace(self.state, saved=SAVED))
            return turn.next_step("connecting-saved")
        if self.state.urgency == "urgent":
            return self.goodbye("message-urgent-saved", *self.promise())
        return self.goodbye("message-saved")

    def give_up(self) -> Verdict:
        """End the escalation (all steps tried, or the caller gave up) by taking a message."""
        if self.state.saved:
            return self.goodbye(*self.promise())
        return self.leave_urgent(saved=OVER)

    def leave_urgent(self, *, saved: str = "") -> Verdict:
        """Say that nobody was reached, and take an urgent message."""
        leave = "leave-message-backline" if self.backline else "leave-message-urgent"
        return self.record(("not-reached", *self.promise(), leave), saved=saved)

    @property
    def backline(self) -> bool:
        """Return whether this line is the back line, for hospitals and labs."""
        line = self.plan.line_of(self.question.did)
        return line is not None and line.backline

    @property
    def hold(self) -> dict[str, str]:
        """Return the variables for the ringing sound; empty if it is the one patients hear."""
        return {names.HOLD: names.HOLD_BACKLINE} if self.backline else {}

    def promise(self) -> tuple[str, ...]:
        """Return the prompts that promise a call back within the plan's time."""
        breach_s = follow_up_of(self.plan, self.state.escalation).breach_s
        worse = () if self.backline else ("if-worse",)
        return (*spoken.call_back_within(breach_s), *worse)

    def perform(self, decision: Decision) -> Verdict:
        escalations = {"ring": decision.otherwise or "", "escalation": decision.target}
        state = replace(
            self.state,
            urgency=decision.urgency or "",
            own=decision.own or "",
            escalation=escalations.get(decision.kind, self.state.escalation),
        )
        turn = replace(self, state=state)
        match decision.kind:
            case "menu":
                words = {names.SAY: names.sounds(decision.say), names.PAUSE: str(KEY_WAIT_S)}
                return Verdict(names.MENU, words, state)
            case "ring":
                # if nobody answers, the escalation policy starts at its first step
                return turn.ring(turn.who(decision.target), decision.ring_s)
            case "escalation":
                return turn.start_escalation()
            case "message":
                return turn.record(("leave-message",))
            case "announce":
                return turn.goodbye(*decision.say)
        return Verdict(names.REJECT, {}, state)

    def start_escalation(self) -> Verdict:
        """Dial at once; ask a caller who came through a menu for a number and the reason first."""
        if self.question.event != names.PRESSED:  # a line without a menu asks no questions
            return self.next_step()
        return self._ask_number("ask-callback" if self.number is None else "callback-same")

    def _ask_number(self, prompt: str) -> Verdict:
        """Ask for the callback number; from here on the message exists, even after a hangup."""
        wait = NUMBER_WAIT_S if self.number is None else SAME_WAIT_S
        digits = outbound.keyed_digits(self.plan.office.country)
        words = {
            names.SAY: names.sounds((prompt,)),
            names.PAUSE: str(wait),
            names.DIGITS: str(digits),
        }
        state = replace(self.state, asked=self.state.asked + 1)
        return Verdict(names.NUMBER, words, state, message=state.urgency or "urgent")

    def who(self, target: str) -> tuple[str, ...]:
        return escalation.resolve(target, self.plan, self.began, own=self.state.own or None)

    def reachable(self) -> dict[str, str]:
        """Map each person who may be called now to the contact to use."""
        return legs.ringable_contacts(
            self.plan, self.book, self.began, urgent=self.state.urgency == "urgent"
        )

    def next_step(self, *say: str) -> Verdict:
        """Go to the escalation policy's next step; after the last one, take an urgent message."""
        state = self.state
        policy = self.plan.escalations.get(state.escalation)
        step = policy and escalation.next_step(
            policy,
            self.plan,
            self.began,
            after=state.step,
            reachable=self.reachable(),
            own=state.own or None,
        )
        if isinstance(step, escalation.Ringing):
            turn = replace(self, state=replace(state, step=step.step))
            return turn.ring(step.who, step.ring_s, say, pin=step.pin)
        if isinstance(step, escalation.Waiting):
            words = {names.PAUSE: str(step.seconds)}
            return Verdict(names.WAIT, words, replace(state, step=step.step))
        return self.give_up()

    def ring(
        self, who: tuple[str, ...], ring_s: int, say: tuple[str, ...] = (), *, pin: bool = False
    ) -> Verdict:
        """Ring these people together; if nobody is reachable, go to the next step at once."""
        via = self.reachable()
        who = tuple(one for one in who if one in via)
        if not who:
            return self.next_step() if self.state.escalation else self.record(("leave-message",))
        policy = self.plan.escalations.get(self.state.escalation)
        kinds = legs.without_key(self.plan, who, via)
        pins = legs.asked_pins(self.plan, policy, who, via, pin=pin)
        whisper = "whisper-urgent" if self.state.urgency == "urgent" else "whisper-routine"
        whisper = "whisper-backline" if self.backline else whisper
        words = {
            names.SAY: names.sounds(say),
            names.DIAL: names.legs(who),
            f"_{names.RING}": str(ring_s),
            f"_{names.SHOW}": outbound.shown(self.plan, self.plan.line_of(self.question.did)),
            f"_{names.WHISPER}": names.sounds((whisper,)),
            **self.hold,
            **{f"_{names.TO}_{one}": self.book[one][via[one]] for one in who},
            **{f"_{names.KIND}_{one}": kind for one, kind in kinds.items()},
            **{f"_{names.PIN_OF}_{one}": asked for one, asked in pins.items()},
        }
        verb = names.DESK if len(kinds) == len(who) else names.ESCALATION
        return Verdict(verb, words, self.state, who=who)

    def record(self, say: tuple[str, ...], *, saved: str = "") -> Verdict:
        """Take a message; first ask for a callback number if there is none (`saved` is "over")."""
        if self.number is None and not self.state.callback and not self.state.asked:
            turn = replace(self, state=replace(self.state, saved=saved))
            return turn._ask_number("ask-callback")  # noqa: SLF001  # of our own
        words = {names.SAY: names.sounds((*say, "beep"))}
        return Verdict(names.MESSAGE, words, self.state, message=self.state.urgency or "urgent")

    def goodbye(self, *say: str) -> Verdict:
        return Verdict(names.GOODBYE, {names.SAY: names.sounds(say)}, self.state)
