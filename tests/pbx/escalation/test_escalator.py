"""The escalator on a real database, with a played telephone and a clock that the tests move."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.event import listen
from structlog.testing import capture_logs

from pbx.calls.conversation import Book
from pbx.config.plan import load
from pbx.db import follow_ups, message_progress, messages, outbound, pins
from pbx.db.database import open_database, writing
from pbx.db.follow_ups import Outcome
from pbx.db.tables import utc_text
from pbx.escalation.escalator import Escalator
from routing.follow_up import AFTER, STATES, Event, State
from routing.model import Person, Plan

ROOT = Path(__file__).parents[3]
EXAMPLE = load(ROOT / "config/office.toml").plan
KIM = Person("kim", "Kim Ames", "manager")
PLAN = replace(EXAMPLE, people={**EXAMPLE.people, "kim": KIM})
NIGHT = datetime(2026, 11, 18, 3, tzinfo=UTC)  # 22:00 in the office; lee is on call, then osei
OPENING = datetime(2026, 11, 18, 13, 30, tzinfo=UTC)
WAIT_S = 20.0  # how long a slow machine may take
HANG = "goes on"


def minutes(count: float) -> datetime:
    """Return the instant so many minutes after the night's message."""
    return NIGHT + timedelta(minutes=count)


@dataclass
class HandClock:
    """A clock that stands still until somebody moves it."""

    at: datetime = NIGHT

    def now(self) -> datetime:
        """Return this instant."""
        return self.at

    def set(self, instant: datetime) -> None:
        """Move the hands."""
        self.at = instant


@dataclass
class StillPlans:
    """A plan that nobody changes."""

    plan: Plan = PLAN
    book: Book = field(default_factory=lambda: {one: {"mobile": "PJSIP/x"} for one in PLAN.people})

    def by_hash(self, hash_: str) -> Plan | None:
        """Find none."""
        del hash_
        return None


@dataclass
class Telephone:
    """Plays each person's answer, and checks that each call stands in the database before."""

    engine: Engine
    clock: HandClock
    answers: Mapping[str, str] = field(default_factory=dict)
    calls: list[tuple[float, str, str]] = field(default_factory=list)
    ringing: Counter[str] = field(default_factory=Counter)
    most: int = 0  # calls to one person at once
    unwritten: int = 0

    async def deliver(self, message_id: str, person: str, *, urgent: bool, attempt: int) -> Outcome:
        """Call somebody."""
        assert urgent
        rows = follow_ups.attempts(self.engine, message_id)
        written = [(one.id, one.person) for one in rows if one.result is None]
        self.unwritten += (attempt, person) not in written
        passed = (self.clock.at - NIGHT) / timedelta(minutes=1)
        self.calls.append((passed, message_id, person))
        self.ringing[person] += 1
        self.most = max(self.most, *self.ringing.values())
        try:
            await asyncio.sleep(0.01)
            answer = self.answers.get(person, "no answer")
            while answer == HANG:
                await asyncio.sleep(0.01)
                answer = self.answers.get(person, "no answer")
            if answer == "breaks":
                raise RuntimeError("no telephone")
            return answer  # type: ignore[return-value]  # one of the outcomes
        finally:
            self.ringing[person] -= 1

    def rings(self, message_id: str, person: str) -> bool:
        """Tell whether their phone rings about the message: the last for which it was dialed."""
        about = [message for _, message, who in self.calls if who == person]
        return self.ringing[person] > 0 and about[-1] == message_id

    def reported(self, message_id: str = "m1") -> list[str]:
        """Say who was called when, in minutes."""
        rounds: dict[float, list[str]] = {}
        for at, message, person in self.calls:
            if message == message_id:
                rounds.setdefault(at, []).append(person)
        return [f"{at:g}: {' '.join(sorted(people))}" for at, people in rounds.items()]


@dataclass
class Office:
    """All the parts; `reported` is what was told by other ways than a call."""

    engine: Engine
    clock: HandClock
    phone: Telephone
    plans: StillPlans = field(default_factory=StillPlans)
    reported: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    escalator: Escalator | None = None
    meanwhile: Callable[[], object] = int  # what happens as the sixtieth is told

    def leave(
        self,
        message_id: str = "m1",
        urgency: str = "urgent",
        number: str | None = "+12125550142",
        at: datetime | None = None,
    ) -> str:
        """Open a message."""
        return messages.open_message(
            self.engine,
            message_id=message_id,
            call=message_id,
            at=at or self.clock.at,
            urgency=urgency,
            callback_number=number,
            recording=f"messages/{message_id}.wav",
        )

    def tell(self, message_id: str, what: str, people: tuple[str, ...]) -> None:
        """Hear what is told."""
        self.reported.append((message_id, what, tuple(sorted(people))))
        if len(self.reported) == 60:
            self.meanwhile()

    def message(self, message_id: str = "m1") -> messages.MessageRow:
        """Read a message that there is."""
        found = messages.get_message(self.engine, message_id)
        assert found is not None
        return found

    def results(self, message_id: str = "m1") -> list[tuple[str, str | None]]:
        """Read who was called, and what came of it."""
        return [(one.person, one.result) for one in follow_ups.attempts(self.engine, message_id)]

    def move(self, event: Event, person: str | None = "lee", message_id: str = "m1") -> None:
        """Let somebody do something with a message, as another process does."""
        if event == "joined":
            assert self.leave(f"again at {self.clock.at}") == message_id
            return
        act, at = message_progress.move, self.clock.at
        act(self.engine, PLAN, message_id, event, at=at, person=person)

    @asynccontextmanager
    async def escalating(self) -> AsyncIterator[Escalator]:
        """Run an escalator; leaving is as sudden as a kill to what is in the database."""
        escalator = Escalator(self.engine, self.plans, self.phone, self.clock, self.tell)
        self.escalator = escalator
        task = asyncio.create_task(escalator.run())
        try:
            yield escalator
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds, within a bound."""
        async with asyncio.timeout(WAIT_S):
            while not holds():
                await asyncio.sleep(0.01)

    def idle(self) -> bool:
        """Tell whether nothing is due and nobody is being called."""
        due = message_progress.nearest(self.engine)
        with self.engine.connect() as connection:
            ask = text("SELECT count(*) FROM attempt WHERE result IS NULL")
            goes_on = connection.execute(ask).scalar()
        calling = self.escalator is not None and self.escalator.calling
        return (due is None or due > self.clock.at) and not goes_on and not calling

    async def brought_back(self, within: timedelta = timedelta(hours=1)) -> None:
        """Wait until no timer lies further ahead."""
        soon = self.clock.at + within
        await self.until(lambda: (at := message_progress.nearest(self.engine)) is None or at < soon)

    async def looked(self, escalator: Escalator) -> None:
        """Wait until the escalator has seen what time it is."""
        escalator.notify()
        await self.until(lambda: escalator.latest == self.clock.at)

    async def at(self, escalator: Escalator, instant: datetime) -> None:
        """Move the clock, and wait until all is done that is due then."""
        self.clock.at = instant
        escalator.notify()
        await self.until(self.idle)
        escalator.notify()
        await self.until(lambda: not escalator._woken.is_set())  # noqa: SLF001  # the look is over


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Open a database, and wire a telephone to it."""
    engine = open_database(tmp_path / "officeline.db")
    clock = HandClock()
    yield Office(engine, clock, Telephone(engine, clock))
    engine.dispose()


async def test_nobody_answers_until_somebody_does(office: Office) -> None:
    """The timetable as it is performed: every attempt written before, its outcome after."""
    office.leave()
    async with office.escalating() as escalator:
        for minute in range(41):
            await office.at(escalator, minutes(minute))
        assert office.phone.reported() == [
            "0: lee",
            "5: lee",
            "10: lee osei",
            *(f"{minute}: kim lee osei patel" for minute in range(15, 41, 5)),
        ]
        assert office.reported == [("m1", "breach", ("kim", "lee", "osei", "patel"))]
        assert office.message().breached_at == minutes(30)
        assert set(office.results()) == {(one, "no answer") for one in PLAN.people}
        office.phone.answers = {"patel": "acknowledged", "lee": HANG, "kim": HANG}
        await office.at(escalator, minutes(45))
        found = office.message()
        assert (found.state, found.acknowledged_by) == ("acknowledged", "patel")
        assert found.acknowledged_at == minutes(45)
        await office.at(escalator, minutes(74))
        assert office.phone.reported()[-1] == "45: kim lee osei patel"
    assert set(office.results()[-4:]) == {
        ("patel", "acknowledged"),
        ("lee", "canceled"),
        ("kim", "canceled"),
        ("osei", "no answer"),
    }
    assert office.phone.unwritten == 0
    events = [(one.what, one.person) for one in messages.message_history(office.engine, "m1")]
    assert events == [("opened", None), ("breach", None), ("acknowledged", "patel")]


@pytest.mark.parametrize("hours", [0, 1, 30])
async def test_a_clock_that_is_set_back_holds_no_call_up(office: Office, hours: int) -> None:
    """Each call comes when as much time has passed as it had left, and the stages begin as ever."""
    office.leave()
    back = timedelta(hours=hours)
    async with office.escalating() as escalator:
        for minute in range(8):
            await office.at(escalator, minutes(minute))
        before = office.phone.reported()
        office.phone.calls.clear()
        await office.looked(escalator)
        office.clock.at = minutes(7) - back
        await office.looked(escalator)
        for minute in range(8, 31):
            await office.at(escalator, minutes(minute) - back)
        again = office.phone.reported()
    assert before == ["0: lee", "5: lee"]
    assert again == [
        f"{10 - 60 * hours}: lee osei",
        *(f"{minute - 60 * hours}: kim lee osei patel" for minute in (15, 20, 25, 30)),
    ]
    assert office.reported == [("m1", "breach", ("kim", "lee", "osei", "patel"))]


async def test_a_clock_that_is_set_back_holds_no_promise_up(office: Office) -> None:
    """Who acknowledged has half an hour to call back, whatever the clock says meanwhile."""
    office.leave()
    office.phone.answers = {"lee": "acknowledged"}
    async with office.escalating() as escalator:
        await office.at(escalator, minutes(0))
        office.clock.at = minutes(-60)
        await office.looked(escalator)
        await office.at(escalator, minutes(-31))
        assert office.message().state == "acknowledged"
        await office.at(escalator, minutes(-30))
    assert office.reported == [("m1", "overdue", ("lee",))]


YEARS = timedelta(days=5 * 365)


async def test_a_start_after_a_clock_that_was_years_ahead(office: Office) -> None:
    """A message that was opened in a year to come is due at once, and climbs from its beginning."""
    office.clock.at = NIGHT + YEARS
    office.leave()
    async with office.escalating() as escalator:
        await office.at(escalator, NIGHT + YEARS)
    office.phone.calls.clear()
    office.clock.at = NIGHT
    async with office.escalating() as escalator:
        await office.brought_back()
        for minute in range(16):
            await office.at(escalator, minutes(minute))
    assert office.phone.reported() == ["0: lee", "5: lee", "10: lee osei", "15: kim lee osei patel"]
    office.phone.calls.clear()
    async with office.escalating() as escalator:  # another start changes nothing
        for minute in range(16, 21):
            await office.at(escalator, minutes(minute))
    assert office.phone.reported() == ["20: kim lee osei patel"]


@pytest.mark.parametrize("ahead", [timedelta(hours=3), YEARS])
async def test_a_start_after_a_clock_that_went_ahead_and_back(
    office: Office, ahead: timedelta
) -> None:
    """A message from before is called about in the next round of its follow-up."""
    office.leave()
    async with office.escalating() as escalator:
        await office.at(escalator, minutes(0))
        await office.at(escalator, minutes(1) + ahead)
    office.phone.calls.clear()
    office.clock.at = minutes(2)
    async with office.escalating() as escalator:
        await office.brought_back()
        for minute in range(2, 6):
            await office.at(escalator, minutes(minute))
    assert [at for at, _, person in office.phone.calls if person == "lee"] == [5]


async def test_a_promise_made_years_ahead(office: Office) -> None:
    """Who acknowledged in a year to come has the time to call back that anybody has."""
    office.clock.at = NIGHT + YEARS
    office.leave()
    office.phone.answers = dict.fromkeys(PLAN.people, "acknowledged")
    async with office.escalating() as escalator:
        await office.at(escalator, NIGHT + YEARS)
        await office.until(lambda: office.message().state == "acknowledged")
    office.clock.at = NIGHT
    async with office.escalating() as escalator:
        await office.brought_back()
        await office.at(escalator, minutes(29))
        assert office.message().state == "acknowledged"
        await office.at(escalator, minutes(30))
    assert [one[:2] for one in office.reported] == [("m1", "overdue")]


@pytest.mark.parametrize("restart", [True, False])
async def test_a_reminder_that_lies_years_ahead(office: Office, *, restart: bool) -> None:
    """It comes when the office opens next, whether or not we ran when the clock was set right."""
    office.leave("r1", "routine", None)
    async with office.escalating() as escalator:
        await office.at(escalator, OPENING + YEARS - timedelta(hours=10))
        office.reported.clear()
        if not restart:
            office.clock.at = NIGHT
            await office.brought_back(timedelta(days=1))
            await office.at(escalator, OPENING)
    if restart:
        office.clock.at = NIGHT
        async with office.escalating() as escalator:
            await office.brought_back(timedelta(days=1))
            await office.at(escalator, OPENING)
    assert [one[:2] for one in office.reported] == [("r1", "reminder")]


async def test_what_counts_for_a_while_does_not_count_for_years(office: Office) -> None:
    """Strangers' wrong PINs and a person's calls of the day end as they always do."""
    engine, since = office.engine, outbound.Since(NIGHT - timedelta(hours=1), timedelta(hours=2))
    for number in range(pins.STRANGERS_LIMIT):
        pins.count_try(engine, None, "inbound", NIGHT + YEARS + timedelta(seconds=number))
    wanted = outbound.OutboundRequest("lee", "+12125550142", "leg-1")
    outbound.place_outbound(engine, wanted, since, lambda _today, _running: None, NIGHT + YEARS)
    assert not pins.count_try(engine, "lee", "inbound", minutes(0)).may
    office.clock.at = minutes(0)
    tomorrow = outbound.Since(NIGHT + timedelta(hours=12), timedelta(hours=2))
    later = NIGHT + timedelta(hours=13)
    async with office.escalating():
        await office.until(lambda: outbound.counts(engine, "lee", tomorrow, later) == (0, 0))
    assert pins.count_try(engine, "lee", "inbound", minutes(61)).may


async def test_two_who_acknowledge_at_once_are_one_acknowledgment(office: Office) -> None:
    """The first counts; the other one's attempt says that it came too late."""
    office.leave(at=minutes(-16))
    office.phone.answers = dict.fromkeys(PLAN.people, "acknowledged")
    async with office.escalating():
        await office.until(lambda: office.message().state == "acknowledged")
        await office.until(office.idle)
    results = Counter(result for _, result in office.results())
    assert results["acknowledged"] == 1
    assert results.keys() <= {"acknowledged", "too late", "canceled"}
    by = next(person for person, result in office.results() if result == "acknowledged")
    assert office.message().acknowledged_by == by


async def test_what_another_process_does_ends_the_calls_but_that_persons(office: Office) -> None:
    """Taken up at the telephone by lee, the message no longer rings osei; lee goes on talking."""
    office.leave(at=minutes(-10))
    office.phone.answers = {"lee": HANG, "osei": HANG}
    async with office.escalating():
        await office.until(lambda: len(office.phone.calls) == 2)
        office.move("acknowledged", "lee")
        await office.until(lambda: ("osei", "canceled") in office.results())
        assert office.phone.ringing == {"lee": 1, "osei": 0}
        office.phone.answers = {"lee": "acknowledged"}
        await office.until(office.idle)
    assert dict(office.results()) == {"lee": "acknowledged", "osei": "canceled"}


async def test_closed_by_another_it_rings_nobody_who_had_it_before(office: Office) -> None:
    """Lee acknowledged it and did not call back; while it rings again, somebody closes it."""
    office.leave()
    office.phone.answers = {"lee": "acknowledged"}
    async with office.escalating() as escalator:
        await office.at(escalator, minutes(0))
        office.phone.answers = {"lee": HANG}
        office.clock.at = minutes(60)
        escalator.notify()
        await office.until(lambda: office.phone.ringing["lee"] == 1)
        office.move("closed", "kim")
        await office.until(lambda: office.phone.ringing["lee"] == 0)
        await office.until(office.idle)
    assert ("lee", "canceled") in office.results()


@pytest.mark.parametrize("answer", ["unreachable", "breaks"])
async def test_unreachable_means_the_next_stage_at_once(office: Office, answer: str) -> None:
    """A number that does not work costs no minutes; at the top the timetable goes on."""
    office.leave()
    office.phone.answers = dict.fromkeys(PLAN.people, answer)
    async with office.escalating() as escalator:
        await office.until(lambda: len(office.phone.calls) == 7)
        await office.at(escalator, minutes(4))
        assert len(office.phone.calls) == 7
        assert [stage for _, _, stage in office.phone.calls][:3] == ["lee", "lee", "osei"]
        await office.at(escalator, minutes(5))
        assert office.phone.reported()[1] == "5: kim lee osei patel"


async def test_a_stage_without_anybody_new_leads_on_as_well(office: Office) -> None:
    """Without a backup it is everyone's turn at once."""
    schedule = replace(PLAN.schedules["doctors"], backup="lee")
    office.plans.plan = replace(PLAN, schedules={"doctors": schedule})
    office.leave()
    office.phone.answers = dict.fromkeys(PLAN.people, "unreachable")
    async with office.escalating():
        await office.until(lambda: len(office.phone.calls) == 6)
    assert office.phone.reported() == ["0: kim lee lee lee osei patel"]


@pytest.mark.parametrize("answer", ["declined", "busy", "no answer"])
async def test_whoever_declines_is_called_again(office: Office, answer: str) -> None:
    """Somebody who is there gets the time that the file gives."""
    office.leave()
    office.phone.answers = {"lee": answer}
    async with office.escalating() as escalator:
        await office.at(escalator, minutes(0))
        await office.at(escalator, minutes(5))
    assert office.phone.reported() == ["0: lee", "5: lee"]
    assert office.results() == [("lee", answer), ("lee", answer)]


def ways() -> dict[State, tuple[Event, ...]]:
    """Find a shortest way from open into every state, by the transition table."""
    found: dict[State, tuple[Event, ...]] = {"open": ()}
    while len(found) < len(STATES):
        for (state, event), to in AFTER.items():
            if state in found:
                found.setdefault(to, (*found[state], event))
    return found


# What the next thing is that happens to a message that got there three minutes after its opening.
NEXT: dict[str, tuple[datetime, str]] = {
    "open": (minutes(5), "call"),
    "delivered": (minutes(5), "call"),
    "acknowledged": (minutes(33), "call"),
    "called back": (OPENING, "reminder"),
    "closed": (OPENING, "nothing"),
}


@pytest.mark.parametrize(("state", "event"), AFTER)
async def test_a_restart_in_any_state_forgets_nothing(
    office: Office, state: State, event: Event
) -> None:
    """Stopped after every event of the table, the next attempt comes when it was due."""
    office.leave()
    async with office.escalating():
        await office.until(lambda: office.results() == [("lee", "no answer")])
        office.clock.at = minutes(3)
        for one in (*ways()[state], event):
            office.move(one)
    known = office.message()
    assert known.state == AFTER[state, event] if event != "overdue" else known.breached_at
    when, what = NEXT[known.state]
    if event == "cut off" or (event in {"joined", "overdue"} and state == "acknowledged"):
        when = minutes(3)  # begins anew
    calls = len(office.phone.calls)
    async with office.escalating() as escalator:
        await office.at(escalator, max(minutes(3), when - timedelta(seconds=1)))
        early = len(office.phone.calls) - calls
        await office.at(escalator, when)
        await office.at(escalator, when)  # what was overdue is called about at once
        assert early == (when == minutes(3))
        assert (len(office.phone.calls) > calls) == (what == "call")
        if what == "reminder":
            await office.until(
                lambda: office.reported == [("m1", "reminder", (PLAN.office.inbox,))]
            )
        else:
            assert "reminder" not in [reported[1] for reported in office.reported]
        if known.state == "closed":
            assert (office.message().due_at, message_progress.nearest(office.engine)) == (
                None,
                None,
            )


async def test_a_call_that_was_cut_off_is_made_again_at_once(office: Office) -> None:
    """Stopped while lee's phone rings, the next run counts that as unknown and dials again."""
    office.leave()
    office.phone.answers = {"lee": HANG}
    async with office.escalating():
        await office.until(lambda: len(office.phone.calls) == 1)
    assert office.results() == [("lee", None)]
    office.clock.at = minutes(1)
    async with office.escalating():
        await office.until(lambda: len(office.phone.calls) == 2)
        assert office.results() == [("lee", "unknown"), ("lee", None)]
        office.phone.answers = {}
        await office.until(office.idle)
    assert office.phone.reported() == ["0: lee", "1: lee"]


async def test_a_killed_process_is_taken_over(office: Office, tmp_path: Path) -> None:
    """SIGKILL while a phone rings: the attempt is on the disk, and is made again."""
    office.leave()
    script = """
import asyncio, os, signal, sys
from datetime import datetime, timedelta
from pathlib import Path
sys.path[:0] = ["tests/pbx/escalation"]
from test_escalator import HandClock, NIGHT, StillPlans
from pbx.escalation.escalator import Escalator
from pbx.db.database import open_database
class Deadly:
    async def deliver(self, message_id, person, *, urgent, attempt):
        os.kill(os.getpid(), signal.SIGKILL)
engine = open_database(Path(sys.argv[1]))
asyncio.run(Escalator(engine, StillPlans(), Deadly(), HandClock()).run())
"""
    words = [sys.executable, "-c", script, str(tmp_path / "officeline.db")]
    process = await asyncio.to_thread(subprocess.run, words, cwd=ROOT, check=False)
    assert process.returncode == -signal.SIGKILL
    assert office.results() == [("lee", None)]
    async with office.escalating():
        await office.until(lambda: office.results() == [("lee", "unknown"), ("lee", "no answer")])


async def test_two_messages_of_one_patient_ring_once(office: Office) -> None:
    """The second call joins the first: one escalation, both recordings, nothing lost."""
    assert office.leave("m1") == "m1"
    assert office.leave("m2", at=minutes(0)) == "m1"
    assert office.leave("m3", "routine") == "m1"
    async with office.escalating() as escalator:
        await office.at(escalator, minutes(0))
        await office.at(escalator, minutes(5))
    assert office.phone.calls == [(0, "m1", "lee"), (5, "m1", "lee")]
    assert messages.recordings(office.engine, "m1") == [
        "messages/m1.wav",
        "messages/m2.wav",
        "messages/m3.wav",
    ]
    assert [one.id for one in messages.list_open(office.engine)] == ["m1"]


async def test_who_calls_again_before_the_call_back_is_heard_at_once(office: Office) -> None:
    """An acknowledged message is open again, and whoever acknowledged it is called as well."""
    office.leave()
    office.move("acknowledged", "patel")
    async with office.escalating() as escalator:
        await office.at(escalator, minutes(2))
        assert office.phone.calls == []
        assert office.leave("m2") == "m1"
        await office.at(escalator, minutes(2))
    assert office.phone.reported() == ["2: lee patel"]


async def test_an_overdue_call_back_climbs_again(office: Office) -> None:
    """Half an hour after the acknowledgment it is everybody's matter, and said so."""
    office.leave()
    office.phone.answers = {"lee": "acknowledged"}
    async with office.escalating() as escalator:
        await office.at(escalator, minutes(0))
        office.phone.answers = {}
        await office.at(escalator, minutes(29))
        assert office.phone.reported() == ["0: lee"]
        for minute in (30, 35, 40):
            await office.at(escalator, minutes(minute))
    assert office.phone.reported() == ["0: lee", "30: lee", "35: lee", "40: lee osei"]
    assert office.reported == [("m1", "overdue", ("lee",))]
    found = office.message()
    assert (found.state, found.breached_at) == ("delivered", minutes(30))


async def test_one_phone_rings_for_one_message_at_a_time(office: Office) -> None:
    """Messages of several patients queue at lee's phone, and none is dropped."""
    for number in range(5):
        office.leave(f"m{number}", number=f"+1212555014{number}")
    async with office.escalating():
        await office.until(lambda: len(office.phone.calls) == 5)
        await office.until(office.idle)
    assert office.phone.most == 1
    assert sorted(message for _, message, _ in office.phone.calls) == [
        f"m{number}" for number in range(5)
    ]


async def test_taken_up_in_the_call_about_another_it_rings_nobody(office: Office) -> None:
    """Lee takes up both messages in one call: the call about the second, which waited, ends."""
    office.leave("m1")
    office.leave("m2", number="+12125550143")
    office.phone.answers = {"lee": HANG}
    async with office.escalating():
        await office.until(lambda: office.results("m2") == [("lee", None)])
        for message in ("m1", "m2"):
            office.move("acknowledged", "lee", message)
        await office.until(lambda: office.results("m2") == [("lee", "canceled")])
        assert office.results("m1") == [("lee", None)]
        office.phone.answers = {"lee": "acknowledged"}
        await office.until(office.idle)
    assert [message for _, message, _ in office.phone.calls] == ["m1"]
    assert office.results("m1") == [("lee", "acknowledged")]


async def test_an_urgent_message_is_called_about_before_hundreds_are_reminded(
    office: Office,
) -> None:
    """At the opening every routine message is told to its owner; nobody is rung about them."""
    for number in range(300):
        office.leave(f"r{number}", "routine", None)
    office.clock.at = OPENING
    office.meanwhile = lambda: office.leave("urgent")
    async with office.escalating() as escalator:
        await office.until(lambda: bool(office.phone.calls))
        assert len(office.reported) < 300
        await office.at(escalator, OPENING)
        await office.until(lambda: len(office.reported) == 300)
    assert {person for _, _, person in office.phone.calls} == {"lee"}
    assert {what for _, what, _ in office.reported} == {"reminder"}
    assert office.reported[0][2] == (PLAN.office.inbox,)


async def test_ten_thousand_open_messages_are_no_burden(office: Office) -> None:
    """What is due is found by its index; the others are not looked at."""
    row = (
        "INSERT INTO message (id, call, opened_at, state, urgency, flags, due_at) "
        "VALUES (:id, :id, :at, 'called back', :urgency, '[]', :due)"
    )
    rows = [
        {
            "id": f"x{number}",
            "at": utc_text(minutes(-1)),
            "due": utc_text(minutes(60 + number)),
            "urgency": ("urgent", "routine")[number % 2],
        }
        for number in range(10_000)
    ]
    with writing(office.engine) as connection:
        connection.execute(text(row), rows)
        found = connection.execute(
            text(
                "EXPLAIN QUERY PLAN SELECT * FROM message WHERE urgency = 'urgent' "
                "AND due_at <= '2026' ORDER BY due_at LIMIT 50"
            )
        ).all()
    assert [one.detail for one in found] == [
        "SEARCH message USING INDEX message_by_due (urgency=? AND due_at<?)"
    ]
    office.leave()
    async with office.escalating() as escalator:
        await office.at(escalator, minutes(0))
        await office.at(escalator, minutes(5))
    assert office.phone.calls == [(0, "m1", "lee"), (5, "m1", "lee")]


async def test_what_is_due_at_once_is_written_together_before_anybody_is_called(
    office: Office,
) -> None:
    """Thirty messages take three transactions, and each call stands in the database before."""
    for number in range(30):
        office.leave(f"m{number}", number=f"+121255502{number:02}")
    office.phone.answers = {"lee": HANG}
    commits: list[object] = []
    async with office.escalating() as escalator:
        listen(office.engine, "commit", commits.append)
        await office.until(lambda: len(escalator.calling) == 30)
        assert len(commits) <= 3 + 2  # and the first of all, which take up what the last start left
        office.phone.answers = {}
        await office.until(office.idle)
    assert len({message for _, message, _ in office.phone.calls}) == 30
    assert office.phone.unwritten == 0


async def test_owners_are_reminded_ten_at_a_time(office: Office) -> None:
    """Whoever answers calls at the opening does not wait for a transaction per old message."""
    for number in range(30):
        office.leave(f"r{number}", "routine", None)
    office.clock.at = OPENING
    commits: list[object] = []
    async with office.escalating() as escalator:
        listen(office.engine, "commit", commits.append)
        await office.at(escalator, OPENING)
    assert len(office.reported) == 30
    assert len(commits) <= 3 + 2  # and the first of all, which take up what the last start left


async def test_a_clock_set_back_while_the_disk_is_full_holds_up_no_call(office: Office) -> None:
    """Timers that cannot be set back fire as if the clock had gone on."""
    office.leave()
    refuse = "CREATE TRIGGER full BEFORE UPDATE ON message BEGIN SELECT RAISE(ABORT, 'full'); END"
    async with office.escalating() as escalator:
        await office.at(escalator, minutes(0))
        office.phone.calls.clear()
        await office.looked(escalator)
        with office.engine.begin() as connection:
            connection.execute(text(refuse))
        office.clock.at = minutes(6)
        escalator.notify()
        await office.until(lambda: escalator.latest == minutes(6))
        office.clock.at = minutes(-54)
        escalator.notify()
        await office.until(lambda: bool(office.phone.calls))


async def test_a_database_that_refuses_holds_up_no_call(office: Office) -> None:
    """A round that cannot be written is dialed all the same, and the loop goes on afterward."""
    office.leave()
    refuse = "CREATE TRIGGER full BEFORE INSERT ON attempt BEGIN SELECT RAISE(ABORT, 'full'); END"
    with writing(office.engine) as connection:
        connection.execute(text(refuse))
    with capture_logs() as said:
        async with office.escalating() as escalator:
            await office.until(lambda: len(office.phone.calls) == 1)
            with writing(office.engine) as connection:
                connection.execute(text("DROP TRIGGER full"))
            for minute in (5, 10):  # the first call may go on at 5, as nothing tells of its end
                await office.at(escalator, minutes(minute))
    assert office.phone.reported()[0] == "0: lee"
    assert office.phone.reported()[-1] == "10: lee osei"
    assert office.results()[-2:] == [("lee", "no answer"), ("osei", "no answer")]
    assert office.phone.unwritten == 1
    assert "escalator.unwritten" in [one["event"] for one in said]


async def test_an_acknowledgment_waits_for_the_database_and_rings_nobody(office: Office) -> None:
    """Whoever pressed 1 is not called again because the disk was slow to take it."""
    office.leave()
    refuse = (
        "CREATE TRIGGER full BEFORE UPDATE OF acknowledged_by ON message WHEN "
        "new.acknowledged_by IS NOT NULL BEGIN SELECT RAISE(ABORT, 'full'); END"
    )
    with writing(office.engine) as connection:
        connection.execute(text(refuse))
    office.phone.answers = {"lee": "acknowledged"}
    with capture_logs() as said:
        async with office.escalating() as escalator:
            await office.until(lambda: len(said) > 1)
            office.clock.at = minutes(20)
            escalator.notify()
            await office.until(lambda: len(said) > 2)
            assert office.phone.reported() == ["0: lee"]
            with writing(office.engine) as connection:
                connection.execute(text("DROP TRIGGER full"))
            await office.until(lambda: office.message().state == "acknowledged")
            await office.until(office.idle)
    assert office.phone.reported() == ["0: lee"]
    assert office.results() == [("lee", "acknowledged")]


async def test_one_message_that_cannot_be_handled_holds_up_no_other(office: Office) -> None:
    """What goes wrong with a message is logged, and the next is called about."""
    office.leave("m1")
    with writing(office.engine) as connection:
        connection.execute(text("UPDATE message SET escalation = 'broken', owner = 'x'"))
    escalations = {
        **PLAN.escalations,
        "broken": replace(PLAN.escalations["urgent"], follow_up=None),  # type: ignore[arg-type]  # on purpose
    }
    office.plans.plan = replace(PLAN, escalations=escalations)
    office.leave("m2", number="+12125550143")
    with capture_logs() as said:
        async with office.escalating():
            await office.until(lambda: bool(office.phone.calls))
    assert office.phone.reported("m2") == ["0: lee"]
    assert "escalator.failed" in [one["event"] for one in said]


async def test_nobody_to_call_is_reported(office: Office) -> None:
    """Without any number the breach and the helplessness are told, again and again."""
    office.plans.book = {}
    office.leave()
    async with office.escalating() as escalator:
        await office.at(escalator, minutes(0))
        await office.at(escalator, minutes(30))
        await office.until(lambda: len(office.reported) == 3)
    assert office.reported == [
        ("m1", "unreachable", ()),
        ("m1", "breach", ()),
        ("m1", "unreachable", ()),
    ]
