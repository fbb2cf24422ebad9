"""Calendars in and out: what other programs write, what nobody should, there and back again."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.base.errors import OfficeLineError
from pbx.base.phone_numbers import mask_within
from pbx.config import plan as plan_files
from pbx.config.ics.names import person_named
from pbx.config.ics.reader import ImportedShift, read
from pbx.config.ics.writer import Revision, export
from routing.model import ExplicitShift, Layer, Override, Plan, Schedule, Window
from routing.schedule import on_call

ROOT = Path(__file__).parents[3]
EXAMPLE = plan_files.load(ROOT / "config" / "office.toml").plan
ZONE = ZoneInfo("America/New_York")
START = datetime(2026, 3, 1, 5, tzinfo=UTC)  # midnight in New York, a week before the jump
END = START + timedelta(days=31)
REVISION = Revision(3, datetime(2026, 2, 1, 12, 30, tzinfo=UTC))
NEW_YORK = ";TZID=America/New_York"
BERLIN = """BEGIN:VTIMEZONE
TZID:The town
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
END:VTIMEZONE
"""


def calendar(*events: str, head: str = "") -> str:
    """Write a calendar of events, each given by its lines."""
    bodies = "".join(
        f"BEGIN:VEVENT\nUID:{number}\n{event.strip()}\nEND:VEVENT\n"
        for number, event in enumerate(events)
    )
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test\n{head}{bodies}END:VCALENDAR\n"
    return text.replace("\n", "\r\n")


def event(
    start: str, end: str, who: str = "SUMMARY:Dr. Ana Lee", *more: str, zone: str = ""
) -> str:
    """Write an event's lines."""
    return "\n".join([f"DTSTART{zone}:{start}", f"DTEND{zone}:{end}", who, *more])


def taken(text: str | bytes, plan: Plan = EXAMPLE) -> list[tuple[str, str, str]]:
    """Read a calendar; each shift as its person and its times on the office's clock."""
    return [
        (one.person, clock(one.start, plan.office.zone), clock(one.end, plan.office.zone))
        for one in read(text, plan, START, END).shifts
    ]


def clock(at: datetime, zone: ZoneInfo) -> str:
    """Show an instant on a zone's clock."""
    return f"{at.astimezone(zone):%m-%d %H:%M%z}"


def refusal(text: str | bytes) -> str:
    """Return the one sentence that a calendar is refused with."""
    with pytest.raises(OfficeLineError) as caught:
        read(text, EXAMPLE, START, END)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            event("20260307T170000", "20260308T080000", zone=NEW_YORK),
            [("lee", "03-07 17:00-0500", "03-08 08:00-0400")],
            id="a zone by name, over the jump",
        ),
        pytest.param(
            event("20260307T170000", "20260308T080000"),
            [("lee", "03-07 17:00-0500", "03-08 08:00-0400")],
            id="no zone: the office's",
        ),
        pytest.param(
            event("20260307T170000Z", "20260307T230000Z"),
            [("lee", "03-07 12:00-0500", "03-07 18:00-0500")],
            id="UTC",
        ),
        pytest.param(
            event("20260307T170000", "20260308T080000", zone=";TZID=Eastern Standard Time"),
            [("lee", "03-07 17:00-0500", "03-08 08:00-0400")],
            id="a zone as Outlook names it",
        ),
        pytest.param(
            event("20260308", "20260309", zone=";VALUE=DATE"),
            [("lee", "03-08 00:00-0500", "03-09 00:00-0400")],
            id="a whole day, of 23 hours",
        ),
        pytest.param(
            "DTSTART;VALUE=DATE:20260308\nSUMMARY:lee",
            [("lee", "03-08 00:00-0500", "03-09 00:00-0400")],
            id="a day without an end",
        ),
        pytest.param(
            f"DTSTART{NEW_YORK}:20260309T080000\nDURATION:PT12H\nSUMMARY:Lee",
            [("lee", "03-09 08:00-0400", "03-09 20:00-0400")],
            id="a duration",
        ),
        pytest.param(
            event(
                "20260302T080000", "20260309T080000", "SUMMARY:Lee",
                "RRULE:FREQ=WEEKLY;COUNT=2", zone=NEW_YORK,
            ),
            [
                ("lee", "03-02 08:00-0500", "03-09 08:00-0400"),
                ("lee", "03-09 08:00-0400", "03-16 08:00-0400"),
            ],
            id="weeks that hand over at the same local time",
        ),
        pytest.param(
            event(
                "20260302T170000", "20260303T080000", "SUMMARY:Lee",
                "RRULE:FREQ=DAILY;UNTIL=20260306T235959Z",
                "EXDATE;TZID=America/New_York:20260304T170000,20260305T170000", zone=NEW_YORK,
            ),
            [
                ("lee", "03-02 17:00-0500", "03-03 08:00-0500"),
                ("lee", "03-03 17:00-0500", "03-04 08:00-0500"),
                ("lee", "03-06 17:00-0500", "03-07 08:00-0500"),
            ],
            id="nights, but for two",
        ),
        pytest.param(
            event("20200106", "20200113", "SUMMARY:Lee", "RRULE:FREQ=WEEKLY", zone=";VALUE=DATE"),
            [
                ("lee", "03-01 00:00-0500", "03-02 00:00-0500"),
                ("lee", "03-02 00:00-0500", "03-09 00:00-0400"),
                ("lee", "03-09 00:00-0400", "03-16 00:00-0400"),
                ("lee", "03-16 00:00-0400", "03-23 00:00-0400"),
                ("lee", "03-23 00:00-0400", "03-30 00:00-0400"),
                ("lee", "03-30 00:00-0400", "04-01 01:00-0400"),
            ],
            id="endless, cut to the span",
        ),
        pytest.param(
            event("20260228T230000", "20260301T003000"),
            [("lee", "03-01 00:00-0500", "03-01 00:30-0500")],
            id="the end of what began before",
        ),
        pytest.param(
            event("20260307T170000", "20260308T080000", "SUMMARY:Lee", "STATUS:CANCELLED")
            + "\nEND:VEVENT\nBEGIN:VEVENT\nUID:x\n"
            + event("20260309T170000", "20260310T080000", "SUMMARY:Osei"),
            [("osei", "03-09 17:00-0400", "03-10 08:00-0400")],
            id="a canceled event",
        ),
    ],
)  # fmt: skip
def test_what_calendars_hold(text: str, expected: list[tuple[str, str, str]]) -> None:
    """Each as the office's clock shows it."""
    assert taken(calendar(text)) == expected


def test_one_event_of_a_series_is_moved_and_given_away() -> None:
    """RECURRENCE-ID replaces one, whatever the others do."""
    series = event("20260302T170000", "20260303T080000", "SUMMARY:Lee", "RRULE:FREQ=WEEKLY;COUNT=3")
    moved = event(
        "20260309T180000", "20260310T080000", "SUMMARY:Osei", "RECURRENCE-ID:20260309T170000"
    )
    text = calendar(series, moved).replace("UID:1", "UID:0")
    assert taken(text) == [
        ("lee", "03-02 17:00-0500", "03-03 08:00-0500"),
        ("osei", "03-09 18:00-0400", "03-10 08:00-0400"),
        ("lee", "03-16 17:00-0400", "03-17 08:00-0400"),
    ]


def test_a_zone_that_the_file_defines() -> None:
    """Its rules are followed, over their own jump."""
    text = calendar(event("20260328T170000", "20260329T080000", zone=";TZID=The town"), head=BERLIN)
    assert taken(text) == [("lee", "03-28 12:00-0400", "03-29 02:00-0400")]


def test_events_in_any_order_and_a_byte_order_mark() -> None:
    """Shifts come in theirs."""
    text = calendar(
        event("20260304T170000", "20260305T080000"),
        event("20260302T170000", "20260303T080000", "SUMMARY:Osei"),
    )
    found = read(b"\xef\xbb\xbf" + text.encode(), EXAMPLE, START, END).shifts
    assert [one.person for one in found] == ["osei", "lee"]


def test_events_without_uids_are_all_read() -> None:
    """Though they must have one: none is lost."""
    text = calendar(
        event("20260302T170000", "20260303T080000"), event("20260304T170000", "20260305T080000")
    )
    assert len(taken(text.replace("UID:0\r\n", "").replace("UID:1\r\n", ""))) == 2


@pytest.mark.parametrize(
    ("words", "person"),
    [
        ("lee", "lee"), ("LEE", "lee"), ("Dr. Ana Lee", "lee"), ("Ana Lee, MD", "lee"),
        ("dr lee", "lee"), ("On call: Dr. Ana Lee", "lee"), ("On-call - Lee", "lee"),
        ("Lee on call", "lee"), ("Lee (on call)", "lee"), ("  Dr.  Ana\tLee ", "lee"),
        ("Leigh", None), ("Lee, Osei", None), ("", None), ("on call", None), ("Ana", None),
    ],
)  # fmt: skip
def test_whom_words_name(words: str, person: str | None) -> None:
    """Ids, names and surnames, with the titles and duties that calendars put around them."""
    assert person_named(words, EXAMPLE) == person


def test_a_surname_of_two_names_neither() -> None:
    """Nobody is guessed."""
    lee = replace(EXAMPLE.people["lee"], id="bo", name="Dr. Bo Lee")
    plan = replace(EXAMPLE, people={"ana": EXAMPLE.people["lee"], "bo": lee})
    assert person_named("Dr. Lee", plan) is None
    assert person_named("Bo Lee", plan) == "bo"


def test_the_person_by_property_or_title() -> None:
    """Our own property is stronger than anything else."""
    times = ("20260302T170000", "20260303T080000")
    marked = event(*times, "SUMMARY:Lee", "X-OFFICELINE-PERSON:patel")
    assert taken(calendar(marked))[0][0] == "patel"
    assert "names nobody" in refusal(calendar(marked.replace("patel", "smith")))


ONE = event("20260302T170000", "20260303T080000")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "not a calendar"),
        (b"\xff\xfe\x00", "not UTF-8 text (see line 1)"),
        ("nothing of a calendar", "Cannot read this calendar"),
        ("BEGIN:VEVENT\r\nEND:VEVENT\r\n", "it contains 'BEGIN:VEVENT'"),
        (calendar(), "no event from Sun, Mar 1, 2026"),
        (calendar(event("20250302T170000", "20250303T080000")), "no event from Sun, Mar 1, 2026"),
        (calendar(ONE)[:-40], "is cut off inside a VEVENT"),
        (calendar(ONE.replace("Ana Lee", "Ana Leigh")), "did you mean 'lee'?"),
        (calendar(ONE.replace("Dr. Ana Lee", "Zebra")), "the plan has lee, osei, patel."),
        (calendar(ONE.replace("Dr. Ana Lee", "Zebra 212 555 0199")), "'Zebra …0199' names nobody"),
        (calendar(event("20260302T170000", "20260303T080000", zone=";TZID=Mars/Base")),
         "the unknown time zone 'Mars/Base'"),
        (calendar(ONE + "\nEXDATE;TZID=Mars/Base:20260302T170000\nRRULE:FREQ=DAILY"),
         "the unknown time zone 'Mars/Base'"),
        (calendar(event("20260303T080000", "20260302T170000")), "ends before it begins"),
        (calendar("DTSTART:20260302T170000\nDURATION:-PT1H\nSUMMARY:Lee"), "ends before it begins"),
        (calendar("DTSTART:20260302T170000\nSUMMARY:Lee"), "has no duration"),
        (calendar("DTSTART:20260302T170000\nDTEND;VALUE=DATE:20260303\nSUMMARY:Lee"),
         "has only one time of day"),
        (calendar("SUMMARY:Lee"), "has no start"),
        (calendar(event("2026xx", "20260303T080000")), "Cannot read the DTSTART of"),
        (calendar(ONE + "\nRRULE:FREQ=WEEKLY;COUNT=some"), "Cannot read the RRULE of"),
        (calendar(event("22010101T000000", "22010102T000000")), "no event from Sun, Mar 1, 2026"),
        (calendar("DTSTART:00010101T000000\nDURATION:P1D\nSUMMARY:Lee"), "in the year 1;"),
        (calendar(ONE + "\nRRULE:FREQ=SECONDLY"),
         "The event 'Dr. Ana Lee' on 2026-03-02 has the recurrence 'FREQ=SECONDLY'"),
        (calendar(ONE + "\nRRULE:FREQ=MINUTELY;COUNT=2"), "which is not supported"),
        (calendar(ONE + "\nRRULE:FREQ=DAILY;BYHOUR=1,2,3"), "which is not supported"),
        (calendar(ONE + "\nRRULE;X=1:FR\r\n EQ=hourly"), "which is not supported"),
        (calendar(ONE + "\nRRULE:FREQ=DAILY;INTERVAL=0"), "Cannot read the RRULE of"),
        (calendar(ONE + "\nEXRULE:FREQ=DAILY"), "uses EXRULE"),
        (calendar(event("20260302T170000", "20260303T080000", zone=";TZID=The town"),
                  head=BERLIN.replace("FREQ=YEARLY", "FREQ=SECONDLY")),
         "Cannot read the calendar's definition of time zone 'The town'"),
        (calendar(ONE, ONE.replace("Lee", "Osei")).replace("UID:1", "UID:0"),
         "twice with the same UID, and neither has a higher SEQUENCE"),
        (calendar(ONE, event("20260303T070000", "20260303T090000", "SUMMARY:Osei")),
         "lee and osei are both on call at Tue, Mar 3, 2026, 7:00 AM EST"),
        (calendar(ONE + "\nRRULE:FREQ=DAILY", ONE.replace("Ana Lee", "Kofi Osei")), "both on call"),
        (calendar(event("20260301", "20260302", zone=";VALUE=DATE") + "\nRRULE:FREQ=DAILY",
                  *[event("20260301T010000", "20260301T020000") + "\nRRULE:FREQ=DAILY"] * 80),
         "over 2000 shifts"),
        (calendar(*["SUMMARY:Lee"] * 2001), "over 2000 events"),
        (calendar(ONE, head="X-NOTE:" + "x" * 10_000_000 + "\n"), "over 10 MB"),
        (calendar(ONE, head="CALSCALE:HEBREW\n"), "uses the calendar system 'HEBREW'"),
        ("BEGIN:VCALENDAR\r\n" * 5000, "nested too deeply"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str | bytes, words: str) -> None:
    """With the reason, in one sentence, and nothing half-imported."""
    assert words in refusal(text)


def test_a_recurrence_that_never_happens_is_its_first_day_alone() -> None:
    """There is no 30 February, and it is looked for no further than the span goes."""
    never = "\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"
    assert [person for person, *_ in taken(calendar(ONE + never))] == ["lee"]


def test_work_is_bounded_by_the_days_that_are_looked_at() -> None:
    """However fast the machine is: sixty daily events of 1970 look at over a million days."""
    events = [event("19700101T000000", "19700101T000100", "SUMMARY:Lee", "RRULE:FREQ=DAILY;"
              "COUNT=999999")] * 60  # fmt: skip
    assert "are too long to process" in refusal(calendar(*events))


@pytest.mark.parametrize("days", [0, -1, 1831])
def test_the_span_is_bounded(days: int) -> None:
    """Else a daily event would have no end."""
    with pytest.raises(OfficeLineError, match="wrong order or over five years"):
        read(calendar(ONE), EXAMPLE, START, START + timedelta(days=days))


def test_the_export_is_the_same_each_time_and_holds_no_number() -> None:
    """A shift keeps its UID and its start, from whatever day on it is exported."""
    text = export(EXAMPLE, "doctors", START, END, REVISION).decode()
    later = export(EXAMPLE, "doctors", START + timedelta(days=3, minutes=7), END, REVISION).decode()
    assert text.count("BEGIN:VEVENT") == 6
    assert {line for line in later.split("\r\n") if line.startswith("UID:")} <= set(
        text.split("\r\n")
    )
    assert "UID:20260223T130000Z-osei-doctors@officeline" in text
    assert "UID:20260302T130000Z-patel-doctors@officeline" in later
    assert "SUMMARY:On call: Dr. Kofi Osei" in text
    assert mask_within(text) == text
    assert "555" not in text


def test_who_is_added_does_not_cut_the_shift_of_another() -> None:
    """Two at once are two events, and come back so; two who are first at once are refused."""
    extra = Override(7, "doctors", "add", "patel", None, START, START + timedelta(hours=5))
    plan = replace(EXAMPLE, overrides=(extra,))
    text = export(plan, "doctors", START, START + timedelta(hours=9), REVISION).decode()
    assert text.count("BEGIN:VEVENT") == 2
    found = read(text, plan, START, START + timedelta(hours=9)).shifts
    assert [(one.person, one.place) for one in found if one.start == START] == [
        ("patel", "beside"),
        ("osei", "oncall"),
    ]
    assert "both on call" in refusal(text.replace("X-OFFICELINE-PLACE", "X-OTHER"))


def test_two_people_of_one_name_come_back_as_themselves() -> None:
    """The export says whom it means by id."""
    people = {**EXAMPLE.people, "osei": replace(EXAMPLE.people["lee"], id="osei")}
    plan = replace(EXAMPLE, people=people)
    found = read(export(plan, "doctors", START, END, REVISION), plan, START, END).shifts
    assert {one.person for one in found} == {"lee", "osei", "patel"}


PEOPLE = ("lee", "osei", "patel")
HOURS = st.builds(time, st.integers(0, 23), st.sampled_from([0, 30]))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Make plans with layers, shifts and overrides around a jump of the clock, in any of zones."""
    zone = ZoneInfo(draw(st.sampled_from(["America/New_York", "Australia/Lord_Howe", "UTC"])))
    layers = st.builds(
        Layer,
        rotation=st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3).map(tuple),
        since=st.dates(date(2026, 2, 1), date(2026, 3, 20)),
        at=HOURS,
        weekday=st.integers(0, 6),
        every=st.sampled_from([1, 2, 3]),
        unit=st.sampled_from(["days", "weeks"]),
        only=st.lists(
            st.builds(Window, st.integers(0, 6), HOURS, st.integers(0, 6), HOURS), max_size=2
        ).map(tuple),
    )
    starts = st.datetimes(datetime(2026, 2, 25), datetime(2026, 4, 5)).map(  # noqa: DTZ001  # local
        lambda at: at.replace(second=0, microsecond=0)
    )
    shifts = st.builds(
        lambda person, start, hours: ExplicitShift(person, start, start + timedelta(hours=hours)),
        st.sampled_from(PEOPLE),
        starts,
        st.integers(1, 90),
    )
    overrides = st.builds(
        lambda start, hours, person, out: Override(
            1, "doctors", "replace" if out is None else "remove", person, out,
            start.replace(tzinfo=UTC), start.replace(tzinfo=UTC) + timedelta(hours=hours),
        ),
        starts, st.integers(1, 90), st.sampled_from(PEOPLE), st.sampled_from([None, *PEOPLE]),
    )  # fmt: skip
    schedule = Schedule(
        "doctors",
        tuple(draw(st.lists(layers, max_size=2))),
        tuple(draw(st.lists(shifts, max_size=3))),
    )
    changes = tuple(
        replace(one, id=n) for n, one in enumerate(draw(st.lists(overrides, max_size=2)))
    )
    office = replace(EXAMPLE.office, zone=zone)
    return replace(EXAMPLE, office=office, schedules={"doctors": schedule}, overrides=changes)


@settings(max_examples=20, deadline=None)
@given(plans(), st.integers(0, 40))
def test_there_and_back_says_the_same(plan: Plan, days: int) -> None:
    """Whoever a minute's answer was, the calendar that was exported says it again."""
    start = datetime(2026, 2, 20, 12, tzinfo=UTC) + timedelta(days=days)
    end = start + timedelta(days=12)
    shifts: tuple[ImportedShift, ...] = ()
    with contextlib.suppress(OfficeLineError):  # nobody in all that time is not a calendar
        shifts = read(export(plan, "doctors", start, end, REVISION), plan, start, end).shifts
    edges = {at for one in shifts for at in (one.start, one.end)}
    steps = {start + step * timedelta(minutes=30) for step in range(12 * 48)}
    for at in edges | steps | {edge - timedelta(minutes=1) for edge in edges}:
        if start <= at < end:
            reported = tuple(one.person for one in shifts if one.start <= at < one.end)
            assert reported == on_call(plan, "doctors", at).people


SEED = calendar(
    event("20260302T170000", "20260303T080000", "SUMMARY:Lee",
          "RRULE:FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20260401T000000Z",
          "EXDATE;TZID=America/New_York:20260304T170000", zone=NEW_YORK),
    event("20260306", "20260308", 'ATTENDEE;CN="Osei":mailto:k@example.com',
          "RDATE;VALUE=DATE:20260320", zone=";VALUE=DATE"),
    head=BERLIN,
).encode()  # fmt: skip
PIECES = [
    b"RRULE:FREQ=", b"YEARLY", b";BYDAY=", b"-1SU", b";COUNT=", b"9" * 30, b";INTERVAL=", b"\r\n",
    b" ", b"BEGIN:VEVENT", b"END:VCALENDAR", b"TZID=", b"DTSTART:", b"19700101T000000", b":", b";",
    b"99991231T235959Z", b"00000000", b"P1W", b"-", b"\x00", b"\xff", b'"', b"RECURRENCE-ID:",
    b"DURATION:P99999999D", b"TZOFFSETTO:+9999", b"BYMONTHDAY=31;BYMONTH=2", b",", b"BYSETPOS=0",
]  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Make calendars with pieces cut out, doubled or put in at any place."""
    data = SEED
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        until = min(len(data), at + draw(st.integers(0, 20)))
        piece = draw(st.sampled_from([*PIECES, b"", data[at : at + 40]]))
        data = data[:at] + piece + data[until:]
    return data


@settings(max_examples=133, deadline=None)
@given(damaged() | st.binary(max_size=300) | st.text(max_size=300))
def test_anything_is_shifts_or_a_sentence(content: bytes | str) -> None:
    """Nothing but an OfficeLineError comes out, and shifts are in order and within the span."""
    with contextlib.suppress(OfficeLineError):
        shifts = read(content, EXAMPLE, START, END).shifts
        times = [at for one in shifts for at in (one.start, one.end)]
        assert times == sorted(times)
        assert times[0] >= START
        assert times[-1] <= END
