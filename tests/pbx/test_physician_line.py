"""The physician's line at messages that several callers of one number are in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import Engine

from dialplan import names
from pbx.call.conversation import Question
from pbx.clock import DemoClock
from pbx.home import Home
from pbx.live import LivePlan
from pbx.officefile import plan as plans
from pbx.physicians.line_steps import LineState, Step
from pbx.physicians.physician_line import PhysicianLine
from pbx.physicians.pins import Pins
from pbx.physicians.placing import Placing
from pbx.store import messages
from pbx.store.database import open_database
from pbx.vault import Vault

ROOT = Path(__file__).parents[2]
PLAN = plans.load(ROOT / "config" / "office.toml", ROOT / "config" / "presets.toml").plan
NOW = datetime(2026, 11, 28, 7, 10, tzinfo=UTC)
NUMBER = "+12125550142"


class Office:
    """A physician at the message of a nursing home's first caller, whose words were recorded."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder / "home")
        self.home.messages.mkdir(parents=True)
        self.engine: Engine = open_database(self.home.database)
        self.connected: list[LineState] = []
        self.taken: list[str] = []
        clock, live = DemoClock(NOW), LivePlan(PLAN, Vault(), self.home)
        self.line = PhysicianLine(
            self.engine,
            self.home,
            live,
            clock,
            Pins(self.home.folder, self.engine, clock),
            SimpleNamespace(connect=self.connected.append, cannot=lambda *_: None),
            Placing(self.engine, live, clock),
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

    async def keys(self, state: LineState, key: str) -> Step:
        """Press a key at the menu."""
        return await self.line.answer(
            Question("9", "9", "1", "", names.KEYED, key, state.encode(), None)
        )

    async def hears(self, origin: str = "called") -> LineState:
        """Listen to the whole message; return what the call remembers."""
        state = LineState("lee", "1.1", origin, "menu")
        return (await self.keys(state, "3")).state

    def sounds(self, *parts: str) -> str:
        """Name what is played, and recordings by their calls."""
        folder = self.home.messages
        return names.sounds(str(folder / one) if one[0].isdigit() else one for one in parts)

    def found(self) -> messages.MessageRow:
        """Read the message."""
        row = messages.get(self.engine, "1.1")
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
    state = (await office.keys(state, "1")).state
    office.calls("2.2")
    await office.line.talked(state.encode(), "9")
    assert office.found().state == "open"


async def test_a_call_back_to_all_that_were_heard_counts(office: Office) -> None:
    """The same from a strange phone: the call to one's own phone knows what was heard."""
    office.calls("2.2")
    await office.keys(await office.hears("in"), "1")
    (state,) = office.connected
    assert office.found().state == "acknowledged"
    await office.line.talked(replace(state, origin="called").encode(), "9")
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
