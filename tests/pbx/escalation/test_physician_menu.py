"""The physician's menu at messages that several callers of one number are in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import Engine

from dialplan import names
from pbx.base.clock import DemoClock
from pbx.calls.conversation import Question
from pbx.calls.live import LivePlan
from pbx.config import plan as plans
from pbx.config import secrets
from pbx.config.home import Home
from pbx.config.secrets import Secrets
from pbx.db import message_progress, messages
from pbx.db.database import open_database
from pbx.escalation.heard_messages import HeardMessages
from pbx.escalation.menu_steps import MenuState, Step
from pbx.escalation.outbound_calls import OutboundCalls
from pbx.escalation.physician_menu import PhysicianMenu
from pbx.escalation.pins import Pins, hashed
from pbx.escalation.shift_menu import ShiftMenu

ROOT = Path(__file__).parents[3]
PLAN = plans.load(ROOT / "config" / "office.toml").plan
NOW = datetime(2026, 11, 28, 7, 10, tzinfo=UTC)
NUMBER = "+12125550142"


class Office:
    """A physician at the message of a nursing home's first caller, whose words were recorded."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder / "home")
        self.home.messages.mkdir(parents=True)
        self.engine: Engine = open_database(self.home.database)
        self.connected: list[MenuState] = []
        self.taken: list[str] = []
        self.state = MenuState()
        self.clock = clock = DemoClock(NOW)
        live = LivePlan(PLAN, Secrets(), self.home)
        self.outbound_calls = OutboundCalls(self.engine, live, clock)
        self.line = PhysicianMenu(
            HeardMessages(self.engine, self.home, live, clock),
            ShiftMenu(self.engine, live, clock),
            clock,
            Pins(self.home.folder, self.engine, clock),
            SimpleNamespace(connect=self.connected.append, cannot=lambda *_: None),
            self.outbound_calls,
            lambda message, _: self.taken.append(message),
        )
        self.calls("1.1")
        self.says("1.1")

    def calls(self, call: str) -> None:
        """Let somebody of that number press urgent."""
        messages.open_message(
            self.engine,
            message_id=call,
            call=call,
            at=NOW,
            urgency="urgent",
            callback_number=NUMBER,
            recording=f"messages/{call}.wav",
            due_at=NOW + timedelta(minutes=10),
        )

    def says(self, call: str) -> None:
        """Let the caller's words grow."""
        with (self.home.messages / f"{call}.wav").open("ab") as file:
            file.write(b"RIFF")

    async def keys(self, state: MenuState, key: str) -> Step:
        """Press a key at the menu."""
        step = await self.line.answer(
            Question("9", "9", "1", "", names.KEYED, key, state.encode(), None)
        )
        self.state = step.state
        return step

    async def dials(self, state: MenuState) -> None:
        """Pick up one's own phone, over which the patient is called."""
        state = replace(state, asked="dial")
        await self.line.answer(Question("9", "9", "1", "", names.ARRIVED, "", state.encode(), None))

    async def talks(self, seconds: float) -> None:
        """The patient's phone is answered; so many seconds later the person hangs up."""
        at = self.clock.now()
        await self.outbound_calls.answered("9", at)
        await self.outbound_calls.ended("9", at=at + timedelta(seconds=seconds))

    async def rang_off(self, seconds: float) -> Step:
        """The patient's phone is answered; so many seconds later it is hung up."""
        await self.outbound_calls.answered("9", self.clock.now())
        self.clock.set(self.clock.now() + timedelta(seconds=seconds))
        return await self.line.answer(
            Question("9", "9", "2", "", names.CALLED, "ANSWER:", self.state.encode(), None)
        )

    async def hears(self, origin: str = "called") -> MenuState:
        """Listen to the whole message; return what the call remembers."""
        state = MenuState("lee", "1.1", origin, "menu")
        return (await self.keys(state, "3")).state

    def sounds(self, *parts: str) -> str:
        """Name what is played, and recordings by their calls."""
        folder = self.home.messages
        return names.sounds(str(folder / one) if one[0].isdigit() else one for one in parts)

    def found(self) -> messages.MessageRow:
        """Read the message."""
        row = messages.get_message(self.engine, "1.1")
        assert row is not None
        return row


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Let the first caller leave a message."""
    found = Office(tmp_path)
    yield found
    found.engine.dispose()


def joins(office: Office) -> None:
    """A second caller pressed urgent, and said nothing yet."""
    office.calls("2.2")


def speaks(office: Office) -> None:
    """The caller went on speaking while the message was played."""
    office.says("1.1")


MORE = [
    (joins, ("message-no-words", "message-earlier", "1.1")),
    (speaks, ("1.1",)),
]


@pytest.mark.parametrize(("more", "said"), MORE)
@pytest.mark.parametrize("key", ["1", "2", "5"])
@pytest.mark.parametrize("origin", ["called", "in"])
async def test_who_has_not_heard_all_settles_nothing(
    office: Office, key: str, origin: str, more: Callable[[Office], None], said: tuple[str, ...]
) -> None:
    """The key that came too early plays the message with what is new; again, it counts."""
    state = await office.hears(origin)
    more(office)
    step = await office.keys(state, key)
    assert (step.verb, step.state.asked) == (names.ASK, "menu")
    assert step.variables[names.SAY].startswith(office.sounds("message-urgent", *said))
    assert (office.found().state, office.taken) == ("delivered", [])
    assert not office.connected
    await office.keys(step.state, key)
    assert office.found().state == ("closed" if key == "5" else "acknowledged")
    assert office.taken == ["1.1"]


async def test_a_call_back_to_one_caller_is_none_to_another(office: Office) -> None:
    """While the patient's phone rang, another patient of that number called: nobody has heard."""
    state = await office.hears()
    await office.keys(state, "1")
    office.calls("2.2")
    await office.talks(60)
    assert office.found().state == "open"


async def test_words_that_come_during_the_call_back_are_none_that_were_heard(
    office: Office,
) -> None:
    """A caller of that number pressed urgent before, and speaks while the other one is called."""
    office.calls("2.2")
    office.says("2.2")
    await office.keys(await office.hears(), "1")
    office.says("2.2")
    await office.talks(60)
    assert office.found().state == "acknowledged"


@pytest.mark.parametrize(("seconds", "state"), [(9.9, "acknowledged"), (10, "called back")])
async def test_an_answer_is_a_call_back_if_it_lasted(
    office: Office, seconds: float, state: str
) -> None:
    """A voicemail answers, too."""
    await office.keys(await office.hears(), "1")
    await office.talks(seconds)
    assert office.found().state == state


@pytest.mark.parametrize("seconds", [4, 60])
@pytest.mark.parametrize(
    ("key", "state"),
    [("1", "called back"), ("2", "acknowledged"), ("", None), ("3", None)],
)
async def test_who_is_on_the_line_says_whether_they_spoke(
    office: Office, key: str, state: str | None, seconds: float
) -> None:
    """Their word stands above the length; without one that stands, and the menu follows."""
    await office.keys(await office.hears(), "1")
    step = await office.rang_off(seconds)
    assert (step.verb, step.state.asked) == (names.ASK, "reached")
    assert step.variables[names.SAY] == "patient-reached"
    before = office.found()
    step = await office.keys(step.state, key)
    found = office.found()
    assert found.state == state or (state is None and found.state == before.state)
    assert found.acknowledged_at == before.acknowledged_at
    assert (found.called_back_at is not None) == (found.state == "called back")
    assert step.state.asked == "menu"


async def test_the_word_of_who_has_not_heard_all_is_not_taken(office: Office) -> None:
    """Another patient of that number called meanwhile: what is new is played."""
    await office.keys(await office.hears(), "1")
    step = await office.rang_off(4)
    office.calls("2.2")
    step = await office.keys(step.state, "1")
    assert office.found().state == "delivered"
    said = ("message-urgent", "message-no-words", "message-earlier", "1.1")
    assert step.variables[names.SAY].startswith(office.sounds(*said))


async def test_a_call_that_is_not_heard_to_be_answered_is_reported_at_its_end(
    office: Office,
) -> None:
    """The manager connection was away in between: the dialplan knows how long it was."""
    await office.keys(await office.hears(), "1")
    office.clock.set(office.clock.now() + timedelta(minutes=1))
    step = await office.line.answer(
        Question("9", "9", "2", "", names.CALLED, "ANSWER:12000", office.state.encode(), None)
    )
    assert step.state.asked == "reached"
    assert office.found().state == "called back"


async def test_a_call_back_to_all_that_were_heard_counts(office: Office) -> None:
    """The same from a strange phone: the call to one's own phone knows what was heard."""
    office.calls("2.2")
    await office.keys(await office.hears("in"), "1")
    (state,) = office.connected
    assert office.found().state == "acknowledged"
    await office.dials(replace(state, origin="called"))
    await office.talks(60)
    assert office.found().state == "called back"


async def test_a_call_without_words_is_said_to_be_there(office: Office) -> None:
    """Who pressed urgent and could not speak may be another patient; the failsafe's words count."""
    office.calls("2.2")
    state = await office.hears()
    said = office.sounds("message-no-words", "message-earlier", "1.1")
    step = await office.keys(state, "3")
    assert step.variables[names.SAY].startswith(said)
    (office.home.messages / "failsafe-2.2.wav").write_bytes(b"RIFF")
    messages.add_recording(office.engine, "1.1", "2.2", "messages/failsafe-2.2.wav", NOW)
    step = await office.keys(state, "3")
    words = str(office.home.messages / "failsafe-2.2")
    said = names.sounds([words, "message-earlier", str(office.home.messages / "1.1")])
    assert step.variables[names.SAY].startswith(said)


IN = MenuState()


@pytest.mark.parametrize("digits", ["", "1"])
async def test_star_by_mistake_leads_back_to_the_menu(office: Office, digits: str) -> None:
    """Silence and a key of the menu are no PIN: nobody is asked again."""
    step = await office.keys(IN, digits)
    assert (step.verb, step.variables[names.SAY]) == (names.BACK, "")


async def test_three_wrong_pins_lead_back_to_the_menu(office: Office) -> None:
    """Who called in is told and is a patient again; whom we called is told and hung up on."""
    step = await office.keys(IN, "12345678")
    assert (step.verb, step.state.tries) == (names.ASK, 1)
    step = await office.keys(replace(IN, tries=2), "12345678")
    assert (step.verb, step.variables) == (names.BACK, {names.SAY: names.sounds(["pin-menu"])})
    called = MenuState("lee", "1.1", "called", "pin", 2)
    step = await office.keys(called, "123456")
    assert (step.verb, step.variables) == (names.BYE, {names.SAY: names.sounds(["pin-no"])})


async def test_after_a_right_pin_there_is_no_way_back(office: Office) -> None:
    """The caller's own call is over for who said who they are: it would be a patient's."""
    pin = hashed("472916")
    secrets.write(office.home.folder, Secrets(pins={"lee": pin}, codes={"lee": "17"}))
    step = await office.keys(IN, "17472916")
    assert (step.state.person, step.variables[names.KEPT]) == ("lee", "")


async def test_who_is_second_is_not_reported_that_the_message_is_theirs(office: Office) -> None:
    """Somebody took it while they listened; whoever took it may press the key again."""
    heard = await office.hears()
    message_progress.move(office.engine, PLAN, "1.1", "acknowledged", at=NOW, person="osei")
    step = await office.keys(heard, "2")
    assert step.variables[names.SAY] == "taken"
    assert office.found().acknowledged_by == "osei"
    step = await office.keys(replace(heard, person="osei"), "2")
    assert str(step.variables[names.SAY]).startswith("message-yours&")
