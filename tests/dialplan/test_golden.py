"""Every generated file of the example practice, byte for byte."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from dialplan import names
from dialplan.conf import join_sections, name, section, value
from dialplan.extensions import DialplanFacts
from dialplan.pjsip import SipFacts, Trunk
from dialplan.render import OfficeFacts, office_files
from dialplan.system import Folders

GOLDEN = Path(__file__).parent / "golden"
BY_ADDRESS = OfficeFacts(
    folders=Folders("/srv/office/asterisk", "/usr/lib/asterisk/modules"),
    sip=SipFacts(
        bind="192.0.2.10",
        port=5060,
        trunk=Trunk("address", "sip.carrier.example", 5060, ("198.51.100.0/30", "203.0.113.7")),
        phones={"desk1": "a-long-made-up-secret-1", "desk2": "a-long-made-up-secret-2"},
        phone_networks=("192.0.2.0/24",),
    ),
    calls=DialplanFacts(
        dids=("+12125550100", "+442079460100"),
        backlines=("+442079460100",),
        number="+12125550100",
        name="Lakeside Internal Medicine",
        agi="127.0.0.1:4573",
        token="0123456789abcdef",
        messages="/srv/office/messages",
        people={"lee": "PJSIP/+12125550111@trunk-out", "osei": "PJSIP/+12125550112@trunk-out"},
        fallback=("lee", "osei"),
        standby="/standby/standby",
        phones=("desk1", "desk2"),
    ),
    manager_port=5038,
    manager_secret="another-made-up-secret",
    rtp=(10000, 10199),
    hold={
        names.HOLD_CLASS: ("/srv/office/sounds/music", "/srv/office/sounds/hold-sentence"),
        names.HOLD_BACKLINE: ("/srv/office/sounds/music", "/srv/office/sounds/hold-backline"),
        names.HOLD_TALK: ("/srv/office/sounds/music",),
    },
)
BY_REGISTRATION = replace(
    BY_ADDRESS,
    calls=replace(BY_ADDRESS.calls, user="100100_office"),
    sip=SipFacts(
        bind="192.0.2.10",
        port=5060,
        trunk=Trunk(
            "registration",
            "newyork.carrier.example",
            5060,
            ("newyork.carrier.example",),
            username="100100_office",
            secret="the-trunk's-password",
        ),
    ),
)


@pytest.mark.parametrize(
    ("folder", "facts"), [("address", BY_ADDRESS), ("registration", BY_REGISTRATION)]
)
def test_files_equal_the_golden_ones(folder: str, facts: OfficeFacts) -> None:
    """A change of a generated file is seen in review; OFFICELINE_GOLDEN=write renews them."""
    files = office_files(facts)
    if os.environ.get("OFFICELINE_GOLDEN") == "write":
        (GOLDEN / folder).mkdir(parents=True, exist_ok=True)
        for title, text in files.items():
            (GOLDEN / folder / title).write_text(text)
        pytest.fail("the golden files were written anew: read the difference and run again")
    golden = {path.name: path.read_text() for path in (GOLDEN / folder).iterdir()}
    assert files == golden


def test_the_same_facts_give_the_same_bytes() -> None:
    """Nothing of a clock, a random number or a set's order gets into a file."""
    assert office_files(BY_ADDRESS) == office_files(replace(BY_ADDRESS))


def test_who_is_on_call_is_in_no_file() -> None:
    """The dialplan is static: its facts have no room for a schedule, a step or a time."""
    names = set(DialplanFacts.__dataclass_fields__)
    assert names == {
        "dids", "number", "name", "agi", "token", "messages", "people", "fallback", "standby",
        "max_calls", "phones", "national", "backlines", "user",
    }  # fmt: skip


@pytest.mark.parametrize("hostile", ["a\nb", "a\rb", "a\0b"])
def test_a_value_cannot_break_its_line(hostile: str) -> None:
    """CR, LF and NUL are refused before they reach a file."""
    with pytest.raises(ValueError, match="line break"):
        value(hostile)
    with pytest.raises(ValueError, match="line break"):
        section("general", {"key": hostile})


def test_a_semicolon_does_not_begin_a_comment() -> None:
    """A password may hold a semicolon."""
    assert "secret = a\\;b" in join_sections("x", section("user", {"secret": "a;b"}))


def test_a_name_with_a_bracket_is_refused() -> None:
    """A section's name cannot open another section."""
    with pytest.raises(ValueError, match="not a name"):
        name("x]\n[y")
