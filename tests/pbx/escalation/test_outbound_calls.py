"""Who may call which patient now, what is said and written where not, and what is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from dialplan import names
from pbx.config.home import Home
from pbx.config.plan import parse
from pbx.db import messages, outbound
from pbx.db.database import open_database
from pbx.db.messages import MessageRow
from pbx.escalation.outbound_calls import No, OutboundCalls
from routing.model import Line, Outbound
from tests.support.ledgers import CALLER, Reported, write_log
from tests.support.offices import EXAMPLE

NOW = datetime(2026, 11, 28, 7, 10, tzinfo=UTC)
CALLED = Reported("1795456091.0", NOW, "message", has_message=True)
DIRECT = "+12125550102"


class _Clock:
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def set(self, instant: datetime) -> None:
        self.at = instant


class Office:
    """A practice with a message, two calls a day, one at a time, and Dr. Lee's own line."""

    def __init__(self, folder: Path) -> None:
        plan = parse(EXAMPLE, Path("office.toml")).plan
        own = Line(did=DIRECT, name="lee-direct", owner="lee")
        limits = Outbound(per_day=2, minutes=5, at_once=1)
        self.plan = replace(plan, outbound=limits, lines=(*plan.lines, own))
        write_log(folder, [CALLED])
        self.engine = open_database(Home(folder).database)
        self.clock = _Clock()
        live = SimpleNamespace(plan=self.plan, book={})
        self.outbound_calls = OutboundCalls(self.engine, live, self.clock)

    def message(self, number: str = CALLER) -> MessageRow:
        """Read the message, as if it had this callback number."""
        found = messages.get_message(self.engine, CALLED.id)
        assert found is not None
        return replace(found, callback_number=number)

    def refusals(self) -> list[dict[str, str]]:
        """List why the message's patient was not called."""
        found = messages.message_history(self.engine, CALLED.id)
        return [one.detail for one in found if one.what == outbound.NOT_CALLED]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Make such an office."""
    found = Office(tmp_path)
    yield found
    found.engine.dispose()


async def test_a_call_within_the_limits_says_how_to_dial(office: Office) -> None:
    """The office's number, and the length after which it ends."""
    found = await office.outbound_calls.place_for_message("osei", office.message(), "call-1")
    assert found == {
        names.SAY: "calling-patient",
        names.DIAL: f"PJSIP/{CALLER}@trunk-out",
        names.LONGEST: "300",
        names.SHOW: "+12125550100",
    }


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("+18765550142", "it is abroad"),
        ("+19005550142", "it is a premium number"),
        ("+12125550100", "it is the office's own"),
    ],
)
async def test_numbers_outside_the_plan_are_refused(office: Office, number: str, why: str) -> None:
    """In words, on the message's history, and not among the calls of the day."""
    message = office.message(number)
    found = await office.outbound_calls.place_for_message("osei", message, "call-1")
    assert found == No(why, "number-refused")
    assert await office.outbound_calls.refuses("osei", number, CALLED.id) == found
    assert office.refusals() == [{"why": why}] * 2
    assert await office.outbound_calls.refuses("osei", CALLER) is None


async def test_the_limits_are_those_of_the_day_and_of_the_moment(office: Office) -> None:
    """Each with its own prompt; a new day begins at the office's midnight."""
    assert isinstance(
        await office.outbound_calls.place_for_message("osei", office.message(), "a"), dict
    )
    busy = await office.outbound_calls.place_for_message("lee", office.message(), "b")
    assert isinstance(busy, No)
    assert busy.say == "lines-busy"
    await office.outbound_calls.ended("a")
    assert isinstance(
        await office.outbound_calls.place_for_message("osei", office.message(), "c"), dict
    )
    await office.outbound_calls.ended("c")
    reached = await office.outbound_calls.place_for_message("osei", office.message(), "d")
    assert isinstance(reached, No)
    assert reached.say == "limit-reached"
    assert len(office.refusals()) == 2
    office.clock.at = datetime(2026, 11, 29, 4, 59, tzinfo=UTC)  # 23:59 in New York
    assert await office.outbound_calls.refuses("osei", CALLER) == reached
    office.clock.at += timedelta(minutes=1)
    assert await office.outbound_calls.refuses("osei", CALLER) is None


async def test_a_call_that_a_command_asked_for_shows_the_persons_own_line(office: Office) -> None:
    """Her patients know that number; whoever has none shows the office's."""
    for person, shown in (("lee", DIRECT), ("osei", "+12125550100")):
        asked = outbound.ask(office.engine, person, CALLER, by="root", at=NOW)
        taken = await office.outbound_calls.take()
        assert taken is not None
        words = await office.outbound_calls.place_requested(asked, taken.call)
        assert isinstance(words, dict)
        assert words[names.SHOW] == shown
        await office.outbound_calls.ended(taken.call)


async def test_a_request_beyond_the_limits_is_over(office: Office) -> None:
    """It says why, for the command to print."""
    asked = outbound.ask(office.engine, "lee", "+18765550142", by="root", at=NOW)
    taken = await office.outbound_calls.take()
    assert taken is not None
    assert isinstance(await office.outbound_calls.place_requested(asked, taken.call), No)
    row = outbound.get_request(office.engine, asked)
    assert row is not None
    assert (row.result, row.placed_at) == ("refused: it is abroad", None)
