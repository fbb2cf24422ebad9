"""Each kind of what calendars say, with what it means: UNTIL, DURATION, versions, zones, text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pbx.base.errors import OfficeLineError
from pbx.config import plan as plan_files
from pbx.config.ics.reader import CalendarShifts, read
from pbx.config.ics.whose import Whose

ROOT = Path(__file__).parents[3]
PLAN = plan_files.load(ROOT / "config" / "office.toml").plan
START = datetime(2026, 3, 1, 5, tzinfo=UTC)  # the clock jumps ahead on 8 March
END = START + timedelta(days=31)
NY = "DTSTART;TZID=America/New_York:"
NIGHT = f"{NY}20260302T170000\nDTEND;TZID=America/New_York:20260303T080000\nSUMMARY:Lee"
BERLIN = (
    "BEGIN:VTIMEZONE\nTZID:{name}\n{more}BEGIN:DAYLIGHT\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\n"
    "DTSTART:19700329T020000\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\nEND:DAYLIGHT\n"
    "BEGIN:STANDARD\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nDTSTART:19701025T030000\n"
    "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\nEND:STANDARD\nEND:VTIMEZONE\n"
)


def calendar(*events: str, head: str = "", alike: bool = False) -> bytes:
    """Write a calendar; the events share one UID if they are `alike`."""
    bodies = "".join(
        f"BEGIN:VEVENT\nUID:{0 if alike else number}\n{one}\nEND:VEVENT\n"
        for number, one in enumerate(events)
    )
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test\n{head}{bodies}END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


def found(content: bytes, *, attendees: bool = False, endless: bool = True) -> CalendarShifts:
    """Read a calendar of March 2026."""
    whose = Whose(PLAN, attendees=attendees)
    return read(content, PLAN, START, END, whose=whose, endless=endless)


def reported(content: bytes, *, attendees: bool = False, endless: bool = True) -> str:
    """Return the shifts on the office's clock."""
    zone = PLAN.office.zone
    return ", ".join(
        f"{one.person} {one.start.astimezone(zone):%d %H:%M}-{one.end.astimezone(zone):%d %H:%M}"
        for one in found(content, attendees=attendees, endless=endless).shifts
    )


def refusal(content: bytes) -> str:
    """Return the sentence with which a calendar is refused."""
    with pytest.raises(OfficeLineError) as caught:
        found(content)
    return str(caught.value)


@pytest.mark.parametrize(
    ("until", "days"),
    [
        ("20260304T220000Z", "2 3 4"),  # the standard: UTC, and included
        ("20260304T215959Z", "2 3"),
        ("20260304T170000", "2 3 4"),  # a local time: of the event's clock
        ("20260304T165959", "2 3"),
        ("20260304", "2 3 4"),  # a date is the last day
        ("20260304T000000", "2 3"),
        ("20260301", ""),  # before the first: a series that was ended at once
    ],
)
def test_until_of_times(until: str, days: str) -> None:
    """As those mean it who write it."""
    text = reported(calendar(f"{NIGHT}\nRRULE:FREQ=DAILY;UNTIL={until}")) if days else ""
    assert [one.split()[1] for one in text.split(", ") if one] == [
        f"0{day}" for day in days.split()
    ]
    if not days:
        assert "no event" in refusal(calendar(f"{NIGHT}\nRRULE:FREQ=DAILY;UNTIL={until}"))


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20260304", "04"), ("20260304T000000Z", "04"), ("20260304T235959", "04"),
        ("20260304T050000Z", "04"), ("20260305T045959Z", "04"), ("20260304T235959Z", "04"),
    ],
)  # fmt: skip
def test_until_of_whole_days(until: str, last: str) -> None:
    """A date, a UTC midnight that is one, or an instant of the office's day."""
    whole = f"DTSTART;VALUE=DATE:20260302\nSUMMARY:Lee\nRRULE:FREQ=DAILY;UNTIL={until}"
    assert reported(calendar(whole)).split(", ")[-1].startswith(f"lee {last} ")


@pytest.mark.parametrize(
    ("event", "right"),
    [
        (f"{NY}20260307T170000\nDURATION:PT24H", "07 17:00-08 18:00"),
        (f"{NY}20260307T170000\nDURATION:P1D", "07 17:00-08 17:00"),
        (f"{NY}20260307T170000\nDURATION:P1DT12H", "07 17:00-09 05:00"),
        (f"{NY}20260302T080000\nDURATION:P1W", "02 08:00-09 08:00"),
        (f"{NY}20260302T080000\nDURATION:PT168H", "02 08:00-09 09:00"),
        (f"{NY}20260307T170000\nDTEND;TZID=America/New_York:20260308T080000", "07 17:00-08 08:00"),
        ("DTSTART:20260307T220000Z\nDTEND;TZID=America/New_York:20260308T080000",
         "07 17:00-08 08:00"),
        ("DTSTART;VALUE=DATE:20260308\nDURATION:P1D", "08 00:00-09 00:00"),
        (f"{NY}20260307T000000\nDTEND;TZID=America/New_York:20260307T235959", "07 00:00-08 00:00"),
        (f"{NY}20260307T000000\nDTEND;TZID=America/New_York:20260307T235900", "07 00:00-08 00:00"),
        (f"{NY}20260307T080000\nDTEND;TZID=America/New_York:20260307T165959", "07 08:00-07 17:00"),
        ("DTSTART:20260307T050000Z\nDTEND:20260308T045959Z", "07 00:00-08 00:00"),
        (f"{NY}20260307T000000\nDURATION:PT23H59M59S", "07 00:00-08 00:00"),
        (f"{NY}20260307T080000\nDTEND;TZID=America/New_York:20260307T240000", "07 08:00-08 00:00"),
        ("DTSTART;TZID=America/Chicago;VALUE=DATE:20260307\nDTEND;VALUE=DATE:20260308",
         "07 00:00-08 00:00"),
        ("DTSTART;TZID=Mars/Base;VALUE=DATE:20260307", "07 00:00-08 00:00"),
        ("DTSTART;VALUE=DATE:20260307\nDTEND;VALUE=DATE:20260307", "07 00:00-08 00:00"),
        (("DTSTART;TZID=America/Chicago:20260307T000000\nX-MICROSOFT-CDO-ALLDAYEVENT:TRUE\n"
         "DTEND;TZID=America/Chicago:20260308T000000"), "07 00:00-08 00:00"),
        ("DTSTART:20260307T080000-0600\nDTEND:20260307T170000-0600", "07 09:00-07 18:00"),
    ],
)  # fmt: skip
def test_how_long_it_is(event: str, right: str) -> None:
    """Days are what the clock shows, hours are exact, a date has no zone, 23:59 is midnight."""
    assert reported(calendar(f"{event}\nSUMMARY:Lee")) == f"lee {right}"


@pytest.mark.parametrize(
    ("zone", "hours"),
    [
        ("Eastern Standard Time", "17:00-03 08:00"), ("US/Eastern", "17:00-03 08:00"),
        ("W. Europe Standard Time", "11:00-03 02:00"), ("Central Standard Time", "18:00-03 09:00"),
        ("tzone://Microsoft/Utc", "12:00-03 03:00"), ("GMT", "12:00-03 03:00"),
        ("/citadel.org/20210210_1/America/New_York", "17:00-03 08:00"),
        ("/freeassociation.sourceforge.net/Tzfile/Europe/Berlin", "11:00-03 02:00"),
        ("(UTC-05:00) Eastern Time (US & Canada)", "17:00-03 08:00"),
        ('"(GMT-06:00) Central Time (US & Canada)"', "18:00-03 09:00"),
        ("america/new_york", "17:00-03 08:00"), ("UTC-06:00", "18:00-03 09:00"),
        ("Pacific Time", "20:00-03 11:00"), ("Mars/Base", ""), ("(no TZ description)", ""),
        ("Customized Time Zone", ""),
    ],
)  # fmt: skip
def test_names_of_zones(zone: str, hours: str) -> None:
    """As Windows, Exchange, Evolution and people write them; what is unknown is refused."""
    night = NIGHT.replace("TZID=America/New_York", f"TZID={zone}")
    if hours:
        assert reported(calendar(night)) == f"lee 02 {hours}"
    else:
        assert f"the unknown time zone '{zone}'" in refusal(calendar(night))


@pytest.mark.parametrize(
    "zone",
    [
        BERLIN.format(name="Town", more=""),
        BERLIN.format(name="Town", more="X-LIC-LOCATION:Europe/Berlin\n"),
        BERLIN.format(name="town", more=""),
        BERLIN.format(name="Town", more="").replace("BYMONTH", "BYHOUR=2;BYMINUTE=0;BYMONTH"),
        BERLIN.format(name="Town", more="").replace("000\nRR", "000Z\nRR"),
        BERLIN.format(name="Town", more="").replace("+0100", "+010000"),
        BERLIN.format(name="Town", more="").replace("FREQ", "UNTIL=20371231T010000Z;FREQ"),
    ],
)
def test_a_zone_that_the_file_defines(zone: str) -> None:
    """Its rules are its own, whatever is written out in them; the event is once."""
    night = NIGHT.replace("TZID=America/New_York", "TZID=Town")
    assert reported(calendar(night, head=zone), endless=False) == "lee 02 11:00-03 02:00"


def test_an_alarm_says_nothing_of_its_event() -> None:
    """Its duration, repeats, attendees and title are its own, as a VTIMEZONE's rules are."""
    alarm = (
        "BEGIN:VALARM\nACTION:EMAIL\nTRIGGER:-PT15M\nDURATION:PT5M\nREPEAT:2\nSUMMARY:Osei\n"
        "ATTENDEE;CN=Dr. Kofi Osei:mailto:k@example.com\nEND:VALARM"
    )
    assert reported(calendar(f"{NIGHT}\n{alarm}"), attendees=True) == "lee 02 17:00-03 08:00"


INVITED = NIGHT.replace("SUMMARY:Lee", "SUMMARY:Call week")
ANA = "\nATTENDEE;CN=Ana Lee{}:mailto:ana@example.com"


@pytest.mark.parametrize(
    ("more", "person"),
    [
        (ANA.format(""), "lee"), (ANA.format(";PARTSTAT=ACCEPTED"), "lee"),
        (ANA.format(";PARTSTAT=DECLINED") + "\nATTENDEE;CN=Osei:mailto:k@example.com", "osei"),
        (ANA.format(";CUTYPE=ROOM") + "\nATTENDEE;CN=Osei:mailto:k@example.com", "osei"),
        ("\nATTENDEE;CN=ana.lee@example.com:mailto:ana.lee@example.com", "lee"),
        ("\nATTENDEE:mailto:ana.lee@exam\r\n ple.com", "lee"),
    ],
)  # fmt: skip
def test_who_is_invited(more: str, person: str) -> None:
    """Is on call only if the import is told so, and did not decline."""
    event = calendar(f"{INVITED}{more}")
    assert reported(event, attendees=True).startswith(f"{person} ")
    assert "names nobody in the plan" in refusal(event)


def test_invitations_never_add_to_a_title() -> None:
    """Whoever arranges it, and whoever is asked to come, is not on call."""
    guests = f"{ANA.format('')}\nORGANIZER;CN=Dr. Mira Patel:mailto:m@example.com"
    event = calendar(NIGHT.replace("Lee", "Osei") + guests)
    assert reported(event).startswith("osei ")
    only = calendar(INVITED + "\nORGANIZER;CN=Dr. Mira Patel:mailto:m@example.com")
    assert "'Call week' names nobody" in refusal(only)
    with pytest.raises(OfficeLineError, match="names nobody"):
        found(only, attendees=True)
    declined = calendar(INVITED + ANA.format(";PARTSTAT=DECLINED"))
    assert "--attendees" not in refusal(declined)


OTHER = NIGHT.replace("Lee", "Osei")
MOVED = OTHER.replace("20260302T17", "20260302T20") + "\nRECURRENCE-ID:20260302T220000Z"
SERIES = f"{NIGHT}\nRRULE:FREQ=WEEKLY;COUNT=2"


@pytest.mark.parametrize(
    ("events", "right"),
    [
        ((f"{NIGHT}\nSEQUENCE:5", f"{OTHER}\nSEQUENCE:2"), "lee"),
        ((f"{OTHER}\nSEQUENCE:9", f"{NIGHT}\nSEQUENCE:10"), "lee"),
        ((OTHER, f"{NIGHT}\nSEQUENCE:1"), "lee"),
        ((f"{NIGHT}\nLAST-MODIFIED:20260202T000000Z", f"{OTHER}\nLAST-MODIFIED:20260201T000000Z"),
         "lee"),
        ((f"{NIGHT}\nDTSTAMP:20260202T000000Z", f"{OTHER}\nDTSTAMP:20260201T000000Z"), "lee"),
        ((NIGHT, NIGHT), "lee"),
        ((SERIES, f"{MOVED}\nSEQUENCE:1", MOVED.replace("Osei", "Patel")), "osei lee"),
        # many programs leave an instance's SEQUENCE behind that of its series
        ((f"{SERIES}\nSEQUENCE:3", MOVED), "osei lee"),
        ((SERIES, f"{MOVED}\nRRULE:FREQ=WEEKLY;COUNT=2"), "osei lee"),
        ((SERIES, f"{MOVED}\nSTATUS:CANCELLED"), "lee"),
        ((f"{NIGHT}\nSEQUENCE:1\nSTATUS:CANCELLED", NIGHT, f"{OTHER}\nRECURRENCE-ID:20260315"),
         "osei"),
        ((SERIES, MOVED.replace("RECURRENCE-ID", "RECURRENCE-ID;RANGE=THISANDFUTURE")),
         "osei osei"),
    ],
)  # fmt: skip
def test_the_newest_version(events: tuple[str, ...], right: str) -> None:
    """The higher SEQUENCE of an event holds, and of each instance of a series."""
    assert [one.person for one in found(calendar(*events, alike=True)).shifts] == right.split()


def test_all_canceled_and_nothing_at_all() -> None:
    """Each refusal says why there is nothing."""
    assert "are canceled" in refusal(calendar(f"{NIGHT}\nSTATUS:CANCELLED"))
    busy = "BEGIN:VFREEBUSY\nUID:1\nEND:VFREEBUSY\n"
    assert "no events, only VFREEBUSY" in refusal(calendar(head=busy))
    assert "web page" in refusal(b"<!DOCTYPE html><html>sign in</html>")
    assert "has no event from Sun, Mar 1, 2026" in refusal(calendar())


@pytest.mark.parametrize("method", ["CANCEL", "cancel", "REPLY", "COUNTER"])
def test_what_is_no_schedule(method: str) -> None:
    """A file that takes an event back, or answers an invitation, brings no shift."""
    first = calendar(OTHER)
    one = calendar(NIGHT, head=f"METHOD:{method}\n")
    assert f"(METHOD:{method.upper()}) and is not a schedule" in refusal(one)
    assert "is not a schedule" in refusal(first + one)


def test_several_calendars_in_one_file() -> None:
    """Each with its own zone of that name; a newer version may be in another."""
    town = NIGHT.replace("TZID=America/New_York", "TZID=Town").replace("UID:0", "UID:b")
    one = calendar(f"{town}", head=BERLIN.format(name="Town", more=""))
    two = calendar(town.replace("0303", "0305").replace("0302", "0304"),
                   head=BERLIN.format(name="Town", more="").replace("+0", "-0"))  # fmt: skip
    both = one + two.replace(b"UID:0", b"UID:1")
    assert reported(both) == "lee 02 11:00-03 02:00, lee 04 13:00-05 04:00"
    assert reported(calendar(NIGHT) + calendar(f"{OTHER}\nSEQUENCE:1")).startswith("osei ")


NAMED = calendar(NIGHT + "\nDESCRIPTION:García covers — señor")


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be",
                                    "utf-32"])  # fmt: skip
def test_encodings(coding: str) -> None:
    """By the byte order mark, or by the zeros of UTF-16."""
    assert reported(NAMED.decode().encode(coding)) == "lee 02 17:00-03 08:00"


@pytest.mark.parametrize("coding", ["latin-1", "cp1252"])
def test_what_is_no_unicode(coding: str) -> None:
    """It is refused with how to save it, and where it is."""
    content = NAMED.decode().replace("—", "-").encode(coding)
    assert "not UTF-8 text (see line 9)" in refusal(content)


@pytest.mark.parametrize("fold", [b"\r\n ", b"\n ", b"\r\n\t", b"\r\r\n "])
def test_folds_within_characters(fold: bytes) -> None:
    """Bytes are joined before they are read, at every place of the name and the zone."""
    text = calendar(NIGHT.replace("Lee", "Dr. Ana Lée"))
    for place in range(text.index(b"DTSTART"), text.index(b"END:VEVENT") - 2):
        if text[place - 1 : place + 1] != b"\r\n" and text[place - 1 : place] != b"\n":
            assert reported(text[:place] + fold + text[place:]) == "lee 02 17:00-03 08:00"


def test_years_of_past_events_count_for_nothing() -> None:
    """Neither against the number of events nor the size of a file; nobody must know them."""
    past = [
        f"DTSTART:{year}{month:02}{day:02}T170000Z\nDTEND:{year}{month:02}{day:02}T235900Z\n"
        "SUMMARY:Dr. Gone"
        for year in range(2012, 2026)
        for month in range(1, 13)
        for day in range(1, 29)
    ]
    ended = "DTSTART;VALUE=DATE:20100101\nSUMMARY:Dr. Gone\nRRULE:FREQ=DAILY;UNTIL=20200101"
    content = calendar(*past, *[ended] * 100, NIGHT)
    assert reported(content) == "lee 02 17:00-03 08:00"
    long_ago = [f"DTSTART;VALUE=DATE:19700101\nSUMMARY:Gone\nRRULE:FREQ=DAILY;COUNT={n}"
                for n in range(1, 40)]  # fmt: skip
    assert reported(calendar(*long_ago, NIGHT)) == "lee 02 17:00-03 08:00"


def test_one_person_twice_at_once() -> None:
    """A night within a weekend of the same person is no contradiction."""
    weekend = "DTSTART;VALUE=DATE:20260302\nDTEND;VALUE=DATE:20260304\nSUMMARY:Lee"
    assert reported(calendar(weekend, NIGHT)) == "lee 02 00:00-04 00:00"
