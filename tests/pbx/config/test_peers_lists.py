"""What went wrong in other programs' imports of contacts, played on ours (values, not code).

| report | what went wrong there |
|---|---|
| tbar0970/jethro-pmm#691 | two of one home phone came into separate families |
| owncloud-archive/contacts#817 | of several types of phones one alone was imported |
| owncloud-archive/contacts#827 | "Phone 1 - Value" of a contact was not imported at all |
| dotCMS/core#36508 | the mark of UTF-8 became a part of the first column's name |
| zetkin/app.zetkin.org#2572 | letters that nobody sees spoiled a phone number |
| glific/glific#5657 | a dash of Windows' own was half an import, UTF-16 none |
| CDCgov/dibbs-ecr-viewer#497 | a number with an extension was invalid |
| KingdomFirst/Excavator#117 | no country but one could be had |
| chatwoot/chatwoot#12325 | the same file could not be imported twice |
| FreePBX/issue-tracker#875 | the last row was the one before it, once more |
| oroinc/crm#96 | semicolons gave one column, and a sentence about its name |
| Automattic/camptix#40 | 4.41E+11 was exported as a phone number |
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pbx.config import patients_file
from pbx.config import plan as plans
from pbx.config.patient_lists.changes import Listed, compare
from routing.model import Plan

ROOT = Path(__file__).parents[3]
PLAN = plans.load(ROOT / "config" / "office.toml").plan
Found = dict[str, tuple[str, ...]]


def numbers(
    tmp_path: Path, content: str, encoding: str = "utf-8", plan: Plan = PLAN, *, say: bool = False
) -> Found:
    """Read a list's numbers by their patients' ids; `say` names its encoding to the import."""
    path = tmp_path / "list.csv"
    path.write_bytes(content.encode(encoding))
    text = patients_file.read_file(path, encoding if say else None)
    parsed = patients_file.parse_patients(text, plan)
    assert parsed.refused == []
    return {one.patient.id: one.numbers for one in parsed.entries}


def test_a_family_stays_one(tmp_path: Path) -> None:
    """jethro-pmm#691: with and without a space in the number."""
    rows = "id,name,Home Phone\n1,John Jones,2129741234\n2,Sally Jones,212 974 1234\n"
    assert numbers(tmp_path, rows) == {"1": ("+12129741234",), "2": ("+12129741234",)}


def test_all_types_of_phones(tmp_path: Path) -> None:
    """Owncloud contacts#817 and #827: each number of a contact, by its types and values."""
    head = "id,Name,Given Name,Phone 1 - Type,Phone 1 - Value,Phone 2 - Type,Phone 2 - Value"
    row = "1,Ann Lee,Ann,Mobile,444 211 5552,Home,212 974 1234"
    assert numbers(tmp_path, f"{head}\n{row}\n") == {"1": ("+14442115552", "+12129741234")}


def test_the_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    """dotCMS/core#36508, also around a quoted name."""
    for head in ("MRN,name,phone", '"MRN","name","phone"'):
        found = numbers(tmp_path, f"{head}\r\n7,Ann,2129741234\r\n", "utf-8-sig")
        assert found == {"7": ("+12129741234",)}


@pytest.mark.parametrize("letter", ["\u200b", "\u202a", "\u2060", "\ufeff", "\u00ad", "\u200e"])
def test_letters_that_nobody_sees(tmp_path: Path, letter: str) -> None:
    """zetkin#2572: within, before and behind a number, and around a name."""
    row = f"7,{letter}Ann Lee{letter},{letter}212{letter} 974 1234{letter}"
    assert numbers(tmp_path, f"id,name,phone\n{row}\n") == {"7": ("+12129741234",)}


def test_windows_dash_and_utf16(tmp_path: Path) -> None:
    """glific#5657: byte 0x96 is a dash where one says so, and "Unicode Text" needs no word."""
    rows = "id\tname\tphone\n7\tAnn\t212\u2013974\u20131234\n"
    assert numbers(tmp_path, rows, "cp1252", say=True) == {"7": ("+12129741234",)}
    assert numbers(tmp_path, rows, "utf-16") == {"7": ("+12129741234",)}


@pytest.mark.parametrize(
    "cell",
    ["+1-608-271-9000-x11", "608-271-9000 x11", "608-271-9000x11", "608-271-9000 ext 11"],
)
def test_an_extension(tmp_path: Path, cell: str) -> None:
    """dibbs-ecr-viewer#497: its four ways."""
    assert numbers(tmp_path, f"id,name,phone\n7,Ann,{cell}\n") == {"7": ("+16082719000",)}


@pytest.mark.parametrize("cell", ["020 7946 0018", "2079460018", "+44 20 7946 0018"])
def test_the_offices_own_country(tmp_path: Path, cell: str) -> None:
    """Excavator#117: with the zero, without it as a spreadsheet leaves it, and whole."""
    british = replace(PLAN, office=replace(PLAN.office, country="GB"))
    found = numbers(tmp_path, f"id,name,phone\n7,Ann,{cell}\n", plan=british)
    assert found == {"7": ("+442079460018",)}


def test_the_same_file_twice(tmp_path: Path) -> None:
    """chatwoot#12325: duplicates within it and all, the second time changes nothing."""
    path = tmp_path / "list.csv"
    path.write_text("id,name,phone\n1,Ann,2129741234\n2,Bob,2129741234\n1,Ann,2129741234\n")
    entries, refused = patients_file.settle(
        patients_file.parse_patients(patients_file.read_file(path), PLAN).entries
    )
    there = [Listed(one.patient.id, one.patient.name, one.numbers, None, ()) for one in entries]
    again = compare(there, entries, replace=False)
    assert (refused, again.is_nothing, again.same, again.gone) == ([], True, 2, ())


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_the_last_row(tmp_path: Path, end: str) -> None:
    """FreePBX#875: it is read as it is, whatever stands behind it."""
    rows = f"id,name,phone\n1,Ann,2129741234\n2,Bob,2129741235{end}"
    assert numbers(tmp_path, rows) == {"1": ("+12129741234",), "2": ("+12129741235",)}


def test_semicolons(tmp_path: Path) -> None:
    """oroinc/crm#96, all cells in quotes as some write them."""
    rows = '"id";"name";"phone"\n"1";"Lee; Ann";"212 974 1234"\n'
    assert numbers(tmp_path, rows) == {"1": ("+12129741234",)}


def test_what_a_spreadsheet_shortened(tmp_path: Path) -> None:
    """camptix#40: no number is made of it, and the sentence says where the digits were lost."""
    path = tmp_path / "list.csv"
    path.write_text("id,name,phone\n1,Ann,4.41E+11\n")
    (refused,) = patients_file.parse_patients(patients_file.read_file(path), PLAN).refused
    assert "the spreadsheet shortened it, and its last digits are not in the file" in refused.why
