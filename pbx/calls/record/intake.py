"""Messages from calls: opened before anybody is called, settled when the call is over.

A follow-up is deferred while its caller waits on the line. That ends with the last such call, and
at the latest after `HOLD`, even if nothing else works. All methods block for the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import Engine

from pbx.base.clock import Clock
from pbx.base.errors import OfficeLineError
from pbx.calls.conversation import Plans
from pbx.calls.record.flags import UNWRITTEN, flags_of
from pbx.calls.record.live_calls import LiveCall
from pbx.config.home import Home
from pbx.db import deferred, message_progress, messages
from pbx.db.database import StoreError
from routing import outbound
from routing.follow_up import JOINABLE, RINGING, was_cut_off
from routing.model import Plan

HOLD = timedelta(minutes=10)  # longer than any escalation policy
FAILSAFE = "failsafe-"  # prefix of recordings that Asterisk made without OfficeLine

log = structlog.get_logger()


class Intake:
    """Opens and settles the messages of calls; `notify` wakes the follow-up.

    `waiting` returns the ongoing calls that nobody has accepted.
    """

    def __init__(
        self,
        engine: Engine,
        home: Home,
        plans: Plans,
        clock: Clock,
        notify: Callable[[], None],
        waiting: Callable[[], Collection[str]] = frozenset,
    ) -> None:
        self._engine = engine
        self._home = home
        self._plans = plans
        self._clock = clock
        self._notify = notify
        self._waiting = waiting

    @property
    def plan(self) -> Plan:
        """Return the plan that runs, which says which numbers may be called."""
        return self._plans.plan

    def opened(
        self,
        call: str,
        number: str | None,
        urgency: str,
        escalation: str,
        *,
        at: datetime | None = None,
        holding_: bool = True,
    ) -> str:
        """Open a call's message, or add to it, and return its id; OSError if it cannot be stored.

        A number is kept only if the office may call it, because another one may be shared by many
        callers. `at` is the time, by default now. A call that the failsafe took has its own
        recording.
        """
        at = at or self._clock.now()
        return messages.open_message(
            self._engine,
            message_id=call,
            call=call,
            at=at,
            urgency=urgency,
            callback_number=outbound.callback_number(self.plan, number),
            recording=self._recording(call),
            escalation=escalation or None,
            owner=self._plans.plan.office.inbox,
            due_at=self._clock.now() + HOLD if holding_ else None,
        )

    def _recording(self, call: str) -> str:
        """Return the path of a call's recording, relative to the home."""
        folder = self._home.messages
        named = (f"{call}.wav", f"{FAILSAFE}{call}.wav")
        found = next((one for one in named if (folder / one).exists()), named[0])
        return str(Path(folder.name) / found)

    def accepted(self, message: str, call: str, person: str, at: datetime | None = None) -> None:
        """Note that somebody accepted the call of a message while its caller waited."""
        self._move(message, call, "acknowledged", person, at=at)

    def given_up(self, message: str, person: str) -> None:
        """Take back an acceptance, because the two were not connected."""
        held, now = messages.get_message(self._engine, message), self._clock.now()
        if held is None or (held.state, held.acknowledged_by) != ("acknowledged", person):
            return
        self._move(message, None, "cut off", person, at=now, due_at=now + HOLD)

    def over(self, message: str, call: str, live: LiveCall, at: datetime | None = None) -> str:
        """Settle a message when its call is over: close it if they talked, else follow up.

        A person who accepted and was cut off is called about it (ADR 21). A message with several
        calls is left to the follow-up, because a person who talked to one caller has not heard the
        others, who share only the number. `at` is when the call ended, by default now. Returns the
        id of the call's message, which is new if the old one was settled before the call ended.
        """
        now = at or self._clock.now()
        if not self.heard(live, now):
            message = self._still_owed(message, call, live, now)
        if live.accepted_at is None:
            self._release(message, call, now)
            self._flag(message, call, live, now)
        elif not self.heard(live, now):
            if live.is_urgent:
                due_at = now + deferred.CALLS_AGAIN
                self._move(message, None, "cut off", live.person, at=now, due_at=due_at)
                self._flag(message, call, live, now, cut_off=True)
        elif messages.shared(self._engine, message, call):
            self._release(message, call, now)
        else:
            self._move(message, call, "closed", live.person, messages.SPOKEN, at=now)
        self._notify()
        return message

    def _still_owed(self, message: str, call: str, live: LiveCall, ended_at: datetime) -> str:
        """Open a new message if this one was settled while its caller was still on the line.

        The one who settled it cannot have heard everything. Returns the id of the call's message.
        """
        held = messages.get_message(self._engine, message)
        if held is None or held.state in RINGING:
            return message
        acts = (held.opened_at, held.acknowledged_at, held.called_back_at, held.closed_at)
        if max(at for at in acts if at is not None) > ended_at:
            return message
        if held.state in JOINABLE:  # it has only this caller, who is still owed a call back
            if live.accepted_at is None and messages.shared(self._engine, message, call):
                place = self._recording(call)
                messages.add_recording(self._engine, message, call, place, ended_at)
            return message
        urgency = live.urgency if live.urgency and not live.is_urgent else "urgent"
        number = live.callback or live.caller
        return self.opened(call, number, urgency, live.escalation, at=ended_at, holding_=False)

    def _release(self, message: str, call: str, at: datetime) -> None:
        """Hand a message to the follow-up, unless another of its callers is on the line now."""
        held = messages.get_message(self._engine, message)
        others = set() if held is None else messages.calls_in(self._engine, held) - {call}
        if others.isdisjoint(self._waiting()):
            deferred.release(self._engine, message, at)

    def heard(self, live: LiveCall, ended_at: datetime) -> bool:
        """Return whether somebody accepted the call and it lasted long enough to talk."""
        at = live.accepted_at
        return at is not None and not was_cut_off(self._plans.plan, live.escalation, at, ended_at)

    def _flag(
        self, message: str, call: str, live: LiveCall, now: datetime, *, cut_off: bool = False
    ) -> None:
        """Set a message's flags; log an alarm if its recording is missing."""
        held = messages.get_message(self._engine, message)
        own = held is not None and held.call == call and held.recording
        recording = self._home.folder / own if own else self._home.messages / f"{call}.wav"
        number = None if held is None else held.callback_number
        found = flags_of(live, number, recording, cut_off=cut_off)
        if UNWRITTEN in found:
            log.error("message.unrecorded", call=call)
        if found:
            messages.flag(self._engine, message, found, now)

    def orphaned(self, live: frozenset[str]) -> None:
        """Hand deferred messages to the follow-up if we missed the end of their calls."""
        deferred.release_orphans(self._engine, live, self._clock.now())
        self._notify()

    def _move(
        self,
        message: str,
        spoke_in: str | None,
        event: message_progress.MessageMove,
        person: str,
        disposition: str | None = None,
        *,
        at: datetime | None = None,
        due_at: datetime | None = None,
    ) -> None:
        plan, now = self._plans.plan, at or self._clock.now()
        try:
            message_progress.move(
                self._engine,
                plan,
                message,
                event,
                at=now,
                person=person,
                disposition=disposition,
                due_at=due_at,
                spoke_in=spoke_in,
            )
        except StoreError:
            raise  # the caller of this method handles that it is not stored
        except OfficeLineError as error:  # somebody else changed it first, so it stays open
            log.warning("message.stays", call=message, error=str(error))
