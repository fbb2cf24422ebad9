"""Format stored values for people: times in the office's time zone, numbers masked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pbx.base import when
from pbx.base.phone_numbers import mask, mask_within
from routing import follow_up
from routing.follow_up import RINGING, MessageView
from routing.model import Plan


@dataclass(frozen=True)
class Shown:
    """How to show messages: the plan, the time, and whether to reveal numbers."""

    plan: Plan
    now: datetime
    reveal: bool = False

    def iso(self, at: datetime | None) -> str | None:
        """Return a time in ISO format, for programs."""
        return None if at is None else when.iso(at, self.plan.office.zone)

    def time(self, at: datetime | None) -> str:
        """Return a time for people, for use in a sentence."""
        return "" if at is None else self.plan.office.times.moment(at)

    def column(self, at: datetime | None) -> str:
        """Return a time for people, for a column of a table."""
        return "" if at is None else self.plan.office.times.short(at, self.now)

    def number(self, number: str | None) -> str | None:
        """Return a number, masked unless revealed; None if there is none."""
        return number if number is None or self.reveal else mask(number)

    def words(self, written: str) -> str:
        """Return text that a person wrote, with numbers in it masked unless revealed."""
        return written if self.reveal else mask_within(written, self.plan.office.country)

    def patient(self, number: str | None) -> str | None:
        """Return the directory's id of the patient with this number."""
        found = self.plan.patients.get(number or "")
        return None if found is None else found.id


def is_breached(view: MessageView, plan: Plan, now: datetime) -> bool:
    """Return whether a message's response time was exceeded, even if the escalator missed it."""
    by = promised_by(view, plan)
    return view.breached_at is not None or (by is not None and now >= by)


def promised_by(view: MessageView, plan: Plan) -> datetime | None:
    """Return the deadline to acknowledge an urgent message or call back; None if done."""
    if view.urgency == "urgent" and view.state in RINGING:
        return view.since + timedelta(
            seconds=follow_up.escalation_of(view, plan).follow_up.breach_s
        )
    return follow_up.call_back_by(view, plan)
