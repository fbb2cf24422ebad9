"""PINs: which may be chosen, who is let in by one, and who is locked out for guessing."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from sqlalchemy import Engine

from pbx.base.errors import OfficeLineError
from pbx.config import secrets
from pbx.config.secrets import CODES, Secrets
from pbx.db import pins as tries
from pbx.db.database import open_database
from pbx.escalation.pins import Pins, hashed, weakness
from tests.conftest import Saw

NOW = datetime(2026, 11, 28, 7, 10, tzinfo=UTC)
LEE, OSEI = "480297", "913640"
HASHES = {"lee": hashed(LEE), "osei": hashed(OSEI)}
HELD = Secrets().with_pin("lee", HASHES["lee"]).with_pin("osei", HASHES["osei"])
WRONG = "271946"


class StillClock:
    """A clock that stands where it was set."""

    def __init__(self, instant: datetime) -> None:
        self.set(instant)

    def now(self) -> datetime:
        """Return the instant that was set."""
        return self._instant

    def set(self, instant: datetime) -> None:
        """Set the clock."""
        self._instant = instant


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Open a database beside secrets in which Lee (10) and Osei (11) have PINs, Patel none."""
    secrets.write(tmp_path, HELD.with_mobile("patel", "+12125550113"))
    found = open_database(tmp_path / "officeline.db")
    yield found
    found.dispose()


@pytest.fixture
def pins(tmp_path: Path, engine: Engine) -> Pins:
    """Make the checks of that office, at a time of our own."""
    return Pins(tmp_path, engine, StillClock(NOW))


@pytest.mark.parametrize(
    "pin",
    [
        *("000000", "777777", "123456", "012345", "654321", "987654", "789012", "246802"),
        *("121212", "112211", "100000", "123123", "112233", "998877", "159753", "123321"),
    ],
)
def test_what_everybody_tries_first_is_refused(pin: str) -> None:
    """The same digit, steps, repetitions, pairs, and figures on the keys."""
    assert "easy to guess" in (weakness(pin) or "")


@pytest.mark.parametrize(
    "pin", ["", "1", "48029", "4802977", "48029a", "48 297", "٤٨٠٢٩٧", "480297\n"]
)
def test_a_pin_is_six_digits(pin: str) -> None:
    """No more, no less, and none that no telephone has."""
    assert weakness(pin) == "A PIN has 6 digits."


def test_a_number_of_somebody_is_no_pin() -> None:
    """The last six digits of one's own mobile are the next thing to try."""
    assert "telephone number" in (weakness("550142", ["+12125550142"]) or "")
    assert weakness("550143", ["+12125550142"]) is None


def test_most_pins_are_good() -> None:
    """What is refused is so little that a guesser gains nothing by leaving it out."""
    refused = [number for number in range(0, 10**6, 97) if weakness(f"{number:06}") is not None]
    assert 10 < len(refused) < 10**6 / 97 / 50


def test_a_hash_is_reported_from_its_pin_by_nobody() -> None:
    """Argon2id, a salt of its own each time, and nothing of it in what a secrets file prints."""
    assert HASHES["lee"].startswith("$argon2id$")
    assert hashed(LEE) != HASHES["lee"]
    assert LEE not in HASHES["lee"]
    assert "argon2" not in repr(HELD)


async def test_who_calls_in_is_known_by_code_and_pin(pins: Pins) -> None:
    """Each code opens with its own PIN alone."""
    assert await pins.identify(f"10{LEE}") == "lee"
    assert await pins.identify(f"11{OSEI}") == "osei"
    assert await pins.identify(f"10{OSEI}") is None
    assert await pins.identify(f"11{LEE}") is None
    assert await pins.identify(f"12{LEE}") is None


@pytest.mark.parametrize(
    "digits", ["", LEE, f"1{LEE}", f"10{LEE}1", "2" * 200, f"*1{LEE}", "1" * 8]
)
async def test_other_digits_are_nobody(pins: Pins, digits: str) -> None:
    """Too few, too many, and eight that fit nobody."""
    assert await pins.identify(digits) is None


async def test_who_was_called_gives_the_pin_alone(pins: Pins) -> None:
    """The code is known then; somebody else's PIN does not do, and no PIN is no way in."""
    assert await pins.check_pin("lee", LEE)
    assert not await pins.check_pin("lee", OSEI)
    for digits in ("", "48029", "1" * 200, "######"):
        assert not await pins.check_pin("lee", digits)
    assert not await pins.check_pin("patel", LEE)
    assert not await pins.check_pin("nobody", LEE)


async def test_five_wrong_tries_lock(pins: Pins, engine: Engine, saw: Saw) -> None:
    """The fifth is told to the administrator once; the right PIN then opens nothing."""
    with structlog.testing.capture_logs() as reported:
        for _ in range(5):
            assert await pins.identify(f"10{WRONG}") is None
        assert await pins.identify(f"10{LEE}") is None
    alarms = [one for one in reported if one["log_level"] == "error"]
    assert alarms == [
        {"event": "pin.locked", "person": "lee", "way": "inbound", "log_level": "error"}
    ]
    assert not [one for one in reported if WRONG in str(one) or LEE in str(one)]
    assert tries.locked(engine, NOW) == [tries.Locked("lee", "inbound", NOW, 5)]
    assert await pins.identify(f"11{OSEI}") == "osei"
    saw("five wrong PINs: locked and reported once, and then the right PIN is refused too")


async def test_a_right_pin_ends_the_row(pins: Pins, engine: Engine) -> None:
    """Four wrong, one right, four wrong: nobody is locked, and the right one tells of the four."""
    with structlog.testing.capture_logs() as reported:
        for _ in range(2):
            for _ in range(4):
                assert await pins.identify(f"10{WRONG}") is None
            assert await pins.identify(f"10{LEE}") == "lee"
    assert [one["tries"] for one in reported if one["event"] == "pin.right"] == [4, 4]
    assert tries.locked(engine, NOW) == []


async def test_a_guesser_who_calls_in_does_not_lock_the_persons_own_phone(
    pins: Pins, engine: Engine
) -> None:
    """Nobody can keep a physician from an urgent message by guessing from outside."""
    for _ in range(5):
        await pins.identify(f"10{WRONG}")
    assert await pins.check_pin("lee", LEE)
    for _ in range(5):
        assert not await pins.check_pin("lee", WRONG)
    assert not await pins.check_pin("lee", LEE)
    assert {one.way for one in tries.locked(engine, NOW)} == {"called", "inbound"}


async def test_all_who_call_in_are_locked_for_an_hour(
    tmp_path: Path, engine: Engine, pins: Pins
) -> None:
    """Twenty wrong tries, whatever the codes: then no code helps for an hour, and then it does."""
    with structlog.testing.capture_logs() as reported:
        for number in range(20):
            assert await pins.identify(f"{20 + number}{WRONG}") is None
        assert await pins.identify(f"10{LEE}") is None
    alarms = [one["person"] for one in reported if one["event"] == "pin.locked"]
    assert alarms == ["everybody who calls in"]
    assert await pins.check_pin("lee", LEE)
    later = StillClock(NOW + timedelta(minutes=59))
    assert await Pins(tmp_path, engine, later).identify(f"10{LEE}") is None
    later.set(NOW + timedelta(minutes=62))
    assert await Pins(tmp_path, engine, later).identify(f"10{LEE}") == "lee"
    assert tries.locked(engine, later.now()) == []


async def test_right_tries_do_not_count_against_all(pins: Pins) -> None:
    """A busy morning of physicians who know their PINs locks nobody out."""
    for _ in range(20):
        assert await pins.identify(f"10{LEE}") == "lee"
    assert await pins.identify(f"11{WRONG}") is None
    assert await pins.identify(f"10{LEE}") == "lee"


async def test_many_at_once_are_five_tries(pins: Pins, engine: Engine) -> None:
    """A try is counted before it is looked at, so many calls together win nothing."""
    guesses = [pins.check_pin("lee", WRONG) for _ in range(12)]
    found = await asyncio.gather(*guesses, pins.check_pin("lee", LEE))
    assert not any(found)
    assert [one.tries for one in tries.locked(engine, NOW)] == [5]


async def test_who_hangs_up_saves_no_try(pins: Pins, engine: Engine) -> None:
    """A question that is given up in the middle was a try all the same."""
    for number in range(1, 6):
        asked = asyncio.create_task(pins.check_pin("lee", WRONG))
        async with asyncio.timeout(20):
            while _counted(engine) < number:
                await asyncio.sleep(0.001)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
    assert not await pins.check_pin("lee", LEE)


def _counted(engine: Engine) -> int:
    """Tell how many tries are counted."""
    with closing(sqlite3.connect(engine.url.database or "")) as other:
        return sum(wrong for (wrong,) in other.execute("SELECT wrong FROM pin_tries"))


async def test_tries_outlive_the_daemon(tmp_path: Path, pins: Pins) -> None:
    """Three wrong, a restart, two wrong: locked."""
    for _ in range(3):
        await pins.check_pin("lee", WRONG)
    again = open_database(tmp_path / "officeline.db")
    restarted = Pins(tmp_path, again, StillClock(NOW))
    for _ in range(2):
        await restarted.check_pin("lee", WRONG)
    assert not await restarted.check_pin("lee", LEE)
    again.dispose()


async def test_unlocking_opens_both_ways(pins: Pins, engine: Engine) -> None:
    """The administrator lifts every lock of a person, and the one of all who call in."""
    for number in range(20):
        await pins.identify(f"{10 if number < 5 else 50}{WRONG}")
    for _ in range(5):
        await pins.check_pin("lee", WRONG)
    assert len(tries.locked(engine, NOW)) == 3
    assert tries.unlock(engine, "lee", by="amy", now=NOW)
    assert not tries.unlock(engine, "lee", by="amy", now=NOW)
    assert await pins.identify(f"10{LEE}") == "lee"
    assert await pins.check_pin("lee", LEE)


async def test_what_cannot_be_counted_is_not_looked_at(pins: Pins, engine: Engine) -> None:
    """A database that is locked by somebody lets nobody in, and says so."""
    with closing(sqlite3.connect(engine.url.database or "", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with structlog.testing.capture_logs() as reported:
            assert not await pins.check_pin("lee", LEE)
        other.execute("ROLLBACK")
    assert [one["event"] for one in reported] == ["pin.unchecked"]
    assert await pins.check_pin("lee", LEE)


async def test_a_new_pin_counts_at_once_and_a_damaged_hash_never(
    tmp_path: Path, pins: Pins
) -> None:
    """The secrets file is read as it is at that moment."""
    new = hashed(WRONG)
    secrets.change(tmp_path, lambda held: held.with_pin("lee", new))
    assert not await pins.check_pin("lee", LEE)
    assert await pins.check_pin("lee", WRONG)
    secrets.change(tmp_path, lambda held: held.with_pin("lee", "$argon2id$broken"))
    assert not await pins.check_pin("lee", WRONG)
    (tmp_path / secrets.FILE).write_text("{")
    assert not await pins.check_pin("osei", OSEI)


def test_codes_are_given_once_and_again_when_free() -> None:
    """A new PIN keeps its person's code; who leaves makes room."""
    assert HELD.codes == {"lee": "10", "osei": "11"}
    assert HELD.with_pin("osei", "x").codes == HELD.codes
    assert HELD.without("lee").with_pin("patel", "x").codes == {"osei": "11", "patel": "10"}
    full = Secrets(codes={f"p{code}": code for code in CODES})
    with pytest.raises(OfficeLineError, match="All 90 telephone codes"):
        full.with_pin("lee", "x")


def test_a_secrets_of_an_older_version_is_read(tmp_path: Path) -> None:
    """It has no PINs yet."""
    (tmp_path / secrets.FILE).write_text(json.dumps({"mobiles": {"lee": "+12125550111"}}))
    (tmp_path / secrets.FILE).chmod(0o600)
    held = secrets.read(tmp_path)
    assert (held.mobiles, held.pins) == ({"lee": "+12125550111"}, {})


def test_changes_at_once_are_all_kept(tmp_path: Path) -> None:
    """Whoever changes the secrets file reads it when nobody else is about to write it."""
    from concurrent.futures import ThreadPoolExecutor

    def add(number: int) -> None:
        secrets.change(tmp_path, lambda held: held.with_mobile(f"p{number}", "+12125550111"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    assert len(secrets.read(tmp_path).mobiles) == 40
    assert (tmp_path / secrets.FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [secrets.FILE]
