"""Texts of office.toml for tests of what is found in them, and calls to place there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pbx.config.findings.check import find_all
from pbx.config.findings.finding import Finding
from routing.decision import Facts

ROOT = Path(__file__).parents[2]
BROKEN = ROOT / "tests" / "routing" / "broken"
EXAMPLE = (ROOT / "config" / "office.toml").read_text()
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
# the callers that a test may have in its directory, each with a flag
KNOWN = {"+12125550150": "vip", "+12125550151": "blocked"}
# a Tuesday, when both office hours of a test are open, the office's alone, the lab's alone, none
TIMES = [datetime(2026, 11, 24, hour, 45, tzinfo=UTC) for hour in (14, 15, 12, 23)]


def entered_by_all(folder: Path) -> bool:
    """Tell whether every user can enter a folder; nobody but root enters one in /root."""
    return all(one.stat().st_mode & 0o005 == 0o005 for one in (folder, *folder.parents))


def found(text: str) -> list[Finding]:
    """Find everything in a text."""
    return list(find_all(text, NOW).findings)


def codes(text: str) -> list[str]:
    """Name the codes of what is found, in the file's order."""
    return [one.code for one in found(text)]


def changed(*pairs: tuple[str, str], text: str = EXAMPLE) -> str:
    """Return the example with one text after another replaced, each once."""
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def calls() -> Iterator[tuple[Facts, datetime]]:
    """List one call of every kind that the rules of these tests can tell apart."""
    for at in TIMES:
        for did in ("+12125550100", "+12125550101"):
            for caller in (None, "+12125550159", *KNOWN):
                for presses in ((), ("1",), ("2",), ("3",)):
                    for ago in ((), (5, 6), (30, 40)):
                        earlier = tuple(at - timedelta(minutes=one) for one in ago)
                        yield Facts(did, caller, presses, earlier), at


def with_places(text: str, away: tuple[str, str]) -> str:
    """Put two people of turns of their own beside and behind the doctors; patel is `away`."""
    more = f"""
[people.chen]
name = "Dr. Wei Chen"

[people.diaz]
name = "Dr. Eva Diaz"

[[people.patel.away]]
from = "{away[0]}"
to = "{away[1]}"

[[schedule.doctors.layers]]
rotation = ["chen", "diaz"]
since = "2026-11-23"
handoff = "17:00"
every = "1 day"
place = "beside"

[[schedule.doctors.layers]]
rotation = ["patel", "lee", "osei"]
since = "2026-11-23"
handoff = "mon 08:00"
place = "backup"

[escalation.urgent]"""
    return text.replace("[escalation.urgent]", more, 1)
