"""Edges of the findings: exactly this is found, and what is next to it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.config import plan
from tests.support.offices import NOW, changed, codes, found

SHIFTS = """
[[schedule.doctors.shifts]]
person = "osei"
from = "2026-12-24 08:00"
to = "2026-12-25 08:00"

[[schedule.doctors.shifts]]
person = "lee"
from = "2026-12-FROM"
to = "2026-12-TO"

[escalation.urgent]"""
SERVICE = """[people.answer]
name = "Answering Service"
role = "service"

[people.lee]"""
NURSE = """[people.kim]
name = "Kim"
role = "nurse"
contacts = []

[people.lee]"""
OTHERS = """[schedule.others]
rotation = ["osei"]
since = "2026-01-05"
handoff = "mon 08:00"
backup = "lee"

[escalation.urgent]"""
SECOND_MENU = """[menu.bb]
say = ["menu-closed"]
otherwise = "routine"

[menu.night]"""
LAB = """[office_hours.lab]
daily = ["08:00-09:00"]

[hours]"""
NUMBER_IN_A_TEXT = 'name2 = """\n212 555 0111"""'


def moved(country: str) -> tuple[str, str]:
    """Move the practice to a country."""
    return 'language = "en"', f'language = "en"\ncountry = "{country}"'


def allowing(start: str) -> tuple[str, str]:
    """Let it call numbers that begin so."""
    return "[hours]", f'[outbound]\nallow = ["{start}"]\n\n[hours]'


def shifts(start: str, end: str) -> list[tuple[str, str]]:
    """Add two shifts to the schedule, the second from and to a time in December."""
    return [("\n[escalation.urgent]", SHIFTS.replace("FROM", start).replace("TO", end))]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (shifts("25 08:00", "26 08:00"), []),
        (shifts("23 08:00", "24 08:00"), []),
        (shifts("25 07:59", "26 08:00"), ["overlapping-periods"]),
        (shifts("25 08:00", "25 08:00"), ["shift-backwards"]),
        ([('on = "2026-12-25"', 'on = "2026-11-24"')], []),
        ([('on = "2026-12-25"', 'on = "2026-11-23"')], ["closure-past"]),
        ([('on = "2026-12-25"', 'from = "2026-11-20"\nto = "2026-11-25"')], []),
        ([('since = "2026-01-05"', 'since = "9999-12-31"')], ["bad-value"]),
        ([('since = "2026-01-05"\n', "")], ["bad-value"]),
        ([('every = "1 week"', 'every = "5 hours"')], ["turn-length"]),
        # an answering service has no voicemail, a member of a group has
        ([("[people.lee]", SERVICE),
          ('ring = "frontdesk", for = 15', 'transfer = "answer", for = 40')], []),
        ([('["desk1", "desk2"]', '["desk1", "lee"]'), ("for = 15", "for = 26")],
         ["ring-past-voicemail"]),
        ([("for = 15", "for = 60")], []),
        # who stands only in a group, or only in the schedule, is to be called
        ([("[people.lee]", NURSE), ("[groups]", '[groups]\nnurses = ["kim"]')], ["no-contact"]),
        ([("[people.lee]", NURSE)], []),
        ([('role = "physician"', "contacts = []"), ('try = "oncall"', 'try = "osei"'),
          ('try = "oncall"', 'try = "osei"'), ('try = "backup"', 'try = "osei"'),
          ('try = "everyone"', 'try = "osei"')], ["no-contact"]),
        ([('rotation = ["lee", "osei", "patel"]', 'rotation = ["lee"]'),
          ('backup = "next"', 'backup = "others"'), ("[escalation.urgent]", OTHERS)], []),
        ([('urgency = "urgent" }\ndo = { escalation = "urgent" }',
           'urgency = "urgent" }\ndo = { ring = "lee", else = "urgent" }')], []),
        ([('urgency = "urgent" }\ndo = { escalation = "urgent" }',
           'urgency = "urgent" }\ndo = { ring = "lee" }')], ["urgent-unanswered"]),
        ([("[escalation.urgent]", '[escalation.urgent]\nfollow_up = { breach = "12m" }')],
         ["follow-up-order"]),
        # the number is told once, at the line where it is written
        ([('role = "physician"', NUMBER_IN_A_TEXT)], ["unknown-key", "personal-number"]),
        ([("[[closures]]", '[office_hours.office]\nmon = ["08:00-09:00"]\n[[closures]]')],
         ["duplicate-name"]),
        ([("[menu.night]", SECOND_MENU), ('otherwise = "urgent"', 'otherwise = { menu = "bb" }')],
         ["menu-otherwise"]),
        ([("[hours]", LAB),
          ('name = "backline"  ',
           'name = "backline"\noffice_hours = "lab"\nmenus = { open = "night" }  '),
          ('hours = "closed", urgency', 'hours = "closed", office_hours = "office", urgency')], []),
        ([('kind = "address" ', 'preset = "twilio" '), ('host = "127.0.0.2"', "")],
         ["missing-key"]),
        # what is missing in a table does not hide what else is wrong there
        ([('name = "Lakeside Internal Medicine"', 'inbox = "nobody"')],
         ["missing-key", "unknown-name"]),
        ([("{ wait = 15 }", "{ wait = 500 }")], ["bad-value"]),
        # whoever is in a country of +1 may call there, elsewhere the file says so
        ([moved("CA")], []),
        ([moved("GB")], ["own-country"]),
        ([moved("GB"), allowing("+44")], []),
        ([moved("GB"), allowing("+4420")], []),
        ([moved("GB"), allowing("+4")], []),
        ([moved("GB"), allowing("+353")], ["own-country"]),
        ([moved("UK"), allowing("+44")], ["own-country"]),
        ([moved("GB"), allowing("44")], ["bad-value"]),
    ],
)  # fmt: skip
def test_exactly_this_is_found(pairs: list[tuple[str, str]], expected: list[str]) -> None:
    """What is right passes, and what is wrong is told once."""
    assert codes(changed(*pairs)) == expected


def test_the_line_behind_a_piece_that_was_left_out() -> None:
    """A rule that cannot be read does not shift the lines of those after it."""
    text = changed(
        ('do = { escalation = "urgent" }', ""), ('ring = "frontdesk"', 'ring = "frontdsk"')
    )
    expected = next(at for at, line in enumerate(text.split("\n"), 1) if "frontdsk" in line)
    assert [(one.code, one.line) for one in found(text)][1:] == [("unknown-name", expected)]


def test_a_stream_without_an_end() -> None:
    """A device has no size; no more than the limit is read of it."""
    _, findings = plan.check(Path("/dev/zero"), NOW)
    assert [one.code for one in findings] == ["too-large"]
