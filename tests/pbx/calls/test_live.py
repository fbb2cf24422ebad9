"""The plan that runs: changed by another process under our eyes, never by what is broken."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from pbx.base.errors import ConfigError
from pbx.calls import live
from pbx.calls.live import KEPT, LivePlan, _Running
from pbx.config import plan as plans
from pbx.config import secrets
from pbx.config.home import Home
from pbx.config.secrets import Secrets
from pbx.db import changes
from pbx.db.database import changing, open_database, writing
from pbx.db.plans import apply_first, apply_text
from routing.model import Override

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / "config" / "office.toml").read_text()
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
WAIT_S = 20.0  # how long a slow machine may take; a change takes a fifth of a second


def variant(seconds: int) -> str:
    """Return the example with the front desk ringing so long."""
    return EXAMPLE.replace("for = 15", f"for = {seconds}")


def parsed(text_: str) -> plans.Configuration:
    """Read a file's text."""
    return plans.parse(text_, Path("office.toml"))


def put(engine: Engine, text_: str) -> str:
    """Apply a text that is good, and return its hash."""
    found = parsed(text_).plan.hash
    apply_text(engine, text_, found, by="amy", now=NOW)
    return found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Make a home with one physician's mobile."""
    secrets.write(tmp_path, Secrets(mobiles={"lee": "+12125550111"}))
    return Home(tmp_path)


@pytest.fixture
def engine(home: Home) -> Iterator[Engine]:
    """Open the home's database."""
    engine = open_database(home.database)
    yield engine
    engine.dispose()


@asynccontextmanager
async def watched(home: Home) -> AsyncIterator[LivePlan]:
    """Watch this home, beginning with the example."""
    found = LivePlan(parsed(EXAMPLE).plan, secrets.read(home.folder), home)
    found.open()
    task = asyncio.create_task(found.watch())
    try:
        yield found
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])
        found.close()


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, within a bound."""
    async with asyncio.timeout(WAIT_S):
        while not holds():
            await asyncio.sleep(0.01)


async def test_another_process_changes_the_plan_and_the_old_one_is_still_found(
    home: Home, engine: Engine
) -> None:
    """What another process applies is soon the plan for the next call."""
    first = put(engine, EXAMPLE)
    script = (
        "import sys, datetime; from pathlib import Path; from pbx.db.database import *;"
        "from pbx.db.plans import apply_text;"
        "apply_text(open_database(Path(sys.argv[1])), sys.argv[2], sys.argv[3], by='bob',"
        "now=datetime.datetime.now(datetime.UTC))"
    )
    wanted = parsed(variant(33)).plan.hash
    words = [sys.executable, "-c", script, str(home.database), variant(33), wanted]
    async with watched(home) as running:
        assert running.plan.hash == first
        await asyncio.to_thread(subprocess.run, words, check=True, cwd=ROOT)
        await until(lambda: running.plan.hash == wanted)
        old, new = running.by_hash(first), running.by_hash(wanted)
    assert new is running.plan
    assert old == parsed(EXAMPLE).plan
    assert running.by_hash("unknown") is None


async def test_overrides_and_mobiles_take_effect(home: Home, engine: Engine) -> None:
    """Without a new plan: an override is in it, and somebody's new mobile is dialed."""
    tonight = Override(0, "doctors", "add", "lee", None, NOW, NOW + timedelta(hours=9))
    async with watched(home) as running:
        before = running.plan
        made = changes.add_override(engine, tonight, by="amy", now=NOW)
        await until(lambda: running.plan.overrides == (made,))
        assert running.plan.hash == before.hash
        assert running.by_hash(before.hash) is running.plan
        assert "osei" not in running.book or "mobile" not in running.book["osei"]
        held = secrets.read(home.folder)
        secrets.write(home.folder, held.with_mobile("osei", "+12125550112"))
        await until(lambda: "mobile" in running.book.get("osei", {}))
        assert "+12125550112" in running.book["osei"]["mobile"]
        changes.cancel_override(engine, made.id, by="amy", now=NOW)
        await until(lambda: running.plan == before)


async def test_what_is_broken_never_goes_live(home: Home, engine: Engine) -> None:
    """A text that nobody checked, and a secrets file that others can read, change nothing."""
    first = put(engine, EXAMPLE)
    with capture_logs() as said:
        await _try_what_is_broken(home, engine, first)
    assert {"plan.broken", "secrets.broken"} <= {line["event"] for line in said}


async def _try_what_is_broken(home: Home, engine: Engine, first: str) -> None:
    tonight = Override(0, "doctors", "add", "lee", None, NOW, NOW + timedelta(hours=9))
    async with watched(home) as running:
        apply_text(engine, EXAMPLE.replace("[[rules]]", "[[rulez]]"), "bad", by="x", now=NOW)
        (home.folder / secrets.FILE).chmod(0o644)
        made = changes.add_override(engine, tonight, by="amy", now=NOW)
        await until(lambda: running.plan.overrides == (made,))  # so it was looked at
        assert running.plan.hash == first
        assert "+12125550111" in running.book["lee"]["mobile"]
        last = put(engine, variant(44))
        await until(lambda: running.plan.hash == last)


async def test_a_gap_in_the_database_is_survived(home: Home, engine: Engine) -> None:
    """While the database cannot be read the plan stays, and afterward it is looked at again."""
    first = put(engine, EXAMPLE)
    async with watched(home) as running:
        with changing(engine) as connection:
            connection.execute(text("ALTER TABLE patient RENAME COLUMN flags TO away"))
        await asyncio.sleep(0.5)
        assert running.plan.hash == first
        with writing(engine) as connection:
            connection.execute(text("ALTER TABLE patient RENAME COLUMN away TO flags"))
        last = put(engine, variant(20))
        await until(lambda: running.plan.hash == last)


async def test_the_last_plans_are_kept(
    home: Home, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of more plans than it keeps, the newest are found and the oldest is not."""
    monkeypatch.setattr(live, "EVERY_S", 0.01)
    async with watched(home) as running:
        hashes = []
        for seconds in range(20, 20 + KEPT + 2):
            hashes.append(put(engine, variant(seconds)))
            await until(lambda: running.plan.hash == hashes[-1])
        assert [one for one in hashes if running.by_hash(one) is None] == hashes[:2]


def test_a_restart_knows_the_plans_of_calls_under_way(home: Home, engine: Engine) -> None:
    """Only of calls that are not over: they end with the plan that they began with."""
    over, under_way, last = (put(engine, variant(seconds)) for seconds in (21, 22, 23))
    insert = text(
        "INSERT INTO call (id, started_at, line, did, plan, outcome) VALUES (:id, '', '', '', "
        ":plan, :outcome)"
    )
    with writing(engine) as connection:
        connection.execute(insert, {"id": "1", "plan": over, "outcome": "connected"})
        connection.execute(insert, {"id": "2", "plan": under_way, "outcome": None})
    running = LivePlan(parsed(variant(23)).plan, Secrets(), home)
    running.open()
    running.close()
    assert running.plan.hash == last
    assert running.by_hash(under_way) == parsed(variant(22)).plan
    assert running.by_hash(over) is None


async def test_a_call_finds_what_lay_over_its_plan(home: Home, engine: Engine) -> None:
    """By the revision that it carries, however many came after it, and whoever left the office."""
    put(engine, EXAMPLE)
    tonight = Override(0, "doctors", "add", "lee", None, NOW, NOW + timedelta(hours=9))
    async with watched(home) as running:
        begun = running.plan
        assert running.by_hash(begun.revision) is begun
        made = changes.add_override(engine, tonight, by="amy", now=NOW)
        await until(lambda: running.plan.overrides == (made,))
        assert running.plan.hash == begun.hash
        assert running.plan.revision != begun.revision
        assert running.by_hash(begun.revision) is begun
        for number in range(KEPT + 2):
            running._take(_Running(replace(begun, laid=f"later{number}"), running.book))  # noqa: SLF001
        assert running.by_hash(begun.revision) is begun, "a call asked for it of late"
        assert running.by_hash(f"{begun.hash}-later0") is not begun
        left = EXAMPLE.replace('[people.lee]\nname = "Dr. Ana Lee"\nrole = "physician"\n', "")
        wanted = put(engine, left.replace('"lee", ', ""))
        await until(lambda: running.plan.hash == wanted)
        assert "lee" not in running.plan.people
        assert running.book["lee"] == {"mobile": "PJSIP/+12125550111@trunk-out"}


def test_a_revision_that_is_gone_is_reported(home: Home) -> None:
    """Where no file is left of it the nearest plan decides, and the log says so."""
    running = LivePlan(parsed(EXAMPLE).plan, Secrets(), home)
    with capture_logs() as said:
        assert running.by_hash(f"{running.plan.hash}-gone") is running.plan
        assert running.by_hash("unknown-0") is None
    assert [line["event"] for line in said] == ["plan.gone", "plan.gone"]


def test_the_first_good_file_is_chosen_to_be_applied(home: Home) -> None:
    """With nothing applied the file runs; a broken one ends the start in a sentence."""
    config = home.folder / "office.toml"
    config.write_text(EXAMPLE)
    chosen = live.choose(config, home)
    assert chosen.text == EXAMPLE
    assert not home.database.exists()
    config.write_text("[office]\n")
    with pytest.raises(ConfigError, match="mistakes"):
        live.choose(config, home)


@pytest.mark.parametrize("now_in_file", ["[office]\n", variant(50), None])
def test_the_applied_plan_runs_whatever_became_of_the_file(
    home: Home, engine: Engine, now_in_file: str | None
) -> None:
    """Broken, changed or missing: the last applied plan that can be read runs, and says so."""
    config = home.folder / "office.toml"
    good = put(engine, EXAMPLE)
    apply_text(engine, "[office]\n", "unreadable", by="x", now=NOW)
    if now_in_file is not None:
        config.write_text(now_in_file)
    with capture_logs() as said:
        chosen = live.choose(config, home)
    assert (chosen.configuration.plan.hash, chosen.text) == (good, None)
    wanted = "plan.file_not_applied" if now_in_file == variant(50) else "plan.broken"
    assert [line["event"] for line in said] == ["plan.broken", wanted]  # the unreadable one first


def test_only_the_first_start_applies_by_itself(engine: Engine) -> None:
    """Two daemons that start at once apply one plan; later files need somebody to apply them."""
    assert apply_first(engine, EXAMPLE, "one", now=NOW) is not None
    assert apply_first(engine, variant(50), "two", now=NOW) is None
