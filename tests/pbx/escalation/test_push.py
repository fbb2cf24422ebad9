"""Pushes to a service that takes them, refuses them, hangs; and calls that wait for none of it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs
from typer.testing import CliRunner

import cli
from pbx.base.clock import SystemClock
from pbx.base.errors import OfficeLineError
from pbx.calls.conversation import Book
from pbx.config import secrets
from pbx.config.plan import load
from pbx.config.secrets import Secrets
from pbx.db import follow_ups, messages
from pbx.db.database import open_database
from pbx.db.follow_ups import Outcome
from pbx.escalation.escalator import Escalator
from pbx.escalation.push import WORDS, PushingDialer, send
from routing.model import Plan
from tests.support.ami_peer import until
from tests.support.offices import EXAMPLE, ROOT
from tests.support.push_service import push_service

# some of Apprise's services import it
pytestmark = pytest.mark.filterwarnings("ignore:.imghdr:DeprecationWarning")
PLAN = load(ROOT / "config/office.toml").plan
PATIENT = "+12125550142"


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
class Phone:
    """A telephone that nobody answers."""

    calls: list[tuple[float, str]] = field(default_factory=list)

    async def deliver(self, message_id: str, person: str, *, urgent: bool, attempt: int) -> Outcome:
        """Call somebody."""
        assert (message_id[-2:], urgent, attempt > 0) == (".1", True, True)
        self.calls.append((time.monotonic(), person))
        return "no answer"

    def rings(self, message_id: str, person: str) -> bool:
        """Ring for a moment only."""
        del message_id, person
        return False


@pytest.fixture(autouse=True)
def _no_lower_priority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pushes have their turn: they yield to calls, and so to all the tests that run beside."""
    (tmp_path / "site").mkdir()
    text = "import os\nos.nice = lambda _: 0\n"
    (tmp_path / "site" / "sitecustomize.py").write_text(text, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Open a database."""
    found = open_database(tmp_path / "officeline.db")
    yield found
    found.dispose()


@asynccontextmanager
async def escalating(
    engine: Engine, phone: Phone, held: Secrets, seconds: float
) -> AsyncIterator[None]:
    """Run an escalator whose calls are pushed as well, about one urgent message."""
    clock, plans = SystemClock(), StillPlans()
    messages.open_message(
        engine, message_id="1.1", call="1.1", at=clock.now(), urgency="urgent",
        callback_number=PATIENT, recording="messages/1.1.wav",
    )  # fmt: skip
    pushing = PushingDialer(phone, engine, plans, lambda: held, clock, seconds)
    task = asyncio.create_task(Escalator(engine, plans, pushing, clock).run())
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])
        await pushing.stop()


def history(engine: Engine) -> list[tuple[str, dict[str, Any]]]:
    """Read what happened to the message, besides being opened."""
    return [(one.what, one.detail) for one in messages.message_history(engine, "1.1")][1:]


@pytest.mark.parametrize(
    ("answer", "what", "why"),
    [
        (200, "pushed", None),
        (500, "push failed", "the service did not take it"),
        (0, "push failed", "no answer within 20 s"),
    ],
)
async def test_a_push_goes_with_the_call_and_its_end_is_written(
    engine: Engine, answer: int, what: str, why: str | None
) -> None:
    """Whatever the service does, the call is made and written first."""
    phone = Phone()
    async with push_service(answer) as service:
        address = f"{service.url}?rto=60"  # what ends it is our own limit
        held = Secrets(push=dict.fromkeys(PLAN.people, address))
        with capture_logs() as logs:
            async with escalating(engine, phone, held, 60.0 if answer else 20.0):
                await until(lambda: follow_ups.attempts(engine, "1.1")[-1:] != [])
                await until(lambda: follow_ups.attempts(engine, "1.1")[0].result == "no answer")
                assert history(engine) == []  # the call was over before
                await until(lambda: history(engine) != [])
        (person,) = [person for _, person in phone.calls]
        assert history(engine) == [(what, {} if why is None else {"why": why})]
        assert messages.message_history(engine, "1.1")[1].person == person
        (taken,) = service.taken[:1]
        assert (taken["title"], taken["message"]) == (PLAN.office.name, WORDS)
        assert PATIENT[1:] not in str(service.taken)
    assert "s3cr3t" not in str(logs) + str(messages.message_history(engine, "1.1")) + str(held)
    assert [one["event"] for one in logs if one["log_level"] == "warning"] == (
        [] if why is None else ["push.failed"]
    )


async def test_whoever_chose_no_service_is_called_alone(engine: Engine) -> None:
    """And a secrets file that names somebody else changes nothing."""
    phone = Phone()
    async with escalating(engine, phone, Secrets(push={"nobody": "json://127.0.0.1:1/"}), 5.0):
        await until(
            lambda: [one.result for one in follow_ups.attempts(engine, "1.1")] == ["no answer"]
        )
    assert history(engine) == []


async def test_a_push_that_cannot_be_written_disturbs_nobody(engine: Engine) -> None:
    """Even where everything about it breaks."""
    phone, clock = Phone(), SystemClock()
    pushing = PushingDialer(
        phone, engine, StillPlans(), lambda: Secrets(push={"lee": "json://127.0.0.1:1/"}), clock
    )
    with capture_logs() as logs:
        outcome = await pushing.deliver("none.1", "lee", urgent=True, attempt=1)
        await until(lambda: any("error" in one for one in logs))
    assert outcome == "no answer"
    assert [one["error"] for one in logs if "error" in one] == ["StoreError"]


async def test_a_hanging_push_leaves_no_process() -> None:
    """It is ended when its time is over."""
    async with push_service(0) as service:
        children = Path(f"/proc/self/task/{threading.get_native_id()}/children")
        before = children.read_text()  # a line that tests share may run in this process, too
        async with asyncio.timeout(60):
            assert await send(service.url, "x", "y", 1.5) == "no answer within 1.5 s"
        assert children.read_text() == before


def officeline(folder: Path, *words: str, given: str = "") -> tuple[int, str]:
    """Run the command; return its exit code and what it printed or said."""
    options = ["--config", str(folder / "office.toml"), "--home", str(folder / "home")]
    result = CliRunner().invoke(cli.app, [*options, *words], input=given)
    if isinstance(result.exception, OfficeLineError):
        return 2, str(result.exception)
    return result.exit_code, result.stdout


def test_an_address_goes_into_the_secrets_alone(tmp_path: Path) -> None:
    """From standard input; it is never shown, goes with the person, and can be removed."""
    (tmp_path / "office.toml").write_text(EXAMPLE)
    url = "ntfys://a-secret-topic"
    code, said = officeline(tmp_path, "people", "push", "lee", "--stdin", given=f"{url}\n")
    assert (code, "secret" in said) == (0, False)
    held = secrets.read(tmp_path / "home")
    assert held.push == {"lee": url}
    assert held.without("lee").push == {}
    for words in (("people", "list"), ("secrets", "status")):
        assert "push" in officeline(tmp_path, *words)[1]
        assert "secret-topic" not in officeline(tmp_path, *words)[1]
    assert officeline(tmp_path, "people", "push", "lee", "--remove", "--yes")[0] == 0
    assert secrets.read(tmp_path / "home").push == {}


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (("lee", "--stdin"), "\n"),
        (("lee", "--stdin"), "nonsense s3cr3t\n"),
        (("lee", "--stdin"), "nosuch://s3cr3t\n"),
        (("lee",), "ntfys://s3cr3t\n"),  # not at a terminal
        (("lee", "--test"), ""),
        (("lee", "--stdin", "--remove"), "ntfys://s3cr3t\n"),
        (("mallory", "--stdin"), "ntfys://s3cr3t\n"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, words: tuple[str, ...], given: str) -> None:
    """In one sentence that does not repeat the address."""
    (tmp_path / "office.toml").write_text(EXAMPLE)
    code, said = officeline(tmp_path, "people", "push", *words, given=given)
    assert (code, said.count("\n"), "s3cr3t" in said) == (2, 0, False)
    assert secrets.read(tmp_path / "home").push == {}


async def test_a_test_push_says_whether_it_was_taken(tmp_path: Path) -> None:
    """As a person tries it after setting it."""
    (tmp_path / "office.toml").write_text(EXAMPLE)
    async with push_service(200) as service:
        secrets.write(tmp_path / "home", Secrets(push={"lee": service.url}))
        code, said = await asyncio.to_thread(
            officeline, tmp_path, "people", "push", "lee", "--test"
        )
        assert (code, said) == (0, "The push service accepted a test push to Dr. Ana Lee.\n")
        assert service.taken[0]["message"] == "This is a test."
        service.answer = 403
        code, said = await asyncio.to_thread(
            officeline, tmp_path, "people", "push", "lee", "--test"
        )
        assert (code, "did not take it" in said) == (2, True)
