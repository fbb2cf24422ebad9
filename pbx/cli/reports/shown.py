"""Reports as JSON: each figure by name, shares from 0 to 1, waits in seconds."""

from __future__ import annotations

from dataclasses import asdict

from pbx.reports import callers
from pbx.reports.display import Shown
from pbx.reports.duty import DutyReport
from pbx.reports.traffic import ABANDONED, ANSWER_S, AnswerTimes, Kept, Traffic
from routing.clocks import WEEKDAYS


def of_traffic(found: Traffic, shown: Shown) -> dict[str, object]:
    """Return the JSON form of a day, week or month report."""
    answers = found.answers
    kept: dict[str, object] = {act: _kept(one) for act, one in found.kept.items()}
    return {
        "calls": found.total._asdict(),
        "answer": {"norm_s": ANSWER_S, **_answers(answers)},
        "abandonment": {
            "norm": ABANDONED,
            "offered": answers.offered,
            "abandoned": answers.abandoned,
            "share": answers.lost,
        },
        "urgent_messages": {
            "norm_s": found.response_s,
            "opened": found.opened,
            "spoken": found.spoken,
            **kept,
        },
        "by_hour": [{"hour": hour, **one._asdict()} for hour, one in enumerate(found.hours)],
        "by_weekday": [
            {"weekday": name, "days": days, **one._asdict()}
            for name, (one, days) in zip(WEEKDAYS, found.weekdays, strict=True)
        ],
        "by_day": [
            {
                "day": one.day.isoformat(),
                **one.counts._asdict(),
                "answer": _answers(one.answers),
                "abandonment": one.answers.lost,
            }
            for one in found.days
        ],
        **callers.to_json(found.callers, found.total.calls, shown),
    }


def of_duty(found: DutyReport) -> dict[str, object]:
    """Return the JSON form of the on-call report."""
    return {
        "people": [
            {
                "person": one.person,
                "nights": one.burden.nights,
                "weekends": one.burden.weekends,
                "holidays": one.burden.holidays,
                "hours": round(one.burden.hours, 1),
                "interruptions": one.interruptions,
                "taken": one.taken,
                "other_nights": one.beyond,
                "nights_disturbed": one.disturbed,
                "per_night": asdict(one.per_night),
                "found_waiting": one.carried,
                **{act: _kept(kept) for act, kept in one.kept.items()},
            }
            for one in found.people
        ],
        "schedules": [asdict(one) for one in found.schedules],
        "handoffs": [{**asdict(one), "weekday": WEEKDAYS[one.weekday]} for one in found.boundaries],
        "evenness": {kind: round(value, 3) for kind, value in found.evenness.items()},
    }


def _kept(one: Kept) -> dict[str, object]:
    return {
        "due": one.due,
        "within": one.within,
        "share": one.share,
        "pending": one.pending,
        "never": one.never,
        **asdict(one.waited),
    }


def _answers(one: AnswerTimes) -> dict[str, object]:
    return {
        "offered": one.offered,
        "within": one.within,
        "share": one.share,
        **asdict(one.waited),
    }
