"""What stands beside the file: stored, canceled, laid over the plan."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from pbx.base.errors import OfficeLineError
from pbx.config import plan as plans
from pbx.db import changes
from pbx.db.database import open_database
from pbx.db.overlay import laid_over
from routing.model import HoursChange, Override, Plan
from routing.schedule import on_call

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TONIGHT = Override(
    0, "doctors", "replace", "patel", None, NOW + HOUR, NOW + 9 * HOUR, "I take tonight"
)
SNOW = HoursChange(0, "closed", NOW, NOW + 5 * HOUR, "snow", None)
LAB = HoursChange(0, "open", NOW, NOW + 5 * HOUR, "flu shots", "lab")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the place of the database, whose name SQLite could misread."""
    return tmp_path / "a ?mode=rwc #1 %20.db"


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    """Open the database."""
    engine = open_database(path)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def example() -> Plan:
    """Read the example practice's plan."""
    return plans.load(ROOT / "config" / "office.toml").plan


def test_what_is_added_lies_over_the_plan(engine: Engine, path: Path, example: Plan) -> None:
    """Overrides and changes come back as they were given, with their ids, in the order made."""
    first = changes.add_override(engine, TONIGHT, by="amy", now=NOW)
    out = replace(TONIGHT, kind="remove", person=None, instead_of="lee", reason="")
    second = changes.add_override(engine, out, by="amy", now=NOW)
    snow = changes.add_hours_change(engine, SNOW, by="amy", now=NOW)
    lab = changes.add_hours_change(engine, LAB, by="amy", now=NOW)
    assert first == replace(TONIGHT, id=first.id)
    assert first.id < second.id
    found = laid_over(example, path)
    assert found.overrides == (first, second)
    assert found.changes == (snow, lab)
    assert found == replace(example, overrides=found.overrides, changes=found.changes)
    assert on_call(found, "doctors", NOW + 2 * HOUR).people == ("patel",)
    assert on_call(found, "doctors", NOW).people == ("osei",)


def test_what_is_canceled_is_gone_from_the_plan_and_kept_in_the_list(
    engine: Engine, path: Path, example: Plan
) -> None:
    """A canceled change holds no more; the list still knows it, with when and by whom."""
    taken = changes.add_override(engine, TONIGHT, by="amy", now=NOW)
    snow = changes.add_hours_change(engine, SNOW, by="bob", now=NOW)
    assert changes.cancel_override(engine, taken.id, by="amy", now=NOW + HOUR) == taken
    assert changes.cancel_hours_change(engine, snow.id, by="amy", now=NOW + HOUR) == snow
    assert laid_over(example, path) == example
    assert changes.list_overrides(engine) == [changes.Made(taken, "amy", NOW, NOW + HOUR)]
    assert changes.list_hours_changes(engine) == [changes.Made(snow, "bob", NOW, NOW + HOUR)]
    assert changes.list_overrides(engine, after=taken.end) == []
    assert changes.list_hours_changes(engine, after=snow.end - HOUR) != []


def test_no_id_is_given_twice_so_that_the_later_wins(engine: Engine) -> None:
    """A canceled change keeps its id: what comes after it is later by its id, too."""
    first = changes.add_override(engine, TONIGHT, by="amy", now=NOW)
    changes.cancel_override(engine, first.id, by="amy", now=NOW)
    assert changes.add_override(engine, TONIGHT, by="amy", now=NOW).id > first.id


def test_canceling_what_is_not_there_is_a_sentence(engine: Engine) -> None:
    """Unknown and canceled ones are refused, each with where to look."""
    with pytest.raises(OfficeLineError, match="There is no override 7; see 'officeline oncall"):
        changes.cancel_override(engine, 7, by="amy", now=NOW)
    snow = changes.add_hours_change(engine, SNOW, by="amy", now=NOW)
    changes.cancel_hours_change(engine, snow.id, by="amy", now=NOW)
    with pytest.raises(OfficeLineError, match="The change of hours is canceled;"):
        changes.cancel_hours_change(engine, snow.id, by="amy", now=NOW)


def test_a_change_that_ends_before_it_begins_is_refused(engine: Engine) -> None:
    """Nothing of it is stored."""
    with pytest.raises(OfficeLineError, match="ends before it begins"):
        changes.add_override(engine, replace(TONIGHT, end=TONIGHT.start), by="amy", now=NOW)
    assert changes.list_overrides(engine) == []


def test_every_change_is_counted(engine: Engine) -> None:
    """A running daemon sees by the count that there is something new; a refusal counts nothing."""

    def count() -> int:
        with engine.connect() as connection:
            return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())

    assert count() == 0
    taken = changes.add_override(engine, TONIGHT, by="amy", now=NOW)
    assert count() == 1
    changes.cancel_override(engine, taken.id, by="amy", now=NOW)
    assert count() == 2
    with pytest.raises(OfficeLineError):
        changes.cancel_override(engine, taken.id, by="amy", now=NOW)
    assert count() == 2


def test_without_tables_or_file_the_plan_stays(tmp_path: Path, example: Plan) -> None:
    """A missing database is not created; one of an older version has nothing to lay."""
    assert laid_over(example, tmp_path / "none.db") is example
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "new.db").touch()
    assert laid_over(example, tmp_path / "new.db") == example
    (tmp_path / "torn.db").write_bytes(b"no database at all, only some bytes" * 100)
    with pytest.raises(OfficeLineError, match="cannot be read"):
        laid_over(example, tmp_path / "torn.db")


def test_reading_needs_no_heavy_package(engine: Engine, path: Path) -> None:
    """A command that asks who is on call starts without SQLModel."""
    changes.add_override(engine, TONIGHT, by="amy", now=NOW)
    script = (
        "import sys; from pathlib import Path; from pbx.db import driver, overlay;"
        "print(len(overlay.read(driver.read_only(Path(sys.argv[1]))).overrides),"
        "{'sqlmodel', 'sqlalchemy', 'pydantic'} & set(sys.modules))"
    )
    words = [sys.executable, "-c", script, str(path)]
    done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "1 set()\n"
