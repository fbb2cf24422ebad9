"""The patient directory: imported from CSV with a report of every row that is refused."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from pbx.base.errors import OfficeLineError
from pbx.cli.people import patients as command
from pbx.cli.shared.context import Context
from pbx.config import patients_file as patients
from pbx.config import plan as plans
from pbx.config.patient_lists.changes import compare
from pbx.config.patients_file import PatientEntry
from pbx.db import audit
from pbx.db.database import open_database
from pbx.db.overlay import laid_over
from pbx.db.patients import list_patients, put_patients
from routing.model import Patient, Plan
from tests.support import started

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)

ROOT = Path(__file__).parents[3]
PLAN = plans.load(ROOT / "config" / "office.toml").plan
HEAD = "id,name,numbers,panel,flags\n"
GOOD = """\
P1,Maria Núñez,(212) 555-0142; +1 212 555 0143,lee,"always own; interpreter: Spanish"
P2,"Brown, Tom",2125550144,,
"""


@pytest.fixture
def place(tmp_path: Path) -> Context:
    """Make a place with the example's file."""
    (tmp_path / "office.toml").write_text((ROOT / "config" / "office.toml").read_text())
    return Context(tmp_path / "office.toml", tmp_path / "home")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Open a database."""
    engine = open_database(tmp_path / "officeline.db")
    yield engine
    engine.dispose()


def run(place: Context, *words: str, code: int = 0, given: str = "") -> Result:
    """Run a command that ends with this code."""
    done = CliRunner().invoke(
        command.app, list(words), obj=place, input=given, catch_exceptions=False
    )
    assert done.exit_code == code, done.output
    return done


def imported(place: Context, rows: str, *words: str, code: int = 0) -> Any:
    """Import rows and read the report."""
    file = place.config.with_name("patients.csv")
    file.write_text(HEAD + rows, encoding="utf-8")
    return json.loads(run(place, "import", str(file), "--json", "--yes", *words, code=code).stdout)


def listed(place: Context) -> Any:
    """List the patients by the command."""
    return json.loads(run(place, "list", "--json").stdout)["patients"]


def test_what_is_imported_is_in_the_plan(place: Context) -> None:
    """Every number leads to its patient, with panel and flags; the list masks the numbers."""
    report = imported(place, GOOD)
    assert (report["practice"], report["imported"]) == ("Lakeside Internal Medicine", 2)
    assert report["refused"] == []
    maria = Patient("P1", "Maria Núñez", "lee", frozenset({"always own", "interpreter: Spanish"}))
    tom = Patient("P2", "Brown, Tom")
    assert place.plan().patients == {
        "+12125550142": maria,
        "+12125550143": maria,
        "+12125550144": tom,
    }
    assert listed(place)[0] == {
        "id": "P1",
        "name": "Maria Núñez",
        "numbers": ["…0142", "…0143"],
        "shared": [],
        "panel": "lee",
        "flags": ["always own", "interpreter: Spanish"],
    }
    assert "2125550" not in run(place, "list").stdout


REFUSED = {
    ",No Id,2125550150,,": "its id is missing",
    "P 9,Spaced,2125550150,,": "id",
    "P9,,2125550150,,": "name",
    "P9,Bell \x07,2125550150,,": "name",
    "P9,No Number,,,": "no phone number",
    "P9,Bad Number,2125550150; 555-77123,,": "…7123 is not a phone number",
    "P9,Emergency,911,,": "not a phone number",
    "P9,Ours,2125550100,,": "the office's own number",
    "P9,Unknown Panel,2125550150,smith,": "not a physician in the plan (the plan has lee, osei, "
    "patel)",
    "P9,Wide,2125550150,,,what": "more cells",
    f"P9,Long Flag,2125550150,,{'x' * 121}": "a flag",
    "P1,Same Id,2125550150,,": "line 2 has the same id",
}


@pytest.mark.parametrize(("row", "why"), REFUSED.items())
def test_a_refused_row_stops_the_import_and_says_why(place: Context, row: str, why: str) -> None:
    """With its line; nothing is imported unless --partial, and then all the others are."""
    report = imported(place, f"{GOOD}{row}\n", code=1)
    assert report["imported"] == 0
    assert [one["line"] for one in report["refused"]] == [4]
    assert why in report["refused"][0]["why"]
    assert "+1212" not in report["refused"][0]["why"]
    assert listed(place) == []
    assert imported(place, f"{GOOD}{row}\n", "--partial")["imported"] == 2
    assert [one["id"] for one in listed(place)] == ["P1", "P2"]


def test_all_refused_rows_are_reported_at_once(place: Context) -> None:
    """Each by the line on which it begins, though one before it has several lines."""
    two_lines = 'P7,"Two\nlines",2125550151,,\n'
    report = imported(place, GOOD + two_lines + "\n" + "\n".join(REFUSED) + "\n", code=1)
    first = 7  # after the header, two good rows, one of two lines, and an empty one
    lines = [4, *range(first, first + len(REFUSED))]
    assert [one["line"] for one in report["refused"]] == lines


def test_who_is_imported_again_is_replaced_and_others_stay(place: Context) -> None:
    """Numbers move between patients of the same file; with one outside of it they are shared."""
    imported(place, GOOD)
    assert imported(place, "P3,New,2125550143,,\n")["imported"] == 1
    assert place.plan().patients["+12125550143"].id == "P1, P3"
    assert imported(place, "P3,New,2125550143,,\nP1,Maria,2125550142,,\n")["imported"] == 2
    assert [(one["id"], one["numbers"]) for one in listed(place)] == [
        ("P1", ["…0142"]),
        ("P2", ["…0144"]),
        ("P3", ["…0143"]),
    ]


def test_a_family_shares_a_number(place: Context) -> None:
    """All are kept, the number leads to all of them, and who is removed takes nobody along."""
    rows = "".join(f"P{one},Smith {one},2125550147;212555014{one},,\n" for one in range(5))
    assert imported(place, rows)["imported"] == 5
    found = place.plan().patients
    assert len(found) == 6
    assert found["+12125550147"].id == "P0, P1, P2 and 2 more"
    assert [one.id for one in found["+12125550147"].everyone] == ["P0", "P1", "P2", "P3", "P4"]
    assert found["+12125550143"].id == "P3"
    for one in range(4):
        run(place, "remove", f"P{one}", "--yes")
    assert {one.id for one in place.plan().patients.values()} == {"P4"}


def test_flags_and_removal(place: Context) -> None:
    """Flags come and go one by one; a removed patient is a stranger again."""
    imported(place, GOOD)
    assert "always own; blocked; interp" in run(place, "flag", "P1", "blocked").stdout
    run(place, "flag", "P1", "always own", "--remove")
    assert listed(place)[0]["flags"] == ["blocked", "interpreter: Spanish"]
    run(place, "remove", "P1", code=1, given="n\n")
    assert len(listed(place)) == 2
    run(place, "remove", "P1", "--yes")
    assert set(place.plan().patients) == {"+12125550144"}
    for words in (["flag", "P1", "x"], ["remove", "P1", "--yes"]):
        with pytest.raises(OfficeLineError, match="no patient 'P1'"):
            run(place, *words)
    with pytest.raises(OfficeLineError, match="semicolon"):
        run(place, "flag", "P2", "a;b")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"id,name\nP1,x\n", "Line 1 has no column for phone numbers"),
        (b"id,id,name,numbers\n", "Two columns are named 'id'"),
        (b"id,name,numbers\n\n", "no patients below line 1"),
        (b"id,name,numbers\nP1,\xf1,2125550142\n", "not UTF-8"),
        (b'id,name,numbers\nP1,"open', "not valid CSV"),
        (b'id,name,numbers\nP1,"a"b,c\n', "Line 2 is not valid CSV"),
        (b'id,name,numbers\nP1,"' + b"x" * 200_000 + b'",1\n', "not valid CSV"),
    ],
)
def test_what_is_no_such_file_is_one_sentence(place: Context, content: bytes, why: str) -> None:
    """Nothing of it is imported, in part or not."""
    file = place.config.with_name("patients.csv")
    file.write_bytes(content)
    for words in (["--partial", "--yes"], ["--replace", "--yes"]):
        with pytest.raises(OfficeLineError, match=why) as refused:
            run(place, "import", str(file), *words)
        assert "\n" not in str(refused.value)
    assert listed(place) == []
    with pytest.raises(OfficeLineError, match="cannot be read"):
        run(place, "import", str(file) + ".none")


def written(place: Context, rows: str, head: str = HEAD) -> str:
    """Write a list."""
    file = place.config.with_name("patients.csv")
    file.write_text(head + rows, encoding="utf-8")
    return str(file)


PREVIEW = """\
Line 1 has the column names (separated by comma): id from 'id'; name from 'name'; \
panel from 'panel'; flags from 'flags'; numbers from 'numbers'.
3 patients in the file: 1 new, 1 changed, 1 unchanged. 1 in the directory is not in the file, and \
kept (--replace removes them).
  new      P4           Ann Lee                      …0147
  changed  P1           …0142, …0143 is now …0142, …0147, flags - are now always own
  gone     P3           Kay                          …0145
  shared   …0147 by P1, P4 (2 patients)
  line 4: the extension of …0147 was dropped
"""


def test_a_script_may_add_patients_and_change_none(place: Context) -> None:
    """Without a terminal only new patients are added; a 'no' adds nothing."""
    first = written(place, "P1,Maria,2125550142,lee,\n")
    run(place, "import", first, code=1, given="n\n")
    assert listed(place) == []
    done = run(place, "import", first)
    assert "1 patient imported" in done.stdout
    before = listed(place)
    assert [one["id"] for one in before] == ["P1"]
    with pytest.raises(OfficeLineError, match="nobody could confirm"):
        run(place, "import", written(place, "P1,Ann,2125550142,lee,\n"))
    assert listed(place) == before
    with pytest.raises(OfficeLineError, match="nobody could confirm"):
        run(place, "import", written(place, "P3,Kay,2125550145,,\n"), "--replace")
    assert listed(place) == before
    more = written(place, "P1,Maria,2125550142,lee,\nP2,Tom,2125550144,,\n")
    run(place, "import", more)
    assert [one["id"] for one in listed(place)] == ["P1", "P2"]


def test_what_would_change_is_shown_before_it_is_asked(place: Context) -> None:
    """With masked numbers; nothing is written by --dry-run, by "n", and where nobody answers."""
    rows = "P1,Maria,2125550142;2125550143,lee,\nP2,Tom,2125550144,,\nP3,Kay,2125550145,,\n"
    imported(place, rows)
    before = listed(place)
    file = written(
        place,
        "P1,Maria,2125550142;2125550147,lee,always own\n"
        "P2,Tom,2125550144,,\nP4,Ann Lee,2125550147 x5,,\n",
    )
    asked = "Import this into Lakeside Internal Medicine? [y/N]:"
    for words, answer, code, end in (
        (["--dry-run"], "", 0, "nothing was imported because of --dry-run; 0 rows refused.\n"),
        ([], "n\n", 1, ""),
    ):
        done = run(place, "import", file, *words, code=code, given=answer)
        assert done.stdout.startswith(PREVIEW)
        assert done.stdout.removeprefix(PREVIEW).endswith(end)
        assert (asked in done.stderr) == (not words)
        assert listed(place) == before
    with pytest.raises(OfficeLineError, match=r"nobody could confirm\. Add --yes"):
        run(place, "import", file)
    with pytest.raises(OfficeLineError, match=r"nobody could confirm\. Add --yes"):
        run(place, "import", file, "--json")
    assert listed(place) == before
    done = run(place, "import", file, given="y\n")
    assert "3 patients imported, 0 rows refused." in done.stdout
    assert [one["id"] for one in listed(place)] == ["P1", "P2", "P3", "P4"]
    # and once more: nothing is left to ask about, and nothing is written
    engine = open_database(place.home / "officeline.db")
    count = len(audit.entries(engine, what="patients.imported"))
    assert "1 in the directory is not in the file" in run(place, "import", file).stdout
    assert len(audit.entries(engine, what="patients.imported")) == count
    engine.dispose()


def test_the_preview_as_json(place: Context) -> None:
    """The same for tools; the counts are whole, the numbers masked."""
    imported(place, "P1,Maria,2125550142,,\nP3,Kay,2125550145,,\n")
    rows = "P1,Maria,2125550147,,\nP4,Ann,2125550147 x5,,\n"
    report = imported(place, rows, "--dry-run")
    assert report["imported"] == 0
    assert {key: report[key] for key in ("new", "changed", "same", "gone")} == {
        "new": 1, "changed": 1, "same": 0, "gone": 1,
    }  # fmt: skip
    assert [(one["is"], one["id"], one["numbers"]) for one in report["patients"]] == [
        ("new", "P4", ["…0147"]),
        ("changed", "P1", ["…0147"]),
        ("gone", "P3", ["…0145"]),
    ]
    assert report["patients"][1]["before"]["numbers"] == ["…0142"]
    assert report["shared"] == [{"number": "…0147", "patients": ["P1", "P4"]}]
    assert report["notes"] == [{"line": 3, "note": "the extension of …0147 was dropped"}]
    assert (report["separator"], report["header_line"]) == (",", 1)
    assert report["columns"]["numbers"] == ["numbers"]
    assert "2125550" not in json.dumps(report)


def test_who_is_not_in_the_file_goes_only_if_reported(place: Context) -> None:
    """--replace says so before, and the audit after."""
    imported(place, "P1,Maria,2125550142,,\nP3,Kay,2125550145,,\n")
    file = written(place, "P1,Maria,2125550142,,\n")
    shown = run(place, "import", file, "--replace", "--dry-run").stdout
    assert "  remove   P3           Kay" in shown
    assert len(listed(place)) == 2
    assert imported(place, "P1,Maria,2125550142,,\n", "--replace")["removed"] == 1
    assert [one["id"] for one in listed(place)] == ["P1"]
    engine = open_database(place.home / "officeline.db")
    assert audit.entries(engine, what="patients.imported")[-1].detail == {
        "count": 1, "partial": False, "new": 0, "changed": 0, "removed": 1,
    }  # fmt: skip
    engine.dispose()


def test_what_a_list_does_not_have_stays(place: Context) -> None:
    """An EHR knows neither panels nor flags: a blocked caller stays blocked after its import."""
    imported(place, "P1,Maria,2125550142,lee,blocked\n")
    head = "Patient ID,Name,Home Phone\n"
    file = written(place, "P1,Maria Núñez,2125550142\n", head)
    shown = run(place, "import", file, "--yes").stdout
    assert "changed  P1           Maria is now Maria Núñez\n" in shown
    assert (listed(place)[0]["panel"], listed(place)[0]["flags"]) == ("lee", ["blocked"])
    imported(place, "P1,Maria Núñez,2125550142,,\n")  # a list that has them can empty them
    assert (listed(place)[0]["panel"], listed(place)[0]["flags"]) == (None, [])


def test_a_change_in_the_meantime_stops_the_import(engine: Engine) -> None:
    """What was agreed to is what is written, or nothing."""
    entries = [PatientEntry(2, Patient("P1", "Ann"), ("+12125550142",))]
    seen = compare(list_patients(engine), entries, replace=False)
    other = [PatientEntry(2, Patient("P2", "Bob"), ("+12125550142",))]
    put_patients(engine, other, by="bob", now=NOW)
    with pytest.raises(OfficeLineError, match="changed in the meantime; nothing was imported"):
        put_patients(engine, entries, by="amy", now=NOW, seen=seen)
    assert [one.id for one in list_patients(engine)] == ["P2"]


def test_bad_rows_are_reported_one_by_one_up_to_some(place: Context) -> None:
    """Thousands of them are no screen full: twenty and a count, and nothing is written."""
    rows = "".join(f"P{one},Ann,55501{one % 100:02d},,\n" for one in range(3000))
    done = run(place, "import", written(place, rows), "--yes", code=1)
    lines = [one for one in done.stdout.splitlines() if one.startswith("line ")]
    assert len(lines) == 20
    assert lines[0] == "line 2: …0100 is not a phone number: it has no area code"
    assert "... and 2980 more rows; --json shows more of them." in done.stdout
    assert "0 patients imported, 3000 rows refused; fix them, or add --partial." in done.stdout
    assert listed(place) == []


def test_a_shared_number_is_marked(place: Context) -> None:
    """In the list, for people and tools."""
    imported(place, "P1,Ann,2125550147,,\nP2,Bob,2125550147;2125550148,,\n")
    assert [one["shared"] for one in listed(place)] == [["…0147"], ["…0147"]]
    assert "…0147 (shared), …0148" in run(place, "list").stdout


def test_a_column_of_numbers_that_moved_by_a_row(place: Context) -> None:
    """Each row's number was another patient's: all are taken, in one look at each row."""
    first = "".join(f"Q{one},A,212200{one:04d},,\n" for one in range(3000))
    assert imported(place, first)["imported"] == 3000
    moved = "".join(f"Q{one},A,212200{one + 1:04d},,\n" for one in range(2998))
    report = imported(place, moved)
    assert (report["imported"], report["changed"], report["gone"]) == (2998, 2998, 2)
    assert report["shared"] == [{"number": "…2998", "patients": ["Q2997", "Q2998"]}]
    assert place.plan().patients["+12122000001"].id == "Q0"


def test_as_excel_writes_it(place: Context) -> None:
    """With a byte order mark, other column orders and cases, and Windows' line ends."""
    file = place.config.with_name("patients.csv")
    file.write_bytes("\ufeffNumbers,ID,Name\r\n2125550142,P1,Núñez\r\n".encode())
    assert "1 patient imported" in run(place, "import", str(file), "--yes").stdout
    assert listed(place)[0]["name"] == "Núñez"


def test_the_command_keeps_stdout_for_the_document(place: Context) -> None:
    """As a process: one JSON document, and exit 1 for a refused row."""
    file = place.config.with_name("patients.csv")
    file.write_text(HEAD + "P1,X,911,,\n")
    words = ["--config", str(place.config), "--home", str(place.home), "patients", "import"]
    done = started.officeline(*words, str(file), "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["refused"][0]["line"] == 2


CELLS = st.text(alphabet='Pab12555 ;,+()-."\n\r\x00é', max_size=16) | st.sampled_from(
    ["P1", "P2", "Ann", "lee", "2125550142", "2125550143;2125550144", "2125550144"]
)


@settings(deadline=None)
@example("\x1c")
@given(st.text(max_size=200) | st.text(alphabet='id,name\n"\r;\x00', max_size=80))
def test_no_text_is_a_traceback(text: str) -> None:
    """Whatever the file holds: rows, refusals, or one sentence."""
    for candidate in (text, HEAD + text):
        with contextlib.suppress(OfficeLineError):
            parsed = patients.parse_patients(candidate, PLAN)
            lines = [*(e.line for e in parsed.entries), *(r.line for r in parsed.refused)]
            lines += parsed.below
            assert len(lines) == len(set(lines)) <= candidate.count("\n") + candidate.count("\r")


@settings(max_examples=40, deadline=None)  # each makes a database
@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS, CELLS), max_size=6), st.booleans())
def test_every_row_is_stored_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str, str, str, str]],
    partial: bool,  # noqa: FBT001  # hypothesis gives it by position
) -> None:
    """None is lost, none counted twice; what is stored is what the plan then says."""
    path = tmp_path_factory.mktemp("fuzz") / "x.db"
    buffer = io.StringIO()
    csv.writer(buffer).writerows([HEAD.strip().split(","), *rows])
    parsed = patients.parse_patients(buffer.getvalue(), PLAN)
    entries, refused = parsed.entries, parsed.refused
    filled = sum(any(cell.strip() for cell in row) for row in rows)
    assert len(entries) + len(refused) + len(parsed.below) == filled
    engine = open_database(path)
    count, contradicting = put_patients(
        engine, entries, refused=bool(refused), partial=partial, by="amy", now=NOW
    )
    stored = list_patients(engine)
    engine.dispose()
    assert len(stored) == count
    if partial or not (refused or contradicting):
        assert count == len({one.patient.id for one in entries})
    else:
        assert count == 0
    found: Plan = laid_over(PLAN, path)
    assert set(found.patients) == {number for one in stored for number in one.numbers}
    assert {one.id for one in found.patients.values()} == {one.id for one in stored}


def test_ten_thousand_patients_are_read_and_laid_over(engine: Engine, tmp_path: Path) -> None:
    """As many as a large practice has, each with two numbers."""
    entries = [
        PatientEntry(
            number,
            Patient(f"P{number}", f"Patient {number}", "lee"),
            (f"+1212{number:07d}", f"+1646{number:07d}"),
        )
        for number in range(10_000)
    ]
    stored = put_patients(engine, entries, refused=False, partial=False, by="amy", now=NOW)
    assert stored == (10_000, [])
    found = laid_over(PLAN, tmp_path / "officeline.db")
    assert len(found.patients) == 20_000
    assert found.patients["+16460009999"] is found.patients["+12120009999"]
