"""Asterisk's own call records, as it writes them and as a crash leaves them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from dialplan.system import CDR_FIELDS
from pbx.base.errors import OfficeLineError
from pbx.calls.record.cdr import CdrFilter, CdrRow, read_cdr

NEW_YORK = ZoneInfo("America/New_York")
# what Asterisk 22 wrote for a call that a desk phone answered
ANSWERED = (
    '"2026-11-23 12:48:11","2026-11-23 12:48:12","2026-11-23 12:48:17","+12125550142","desk","do",'
    '"PJSIP/trunk-00000000","Local/desk1@leg-00000000;1","ANSWERED","5","1795456091.0",'
    '"","1795456091.0"\n'
)
FAILED = (
    '"2026-11-23 12:48:11","","2026-11-23 12:48:11","+12125550142","desk2","leg",'
    '"Local/desk2@leg-00000001;2","","FAILED","0","1795456091.4","","1795456091.0"\n'
)


def read(tmp_path: Path, content: str) -> list[CdrRow]:
    """Write a file and read it as the office's in New York."""
    path = tmp_path / "calls.csv"
    path.write_text(content, encoding="utf-8")
    return list(read_cdr(path, NEW_YORK))


def test_records_are_read_in_order(tmp_path: Path) -> None:
    """Each column has its name, and local times become UTC."""
    answered, failed = read(tmp_path, ANSWERED + FAILED)
    assert answered == CdrRow(
        call="1795456091.0",
        unique="1795456091.0",
        start=datetime(2026, 11, 23, 17, 48, 11, tzinfo=UTC),
        answer=datetime(2026, 11, 23, 17, 48, 12, tzinfo=UTC),
        end=datetime(2026, 11, 23, 17, 48, 17, tzinfo=UTC),
        src="+12125550142",
        dst="desk",
        context="do",
        channel="PJSIP/trunk-00000000",
        dst_channel="Local/desk1@leg-00000000;1",
        disposition="ANSWERED",
        billed_s=5,
    )
    assert (failed.unique, failed.answer, failed.billed_s) == ("1795456091.4", None, 0)


def test_times_may_be_seconds_since_the_epoch(tmp_path: Path) -> None:
    """The option u of CDR() writes them so, and a zero for what never happened."""
    line = ANSWERED.replace("2026-11-23 12:48:11", "1795456091.250000")
    (row,) = read(tmp_path, line.replace("2026-11-23 12:48:12", "0.000000"))
    assert row.start == datetime(2026, 11, 23, 17, 48, 11, 250000, tzinfo=UTC)
    assert row.answer is None


@pytest.mark.parametrize("written", ["2026-11-23 12:48:11", "1795456091.250000", "1795456091"])
def test_a_day_is_found_in_a_file_of_years(tmp_path: Path, written: str) -> None:
    """Records of a span and those of named calls, whatever their times are written like."""
    line = ANSWERED.replace("2026-11-23 12:48:11", written)
    (row,) = read(tmp_path, line)
    second = timedelta(seconds=1)
    for wanted, count in (
        (CdrFilter(row.start, row.start + second), 1),
        (CdrFilter(row.start - second, row.start), 0),
        (CdrFilter(row.start + second, row.start + 2 * second), 0),
        (CdrFilter(row.start - second, row.start, {row.call}), 1),
        (CdrFilter(row.start - second, row.start, {"1795456091.4"}), 0),
    ):
        assert len(list(read_cdr(tmp_path / "calls.csv", NEW_YORK, wanted))) == count


@pytest.mark.parametrize("cut", [1, 20, 100, len(FAILED) - 1])
def test_a_half_written_last_line_is_left_out(tmp_path: Path, cut: int) -> None:
    """Asterisk may be writing, or have been killed while it wrote."""
    with capture_logs() as logged:
        assert len(read(tmp_path, ANSWERED + FAILED[:cut])) == 1
    assert logged == []


def test_a_damaged_line_spoils_no_other(tmp_path: Path) -> None:
    """A quote that was never closed, missing columns, a foreign line: logged by number alone."""
    damaged = ['"2026-11-23 12:48:11","\n', "1,2,3\n", "\n", ANSWERED.replace("2026-", "soon-")]
    no_call = ANSWERED.replace('"1795456091.0"\n', '""\n')
    with capture_logs() as logged:
        rows = read(tmp_path, "".join([*damaged, no_call, FAILED]))
    assert [row.unique for row in rows] == ["1795456091.4"]
    assert [entry["line"] for entry in logged] == [1, 2, 3, 4, 5]
    assert "5550142" not in str(logged)


@pytest.mark.parametrize(
    "damaged",
    [
        f'"{"x" * 200_000}"\n',
        "\0" * 4096 + "\n",
        FAILED.replace("2026-11-23 12:48:11", "9" * 30),
        FAILED.replace("2026-11-23 12:48:11", "9" * 400),
        FAILED.replace('"0"', '"many"'),
    ],
    ids=["too long for a field", "zeros of a power cut", "far future", "infinity", "no number"],
)
def test_no_line_stops_the_reader(tmp_path: Path, damaged: str) -> None:
    """Whatever a line holds, the next one is read."""
    with capture_logs() as logged:
        rows = read(tmp_path, damaged + ANSWERED)
    assert [row.unique for row in rows] == ["1795456091.0"]
    assert [entry["line"] for entry in logged] == [1]


def seconds(line: str, at: int = 1795456091) -> str:
    """Write a record as ours are: times in seconds."""
    return line.replace("2026-11-23 12:48:1", f"{at}"[:-1])


@pytest.mark.parametrize("cut", range(1, len(seconds(ANSWERED))))
def test_a_record_that_a_crash_cut_off_costs_no_other(tmp_path: Path, cut: int) -> None:
    """Asterisk's next start goes on in the same line: wherever it was cut, the next one is read."""
    path, later = tmp_path / "calls.csv", seconds(FAILED, 1795459991)
    path.write_text(seconds(ANSWERED)[:cut] + later + seconds(ANSWERED))
    rows = list(read_cdr(path))
    assert [row.unique for row in rows][-2:] == ["1795456091.4", "1795456091.0"]
    assert len(rows) == 2 + (cut == len(seconds(ANSWERED)) - 1)
    start = rows[-2].start
    wanted = CdrFilter(start, start + timedelta(seconds=1))
    assert [row.unique for row in read_cdr(path, wanted=wanted)] == ["1795456091.4"]
    assert [row.unique for row in read_cdr(path, wanted=CdrFilter(start, start, {"1795456091.0"}))]


@pytest.mark.parametrize("text", [ANSWERED, seconds(ANSWERED)], ids=["dates", "seconds"])
def test_zeros_of_a_power_cut_cost_what_they_stand_in(tmp_path: Path, text: str) -> None:
    """Before a record, after one, or in one: the others of that line are read, and it is told."""
    zeros, record = "\0" * 700, text.rstrip("\n")
    for line, count in (
        (f"{zeros}{record}\n", 1),
        (f"{record}{zeros}\n", 1),
        (f"{record}{zeros}{record}\n", 2),
        (f"{record[:50]}{zeros}{record}\n", 1),
        (f"{record[:50]}{zeros}{record[-50:]}\n", 0),
        (f"{record}{record}\n", 2),
    ):
        rows = read(tmp_path, line + FAILED)
        assert [row.unique for row in rows] == ["1795456091.0"] * count + ["1795456091.4"]


def test_what_is_old_is_reported_from_what_shares_its_line() -> None:
    """Retention takes out no line that a record stands in which is not old."""
    old, young = seconds(ANSWERED), seconds(FAILED, 1895456091)
    before = CdrFilter(datetime(1971, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))
    torn = old[:70]
    assert before.takes_all((torn + old).encode(), ())
    assert not before.takes_all((torn + young).encode(), ())
    assert not before.takes_all((old.strip() + young).encode(), ())
    assert not before.takes_all((torn + old).encode(), {"1795456091.0"})
    assert not before.takes_all(torn.encode() + b"\n", ())


def test_a_file_that_is_not_there_yet_has_no_records(tmp_path: Path) -> None:
    """Asterisk makes it at the first call's end."""
    assert list(read_cdr(tmp_path / "calls.csv")) == []


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    """Here a folder stands in its place."""
    with pytest.raises(OfficeLineError, match="call records cannot be read"):
        list(read_cdr(tmp_path))


def test_the_columns_are_those_that_the_dialplan_configures() -> None:
    """Whoever adds a column there must teach the reader, too."""
    names = [field.removeprefix("CDR(").split(",")[0].rstrip(")") for field in CDR_FIELDS]
    assert names == [
        *("start", "answer", "end", "src", "dst", "dcontext", "channel", "dstchannel"),
        *("disposition", "billsec", "uniqueid", "userfield", "linkedid"),
    ]
