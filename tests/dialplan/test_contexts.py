"""The static contexts against the catalog of names and the rules of a safe dialplan."""

from __future__ import annotations

import re

import pytest

from dialplan import names
from dialplan.extensions import DialplanFacts, extensions_conf
from dialplan.system import MODULES

FACTS = DialplanFacts(
    dids=("+12125550100",),
    number="+12125550100",
    name="Lakeside",
    agi="127.0.0.1:4573",
    token="token",
    messages="/messages",
    people={"lee": "PJSIP/+12125550111@trunk-out"},
    fallback=("lee",),
    standby="/standby/standby",
    phones=("desk1", "desk2"),
)
TEXT = extensions_conf(FACTS)
CATALOG = {
    constant: text
    for constant, text in vars(names).items()
    if constant.isupper() and isinstance(text, str)
}


def contexts() -> dict[str, str]:
    """Split the rendered file into its contexts."""
    parts = re.split(r"^\[([\w-]+)\]$", TEXT, flags=re.MULTILINE)[1:]
    found = dict(zip(parts[::2], parts[1::2], strict=True))
    return {title: body for title, body in found.items() if title not in {"general", "globals"}}


@pytest.mark.parametrize("title", sorted(contexts()))
def test_every_context_ends_every_way(title: str) -> None:
    """Each context has i, e, T and h, so that no call falls out of it."""
    for extension in ("i", "e", "T", "h"):
        assert re.search(rf"^exten => {extension},1,", contexts()[title], re.MULTILINE)


def test_every_name_of_the_catalog_is_used() -> None:
    """A verb, event or variable that one side renames is noticed here."""
    elsewhere = {"LEG", "FOLLOW_UP_CALL", "DB_FAMILY", "DB_DIAL", "DB_TO", "TRUNK", "HOLD_BACKLINE"}
    elsewhere |= {"HOLD_TALK"}
    for constant, text in CATALOG.items():
        if constant not in elsewhere:
            assert re.search(rf"(?<![\w-]){re.escape(text)}(?![a-z])", TEXT), constant
    assert f"DB({names.DB_FAMILY}/{names.DB_TO}/" in TEXT
    assert f"DB({names.DB_FAMILY}/{names.DB_DIAL})" in TEXT


def test_every_verb_is_an_extension_of_do() -> None:
    """What a verdict can ask for and what the dialplan can perform are the same list."""
    performed = set(re.findall(r"^exten => (\w+),1,", contexts()["do"], re.MULTILINE))
    verbs = {
        names.MENU, names.NUMBER, names.ESCALATION, names.DESK,
        names.WAIT, names.REASON, names.MESSAGE, names.GOODBYE, names.REJECT, names.CALL_IN,
        names.CANARY,
    }  # fmt: skip
    assert performed - {"i", "e", "T", "h"} == verbs


def test_every_verb_of_the_physicians_menu_is_there() -> None:
    """What a step of a consultation can ask for is what the context performs."""
    performed = set(re.findall(r"^exten => (\w+),1,", contexts()["line"], re.MULTILINE))
    verbs = {names.ASK, names.NOTE, names.CALL_PATIENT, names.BYE, names.BACK}
    assert performed - {"i", "e", "T", "h"} == verbs


def test_every_jump_has_its_target() -> None:
    """A Goto to a missing context drops the call."""
    known = contexts()
    for context in re.findall(r"Goto\(([a-z]+),s,1\)", TEXT):
        assert "exten => s,1," in known[context]


def test_nothing_dangerous_is_reachable() -> None:
    """No shell, no evaluation, no dial tone, and no pattern that takes any number."""
    for word in ("System(", "TrySystem(", "SHELL(", "EVAL(", "DISA(", "MixMonitor(", "_X"):
        assert word not in TEXT
    patterns = re.findall(r"^exten => (_[^,]+),", TEXT, re.MULTILINE)
    # the legs of people and of desk phones: reached by our own Local channels only
    assert patterns == ["_[a-z].", "_[a-z]."]
    assert set(re.findall(r"^exten => ([^,]+),1,", contexts()["from-phone"], re.MULTILINE)) == {
        "911", "933", "+12125550100", "12125550100", "2125550100", "i", "e", "T", "h"
    }  # fmt: skip


def test_911_waits_for_nobody() -> None:
    """No control layer, no prefix, no end of its time; the other phones are rung beside it."""
    for number in ("911", "933"):
        body = contexts()["from-phone"]
        lines = re.split(r"^exten => ", body, flags=re.MULTILINE)
        (found,) = [part for part in lines if part.startswith(f"{number},1,")]
        assert "AGI(" not in found
        assert "TIMEOUT" not in found
        assert f"Dial(PJSIP/{number}@trunk-out,,I)" in found
        guard = 'GotoIf($["${IFMODULE(app_originate.so)}" != "1"]?out)'
        assert found.index(guard) < found.index("Originate(") < found.index("n(out),Dial(")
        reported = re.findall(
            r"Originate\(Local/(\w+)@emergency/n,exten,emergency,(\d+),1,60,a", found
        )
        assert reported == [("desk1", number), ("desk2", number)]


def test_the_trunk_reaches_our_numbers_only() -> None:
    """The carrier's context holds exactly our DID in its three spellings."""
    exact = set(re.findall(r"^exten => ([^,]+),1,", contexts()["from-trunk"], re.MULTILINE))
    assert exact - {"i", "e", "T", "h"} == {"+12125550100", "12125550100", "2125550100"}


def test_a_persons_number_stands_in_the_globals_alone() -> None:
    """The one place for a mobile is the failsafe's last resort."""
    assert TEXT.count("+12125550111") == 1
    assert "OL_FALLBACK_lee = PJSIP/+12125550111@trunk-out" in TEXT


def test_every_application_is_loaded() -> None:
    """An application of a module outside the allow-list would end the call at run time."""
    modules = {
        "Dial": "app_dial", "Playback": "app_playback", "Read": "app_read",
        "Record": "app_record", "UserEvent": "app_userevent", "Return": "app_stack",
        "AGI": "res_agi", "Originate": "app_originate", "SendDTMF": "app_senddtmf",
        "SoftHangup": "app_softhangup",
    }  # fmt: skip
    built_in = {
        "WaitExten",
        "Answer",
        "Goto",
        "GotoIf",
        "Hangup",
        "MSet",
        "NoOp",
        "Ringing",
        "Set",
        "Wait",
    }
    used = set(re.findall(r"(?:,1,|=> n(?:\(\w+\))?,)([A-Za-z]+)\(", TEXT))
    assert used <= built_in | modules.keys()
    assert {modules[word] for word in used - built_in} <= set(MODULES)
    assert "func_module" in MODULES  # without it nobody is told of 911
    assert "func_hangupcause" in MODULES  # without it no mobile that is found late is rung
