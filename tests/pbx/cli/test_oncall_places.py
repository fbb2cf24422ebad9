"""`officeline oncall` where somebody is away, two are on call, and the backup has turns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
import typer
from typer.testing import CliRunner

from pbx.base import when
from pbx.base.errors import OfficeLineError
from pbx.calls import explain
from pbx.cli.oncall import oncall
from pbx.cli.plan.simulate import simulate
from pbx.cli.shared.context import Context
from pbx.escalation.shift_menu import handed_over
from routing import escalation, proof
from routing.decision import Facts
from routing.places import overridden
from routing.schedule import on_call
from tests.support.offices import with_places

ROOT = Path(__file__).parents[3]
NEW_YORK = ZoneInfo("America/New_York")
# A Tuesday evening. Osei has the week and Diaz the night beside; Patel is the backup. Then it is
# Patel's turn, who is away in that week.
NOW = datetime(2026, 11, 24, 19, 30, 20, tzinfo=NEW_YORK)
TONIGHT = ("--from", "now", "--to", "wed 08:00")
NEXT = ("--from", "2026-11-30 08:00", "--to", "2026-12-07 00:00")


@pytest.fixture(autouse=True)
def _tuesday() -> Iterator[None]:
    """Stop the clock."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def place(tmp_path: Path) -> Context:
    """Make a place with the example's file and these places, and no home yet."""
    text = (ROOT / "config" / "office.toml").read_text()
    (tmp_path / "office.toml").write_text(with_places(text, ("2026-11-30", "2026-12-06")))
    return Context(tmp_path / "office.toml", tmp_path / "home")


def run(place: Context, *words: str) -> str:
    """Run a command that succeeds, and return what it says."""
    done = CliRunner().invoke(oncall.app, list(words), obj=place)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def complaint(place: Context, *words: str) -> str:
    """Return the sentence with which a command refuses; nothing is changed by it."""
    before = run(place, "overrides", "--all")
    done = CliRunner().invoke(oncall.app, list(words), obj=place)
    assert isinstance(done.exception, OfficeLineError), done.output
    assert run(place, "overrides", "--all") == before
    return str(done.exception)


def holds(place: Context, at: str) -> tuple[tuple[str, ...], str | None]:
    """Say who is on call and who steps in, as the line would read it."""
    answer = on_call(place.running(), "doctors", when.parse_time(at, NEW_YORK, NOW))
    return answer.people, answer.backup


def test_the_schedule_before_any_change(place: Context) -> None:
    """Osei with a resident beside, and Patel's week that is Lee's, as Patel is away."""
    assert holds(place, "now") == (("osei", "diaz"), "patel")
    assert holds(place, "2026-12-01 20:00") == (("lee", "chen"), "osei")


@pytest.mark.parametrize(
    ("words", "expected", "said"),
    [
        (["take", "lee"], (("lee", "diaz"), "patel"),
         "Note: Dr. Eva Diaz also stays on call."),
        (["take", "lee", "--of", "osei"], (("lee", "diaz"), "patel"),
         "Note: Dr. Eva Diaz also stays on call."),
        (["take", "chen", "--of", "diaz"], (("osei", "chen"), "patel"), ""),
        # a resident takes a resident's place, unless another is named
        (["take", "chen"], (("osei", "chen"), "patel"), "Note: Dr. Kofi Osei also stays on call."),
        (["take", "chen", "--of", "osei"], (("chen", "diaz"), "patel"), ""),
        (["take", "osei", "--of", "diaz"], (("osei",), "patel"), ""),
        (["take", "diaz"], (("diaz",), "patel"),
         "Note: Dr. Eva Diaz now has both places on call."),
        (["take", "patel"], (("patel", "diaz"), "lee"), ""),
        (["override", "--add", "chen"], (("osei", "diaz", "chen"), "patel"), ""),
        (["override", "--remove", "diaz"], (("osei",), "patel"), ""),
        (["override", "--remove", "osei"], (("diaz",), "patel"), ""),
        (["override", "--replace", "diaz", "--by", "chen"], (("osei", "chen"), "patel"), ""),
        (["override", "--replace", "osei", "--by", "lee"], (("lee", "diaz"), "patel"), ""),
        (["override", "--backup", "lee"], (("osei", "diaz"), "lee"),
         "Dr. Ana Lee steps in as the backup for 'doctors'"),
        (["override", "--backup", "osei"], (("osei", "diaz"), "patel"),
         "Warning: this changes nothing in the current schedule."),
        (["override", "--backup", "patel"], (("osei", "diaz"), "patel"),
         "Warning: this changes nothing in the current schedule."),
        (["override", "--remove", "patel"], (("osei", "diaz"), "patel"),
         "Warning: this changes nothing in the current schedule."),
        (["swap", "osei", "lee"], (("lee", "diaz"), "patel"),
         "Note: Dr. Ana Lee has no shift during that time to give away."),
        (["swap", "osei", "patel"], (("patel", "diaz"), "osei"), "Dr. Kofi Osei steps in as the"),
        (["swap", "lee", "patel"], (("osei", "diaz"), "lee"),
         "Note: Dr. Ana Lee has no shift during that time to give away."),
        (["swap", "chen", "diaz"], (("osei", "chen"), "patel"), ""),
    ],
)  # fmt: skip
def test_a_change_of_tonight(
    place: Context, words: list[str], expected: tuple[tuple[str, ...], str | None], said: str
) -> None:
    """Each command is for the place that it names, holds up to the morning, and is canceled."""
    more = [] if words[0] == "take" else list(TONIGHT)
    more += ["--schedule", "doctors", "--reason", "ill"] if words[0] == "override" else []
    output = run(place, *words, *more)
    assert said in output
    assert holds(place, "now") == expected
    assert holds(place, "wed 08:00") == (("osei", "diaz"), "patel")
    for number in range(1, output.count("Override ") + 1):
        run(place, "cancel", str(number))
    assert holds(place, "now") == (("osei", "diaz"), "patel")


AWAY = "Dr. Mira Patel is away from Mon, Nov 30, 2026, 12:00 AM to Mon, Dec 7, 2026, 12:00 AM EST."


@pytest.mark.parametrize(
    ("words", "expected", "said"),
    [
        (["take", "patel"], (("patel", "chen"), "lee"), f"Warning: {AWAY}"),
        (["take", "osei", "--of", "lee"], (("osei", "chen"), "lee"), ""),
        (["override", "--add", "patel"], (("lee", "chen", "patel"), "osei"), f"Warning: {AWAY}"),
        (["override", "--remove", "lee"], (("chen",), "lee"), ""),
        (["override", "--replace", "lee", "--by", "osei"], (("osei", "chen"), "lee"), ""),
        (["override", "--backup", "patel"], (("lee", "chen"), "patel"), f"Warning: {AWAY}"),
        (["swap", "lee", "osei"], (("osei", "chen"), "lee"), ""),
        # who is away has no turn to give, and would take the other's
        (["swap", "patel", "lee"], (("patel", "chen"), "osei"), f"Warning: {AWAY}"),
        (["swap", "patel", "osei"], (("lee", "chen"), "patel"), f"Warning: {AWAY}"),
    ],
)  # fmt: skip
def test_a_change_of_a_week_in_which_somebody_is_away(
    place: Context, words: list[str], expected: tuple[tuple[str, ...], str | None], said: str
) -> None:
    """Shifts that are taken for somebody can be given on; who is away is warned of, and named."""
    more = ["--schedule", "doctors", "--reason", "ill"] if words[0] == "override" else []
    output = run(place, *words, *NEXT, *more)
    assert said in output
    assert ("Warning: Dr. Mira Patel" in output) == bool(said)
    assert holds(place, "2026-12-01 20:00") == expected
    assert holds(place, "2026-12-07 07:00") == (("patel", "diaz"), "lee")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["take", "lee", "--of", "patel"],
         ("Dr. Mira Patel is not on call for 'doctors' at Tue, Nov 24, 2026, 7:30 PM EST; see "
          "'officeline oncall list'.")),
        (["take", "osei", "--of", "osei"],
         "A person cannot replace themselves; give another person with --of."),
        (["swap", "osei", "diaz", *TONIGHT],
         ("Neither Dr. Kofi Osei nor Dr. Eva Diaz is on call alone for 'doctors' during that "
          "time; see "
          "'officeline oncall list'.")),
        (["override", "--schedule", "doctors", *TONIGHT, "--reason", "x", "--backup", "lee",
          "--add", "chen"],
         ("An override makes exactly one change; give --add PERSON, --remove PERSON, "
          "--backup PERSON, or "
          "--replace PERSON --by PERSON.")),
        (["override", "--schedule", "doctors", *TONIGHT, "--reason", "x", "--backup", "nobody"],
         "There is no person 'nobody' in the plan; there is lee, osei, patel, chen, diaz."),
    ],
)  # fmt: skip
def test_what_cannot_be(place: Context, words: list[str], sentence: str) -> None:
    """One plain sentence, and nothing changed."""
    assert complaint(place, *words) == sentence


def test_who_is_on_call_is_reported_with_whose_turn_it_is(place: Context) -> None:
    """In words, and for tools; two at once are two rows."""
    said = run(place, "now", "--at", "2026-12-01 20:00")
    assert "(Dr. Ana Lee, for Dr. Mira Patel, who is away)" in said
    shown: dict[str, Any] = json.loads(run(place, "now", "--at", "2026-12-01 20:00", "--json"))
    (doctors,) = shown["schedules"]
    assert (doctors["oncall"], doctors["also"], doctors["beside"], doctors["instead_of"]) == (
        "lee", ["chen"], ["chen"], {"lee": "patel"},
    )  # fmt: skip
    listed = run(place, "list", "--schedule", "doctors", *NEXT)
    assert "Dr. Ana Lee, rotation, for Dr. Mira Patel, who is away" in listed
    assert "Dr. Wei Chen, rotation, beside" in listed
    rows = json.loads(run(place, "list", *NEXT, "--json"))["shifts"]
    assert [one["instead_of"] for one in rows if one["person"] == "lee"] == ["patel"]
    assert {one["place"] for one in rows if one["person"] in {"chen", "diaz"}} == {"beside"}
    run(place, "take", "chen", "--of", "diaz")
    assert "(Dr. Wei Chen beside, by override 1 (takes it))" in run(place, "now")


def test_a_backup_who_is_put_in_by_hand_confirms_nothing(place: Context) -> None:
    """Who steps in is not on call; nobody calls them about the beginning of a shift."""
    run(place, "override", "--schedule", "doctors", *TONIGHT, "--reason", "ill", "--backup", "lee")
    with place.database().connect() as connection:
        assert not connection.exec_driver_sql("SELECT * FROM shift_start").all()


def test_whoever_is_beside_hands_over_their_own_place(place: Context) -> None:
    """By telephone: the backup is put beside who is on call, and somebody else steps in."""
    plan = place.running()
    wanted = handed_over(plan, "diaz", NOW)
    assert wanted is not None
    answer = overridden(on_call(plan, "doctors", NOW), wanted)
    assert answer.people == ("osei", "patel")
    assert answer.at("beside") == ("patel",)


def test_gaps_and_handoffs_know_of_it(place: Context) -> None:
    """Nothing is empty, and the handoffs name both."""
    assert "Somebody is on call at every minute" in run(place, "gaps", "--days", "30")
    first = run(place, "handoffs", "--days", "2").splitlines()[0]
    assert first.endswith("Dr. Kofi Osei and Dr. Eva Diaz to Dr. Kofi Osei and Dr. Wei Chen")


def test_simulate_says_who_takes_turns_for_whom(place: Context) -> None:
    """In words and for tools: what somebody's vacation does to the others."""
    app = typer.Typer()
    app.command()(simulate)
    words = ["--from", "2026-11-24", "--to", "2026-12-24"]
    done = CliRunner().invoke(app, words, obj=place)
    assert "lee has 1 turn (160 h) of 'doctors' for patel, who is away.\n" in done.output
    shown = json.loads(CliRunner().invoke(app, [*words, "--json"], obj=place).stdout)
    assert shown["covered"] == [
        {"schedule": "doctors", "person": "lee", "instead_of": "patel", "turns": 1, "hours": 160.0}
    ]


def test_explain_names_who_is_there(place: Context) -> None:
    """A call in the week away rings whoever has the turn, with the resident, and then the next."""
    plan = place.running()
    at = when.parse_time("2026-12-01 20:00", NEW_YORK, NOW)
    numbers = dict.fromkeys(plan.people, frozenset({"mobile"}))
    reported = explain.imagine(plan, numbers, Facts("+12125550100", None, ("1",)), at)
    assert reported.oncall == {"doctors": ("lee", "chen")}
    assert "Dr. Ana Lee has the turn of Dr. Mira Patel, who is away." in explain.sentences(
        reported, plan
    )
    assert explain.to_json(reported)["instead_of"] == {"doctors": {"lee": "patel"}}
    rung = [one.who for one in reported.steps if isinstance(one, escalation.Ringing)]
    assert rung[:2] == [("lee", "chen"), ("osei",)]
    found = proof.prove(plan, numbers, at, at + timedelta(days=30))
    assert found.holds, found.counterexamples[:1]


@pytest.mark.parametrize(
    ("who", "end", "at", "expected", "back"),
    [
        ("osei", "2026-11-27", "2026-11-27 23:59", (("patel", "chen"), "lee"), "2026-11-28 00:00"),
        ("osei", "fri", "2026-11-27 23:59", (("patel", "chen"), "lee"), "2026-11-28 00:00"),
        ("osei", "11/27/2026 5pm", "2026-11-27 16:59", (("patel", "diaz"), "lee"),
         "2026-11-27 17:00"),
        ("patel", "2026-11-27", "2026-11-27 12:00", (("osei", "diaz"), "lee"), "2026-11-28 00:00"),
        ("chen", "2026-11-27", "2026-11-27 20:00", (("osei", "diaz"), "patel"),
         "2026-11-28 00:00"),
    ],
)  # fmt: skip
def test_away_writes_a_vacation_into_the_file(
    place: Context,
    who: str,
    end: str,
    at: str,
    expected: tuple[tuple[str, ...], str | None],
    back: str,
) -> None:
    """Days are included; each place goes to whoever is next, and comes back afterward."""
    before, after, text = holds(place, "now"), holds(place, back), place.config.read_text()
    words = ("away", who, "--from", "2026-11-25", "--to", end)
    assert "Nothing was written" in run(place, *words, "--dry-run")
    assert place.config.read_text() == text
    assert "run 'officeline apply' to apply it." in run(place, *words)
    assert holds(place, at) == expected
    assert (holds(place, "now"), holds(place, back)) == (before, after)
    rest = re.sub(
        r"\n?\[\[people\.\w+\.away\]\]\nfrom = .*\nto = .*\n", "", place.config.read_text()
    )
    assert rest == re.sub(r"\n?\[\[people\.\w+\.away\]\]\nfrom = .*\nto = .*\n", "", text)
    assert "; nothing to change." in run(place, *words)


def test_away_says_who_takes_the_turns(place: Context) -> None:
    """Also what is not moved, and where nobody is left; two who are away are both passed over."""
    said = run(place, "away", "lee", "--from", "2026-12-01", "--to", "2026-12-08")
    assert (
        "Dr. Kofi Osei is on call for 'doctors' from Tue, Dec 1, 2026, 12:00 AM to Mon, Dec 7, "
        "2026, 12:00 AM EST, for Dr. Mira Patel."
    ) not in said  # it is Patel's turn; Lee had it for them
    assert "Dr. Kofi Osei is on call for 'doctors' from Mon, Dec 7, 2026, 8:00 AM" in said
    assert holds(place, "2026-12-01 20:00") == (("osei", "chen"), None)
    run(place, "away", "chen", "--from", "2026-11-26", "--to", "2026-11-26")
    run(place, "away", "diaz", "--from", "2026-11-26", "--to", "2026-11-26")
    assert holds(place, "2026-11-26 20:00")[0] == ("osei",)
    said = run(place, "away", "osei", "--from", "2026-12-02", "--to", "2026-12-02")
    assert holds(place, "2026-12-02 12:00")[0] == ("chen",)
    run(place, "away", "chen", "--from", "2026-12-02", "--to", "2026-12-02")
    said = run(place, "away", "diaz", "--from", "2026-12-02", "--to", "2026-12-02")
    times = "from Wed, Dec 2, 2026, 12:00 AM to Thu, Dec 3, 2026, 12:00 AM EST"
    assert f"Warning: nobody is on call for 'doctors' {times}." in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["away", "lee", "--from", "2026-11-27", "--to", "2026-11-26"],
         ("The time ends (Thu, Nov 26, 2026, 12:00 AM EST) before it begins (Fri, Nov 27, "
          "2026, 12:00 AM EST); "
          "give a later end.")),
        (["away", "lee", "--from", "2026-11-20", "--to", "2026-11-22"],
         ("The time from Fri, Nov 20, 2026, 12:00 AM to Mon, Nov 23, 2026, 12:00 AM "
          "EST is over; give a later end.")),
        (["away", "lea", "--from", "2026-11-27", "--to", "2026-11-28"],
         "There is no person 'lea' in the plan; did you mean 'lee'?"),
    ],
)  # fmt: skip
def test_an_absence_that_cannot_be(place: Context, words: list[str], sentence: str) -> None:
    """One sentence, and the file is unchanged."""
    text = place.config.read_bytes()
    assert complaint(place, *words) == sentence
    assert place.config.read_bytes() == text


LEE = '[people.lee]\nname = "Dr. Ana Lee"\n'


@pytest.mark.parametrize(
    "table",
    [
        '[people]\nlee = { name = "Dr. Ana Lee" }\n',
        LEE + 'away = [{ from = "2027-07-01", to = "2027-07-09" }]\n',
        LEE + '[[people.lee.away]]\nfrom = "2027-07-01"\nto = "2027-07-09"\n',
    ],
)
def test_however_the_file_is_laid_out(place: Context, table: str) -> None:
    """It is edited, or one sentence says what to write; never half of it."""
    text = place.config.read_text()
    start = text.index("[people.lee]")
    end = text.index("\n\n", start)
    place.config.write_text(text[:start] + table + text[end:])
    before = place.config.read_text()
    words = ["away", "lee", "--from", "2026-12-24", "--to", "2026-12-26"]
    done = CliRunner().invoke(oncall.app, words, obj=place)
    if done.exception is None:
        assert [one.start.day for one in place.running().people["lee"].away][-1] == 24
        assert place.config.read_text().startswith(before[: start - 1])
    else:
        assert "[[people.lee.away]] with 'from' and 'to'" in str(done.exception)
        assert place.config.read_text() == before
