"""How people see what the store holds: times on the office's clock, numbers masked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pbx.base import when
from pbx.base.phone_numbers import known, mask, mask_within
from routing import follow_up
from routing.follow_up import RINGING, MessageView
from routing.model import Plan


@dataclass(frozen=True)
class Shown:
    """What messages are shown with: the plan, the instant, and whether numbers are whole."""

    plan: Plan
    now: datetime
    reveal: bool = False

    def iso(self, at: datetime | None) -> str | None:
        """Write an instant for tools."""
        return None if at is None else when.iso(at, self.plan.office.zone)

    def time(self, at: datetime | None) -> str:
        """Write an instant for people, in a sentence."""
        return "" if at is None else self.plan.office.times.moment(at)

    def column(self, at: datetime | None) -> str:
        """Write an instant for people, in a column of a table."""
        return "" if at is None else self.plan.office.times.short(at, self.now)

    def number(self, number: str | None) -> str | None:
        """Show a number, masked unless it is to be revealed; None for what is nobody's."""
        number = known(number)
        return number if number is None or self.reveal else mask(number)

    def words(self, written: str) -> str:
        """Show what somebody wrote."""
        return written if self.reveal else mask_within(written)

    def patient(self, number: str | None) -> str | None:
        """Name the patient of a number by the directory's id."""
        found = self.plan.patients.get(known(number) or "")
        return None if found is None else found.id


def is_breached(view: MessageView, plan: Plan, now: datetime) -> bool:
    """Tell whether a promise about a message was broken, noticed by the escalator or not."""
    by = promised_by(view, plan)
    return view.breached_at is not None or (by is not None and now >= by)


def promised_by(view: MessageView, plan: Plan) -> datetime | None:
    """Say until when an urgent message must be taken up, or called back; None once it is."""
    if view.urgency == "urgent" and view.state in RINGING:
        return view.since + timedelta(
            seconds=follow_up.escalation_of(view, plan).follow_up.breach_s
        )
    return follow_up.call_back_by(view, plan)
