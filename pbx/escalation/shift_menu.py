"""The physician's menu about shifts: hand one's shift to the backup, or take a shift.

After a second press it makes the same override as `officeline oncall`.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

import structlog
from sqlalchemy import Engine

from pbx.base.clock import Clock
from pbx.calls.conversation import Plans
from pbx.db import changes, shifts
from pbx.escalation import shift_words
from pbx.escalation.menu_steps import MenuState, Step, bye, choices
from routing import schedule, shift_start, turns
from routing.model import Override, Plan
from routing.oncall import taken_from, until_morning

REASON = "by telephone"
ABOUT_SHIFTS = frozenset({"shift", "handover", "take"})  # this menu's values of `asked`

log = structlog.get_logger()


class ShiftMenu:
    """Answers menu keys about shifts, for people who have entered their PIN."""

    def __init__(self, engine: Engine, plans: Plans, clock: Clock) -> None:
        self._engine = engine
        self._plans = plans
        self._clock = clock

    def offers(self, state: MenuState) -> bool:
        """Return whether this person can do anything about a shift now."""
        return bool(self._offered(state.person))

    def menu(self, state: MenuState, *say: str) -> Step:
        """Offer what can be done; end the call if there is nothing."""
        offered = self._offered(state.person)
        return choices(state, "shift", *say, *offered) if offered else bye(state, *say)

    async def chosen(self, state: MenuState, key: str) -> Step:
        """Handle a key of the menu or the second press; any other key changes nothing."""
        offered = self._offered(state.person)
        match state.asked, key:
            case "shift", "8" if "shift-hand-over" in offered:
                return choices(state, "handover", "shift-sure")
            case "shift", "9" if "shift-take" in offered:
                return choices(state, "take", "shift-sure")
            case "handover", "1" if "shift-hand-over" in offered:
                return await self._hand_over(state)
            case "take", "1" if "shift-take" in offered:
                return await self._take(state)
        return bye(state, "shift-unchanged")

    def _offered(self, person: str) -> tuple[str, ...]:
        plan, now = self._plans.plan, self._clock.now()
        hand_over = () if handed_over(plan, person, now) is None else ("shift-hand-over",)
        return (*hand_over, *(() if _to_take(plan, person, now) is None else ("shift-take",)))

    async def _hand_over(self, state: MenuState) -> Step:
        """Put the backup on call until the end of this shift, and have them called."""
        now = self._clock.now()
        wanted = handed_over(self._plans.plan, state.person, now)
        if wanted is None:
            return bye(state, "shift-unchanged")
        by = f"{state.person} {REASON}"
        await asyncio.to_thread(changes.hand_over, self._engine, wanted, by=by, now=now)
        log.info("shift.handed_over", person=state.person)
        return bye(state, "shift-handed")

    async def _take(self, state: MenuState) -> Step:
        """Put the caller on call, like `oncall take`; if they already are, confirm their shift."""
        plan, now = self._plans.plan, self._clock.now()
        name = _to_take(plan, state.person, now)
        if name is None:
            return bye(state, "shift-unchanged")
        by = f"{state.person} {REASON}"
        if state.person in schedule.on_call(plan, name, now).people:
            end = shift_start.ends(plan, name, state.person, now)
            await asyncio.to_thread(shifts.confirm, self._engine, name, state.person, by=by, at=now)
        else:
            place, whose = taken_from(plan, name, state.person, now)
            end = until_morning(plan, name, now, place)
            wanted = Override(0, name, "replace", state.person, whose, _minute(now), end, REASON)
            await asyncio.to_thread(changes.add_override, self._engine, wanted, by=by, now=now)
        log.info("shift.taken", person=state.person)
        until = shift_words.until(now, end, plan.office.zone)
        return bye(state, "shift-taken", *until, "goodbye")


def handed_over(plan: Plan, person: str, now: datetime) -> Override | None:
    """Return the override that replaces somebody by the backup until their shift ends.

    None if they are not on call or have no backup.
    """
    for name in plan.schedules:
        answer = schedule.on_call(plan, name, now)
        if person in answer.people and answer.backup is not None:
            end = shift_start.ends(plan, name, person, now) or until_morning(plan, name, now)
            start = _minute(now)
            return Override(0, name, "replace", answer.backup, person, start, end, REASON)
    return None


def _to_take(plan: Plan, person: str, now: datetime) -> str | None:
    """Return the schedule that a person may take: one they are in, or for a physician the first.

    A person on call can only take a shift that they have not confirmed.
    """
    known = plan.people.get(person)
    if known is None or known.role == "service":
        return None
    on_call = [
        name for name in plan.schedules if person in schedule.on_call(plan, name, now).people
    ]
    for name in on_call:
        if person in schedule.unconfirmed(plan, name, now):
            return name
    if on_call:
        return None
    own = [name for name in plan.schedules if person in _people(plan, name, now)]
    others = list(plan.schedules) if known.role == "physician" else []
    return next(iter([*own, *others]), None)


def _people(plan: Plan, name: str, now: datetime) -> set[str]:
    table = plan.schedules[name]
    zone = plan.office.zone
    named = {person for layer in table.layers for person in turns.members(layer, zone, now)}
    return named | {shift.person for shift in table.shifts} | {table.backup}


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
