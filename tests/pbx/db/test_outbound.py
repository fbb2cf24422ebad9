"""Calls to patients as rows: counted from the disk, taken up once, never late."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from pbx.config.plan import parse
from pbx.db import audit, outbound
from pbx.db.database import open_database
from pbx.db.outbound import OutboundRequest, OverError, Since
from pbx.escalation import talks
from tests.support.offices import EXAMPLE

PLAN = parse(EXAMPLE, Path("office.toml")).plan
NOW = datetime(2026, 11, 28, 7, 10, tzinfo=UTC)
DAY = Since(NOW - timedelta(hours=2), timedelta(hours=1))
PATIENT = "+12125550142"
SECOND = timedelta(seconds=1)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Open a new database."""
    engine = open_database(tmp_path / "officeline.db")
    yield engine
    engine.dispose()


def place(
    engine: Engine, call: str, at: datetime = NOW, person: str = "lee", most: int = 99
) -> str | None:
    """Place a call while a person has placed fewer than `most` today."""
    wanted = OutboundRequest(person, PATIENT, call, message="m1")
    assess = lambda today, _: "enough" if today >= most else None  # noqa: E731  # one of two words
    return outbound.place_outbound(engine, wanted, DAY, assess, at)


def end(engine: Engine, call: str, otherwise: str | None, at: datetime) -> None:
    """End the call over a person's leg, if it goes on."""
    for row in outbound.going_on(engine, call):
        talks.end_talk(engine, PLAN, row, otherwise, at)


def test_calls_of_a_day_are_counted_across_restarts(engine: Engine, tmp_path: Path) -> None:
    """By person, from the office's midnight on, whatever became of them."""
    assert place(engine, "a", DAY.day - SECOND) is None  # of yesterday
    assert place(engine, "b") is None
    assert place(engine, "c", person="osei") is None
    engine.dispose()
    again = open_database(tmp_path / "officeline.db")
    end(again, "b", None, NOW + SECOND)
    assert outbound.counts(again, "lee", DAY, NOW)[0] == 1
    assert place(again, "d", most=1) == "enough"
    assert outbound.counts(again, "lee", DAY, NOW)[0] == 1
    again.dispose()


def test_calls_that_last_are_counted_until_they_end(engine: Engine) -> None:
    """Those of everybody; one whose end nobody heard counts no longer than it may last."""
    for call in ("a", "b", "c"):
        place(engine, call)
    assert outbound.counts(engine, "osei", DAY, NOW) == (0, 3)
    end(engine, "a", None, NOW)
    assert outbound.counts(engine, "osei", DAY, NOW) == (0, 2)
    talks.end_gone(engine, PLAN, ["b"], NOW)
    assert outbound.counts(engine, "osei", DAY, NOW) == (0, 1)
    later = NOW + DAY.longest
    assert outbound.counts(engine, "osei", DAY, later) == (0, 0)


def test_a_request_is_taken_up_once_and_leads_to_one_call(engine: Engine) -> None:
    """The second look finds nothing, and a second dialing is refused."""
    asked = outbound.ask(engine, "lee", PATIENT, by="root", at=NOW)
    taken = outbound.take_request(engine, NOW + SECOND)
    assert taken is not None
    assert (taken.id, taken.person, taken.number) == (asked, "lee", PATIENT)
    assert outbound.take_request(engine, NOW + SECOND) is None
    outbound.accepted(engine, asked)
    wanted = OutboundRequest("lee", PATIENT, taken.call, request=asked)
    assert outbound.place_outbound(engine, wanted, DAY, lambda *_: None, NOW) is None
    with pytest.raises(OverError):
        outbound.place_outbound(engine, wanted, DAY, lambda *_: None, NOW)
    outbound.answered(engine, taken.call, NOW + SECOND)
    end(engine, taken.call, "declined", NOW + 11 * SECOND)
    row = outbound.get_request(engine, asked)
    assert row is not None
    assert (row.state, row.result, row.placed_at) == ("connected", "talked", NOW)
    assert [(one.who, one.what, one.about) for one in audit.entries(engine)] == [
        ("root", "callback.asked", "lee")
    ]


@pytest.mark.parametrize("late", [outbound.EXPIRES + SECOND, -outbound.EXPIRES - SECOND])
def test_a_request_that_is_old_is_never_taken_up(engine: Engine, late: timedelta) -> None:
    """Nor one from a clock that was set back since."""
    asked = outbound.ask(engine, "lee", PATIENT, by="root", at=NOW)
    assert outbound.take_request(engine, NOW + late) is None
    row = outbound.get_request(engine, asked)
    assert row is not None
    assert row.result == "expired"


def test_a_request_is_withdrawn_or_taken_up(engine: Engine) -> None:
    """One of the two, whichever was first."""
    first = outbound.ask(engine, "lee", PATIENT, by="root", at=NOW)
    assert outbound.withdraw(engine, first, NOW)
    assert outbound.take_request(engine, NOW) is None
    second = outbound.ask(engine, "lee", PATIENT, by="root", at=NOW)
    assert outbound.take_request(engine, NOW) is not None
    assert not outbound.withdraw(engine, second, NOW)


def test_what_a_crash_cut_off_is_not_dialed_afterwards(engine: Engine) -> None:
    """The person's leg is gone: the request is over, and nothing of it counts."""
    asked = outbound.ask(engine, "lee", PATIENT, by="root", at=NOW)
    taken = outbound.take_request(engine, NOW)
    assert taken is not None
    talks.end_gone(engine, PLAN, [], NOW)
    row = outbound.get_request(engine, asked)
    assert row is not None
    assert row.result == "interrupted"
    with pytest.raises(OverError):
        outbound.place_outbound(
            engine,
            OutboundRequest("lee", PATIENT, taken.call, request=asked),
            DAY,
            lambda *_: None,
            NOW,
        )
    assert outbound.counts(engine, "lee", DAY, NOW) == (0, 0)


def test_a_hangup_says_nothing_of_a_phone_that_was_not_answered(engine: Engine) -> None:
    """What became of it is told a moment later, and then stays."""
    asked = outbound.ask(engine, "lee", PATIENT, by="root", at=NOW)
    taken = outbound.take_request(engine, NOW)
    assert taken is not None
    end(engine, taken.call, None, NOW)
    end(engine, taken.call, "no answer", NOW)
    end(engine, taken.call, "declined", NOW)
    row = outbound.get_request(engine, asked)
    assert row is not None
    assert row.result == "no answer"
