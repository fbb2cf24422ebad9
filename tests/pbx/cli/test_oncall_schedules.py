"""Each command of `officeline oncall` that changes a schedule, on each kind of schedule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine
from typer.testing import CliRunner

from pbx.cli.oncall import oncall
from pbx.cli.shared.context import Context
from routing.schedule import on_call

ROOT = Path(__file__).parents[3]
NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 24, 19, 30, tzinfo=NEW_YORK)
HOUR = timedelta(hours=1)
TEXT = (ROOT / "config" / "office.toml").read_text()
OWN = TEXT[TEXT.index("[schedule.doctors]") : TEXT.index("[escalation.urgent]")]
WEEKS = """[schedule.doctors]
rotation = ["lee", "osei", "grant"]
since = "2026-01-05"
handoff = "mon 08:00"
"""
MORE = "".join(
    f'[people.{one}]\nname = "Dr. {one.title()}"\n\n' for one in ("chen", "diaz", "grant")
)
HOLIDAYS = '[holidays]\n"Thanksgiving" = "4th Thursday in November"\n"Christmas" = "12-25"\n\n'


def layer(*lines: str, since: str = "2026-01-05") -> str:
    """Write a layer of Patel, Chen and Grant above the weeks of Lee, Osei and Grant."""
    head = [
        "[[schedule.doctors.layers]]",
        'rotation = ["patel", "chen", "grant"]',
        f'since = "{since}"',
    ]
    return WEEKS + "\n" + "\n".join([*head, *lines]) + "\n"


# A schedule, and a time at which the part of it that the test is about decides.
SCHEDULES = {
    "weeks": (WEEKS, "2026-11-26 12:00"),
    "away": (WEEKS + '[[people.osei.away]]\nfrom = "2026-11-24"\nto = "2026-12-24"\n',
             "2026-11-26 12:00"),
    "beside": (layer('handoff = "17:00"', 'every = "1 day"', 'place = "beside"'),
               "2026-11-26 20:00"),
    "backup": (layer('handoff = "mon 08:00"', 'place = "backup"'), "2026-11-26 12:00"),
    "a backup who is away": (
        layer('handoff = "mon 08:00"', 'place = "backup"')
        + '[[people.patel.away]]\nfrom = "2026-11-24"\nto = "2026-12-24"\n', "2026-11-26 12:00"),
    "months": (layer('handoff = "1st 08:00"', 'every = "1 month"'), "2026-12-01 12:00"),
    "the first weekend": (layer('handoff = "fri 17:00"', 'only = ["first fri 17:00-mon 08:00"]'),
                          "2026-12-05 12:00"),
    "every other weekend": (
        layer('handoff = "fri 17:00"', 'only = ["every other fri 17:00-mon 08:00"]',
              since="2026-11-27"), "2026-11-28 12:00"),
    "until": (layer('handoff = "mon 08:00"', 'until = "2026-12-01"'), "2026-11-26 12:00"),
    "joins and leaves": (
        layer('handoff = "mon 08:00"', 'leaves = { patel = "2026-11-22" }'), "2026-11-26 12:00"),
    "holidays": (HOLIDAYS + layer('every = "1 holiday"', 'only = ["holidays 08:00-08:00"]'),
                 "2026-11-26 12:00"),
    "a weekend that a holiday makes longer": (
        HOLIDAYS + layer('handoff = "fri 17:00"',
                         'only = ["fri 17:00-mon 08:00 extended by holidays"]'),
        "2026-12-25 12:00"),
    "a holiday of who is away": (
        HOLIDAYS + layer('every = "1 holiday"', 'only = ["holidays 08:00-08:00"]')
        + '[[people.patel.away]]\nfrom = "2026-11-24"\nto = "2026-12-24"\n', "2026-11-26 12:00"),
    "dates": (layer('handoff = "mon 08:00"', 'only = ["2026-11-26 08:00 - 2026-11-27 08:00"]'),
              "2026-11-26 12:00"),
    "an explicit shift": (
        WEEKS + '\n[[schedule.doctors.shifts]]\nperson = "patel"\nfrom = "2026-11-26 08:00"\n'
        'to = "2026-11-27 08:00"\n', "2026-11-26 12:00"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _tuesday() -> Iterator[None]:
    """Stop the clock."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture(params=SCHEDULES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Context, datetime]:
    """Make a place with one of the schedules; say when it is looked at."""
    written, at = SCHEDULES[request.param]
    (tmp_path / "office.toml").write_text(TEXT.replace(OWN, f"{MORE}{written}\n"))
    context = Context(tmp_path / "office.toml", tmp_path / "home")
    return context, datetime.fromisoformat(at).replace(tzinfo=NEW_YORK)


def run(context: Context, *words: str) -> None:
    """Run a command that succeeds."""
    done = CliRunner().invoke(oncall.app, list(words), obj=context)
    assert done.exit_code == 0, (done.output, done.exception)


def holds(context: Context, at: datetime) -> tuple[tuple[str, ...], str | None]:
    """Say who is on call and who steps in."""
    answer = on_call(context.running(), "doctors", at)
    return answer.people, answer.backup


def span(at: datetime) -> tuple[str, ...]:
    """Write the options of three hours around a time."""
    return ("--from", f"{at - HOUR:%Y-%m-%d %H:%M}", "--to", f"{at + 2 * HOUR:%Y-%m-%d %H:%M}")


def test_each_command_holds_for_its_time(place: tuple[Context, datetime]) -> None:
    """Within the span it does what it says; before and after it nothing is changed."""
    context, at = place
    before, backup = holds(context, at)
    assert backup is not None
    assert backup not in before
    first, *beside = before
    outside = [holds(context, at - 2 * HOUR), holds(context, at + 2 * HOUR)]
    other = next(one for one in ("lee", "osei", "chen", "grant") if one not in {*before, backup})
    override = ("override", "--schedule", "doctors", "--reason", "ill", *span(at))
    changes: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
        (("take", "diaz", *span(at)), ("diaz", *beside)),
        (("take", "diaz", "--of", first, *span(at)), ("diaz", *beside)),
        (("swap", first, "diaz", *span(at)), ("diaz", *beside)),
        (("swap", first, other, *span(at)), (other, *beside)),
        ((*override, "--add", "diaz"), (*before, "diaz")),
        ((*override, "--remove", first), tuple(beside)),
        ((*override, "--replace", first, "--by", "diaz"), ("diaz", *beside)),
        ((*override, "--replace", first, "--by", backup), (backup, *beside)),
        *(((*override, "--replace", one, "--by", "diaz"), (first, "diaz")) for one in beside),
        *((("take", "diaz", "--of", one, *span(at)), (first, "diaz")) for one in beside),
    ]
    for words, people in changes:
        run(context, *words)
        now = holds(context, at)
        assert now[0] == people, words
        assert now[1] not in people, words
        assert [holds(context, at - 2 * HOUR), holds(context, at + 2 * HOUR)] == outside, words
        canceled(context)
        assert holds(context, at) == (before, backup)
    run(context, *override, "--backup", "diaz")
    assert holds(context, at) == (before, "diaz")
    assert [holds(context, at - 2 * HOUR), holds(context, at + 2 * HOUR)] == outside


def canceled(context: Context) -> None:
    """Cancel every override that holds."""
    for one in context.running().overrides:
        run(context, "cancel", str(one.id))
