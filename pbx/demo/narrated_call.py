"""Simulate calls without telephones: our real decisions and log, with simulated Asterisk events."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from dialplan import names
from pbx.asterisk.ami.events import event_of
from pbx.asterisk.ami.protocol import AmiEvent
from pbx.base.clock import DemoClock
from pbx.calls.callflow import CallFlow
from pbx.calls.conversation import Plans, Question, Verdict
from pbx.calls.record.recorder import Recorder

HANGS_UP, SILENT = 0.03, 0.05  # probabilities at each menu
IMPATIENT = 0.15  # probability that a caller hangs up if nobody answers
DESK, MOBILE = 0.85, 0.5  # probability that a person accepts when the phone rings
Next = tuple[str, str] | None  # the dialplan's next event and detail; None: the call is over


@dataclass(frozen=True)
class NarratedCaller:
    """A simulated caller: `number` is E.164 or None, `did` the called line."""

    id: str
    at: datetime
    did: str
    number: str | None
    urgent: bool


@dataclass
class _Call:
    """An ongoing call; `legs` are (unique id, person, whether answered), for the call records."""

    caller: NarratedCaller
    answered: bool = False
    legs: list[tuple[str, str, bool]] = field(default_factory=list)


@dataclass(frozen=True)
class NarratedOffice:
    """An office with simulated calls; `spoken` is the sound file used for every message."""

    plans: Plans
    flow: CallFlow
    recorder: Recorder
    clock: DemoClock
    token: str
    messages: Path
    spoken: Path
    cdr: Path
    lot: random.Random

    async def call(self, caller: NarratedCaller) -> None:
        """Simulate a call from start to end, in simulated time."""
        self.clock.set(caller.at)
        call, state, turn = _Call(caller), "", 1
        reported: Next = (names.ARRIVED, "")
        while reported is not None:
            question = Question(
                caller.id, caller.id, str(turn), caller.did, *reported, state, caller.number
            )
            verdict = self.flow.answer(question, self.clock.now())
            if verdict.message is not None:
                self.recorder.open_message(question, verdict)
            self.recorder.turn(question, verdict)
            reported = await self._performed(call, verdict)
            state, turn = verdict.state.encode(), turn + 1
        await self._event("Hangup", Uniqueid=caller.id, Linkedid=caller.id)
        self._write_cdr(call)

    async def _performed(self, call: _Call, verdict: Verdict) -> Next:
        """Simulate what the dialplan does with a verdict, and what the caller does next."""
        if verdict.verb in {names.ESCALATION, names.DESK}:
            return await self._rung(call, verdict)
        call.answered = verdict.verb != names.REJECT
        match verdict.verb:
            case names.MENU:
                self._pass(8, 20)
                key = self._key(call.caller, verdict)
                return None if self.lot.random() < HANGS_UP else (names.PRESSED, key)
            case names.NUMBER:
                self._pass(4, 9)
                return names.KEYED, "" if call.caller.number else "2125550199"
            case names.REASON | names.MESSAGE:
                self._pass(10, 40)
                shutil.copyfile(self.spoken, self.messages / f"{call.caller.id}.wav")
                return names.RECORDED, ""
            case names.WAIT:
                self._pass(int(verdict.variables[names.PAUSE]))
                return names.WAITED, ""
        self._pass(3, 6)
        return None

    def _key(self, caller: NarratedCaller, verdict: Verdict) -> str:
        """Return the key for what the caller wants; empty for callers who press none."""
        menu = self.plans.plan.menus.get(verdict.decision.target if verdict.decision else "")
        wanted = "urgent" if caller.urgent else "routine"
        keys = {} if menu is None or self.lot.random() < SILENT else menu.keys
        return next((key for key, choice in keys.items() if choice == wanted), "")

    async def _rung(self, call: _Call, verdict: Verdict) -> Next:
        """Ring everybody together until one accepts or the time is up."""
        known = call.caller.id
        legs = {f"{known}{len(call.legs) + count}": who for count, who in enumerate(verdict.who, 1)}
        kinds = {who: verdict.variables.get(f"_{names.KIND}_{who}", "") for who in verdict.who}
        for leg, who in legs.items():
            dialed = kinds[who] if kinds[who] in self.plans.plan.phones else names.TRUNK_OUT
            await self._event(
                "DialBegin", Channel=f"Local/{who}@{names.LEG}-1;2", DestUniqueid=leg,
                DestLinkedid=known, DestChannel=f"PJSIP/{dialed}-1",
            )  # fmt: skip
        chance = {leg: DESK if kinds[who] else MOBILE for leg, who in legs.items()}
        taker = next((leg for leg in legs if self.lot.random() < chance[leg]), None)
        if taker is None:
            self._pass(int(verdict.variables[f"_{names.RING}"]))
        else:
            self._pass(4, 14)
        for leg, who in legs.items():
            if leg != taker:
                status = "NOANSWER" if taker is None else "CANCEL"
                await self._event("DialEnd", DestUniqueid=leg, DialStatus=status)
            elif kinds[who]:
                await self._event("DialEnd", DestUniqueid=leg, DialStatus="ANSWER")
            else:
                await self._reported(known, names.LEG_ANSWERED, leg, who)
                await self._reported(known, names.LEG_ACCEPTED, leg, who)
            call.legs.append((leg, who, leg == taker))
        if taker is None:
            return None if self.lot.random() < IMPATIENT else (names.RANG, "")
        call.answered = True
        self._pass(40, 240)
        await self._event("Hangup", Uniqueid=taker, Linkedid=known)
        return None

    async def _reported(self, call: str, what: str, leg: str, who: str) -> None:
        await self._event(
            "UserEvent", UserEvent=names.USER_EVENT, Token=self.token, Call=call, What=what,
            Uniqueid=leg, Who=who,
        )  # fmt: skip

    async def _event(self, name: str, **fields: str) -> None:
        await self.recorder.event(event_of(AmiEvent(name, fields), self.clock.now()))

    def _pass(self, least: float, most: float | None = None) -> None:
        """Advance the clock by `least` seconds, or by a random time between `least` and `most`."""
        seconds = least if most is None else self.lot.uniform(least, most)
        self.clock.set(self.clock.now() + timedelta(seconds=seconds))

    def _write_cdr(self, call: _Call) -> None:
        """Write the call records that Asterisk would: the caller's, and one for each leg."""
        import csv

        caller, end = call.caller, self.clock.now().timestamp()
        start = caller.at.timestamp()
        rows = [(caller.id, "do", "PJSIP/trunk-1", "", call.answered)]
        rows += [
            (leg, names.LEG, f"Local/{who}@{names.LEG}-1;2", "PJSIP/trunk-out-1", is_up)
            for leg, who, is_up in call.legs
        ]
        with self.cdr.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
                (
                    f"{start:.6f}", f"{start + 1 if is_up else 0:.6f}", f"{end:.6f}",
                    caller.number or "", "s", context, channel, other,
                    "ANSWERED" if is_up else "NO ANSWER", f"{end - start if is_up else 0:.0f}",
                    unique, "", caller.id,
                )
                for unique, context, channel, other, is_up in rows
            )  # fmt: skip
