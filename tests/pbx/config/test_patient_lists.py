"""Lists of patients as real programs write them: each file, and what is read of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pbx.base.errors import OfficeLineError
from pbx.config import patients_file
from pbx.config import plan as plans
from pbx.config.patient_lists import columns
from pbx.config.patient_lists import text as texts
from pbx.config.patients_file import Parsed

ROOT = Path(__file__).parents[3]
FILES = Path(__file__).parent / "patient_lists"
PLAN = plans.load(ROOT / "config" / "office.toml").plan
HOME, MOBILE, WORK = "+12125550147", "+12125550148", "+12125550149"

Found = list[tuple[str, str, tuple[str, ...]]]


def read(content: str | bytes, *maps: str, encoding: str | None = None, at: Path) -> Parsed:
    """Read a list as the command does."""
    path = at / "list.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    mapped = columns.mapping(maps)
    return patients_file.parse_patients(patients_file.read_file(path, encoding), PLAN, mapped)


def found(parsed: Parsed) -> Found:
    """Say who is in a list, of whom no row may have been refused."""
    assert parsed.refused == []
    return [(one.patient.id, one.patient.name, one.numbers) for one in parsed.entries]


# Made after what each program exports; what is right for them is in the issue that asked for it.
CASES: dict[str, Found] = {
    "c01-plain": [("P1", "Smith, John", (HOME,))],
    "c02-athena": [("1", "Smith, John", (HOME, MOBILE))],
    "c03-ecw": [("1", "Smith, John", (HOME,))],
    "c04-drchrono": [("1", "Smith, John", (HOME,))],
    "c05-openemr": [("1", "Smith, John", (HOME,))],
    "c06-practicefusion": [("AB123456", "Smith, John", (HOME,))],
    "c07-epic": [("E1234", "SMITH,JOHN", (HOME, MOBILE))],
    "c08-dentrix": [("1001", "O'Brien, Maria", (HOME,))],
    "c09-utf16": [("P1", "Smith", (HOME,))],
    "c10-utf8bom": [("P1", "Smith", (HOME,))],
    "c12-semicolon": [("P1", "Smith", (HOME,))],
    "c13-tab": [("P1", "Smith", (HOME,))],
    "c14-sep-line": [("P1", "Smith", (HOME,))],
    "c15-title-row": [("P1", "Smith", (HOME,))],
    "c16-blank-first": [("P1", "Smith", (HOME,))],
    "c18-address-newline": [("P1", "Smith", (HOME, MOBILE))],
    "c19-family": [
        ("P1", "Ann Smith", (HOME,)),
        ("P2", "Bob Smith", (HOME,)),
        ("P3", "Cy Smith", (HOME, MOBILE)),
    ],
    "c34-trailing-commas": [("P1", "A", (HOME,))],
    "c36-nbsp": [("P1", "John Smith", (HOME,))],
}


@pytest.mark.parametrize(("name", "right"), CASES.items())
def test_each_file_is_read_right(name: str, right: Found) -> None:
    """Without being told anything of it."""
    content = patients_file.read_file(FILES / f"{name}.csv")
    assert found(patients_file.parse_patients(content, PLAN)) == right


def test_every_file_is_in_the_table() -> None:
    """None lies there untested."""
    reported = {"c11-cp1252", "c17-quoted-newline", "c20-ext"}
    assert {one.stem for one in FILES.glob("*.csv")} == CASES.keys() | reported


def test_windows_letters_are_offered_as_a_choice() -> None:
    """No guess: the sentence names the line and the option, and then the name is right."""
    path = FILES / "c11-cp1252.csv"
    with pytest.raises(OfficeLineError, match=r"not UTF-8 \(line 2\).*--encoding cp1252"):
        patients_file.read_file(path)
    read = patients_file.parse_patients(patients_file.read_file(path, "cp1252"), PLAN)
    assert found(read) == [("P1", "Muñoz", (HOME,))]


def test_a_line_break_in_a_name_is_refused() -> None:
    """It is as likely a quote that swallowed the next row; the others are still read."""
    read = patients_file.parse_patients(
        patients_file.read_file(FILES / "c17-quoted-newline.csv"), PLAN
    )
    assert [(one.line, one.why[:28]) for one in read.refused] == [
        (2, "its name has a line break; w")
    ]
    assert [(one.line, one.patient.id) for one in read.entries] == [(4, "P2")]


def test_extensions_are_left_out_and_noted() -> None:
    """The second patient's number is the office's own, which no patient has."""
    content = patients_file.read_file(FILES / "c20-ext.csv")
    other = replace(PLAN, office=replace(PLAN.office, number="+12125550199"), lines=())
    read = patients_file.parse_patients(content, other)
    assert found(read) == [
        ("P1", "A", (HOME,)),
        ("P2", "B", ("+12125550100",)),
        ("P3", "C", (WORK,)),
    ]
    assert [one.notes for one in read.entries] == [
        (f"the extension of …{last} was dropped",) for last in ("0147", "0100", "0149")
    ]
    (own,) = patients_file.parse_patients(content, PLAN).refused
    assert (own.line, own.why) == (3, "…0100 is the office's own number")


# Headers of one line each: those that the makers' documents, exports or tables name.
HEADERS = {
    "athenahealth": "patientid,enterpriseid,firstname,lastname,dob,homephone,mobilephone,workphone",
    "eClinicalWorks": (
        "Patient Acct No,Patient First Name,Patient Last Name,Patient DOB,Patient Home Phone,"
        "Patient Cell Phone,Patient Work Phone,Appointment Provider Name"
    ),
    "NextGen": "person_nbr,first_name,last_name,home_phone,cell_phone,day_phone,contact_person_id",
    "NextGen's report": "Med Rec Nbr,Last Name,First Name,Home Phone,Cell Phone,Work Phone,Age",
    "Epic's tables": "PAT_MRN_ID,PAT_NAME,BIRTH_DATE,HOME_PHONE,MOBILE_PHONE,WORK_PHONE,PAT_STATUS",
    "Epic's list": "MRN,Patient Name,DOB,Home Phone,Mobile Phone,Work Phone,PCP,PCP Phone",
    "Cerner": (
        "PERSON_ID,NAME_FULL_FORMATTED,BIRTH_DT_TM,HOME_PHONE_NUMBER,MOBILE_PHONE_NUMBER,"
        "BUS_PHONE_NBR,FIN"
    ),
    "Oracle Health": "Medical Record Number,Full Name,Home Phone #,Cell Phone #,Business Phone #",
    "OpenEMR": "id,pid,pubpid,fname,mname,lname,phone_home,phone_cell,phone_biz,phone_contact",
    "Practice Fusion": "PRN,First name,Last name,Mobile phone,Home phone,Office phone,Status",
    "DrChrono": (
        "id,chart_id,first_name,last_name,home_phone,cell_phone,office_phone,"
        "emergency_contact_phone"
    ),
    "Tebra": (
        "Chart Number,First Name,Last Name,Home Phone,Mobile Phone,Work Phone,Guarantor Home Phone"
    ),
    "CollaborateMD": (
        "Account Number,Full Name,Home Phone,Cell Phone,Work Phone,Referring Provider ID"
    ),
    "Dentrix": "Chart #,Patient ID,Last Name,First Name,Home Phone,Cell Phone,Work Phone,Fax",
    "a report": "MR#,Patient,Phone (Home),Phone (Cell),Phone (Work),Last Visit,Insurance Phone",
    "Greenway": "PatientID,PatientName,HPhone,CPhone,WPhone,PharmacyPhone",
    "a short one": "Acct #,Patient,Home,Cell,Work",
    "a spreadsheet": "Pt. ID*,Name (Last, First),Tel. No.,Cell #,Work Tel,Email",
}
VALUES = {"home": "(212) 555-0147", "mobile": "212.555.0148", "work": "1-212-555-0149"}


@pytest.mark.parametrize("maker", HEADERS)
def test_headers_of_many_makers_are_recognized(tmp_path: Path, maker: str) -> None:
    """Id, name and three numbers of the patient, and nobody else's: it would be a wrong caller."""
    names = HEADERS[maker].replace("(Last, First)", "(Last First)").split(",")
    row, used = [], set()
    for name in names:
        words = name.casefold()
        somebody = any(
            one in words for one in ("guarantor", "contact", "pcp", "insur", "pharm", "ref")
        )
        value = "7185550199" if somebody or "fax" in words else "E9"
        if not somebody and ("first" in words or "fname" in words) and "last" not in words:
            value = "John"
        elif not somebody and ("last n" in words or words in {"lastname", "lname", "last_name"}):
            value = "Smith"
        elif not somebody and ("name" in words or words == "patient"):
            value = "Smith John"
        elif not somebody and any(one in words for one in ("phone", "tel", "cell", "home", "work")):
            work = any(one in words for one in ("work", "wph", "bus", "biz", "office", "day"))
            kind = "mobile" if any(one in words for one in ("cell", "mob", "cph")) else "home"
            value = VALUES["work" if work else kind]
            used.add(value)
        row.append(value)
    assert len(used) == 3, maker
    (entry,) = read(f"{','.join(names)}\n{','.join(row)}\n", at=tmp_path).entries
    assert entry.patient.id == "E9"
    assert entry.patient.name.replace(",", "") == "Smith John"
    assert sorted(entry.numbers) == [HOME, MOBILE, WORK]


@pytest.mark.parametrize(
    ("header", "place"),
    [
        ("Chart #,Patient ID,MRN,Name,Phone", 1),
        ("Account No,MRN,Name,Phone", 1),
        ("Chart Number,Account Number,Name,Phone", 1),
        ("id,pid,Name,Phone", 1),
        ("Enterprise ID,Patient Number,Name,Phone", 1),
        ("Subscriber ID,Provider ID,Encounter ID,id,Name,Phone", 3),
    ],
)
def test_of_several_ids_the_patients_own_is_read(tmp_path: Path, header: str, place: int) -> None:
    """Whatever order they stand in; the others are named as unread."""
    row = [f"X{number}" for number in range(header.count(",") - 1)]
    parsed = read(f"{header}\n{','.join([*row, 'Ann', '2125550147'])}\n", at=tmp_path)
    assert found(parsed)[0][0] == f"X{place}"
    assert header.partition(",")[0] in parsed.table.columns.unread


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize(
    "before", ["", "\n\n", "Patients of 11/28/2026\n", '"Report",,\n"by: amy"\n']
)
def test_separators_quotes_and_title_rows(
    tmp_path: Path, separator: str, quote: str, before: str
) -> None:
    """In every combination, and the lines are counted as an editor does."""
    cells = [
        ["Patient ID", "Full Name", "Home Phone", "Notes"],
        ["7", "Ann Lee", "2125550147", "a"],
    ]
    rows = [separator.join(f"{quote}{cell}{quote}" for cell in row) for row in cells]
    parsed = read(before + "\r\n".join(rows), at=tmp_path)
    assert found(parsed) == [("7", "Ann Lee", (HOME,))]
    assert parsed.entries[0].line == before.count("\n") + 2


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_marks_of_encodings(tmp_path: Path, encoding: str) -> None:
    """By the mark that stands first, also as Excel's "Unicode text" with tabs."""
    mark = "\ufeff" if encoding.endswith(("le", "be")) else ""
    content = f"{mark}id\tname\tnumbers\nP1\tMuñoz Łuczak\t2125550147\n".encode(encoding)
    assert found(read(content, at=tmp_path)) == [("P1", "Muñoz Łuczak", (HOME,))]


AROUND = {
    "sep=;\r\nid;name;numbers\r\nP1;Ann;2125550147": 1,
    '"sep=|"\nid|name|numbers\nP1|Ann|2125550147': 1,
    "id,name,numbers\n--,----,-------\nP1,Ann,2125550147\n(1 rows affected)\n": 1,
    "id | name | numbers\n---+------+--------\nP1 | Ann | 2125550147\n(1 row)\n": 1,
    "id,name,numbers\nP1,Ann,2125550147\nTotal patients: 1,,\n": 1,
    "id,name,numbers\nP1,Ann,2125550147\n,,\nEnd of report\n": 1,
    "id,name,numbers\nP1,Ann,2125550147\nid,name,numbers\nP2,Bob,2125550148\n": 2,
    "id,name,numbers,,,\nP1,Ann,2125550147,,,\n": 1,
    ",id,name,numbers\n0,P1,Ann,2125550147\n1,P2,Bob,2125550148\n": 2,
    'id, name, numbers\nP1, "Lee, Ann", 2125550147\n': 1,
    "id,name,numbers\rP1,Ann,2125550147\rP2,Bob,2125550148": 2,
    "\n\n\nid,name,numbers\n\nP1,Ann,2125550147\n\n\n": 1,
}  # fmt: skip


@pytest.mark.parametrize("content", AROUND)
def test_what_programs_put_around_the_rows(tmp_path: Path, content: str) -> None:
    """Rulers, totals, repeated headers, trailing separators, an index without a name."""
    assert len(found(read(content, at=tmp_path))) == AROUND[content]


def test_what_stands_below_the_last_patient_is_reported(tmp_path: Path) -> None:
    """Above another patient the same row is a bad row, and refused."""
    rows = "id,name,numbers\nP1,Ann,2125550147\nTotal: 1\n"
    assert read(rows, at=tmp_path).below == (3,)
    inside = read(f"{rows}P2,Bob,2125550148\n", at=tmp_path)
    assert ([one.line for one in inside.refused], inside.below) == ([3], ())


@pytest.mark.parametrize(
    ("header", "maps"),
    [
        ("Ref,Who,Rufnummer", ("Ref=id", "Who=name", "Rufnummer=numbers")),
        ("Ref,Who,Rufnummer", ("REF = ID", "who=name", "rufnummer=phone")),
        ("No.,Surname,Forename,Handy", ("No.=id", "Handy=mobile")),
        ("MRN,Ref,Name,Phone", ("Ref=id",)),
        ("a=b,Name,Phone", ("a=b=id",)),
        ("id,Name,Guarantor Phone", ("Guarantor Phone=home",)),
    ],
)
def test_columns_are_named_by_the_office(
    tmp_path: Path, header: str, maps: tuple[str, ...]
) -> None:
    """The last = parts the header from the role; what is said goes before what is recognized."""
    values = {"ref": "P1", "no.": "P1", "a=b": "P1", "id": "P1", "mrn": "M1"}
    values |= {"who": "Ann", "name": "Ann", "surname": "Ann", "forename": ""}
    row = [values.get(one.casefold(), "2125550147") for one in header.split(",")]
    parsed = read(f"{header}\n{','.join(row)}\n", *maps, at=tmp_path)
    assert found(parsed) == [("P1", "Ann", (HOME,))]


def test_a_bare_home_is_a_number_only_beside_another(tmp_path: Path) -> None:
    """Alone it may be anything; --map says so."""
    rows = "id,name,Home\nP1,Ann,2125550147\n"
    with pytest.raises(OfficeLineError, match=r'no column for phone numbers.*--map "Home=numbers"'):
        read(rows, at=tmp_path)
    assert found(read(rows, "Home=home", at=tmp_path)) == [("P1", "Ann", (HOME,))]


def test_a_column_can_be_left_out(tmp_path: Path) -> None:
    """As that of a shared switchboard."""
    rows = "id,name,Home Phone,Office Phone\nP1,Ann,2125550147,2125550100\n"
    assert len(read(rows, at=tmp_path).refused) == 1
    assert found(read(rows, "Office Phone=ignore", at=tmp_path)) == [("P1", "Ann", (HOME,))]


@pytest.mark.parametrize(
    ("maps", "why"),
    [
        (("Phone",), "--map 'Phone' is not COLUMN=ROLE"),
        (
            ("Phone=fax",),
            "has no known role; use one of id, name, last, first, panel, flags, numbers",
        ),
        (("Phone=home", "phone=work"), "gives the column 'phone' two roles"),
        (("A=id", "B=id"), "gives two columns the role id"),
        (("Telefon=home",), "names the column 'telefon', which line 1 does not have; it has 'id'"),
    ],
)
def test_a_wrong_map_is_one_sentence(tmp_path: Path, maps: tuple[str, ...], why: str) -> None:
    """It says what is wrong and what there is."""
    with pytest.raises(OfficeLineError, match=why.replace("(", r"\(")):
        read("id,name,Phone,A,B\nP1,Ann,2125550147,1,2\n", *maps, at=tmp_path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"sep=;\n", "empty"),
        (b"id,name\nP1,x\n", r"Line 1 has no column for phone numbers: it has 'id', 'name'"),
        (b"Name,Phone\nAnn,1\n", r"no column for the patient's id.*--map \"Name=id\""),
        (b"P1,Ann,2125550147\n", "Line 1 contains data. No line has the column names"),
        (b"MRN,MRN,Name,Phone\n1,2,Ann,2125550147\n", "Two columns are named 'MRN'"),
        (b"PK\x03\x04rest", "an Excel workbook"),
        (b"\xd0\xcf\x11\xe0rest", "an old Excel workbook"),
        (b"%PDF-1.4", "a PDF document"),
        (b"\x1f\x8bzip", "a compressed archive"),
        (b"<html><table>", "a web page"),
        (b'  {"patients": []}', "JSON"),
        (b"BEGIN:VCARD\nFN:Ann\n", "contact cards"),
        (b"MSH|^~\\&|EPIC", "HL7"),
        (b"\xff\xfei", "not UTF-16-LE"),
        ("id,name,numbers\n".encode("utf-16-le"), "--encoding utf-16-le"),
        (b'id,name,numbers\nP1,"open', "Line 2 is not valid CSV.*Nothing was imported"),
        (b" " * (texts.SIZE_LIMIT + 1), "in parts"),
    ],
)
def test_what_is_no_list_is_one_sentence(tmp_path: Path, content: bytes, why: str) -> None:
    """It says what the file is, and what to do."""
    with pytest.raises(OfficeLineError, match=why) as refused:
        read(content, at=tmp_path)
    assert "\n" not in str(refused.value)
    assert "2125550147" not in str(refused.value)


def test_an_encoding_that_is_none_or_not_the_files(tmp_path: Path) -> None:
    """A name would be spoiled for good: UTF-8 is not taken for something else."""
    with pytest.raises(
        OfficeLineError, match=r"Unknown encoding 'klingon'; use one of utf-8, utf-16"
    ):
        read("id", encoding="klingon", at=tmp_path)
    with pytest.raises(OfficeLineError, match="is UTF-8, not cp1252; leave --encoding out"):
        read("id,name,numbers\nP1,Muñoz,2125550147\n", encoding="cp1252", at=tmp_path)
    with pytest.raises(OfficeLineError, match=r"is not CP1252 \(line 2\)"):
        read(b"id,name,numbers\nP1,Mu\x81oz\xf1,2125550147\n", encoding="cp1252", at=tmp_path)


def test_a_terminal_obeys_no_header(tmp_path: Path) -> None:
    """What a header holds beside letters is never shown."""
    parsed = read("id,name,numbers,\x1b[2Jx\nP1,Ann,2125550147,\n", at=tmp_path)
    assert parsed.table.columns.unread == ("[2Jx",)


def test_rows_of_one_patient_are_joined(tmp_path: Path) -> None:
    """As reports write them, one for each phone or visit; another name is a contradiction."""
    rows = "P1,Ann,2125550147\nP1,Ann,2125550148\nP1,Ann,2125550147\nP1,Bob,2125550149\n"
    good, refused = patients_file.settle(read(f"id,name,Phone\n{rows}", at=tmp_path).entries)
    assert [(one.patient.name, one.numbers) for one in good] == [("Ann", (HOME, MOBILE))]
    assert [(one.line, one.why) for one in refused] == [(5, "line 2 has the same id")]
