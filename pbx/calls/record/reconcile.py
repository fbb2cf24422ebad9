"""Compare our log of a day's calls with Asterisk's records and list calls unaccounted for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, get_args
from zoneinfo import ZoneInfo

from dialplan import names
from dialplan.system import CDR_FILE
from pbx.calls.record.cdr import CdrCall, CdrFilter, calls_of, read_cdr
from pbx.config.home import Home
from pbx.db import ledger
from pbx.db.records import Outcome
from routing.instants import DAY, MIDNIGHT, instant
from routing.model import FollowUp

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

OUTCOMES: tuple[str, ...] = get_args(Outcome)

# The two are not written at the same moment, so a call that has just ended may lack one.
SETTLING = timedelta(minutes=1)
LONGEST = timedelta(hours=6)  # after this a call counts as over even if no record says so
CUT_OFF = timedelta(seconds=FollowUp().cut_off_s)  # the default; the plan may say otherwise

NOT_OURS = "Asterisk's records have it, but our log does not"
NOT_ASTERISKS = "our log has it, but Asterisk's records do not"
LEGS_ALONE = "Asterisk's records have legs of it, but not the call itself"


@dataclass(frozen=True)
class Unaccounted:
    """A call that is unaccounted for: what either side knows about it, and why it is listed."""

    id: str
    started_at: datetime
    why: tuple[str, ...]
    ours: ledger.OwnCall | None = None
    asterisks: CdrCall | None = None
    message: str | None = None


@dataclass(frozen=True)
class Reconciliation:
    """All calls in [start, end); `outcomes` and `going_on` count those accounted for."""

    start: datetime
    end: datetime
    outcomes: Mapping[str, int]
    going_on: int
    unaccounted: tuple[Unaccounted, ...]

    @property
    def placed(self) -> int:
        """Return the number of calls."""
        return sum(self.outcomes.values()) + self.going_on + len(self.unaccounted)


def reconcile_day(
    engine: Engine,
    home: Home,
    day: date,
    zone: ZoneInfo,
    now: datetime,
    cut_off: timedelta = CUT_OFF,
) -> Reconciliation:
    """Reconcile the calls that began on a local day, as of `now`."""
    start, end = (instant(one, MIDNIGHT, zone) for one in (day, day + DAY))
    return reconcile(engine, cdr_path(home), start, end, now, cut_off)


def cdr_path(home: Home) -> Path:
    """Return the path of Asterisk's call records."""
    return home.asterisk / "log" / "cdr-custom" / CDR_FILE


def reconcile(
    engine: Engine,
    cdr: Path,
    start: datetime,
    end: datetime,
    now: datetime,
    cut_off: timedelta = CUT_OFF,
) -> Reconciliation:
    """Reconcile the calls that began in [start, end), as of `now`.

    An urgent call that was accepted and ended sooner than `cut_off` must have a message. Our log's
    start time counts, or that of Asterisk's records if our log lacks the call, so that each call
    belongs to exactly one day.
    """
    ours = {call.id: call for call in ledger.calls_between(engine, start, end)}
    # early legs may belong to calls from the day before
    asterisks = calls_of(read_cdr(cdr, wanted=CdrFilter(start - LONGEST, end, ours)))
    strangers = {
        call.id: call
        for call in asterisks.values()
        if start <= call.start < end and call.id not in ours
    }
    for other in ledger.calls_named(engine, strangers):
        del strangers[other.id]  # it began on another day
    orphans = {one.call: one for one in ledger.orphans_between(engine, start, end)}
    outcomes = dict.fromkeys(OUTCOMES, 0)
    going_on = 0
    unaccounted = []
    for id_ in {**ours, **strangers, **orphans}:
        sides = _Sides(ours.get(id_), asterisks.get(id_), orphans.get(id_))
        why = sides.why(now, cut_off)
        if why:
            unaccounted.append(sides.named(id_, why))
        elif sides.ours is not None and sides.ours.outcome is not None:
            outcomes[sides.ours.outcome] += 1
        else:
            going_on += 1
    unaccounted.sort(key=lambda one: (one.started_at, one.id))
    return Reconciliation(start, end, outcomes, going_on, tuple(unaccounted))


@dataclass(frozen=True)
class _Sides:
    """What our log and Asterisk's records know about one call."""

    ours: ledger.OwnCall | None
    asterisks: CdrCall | None
    orphan: ledger.Orphan | None

    def named(self, id_: str, why: tuple[str, ...]) -> Unaccounted:
        starts = []
        message = None
        if self.ours is not None:
            starts.append(self.ours.started_at)
            message = self.ours.message
        if self.asterisks is not None:
            starts.append(self.asterisks.start)
        if self.orphan is not None:
            starts.append(self.orphan.at)
            message = self.orphan.message
        return Unaccounted(id_, starts[0], why, self.ours, self.asterisks, message)

    def why(self, now: datetime, cut_off: timedelta) -> tuple[str, ...]:
        """Return why the call is unaccounted for; empty if it is accounted for or ongoing."""
        now = now.astimezone(UTC)
        if self.ours is None:
            return self._unknown_to_us(now)
        if self.ours.outcome is None:
            return self._without_outcome(self.ours, now)
        reasons = [*_left_behind(self.ours), *_parted(self.ours, cut_off)]
        if self.asterisks is None or not self.asterisks.own:
            # Asterisk crashed during the call and wrote no record; our log says so
            if self.ours.outcome != "interrupted" and not _just_now(self.ours.ended_at, now):
                reasons.append(NOT_ASTERISKS if self.asterisks is None else LEGS_ALONE)
        elif self.ours.outcome == "connected" and not self.asterisks.answered:
            reasons.append("our log says connected, but Asterisk's records say never answered")
        return tuple(reasons)

    def _unknown_to_us(self, now: datetime) -> tuple[str, ...]:
        if self.asterisks is None:
            if self.orphan is not None and _just_now(self.orphan.at, now):
                return ()
            return ("a message names it, but neither record has it",)
        if _just_now(self.asterisks.end, now):
            return ()
        if names.FAILSAFE in self.asterisks.contexts:
            return (NOT_OURS, "the failsafe took it without the control layer")
        return (NOT_OURS,)

    def _without_outcome(self, ours: ledger.OwnCall, now: datetime) -> tuple[str, ...]:
        if self.asterisks is not None and self.asterisks.own:
            if _just_now(self.asterisks.end, now):
                return ()
            return ("it is over, but our log has no outcome", *_left_behind(ours))
        if now - ours.started_at < LONGEST:
            return ()
        hours = LONGEST // timedelta(hours=1)
        return (
            f"it began over {hours} hours ago and neither record has its end",
            *_left_behind(ours),
        )


def _left_behind(ours: ledger.OwnCall) -> tuple[str, ...]:
    """Return reasons if a message is missing or an urgent call was not answered."""
    if ours.is_left:
        return ()
    if ours.outcome == "message" or ours.message is not None:
        return ("its message is not in the database",)
    if ours.urgency == "urgent" and ours.person is None:
        return ("it was urgent, reached nobody and left no message",)
    return ()


def _parted(ours: ledger.OwnCall, cut_off: timedelta) -> tuple[str, ...]:
    """Return a reason if the caller was cut off and nobody was notified again."""
    accepted, ended = ours.accepted_at, ours.ended_at
    if ours.is_left or ours.urgency != "urgent" or accepted is None or ended is None:
        return ()
    spoke = ended - accepted
    if spoke >= cut_off:
        return ()
    return (f"it was urgent, was cut off after {spoke.total_seconds():.0f} s and left no message",)


def _just_now(at: datetime | None, now: datetime) -> bool:
    return at is not None and abs(now - at) < SETTLING
