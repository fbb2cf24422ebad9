"""What other programs publish and test, and their fault reports, played on our reader.

Values alone are taken over, each with its source; people are ours.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pbx.base.errors import OfficeLineError
from pbx.config import plan as plan_files
from pbx.config.ics.names import person_named
from pbx.config.ics.reader import read
from pbx.config.ics.whose import Whose

ROOT = Path(__file__).parents[3]
PLAN = plan_files.load(ROOT / "config" / "office.toml").plan
TOWN = (
    "BEGIN:VTIMEZONE\nTZID:Town\nBEGIN:STANDARD\nDTSTART:{start}\nTZOFFSETFROM:{summer}\n"
    "TZOFFSETTO:{winter}\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\nEND:STANDARD\n"
    "BEGIN:DAYLIGHT\nDTSTART:19810329T020000\nTZOFFSETFROM:{winter}\nTZOFFSETTO:{summer}\n"
    "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\nEND:DAYLIGHT\nEND:VTIMEZONE\n"
)


def calendar(*events: str, head: str = "") -> bytes:
    """Write a calendar of one series, each event by its lines."""
    bodies = "".join(f"BEGIN:VEVENT\nUID:1\n{one}\nEND:VEVENT\n" for one in events)
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\n{head}{bodies}END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


def reported(content: bytes, start: str, *, attendees: bool = False) -> list[str]:
    """Read a year from a day on; each shift as its person and its times in UTC."""
    begin = datetime.fromisoformat(start).replace(tzinfo=UTC)
    whose = Whose(PLAN, attendees=attendees)
    return [
        f"{one.person} {one.start:%y%m%d %H%M}-{one.end:%y%m%d %H%M}"
        for one in read(content, PLAN, begin, begin + timedelta(days=365), whose=whose).shifts
    ]


BIWEEKLY = (
    "DTSTART;TZID=W. Europe Standard Time:20201214T093000\nDURATION:PT1H\nSUMMARY:Lee\n"
    "RRULE:FREQ=WEEKLY;UNTIL=20210308T083000Z;INTERVAL=2;BYDAY=MO;WKST=MO\n"
    "EXDATE;TZID=W. Europe Standard Time:20201228T093000,20210125T093000,20210208T093000"
)
OSLO = "DTSTART;TZID=Europe/Oslo:20211216T180000\nDURATION:PT2H\nSUMMARY:Lee\nRRULE:FREQ=WEEKLY;"
TOKYO = (
    "DTSTART;TZID=Asia/Tokyo:20200610T103000\nDTEND;TZID=Asia/Tokyo:20200610T110000\nSUMMARY:Lee\n"
    "RRULE:FREQ=WEEKLY;WKST=SU;UNTIL=20201130;BYDAY=WE"
)
NIGHTS = (
    "DTSTART;TZID=America/New_York:20210104T170000\nDTEND;TZID=America/New_York:20210105T080000\n"
    "SUMMARY:Lee\nRRULE:FREQ=WEEKLY;COUNT=3\nSEQUENCE:4"
)
INSTANCE = (
    "DTSTART;TZID=America/New_York:20210111T190000\nDTEND;TZID=America/New_York:20210112T080000\n"
    "SUMMARY:Osei\nRECURRENCE-ID;TZID=America/New_York:20210111T170000\nSEQUENCE:1"
)
FAULTS = [
    # fmeringdal/rust-rrule issue 13: the last Monday of an Exchange series was lost
    pytest.param(calendar(BIWEEKLY), "2020-12-01",
                 ["lee 201214 0830-201214 0930", "lee 210111 0830-210111 0930",
                  "lee 210222 0830-210222 0930", "lee 210308 0830-210308 0930"],
                 id="fmeringdal/rust-rrule#13"),
    # jens-maus/node-ical pull 436: UNTIL is a date, the start a time in a zone
    pytest.param(calendar(OSLO + "UNTIL=20211216"), "2021-12-01", ["lee 211216 1700-211216 1900"],
                 id="jens-maus/node-ical#436"),
    # home-assistant/core issue 145101: X-WR-TIMEZONE is the zone of times without one
    pytest.param(calendar("DTSTART:20250519T180000\nDTEND:20250519T193000\nSUMMARY:Lee",
                          head="X-WR-TIMEZONE:Europe/Zurich\n"),
                 "2025-05-01", ["lee 250519 1600-250519 1730"], id="home-assistant/core#145101"),
    # home-assistant/core issue 145493: Windows' name of London
    pytest.param(calendar("DTSTART;TZID=GMT Standard Time:20250624T143000\nDURATION:PT1H\n"
                          "SUMMARY:Lee"),
                 "2025-05-01", ["lee 250624 1330-250624 1430"], id="home-assistant/core#145493"),
    # home-assistant/core issue 160047: a VTIMEZONE whose onset is written as UTC
    pytest.param(calendar("DTSTART;TZID=Town:20260115T080000\nDURATION:PT1H\nSUMMARY:Lee",
                          head=TOWN.format(start="20251026T030000Z", summer="+0200",
                                           winter="+0100")),
                 "2026-01-01", ["lee 260115 0700-260115 0800"], id="home-assistant/core#160047"),
    # home-assistant/core issue 141636: seconds in a VTIMEZONE's offsets
    pytest.param(calendar("DTSTART;TZID=Town:20260115T080000\nDURATION:PT1H\nSUMMARY:Lee",
                          head=TOWN.format(start="19811025T030000", summer="+020000",
                                           winter="+010000")),
                 "2026-01-01", ["lee 260115 0700-260115 0800"], id="home-assistant/core#141636"),
    # niccokunzmann/python-recurring-ical-events pull 45: an instance with the lower SEQUENCE
    # ical4j/ical4j issue 472: an instance that repeats the rule of its series is one event
    pytest.param(calendar(NIGHTS, INSTANCE + "\nRRULE:FREQ=WEEKLY;COUNT=3"), "2021-01-01",
                 ["lee 210104 2200-210105 1300", "osei 210112 0000-210112 1300",
                  "lee 210118 2200-210119 1300"],
                 id="niccokunzmann/python-recurring-ical-events#45 ical4j/ical4j#472"),
    # FlexMeasures/flexmeasures issue 2503: a day is not 24 hours when the clock jumps
    pytest.param(calendar("DTSTART;TZID=Europe/Amsterdam:20210328T000000\nDURATION:P1D\n"
                          "SUMMARY:Lee"),
                 "2021-03-01", ["lee 210327 2300-210328 2200"],
                 id="FlexMeasures/flexmeasures#2503"),
    # jens-maus/node-ical pull 440: the later of two versions in the file is the older one
    pytest.param(calendar("DTSTART:20260302T080000Z\nDURATION:PT8H\nSUMMARY:Lee\nSEQUENCE:5",
                          "DTSTART:20260301T080000Z\nDURATION:PT8H\nSUMMARY:Osei\nSEQUENCE:2"),
                 "2026-01-01", ["lee 260302 0800-260302 1600"], id="jens-maus/node-ical#440"),
    # grafana-cold-storage/oncall issue 576: days on end have no gap between them
    pytest.param(calendar("DTSTART;VALUE=DATE:20220925\nDTEND;VALUE=DATE:20221002\nSUMMARY:Lee\n"
                          "RRULE:FREQ=WEEKLY;COUNT=2"),
                 "2022-09-01", ["lee 220925 0400-221002 0400", "lee 221002 0400-221009 0400"],
                 id="grafana-cold-storage/oncall#576"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "start", "right"), FAULTS)
def test_fault_reports_of_others(content: bytes, start: str, right: list[str]) -> None:
    """Each is right here."""
    assert reported(content, start) == right


def test_the_last_wednesday_of_a_series_until_a_date() -> None:
    """As jazzband/icalevents issue 71: UNTIL is a date, and the series was refused."""
    shifts = reported(calendar(TOKYO), "2020-06-01")
    assert (len(shifts), shifts[-1]) == (25, "lee 201125 0130-201125 0200")


def test_a_folded_address() -> None:
    """As grafana-cold-storage/oncall issue 3603: a line break within a name loses nobody."""
    event = (
        "DTSTART;VALUE=DATE:20240108\nDTEND;VALUE=DATE:20240109\nSUMMARY:Duty\n"
        "ATTENDEE:mailto:ana.l\n ee@example.com"
    )
    assert reported(calendar(event), "2024-01-01", attendees=True) == [
        "lee 240108 0500-240109 0500"
    ]


@pytest.mark.parametrize("zone", ["Customized Time Zone", "(no TZ description)"])
def test_zones_that_name_nothing(zone: str) -> None:
    """As allenporter/ical issue 468 and tybritten/ical-sensor-homeassistant issue 101: no guess."""
    event = f"DTSTART;TZID={zone}:20240426T140000\nDURATION:PT1H\nSUMMARY:Lee"
    with pytest.raises(OfficeLineError, match="the unknown time zone"):
        reported(calendar(event), "2024-04-01")


@pytest.mark.parametrize(
    ("title", "person"),
    [
        # PagerDuty: "On Call - NAME - SCHEDULE", the schedule of any name, or without one
        ("On Call - Kofi Osei - Alpha", "osei"), ("On Call - Ana Lee - On-Call  Team", "lee"),
        ("On Call - Mira Patel", "patel"), ("On Call - Some schedule - out of hours", None),
        # target/goalert: a calendar for each user, which does not say who that is
        ("On-Call (GoAlert: Sched)", None),
        # Grafana OnCall: the priority in brackets, then the user's name
        ("[L1] Ana Lee", "lee"), ("[L2] osei", "osei"), ("[L1]Patel", "patel"),
        # AMiON, a person's own calendar: the service, not the person
        ("Call: NC-11H", None), ("Vacation", None), ("PM: Continuity Clinic", None),
        ("On-call A", None), ("Call: Lee", "lee"), ("Back-up: Osei", "osei"),
        # lists of hospitals
        ("OSEI, KOFI MD", "osei"), ("Osei, K.", "osei"), ("Patel, Mira, DO, MPH", "patel"),
        ("Dr. A. Lee", "lee"), ("Dr. Osei - Backup Call", "osei"), ("Lee (1st call)", "lee"),
        ("Patel MD - Night Float", "patel"), ("Osei: Weekend Call", "osei"),
        ("Lee \u2013 Primary", "lee"), ("Ana Lee [Primary]", "lee"), ("Lee 7p-7a", "lee"),
        # what only looks like it
        ("Lee - Vacation", None), ("Lee off", None), ("Call Lee", None), ("Osei or Lee", None),
        ("Lee -> Osei", None), ("Lee for Osei", None), ("Not on call: Lee", None),
        ("Meeting with Lee", None), ("B. Lee", None), ("Lee, Kofi", None), ("Lee?", None),
        ("Call: Lee (trade with Patel)", None), ("On Call - Lee - Vacation", None),
    ],
)  # fmt: skip
def test_titles_as_programs_write_them(title: str, person: str | None) -> None:
    """One person fits, or nobody is named."""
    assert person_named(title, PLAN) == person
