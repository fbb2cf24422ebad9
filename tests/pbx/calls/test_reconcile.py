"""Every call of a day is accounted for, or named with what is known of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import typer
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from typer.testing import CliRunner, Result

from pbx.base.errors import OfficeLineError
from pbx.calls.record.reconcile import Reconciliation, reconcile_day
from pbx.cli.reports import reconcile as command
from pbx.cli.shared.context import Context
from pbx.config.home import Home
from pbx.db.database import open_database, writing
from tests.support.ledgers import CALLER, Reported, cdr_line, cdr_lines, write_cdr, write_log

NEW_YORK = ZoneInfo("America/New_York")
DAY = datetime(2026, 11, 28, tzinfo=NEW_YORK).date()
T0 = datetime(2026, 11, 28, 7, 10, tzinfo=UTC)  # 02:10 in New York
LATER = T0 + timedelta(days=2)

CONNECTED = Reported("1795849800.0", T0)
MESSAGE = Reported("1795849900.7", T0 + timedelta(minutes=2), "message", has_message=True)
ROUTINE = Reported("1795850000.9", T0 + timedelta(minutes=4), "abandoned", "routine", legs=())


def held(folder: Path, calls: Iterable[Reported], now: datetime = LATER) -> Reconciliation:
    """Write the same calls into both ledgers and hold them against each other."""
    listed = list(calls)
    write_log(folder, listed)
    write_cdr(folder, (line for call in listed for line in cdr_lines(call)))
    return look(folder, now)


def look(folder: Path, now: datetime = LATER) -> Reconciliation:
    """Hold the ledgers of a home against each other."""
    engine = open_database(Home(folder).database)
    try:
        return reconcile_day(engine, Home(folder), DAY, NEW_YORK, now)
    finally:
        engine.dispose()


def change(folder: Path, statement: str, **values: str) -> None:
    """Change our ledger behind everybody's back."""
    engine = open_database(Home(folder).database)
    with writing(engine) as connection:
        connection.execute(text(statement), values)
    engine.dispose()


def named(found: Reconciliation) -> dict[str, str]:
    """Map the calls that are not accounted for to the reasons."""
    return {one.id: "; ".join(one.why) for one in found.unaccounted}


def officeline(home: Path, *words: str) -> Result:
    """Run `officeline reconcile ...` on a home in New York."""
    config = home / "office.toml"
    config.write_text('[office]\ntimezone = "America/New_York"\n', encoding="utf-8")
    root = typer.Typer()

    @root.callback()
    def options(context: typer.Context) -> None:
        context.obj = Context(config, home)

    root.command()(command.reconcile)
    return CliRunner().invoke(root, ["reconcile", *words])


def test_a_day_that_is_in_order(tmp_path: Path) -> None:
    """Each call is counted once, by its outcome, and none is named."""
    found = held(tmp_path, [CONNECTED, MESSAGE, ROUTINE])
    assert found.unaccounted == ()
    counted = {name: count for name, count in found.outcomes.items() if count}
    assert counted == {"connected": 1, "message": 1, "abandoned": 1}
    assert found.placed == 3


OUTCOMES = st.sampled_from(["connected", "message", "abandoned", "failsafe", "blocked"])
CALLS = st.lists(
    st.tuples(OUTCOMES, st.integers(0, 86_399), st.integers(0, 3)), min_size=1, max_size=12
)


def reported(number: int, outcome: Any, second: int, legs: int) -> Reported:
    """Make a call of the day that is in order."""
    at = datetime(2026, 11, 28, 5, tzinfo=UTC) + timedelta(seconds=second)
    # who reached nobody left a message, or what they wanted was not urgent
    return Reported(
        f"{at.timestamp():.0f}.{number}",
        at,
        outcome,
        "routine" if outcome in {"abandoned", "blocked"} else "urgent",
        has_message=outcome in {"message", "failsafe"},
        legs=("lee", "osei", "patel")[: max(legs, outcome == "connected")],
        caller=f"+1212555{number:04}",  # whoever calls again joins their own message
    )


# no shrinking: each example fills a database
@settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(CALLS, st.data())
def test_whatever_is_lost_is_named(drawn: list[tuple[Any, int, int]], data: st.DataObject) -> None:
    """Drop any call from either ledger, or any message: exactly that call is named.

    The record of a leg is no call's: without it, the day is still in order.
    """
    calls = [reported(number, *one) for number, one in enumerate(drawn)]
    lines = [(call, line) for call in calls for line in cdr_lines(call)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        assert held(folder, calls).unaccounted == ()
        ledger = data.draw(st.sampled_from(["ours", "asterisk", "message"]))
        victim = data.draw(st.sampled_from(calls))
        expected = {victim.id}
        if ledger == "ours":
            change(folder, "DELETE FROM call WHERE id = :id", id=victim.id)
        elif ledger == "message":
            change(folder, "DELETE FROM message_event WHERE message = :id", id=victim.id)
            change(folder, "DELETE FROM message WHERE id = :id", id=victim.id)
            expected = {victim.id} if victim.has_message else set()
        else:
            dropped = data.draw(st.integers(0, len(lines) - 1))
            call, line = lines[dropped]
            expected = {call.id} if line == cdr_lines(call)[0] else set()
            write_cdr(folder, (line for at, (_, line) in enumerate(lines) if at != dropped))
        found = look(folder)
        assert set(named(found)) == expected
        assert found.placed == len(calls)
        assert sum(found.outcomes.values()) == len(calls) - len(expected)


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (
            replace(CONNECTED, outcome="abandoned"),
            "it was urgent, reached nobody and left no message",
        ),
        (replace(CONNECTED, outcome=None), "it is over, but our log has no outcome"),
        (replace(MESSAGE, has_message=False), "its message is not in the database"),
    ],
    ids=["urgent in vain", "no outcome", "message gone"],
)
def test_a_call_in_both_ledgers_may_still_be_lost(tmp_path: Path, call: Reported, why: str) -> None:
    """Both know of it, and nobody can say that the caller was served."""
    found = held(tmp_path, [ROUTINE, call])
    assert list(named(found)) == [call.id]
    assert why in named(found)[call.id]
    assert found.placed == 2


def test_a_connection_that_asterisk_never_made(tmp_path: Path) -> None:
    """A caller whose channel was never up has talked to nobody."""
    write_log(tmp_path, [CONNECTED])
    write_cdr(tmp_path, cdr_lines(replace(CONNECTED, outcome="abandoned")))
    assert "never answered" in named(look(tmp_path))[CONNECTED.id]


def test_a_call_that_goes_on_is_no_loss(tmp_path: Path) -> None:
    """Neither ledger has its end; hours later it is one that nobody ended."""
    write_log(tmp_path, [replace(CONNECTED, outcome=None)])
    soon = look(tmp_path, T0 + timedelta(minutes=20))
    assert (soon.unaccounted, soon.going_on, soon.placed) == ((), 1, 1)
    assert "neither record has its end" in named(look(tmp_path))[CONNECTED.id]


def test_what_ended_just_now_is_on_its_way(tmp_path: Path) -> None:
    """One ledger is written a moment before the other."""
    write_log(tmp_path, [CONNECTED])
    write_cdr(tmp_path, cdr_lines(MESSAGE))
    assert look(tmp_path, CONNECTED.end + timedelta(seconds=2)).placed == 2
    assert CONNECTED.id not in named(look(tmp_path, CONNECTED.end + timedelta(seconds=2)))
    assert MESSAGE.id not in named(look(tmp_path, MESSAGE.end + timedelta(seconds=2)))
    assert set(named(look(tmp_path))) == {CONNECTED.id, MESSAGE.id}


def test_an_asterisk_that_died_left_no_record(tmp_path: Path) -> None:
    """The call is one that was interrupted, as our log says; an urgent one still needs more."""
    interrupted = replace(CONNECTED, outcome="interrupted", urgency="routine")
    write_log(tmp_path, [interrupted, replace(interrupted, id="1795849801.3", urgency="urgent")])
    found = look(tmp_path)
    assert list(named(found)) == ["1795849801.3"]
    assert found.outcomes["interrupted"] == 1


def test_an_asterisk_that_died_left_the_records_of_legs(tmp_path: Path) -> None:
    """A leg that ended before has its record, and the caller none: interrupted all the same."""
    interrupted = replace(CONNECTED, outcome="interrupted", urgency="routine")
    write_log(tmp_path, [interrupted, replace(MESSAGE, outcome="connected")])
    write_cdr(tmp_path, (line for one in (interrupted, MESSAGE) for line in cdr_lines(one)[1:]))
    found = look(tmp_path)
    assert named(found) == {
        MESSAGE.id: "Asterisk's records have legs of it, but not the call itself"
    }
    assert found.outcomes["interrupted"] == 1


def test_calls_that_the_office_makes_are_no_callers(tmp_path: Path) -> None:
    """A follow-up call to a physician, and 911 from a desk phone, are not in the day's count."""
    out = Reported("1795849850.5", T0)
    back = Reported("1795849855.6", T0)
    desk = Reported("1795849860.5", T0)
    write_log(tmp_path, [])
    lines = [
        cdr_line(out, out.id, "s", "follow_up", "Local/lee@leg-00000009;1", "", is_up=True),
        cdr_line(out, f"{out.id}1", "lee", "leg", "Local/lee@leg-00000009;2", "", is_up=True),
        cdr_line(back, back.id, "s", "follow_up", "PJSIP/trunk-out-0000000a", "", is_up=True),
        cdr_line(desk, desk.id, "911", "from-phone", "PJSIP/desk1-00000003", "", is_up=True),
    ]
    write_cdr(tmp_path, lines)
    assert look(tmp_path).placed == 0


def test_a_message_that_no_ledger_knows_the_call_of(tmp_path: Path) -> None:
    """It was durable before anything else was, and all else was lost."""
    write_log(tmp_path, [MESSAGE])
    change(tmp_path, "DELETE FROM call")
    (one,) = look(tmp_path).unaccounted
    assert (one.id, one.message) == (MESSAGE.id, MESSAGE.id)
    assert one.why == ("a message names it, but neither record has it",)
    assert look(tmp_path, MESSAGE.at + timedelta(seconds=2)).unaccounted == ()


def test_a_message_is_found_by_its_call(tmp_path: Path) -> None:
    """A crash came between the message and the word of it in the log."""
    held(tmp_path, [MESSAGE])
    change(tmp_path, "UPDATE call SET message = NULL")
    assert look(tmp_path).unaccounted == ()


def test_a_call_that_joined_a_message_left_one(tmp_path: Path) -> None:
    """Two calls of one patient, one matter: without its message, both are lost."""
    again = replace(MESSAGE, id="1795849960.9", at=MESSAGE.at + timedelta(minutes=1))
    found = held(tmp_path, [MESSAGE, again])
    assert (found.unaccounted, found.outcomes["message"]) == ((), 2)
    change(tmp_path, "DELETE FROM message_event")
    change(tmp_path, "DELETE FROM message")
    assert set(named(look(tmp_path))) == {MESSAGE.id, again.id}


def test_a_leg_past_midnight_is_no_call_of_its_day(tmp_path: Path) -> None:
    """A call that our log lost is named on the day on which it began, and on no other."""
    write_log(tmp_path, [])
    late = replace(CONNECTED, at=datetime(2026, 11, 28, 4, 59, 50, tzinfo=UTC))
    first, *_ = cdr_lines(late)
    _, leg = cdr_lines(replace(late, at=late.at + timedelta(seconds=20)))
    write_cdr(tmp_path, [first, leg])
    assert look(tmp_path).placed == 0


@pytest.mark.parametrize("order", [1, -1])
def test_each_call_belongs_to_one_day(tmp_path: Path, order: int) -> None:
    """At midnight the two ledgers may disagree on the day; ours counts, on one day alone."""
    midnight = datetime(2026, 11, 28, 5, tzinfo=UTC)  # in New York
    ours = replace(CONNECTED, at=midnight - timedelta(milliseconds=1))
    theirs = replace(CONNECTED, at=midnight + timedelta(milliseconds=1))
    write_log(tmp_path, [(ours, theirs)[::order][0]])
    write_cdr(tmp_path, cdr_lines((ours, theirs)[::order][1]))
    engine = open_database(Home(tmp_path).database)
    days = [
        reconcile_day(engine, Home(tmp_path), day, NEW_YORK, LATER)
        for day in (DAY - timedelta(days=1), DAY)
    ]
    engine.dispose()
    assert [day.unaccounted for day in days] == [(), ()]
    assert [day.placed for day in days] == [1, 0][::order]


@pytest.mark.parametrize(("day", "hours"), [("2026-11-01", 25), ("2026-03-08", 23)])
def test_a_day_is_the_offices(tmp_path: Path, day: str, hours: int) -> None:
    """It is longer or shorter when the clocks change."""
    write_log(tmp_path, [])
    engine = open_database(Home(tmp_path).database)
    at = datetime.fromisoformat(day).date()
    found = reconcile_day(engine, Home(tmp_path), at, NEW_YORK, LATER)
    engine.dispose()
    assert found.end - found.start == timedelta(hours=hours)


def test_the_shape_that_tools_rely_on(tmp_path: Path) -> None:
    """The keys of the contract, numbers masked; exit 1 because a call is not accounted for."""
    write_log(tmp_path, [MESSAGE])
    failsafe = cdr_line(
        CONNECTED, CONNECTED.id, "s", "failsafe", "PJSIP/trunk-00000001", "", is_up=True
    )
    write_cdr(tmp_path, [failsafe, *cdr_lines(MESSAGE)])
    Home(tmp_path).messages.mkdir()
    (Home(tmp_path).messages / f"failsafe-{CONNECTED.id}.wav").touch()
    result = officeline(tmp_path, "--day", "2026-11-28", "--json")
    assert (result.exit_code, result.stderr) == (1, "")
    assert json.loads(result.stdout) == {
        "day": "2026-11-28",
        "placed": 2,
        "connected": 0,
        "messages": 1,
        "abandoned": 0,
        "failsafe": 0,
        "blocked": 0,
        "interrupted": 0,
        "going_on": 0,
        "unaccounted": [
            {
                "id": CONNECTED.id,
                "started_at": "2026-11-28T02:10:00-05:00",
                "from": "…0142",
                "line": None,
                "urgency": None,
                "outcome": None,
                "person": None,
                "message": None,
                "recording": f"messages/failsafe-{CONNECTED.id}.wav",
                "ours": False,
                "asterisk": {
                    "started_at": "2026-11-28T02:10:00-05:00",
                    "ended_at": "2026-11-28T02:11:00-05:00",
                    "answered": True,
                    "last_in": "failsafe",
                },
                "why": "Asterisk's records have it, but our log does not; "
                "the failsafe took it without the control layer",
            }
        ],
    }


def test_for_people_a_day_in_order_is_two_sentences(tmp_path: Path) -> None:
    """How many calls there were and how they ended; exit 0."""
    write_log(tmp_path, [CONNECTED, MESSAGE])
    write_cdr(tmp_path, cdr_lines(CONNECTED) + cdr_lines(MESSAGE))
    result = officeline(tmp_path, "--day", "2026-11-28")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Sat, Nov 28, 2026. 2 calls: 1 connected, 1 left a message.",
        "Every call is accounted for, in the call log and in Asterisk's records.",
    ]


def test_for_people_a_lost_call_is_a_row(tmp_path: Path) -> None:
    """Its id, when, from whom (masked) and why."""
    write_log(tmp_path, [CONNECTED])
    result = officeline(tmp_path, "--day", "2026-11-28")
    assert result.exit_code == 1
    assert "1 unaccounted for" in result.stdout
    row = result.stdout.splitlines()[-1]
    for words in (
        CONNECTED.id,
        ", 2:10 AM ",
        "…0142",
        "our log has it, but Asterisk's records do not",
    ):
        assert words in row
    assert CALLER not in result.stdout


def test_a_damaged_record_hides_no_call_and_no_answer(tmp_path: Path) -> None:
    """The warning goes to stderr, the call is named, stdout stays one document."""
    write_log(tmp_path, [CONNECTED])
    write_cdr(tmp_path, [cdr_lines(CONNECTED)[0].replace('"do"', '"do')])
    result = officeline(tmp_path, "--day", "2026-11-28", "--json")
    assert [one["id"] for one in json.loads(result.stdout)["unaccounted"]] == [CONNECTED.id]
    assert "cdr.unreadable" in result.stderr


@pytest.mark.parametrize("day", ["someday", "0001-01-01", "9999-12-31"])
def test_a_day_that_is_none_is_one_sentence(tmp_path: Path, day: str) -> None:
    """Not a traceback from the calendar."""
    write_log(tmp_path, [])
    result = officeline(tmp_path, "--day", day)
    assert isinstance(result.exception, OfficeLineError)
    assert f"'{day}'" in str(result.exception)


def test_an_urgent_call_that_was_cut_off_must_have_a_message(tmp_path: Path) -> None:
    """Four seconds after somebody accepted; not with a message, with time to speak, or routine."""
    cut = replace(CONNECTED, seconds=14)
    others = (
        replace(MESSAGE, outcome="connected", seconds=14),
        replace(ROUTINE, outcome="connected", seconds=14, legs=("desk1",)),
        replace(CONNECTED, id="1795850100.1", seconds=20),
    )
    assert named(held(tmp_path, [cut, *others])) == {
        cut.id: "it was urgent, was cut off after 4 s and left no message"
    }
