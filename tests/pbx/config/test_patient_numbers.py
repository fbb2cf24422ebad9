"""The numbers in a cell of a list of patients: what is one, what are two, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pbx.base.phone_numbers import to_e164
from pbx.config.patient_lists import cells

A, B = "+12125550147", "+12125550148"


def read(cell: str, country: str = "US") -> cells.CellNumbers:
    """Read one cell."""
    found = cells.CellNumbers()
    cells.read_cell(cell, country, found)
    return found


ONE = (
    *("2125550147", "(212) 555-0147", "(212)555-0147", "212-555-0147", "212.555.0147"),
    *("1-212-555-0147", "12125550147", "+1 212 555 0147", "+1 (212) 555-0147", "212/555-0147"),
    *(
        "212 555 0147",
        "212\u00a0555\u00a00147",
        "\u202a+1 212-555-0147\u202c",
        "212\u2013555\u20130147",
    ),
    *("tel:+1-212-555-0147",),
)
SPREADSHEET = (
    *('="+12125550147"', '="2125550147"', "=2125550147", "'2125550147", "'+12125550147"),
    *("2125550147.0", "12125550147.00", "2,125,550,147", "2.125550147E9", "2.125550147E+09"),
    "\t2125550147 ",
)
LABELED = (
    *("H: 2125550147", "Home 212-555-0147", "(H) 212-555-0147", "Cell: (212) 555-0147"),
    *("2125550147 (cell)", "212-555-0147 Mom", "(212) 555-0147 - wife", "Tel. 2125550147"),
)
EXTENDED = (
    *("2125550147 x123", "2125550147x123", "(212) 555-0147 ext 4", "212-555-0147 Ext. 12"),
    *("212-555-0147 extension 5", "2125550147 #12", "2125550147, ext: 7", "212-555-0147 (x12)"),
    *("+1-212-555-0147-x11", "tel:+12125550147;ext=12"),
)
TWO = (
    *("2125550147;2125550148", "2125550147\n2125550148", "2125550147\r\n2125550148"),
    *("2125550147, 2125550148", "2125550147,2125550148", "2125550147/2125550148"),
    *("212-555-0147 / 212-555-0148", "2125550147 or 2125550148", "2125550147 and 2125550148"),
    *("2125550147 & 2125550148", "2125550147|2125550148", "2125550147 2125550148"),
    *("(212) 555-0147 (212) 555-0148", "H 2125550147 C 2125550148"),
    *("Home: 212-555-0147; Cell: 212-555-0148", "2125550147 x12 / 2125550148 x13"),
)


@pytest.mark.parametrize("cell", [*ONE, *SPREADSHEET, *LABELED, *EXTENDED])
def test_one_number(cell: str) -> None:
    """However it is written; an extension is dropped and noted."""
    found = read(cell)
    assert (found.numbers, found.why, found.nobodys) == ([A], None, [])
    note = ["the extension of …0147 was dropped"] if cell in EXTENDED else []
    assert found.notes == note


@pytest.mark.parametrize("cell", TWO)
def test_two_numbers(cell: str) -> None:
    """At whatever stands between them."""
    found = read(cell)
    assert (found.numbers, found.why) == ([A, B], None)


@pytest.mark.parametrize(
    "cell",
    ["", " ", "none", "N/A", "-", "--", "unknown", "Declined", "no phone", ";", "\u00a0", "NULL"],
)
def test_nothing(cell: str) -> None:
    """Words that say that there is none are no bad number."""
    assert read(cell) == cells.CellNumbers()


@pytest.mark.parametrize("cell", ["0000000000", "999-999-9999", "(555) 555-5555", "111 111 1111"])
def test_a_filler_is_nobodys(cell: str) -> None:
    """As offices key them in where a field must not be empty."""
    found = read(cell)
    assert (found.numbers, found.why, len(found.nobodys)) == ([], None, 1)


NONE = {
    "2.12555E+09": "2.12555E+09 is not a phone number: the spreadsheet shortened it, and its last",
    "2,12555E+09": "2,12555E+09 is not a phone number: the spreadsheet shortened it",
    "4.41E+11": "the spreadsheet shortened it",
    "########": "the spreadsheet shortened it",
    "#NAME?": "#NAME? is a spreadsheet error, not a phone number",
    "555-0147": "…0147 is not a phone number: it has no area code",
    "911": "911 is not a phone number",
    "21255501": "…5501 is not a phone number",
    "21255501470": "…1470 is not a phone number",
    "2125550147/0148": "…0148 is not a phone number",
    "2125550147; 123": "123 is not a phone number",
    "see chart": "'see chart' is not a phone number",
    "ann@example.org": "'ann@example.org' is not a phone number",
    "1112223333": "…3333 is not a phone number",
    "447911123456": "…3456 is not a phone number",
    "x123": "'x123' is not a phone number",
    "2125550147\x07": "one of its numbers contains unprintable characters",
}


@pytest.mark.parametrize(("cell", "why"), NONE.items())
def test_none(cell: str, why: str) -> None:
    """No digit is guessed, and the sentence shows at most the last four of a number."""
    found = read(cell)
    assert found.why is not None
    assert why in found.why
    assert "\n" not in found.why


@pytest.mark.parametrize(
    ("country", "cell", "numbers"),
    [
        ("GB", "020 7946 0018", ["+442079460018"]),
        ("GB", "2079460018", ["+442079460018"]),  # a spreadsheet took the zero
        ("GB", "+1 212 555 0147", [A]),
        ("GB", "(212) 555-0147", ["+442125550147"]),
        ("DK", "(212) 555-0147", None),
        ("DE", "030 / 123456", ["+4930123456"]),
        ("DE", "030 123456 / 030 654321", ["+4930123456", "+4930654321"]),
        ("SG", "+65 6234 5678", ["+6562345678"]),
        ("SG", "6234 5678", ["+6562345678"]),
        ("US", "+65 6234 5678", ["+6562345678"]),
        ("US", "011 44 20 7946 0018", ["+442079460018"]),
        ("PR", "787-555-0147", ["+17875550147"]),
    ],
)
def test_the_offices_country_completes_a_number(
    country: str, cell: str, numbers: list[str] | None
) -> None:
    """Never +1 by itself; a leading plus says that the country is there."""
    found = read(cell, country)
    assert (found.numbers or None) == numbers
    assert (found.why is None) == (numbers is not None)


@given(st.from_regex(r"(?:\+?1[ .-]?)?\(?[1-9]\d\d\)? ?[.-]?\d{3}[ .-]?\d{4}", fullmatch=True))
@example("911-555-0147")
@example("200\N{ARABIC-INDIC DIGIT TWO}00.0000")
@example("+1 (411) 555-0147")
def test_the_short_way_reads_what_the_long_one_does(text: str) -> None:
    """What most numbers look like is read without a look at the world's plans."""
    found = read(text)
    number = to_e164(text)
    assert (found.numbers + found.nobodys) == (
        [number] if number and not found.why else found.nobodys
    )
    assert number is None or found.why is None


@given(st.text(alphabet="0123456789 ()+-/.,;x#extEhomcl=\"'\n\u00a0\u200b", max_size=40))
def test_no_cell_is_a_traceback_or_shows_a_number(cell: str) -> None:
    """Whatever stands in it: numbers, or one sentence without more than four digits of one."""
    found = read(cell)
    for number in found.numbers:
        assert number.startswith("+")
    if found.why is not None and "spreadsheet" not in found.why:
        assert sum(one.isdigit() for one in found.why) <= 6
