"""The number that outbound legs show is chosen in one place, and nothing else gets near it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dialplan import names
from dialplan.contexts import STATIC
from dialplan.extensions import DialplanFacts, extensions_conf
from dialplan.pjsip import SipFacts, Trunk, pjsip_conf

ROOT = Path(__file__).parents[2]
TEXT = extensions_conf(
    DialplanFacts(
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
)
# What identifies a caller, wherever it is set: the function, the older variables, SIP's headers
IDENTITY = re.compile(
    r"(?i)callerid|connectedline|redirecting|callingpres|pjsip_header|sipaddheader"
    r"|p-asserted-identity|remote-party-id|diversion|from_user|trust_id_inbound"
)
# The values that an outbound leg may get: the office's own, or what `shown` chose
OURS = frozenset({
    '"${OL_NAME}" <${OL_SHOW}>', '"${OL_NAME}" <${OL_NUMBER}>', "${OL_SHOW}", "${OL_NUMBER}",
    "", "allowed_passed_screen",
})  # fmt: skip
# To the office's desk phones alone: which of them dialed 911 (an id, and the office's number)
TO_DESKS = '"${OL_CALLED} from ${OL_DESK}" <${OL_NUMBER}>'


def contexts(text: str) -> dict[str, list[str]]:
    """Split a dialplan into its contexts' lines, comments left out."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if header := re.fullmatch(r"\[([\w-]+)\]", line):
            lines = found.setdefault(header[1], [])
        elif not line.startswith(";"):
            lines.append(line)
    return found


def foreign(text: str) -> list[str]:
    """List what sets or sends an identity outside of the cleaning of inbound calls, not ours."""
    wrong = []
    for title, lines in contexts(text).items():
        for line in lines:
            if title == names.CALL or not IDENTITY.search(line):
                continue
            value = re.search(r"Set\(CALLERID\((?:all|num|ani|rdnis|pres)\)=(.*)\)$", line)
            if title == names.EMERGENCY and value is not None and value[1] == TO_DESKS:
                continue
            if value is None or value[1] not in OURS:
                wrong.append(f"{title}: {line}")
    return wrong


def test_outbound_legs_show_what_was_chosen() -> None:
    """Outside of the cleaning of inbound calls, every identity is the office's or `shown`'s."""
    assert foreign(TEXT) == []


@pytest.mark.parametrize(
    "line",
    [
        " same => n,Set(CALLERID(num)=${OL_CALLER})",
        " same => n,Set(CALLERID(all)=${CALLERID(ani)})",
        " same => n,Set(PJSIP_HEADER(add,P-Asserted-Identity)=<sip:${CALLERID(num)}@x>)",
        " same => n,Set(CONNECTEDLINE(num)=${OL_DIALED})",
        " same => n,Set(REDIRECTING(from-num)=${OL_DIALED})",
    ],
)
def test_another_identity_is_found(line: str) -> None:
    """The test above can fail."""
    assert foreign(TEXT.replace("[leg]\n", f"[leg]\nexten => x,1,NoOp()\n{line}\n")) != []


def test_a_call_to_911_is_reported_to_desk_phones_alone() -> None:
    """The one context that shows something else dials what is registered here, by its id."""
    (dialed,) = re.findall(r"Set\(OL_DIALED=(.*)\)", "\n".join(contexts(TEXT)[names.EMERGENCY]))
    assert dialed == "${PJSIP_DIAL_CONTACTS(${EXTEN})}"


def test_every_leg_to_the_carrier_has_an_identity_of_ours() -> None:
    """A context that dials a number sets what it shows, and no option of Dial keeps another's."""
    dialing = {
        title: lines
        for title, lines in contexts(TEXT).items()
        if any(re.search(r"Dial\((?:\$\{OL_DIALED\}|PJSIP/)", line) for line in lines)
    }
    assert set(dialing) >= {names.FROM_PHONE, names.LEG}
    for lines in dialing.values():
        assert any("Set(CALLERID(all)=" in line for line in lines)
    options = re.findall(r"Dial\([^\n]*?,[^,\n]*,([A-Za-z]+)", STATIC)
    assert len(options) >= 5
    for words in options:  # f forces another caller ID, o keeps the caller's; I stops updates
        assert "I" in words
        assert not set(words) & {"f", "o", "F"}


def test_what_is_shown_comes_from_one_function() -> None:
    """OL_SHOW is set by the verdict from `shown`, by the failsafe to nothing, and by nobody else.

    Nothing of ours originates a call with an identity of its own.
    """
    setters = re.findall(r"Set\(_{0,2}OL_SHOW=([^\n]*)\)$", TEXT, re.MULTILINE)
    assert setters == ['${IF($["${OL_SHOW}" = ""]?${OL_NUMBER}:${OL_SHOW})}', ""]
    uses = []
    for path in (ROOT / "pbx").rglob("*.py"):
        if "carrier" in path.parts:
            continue  # the simulated network: its callers are patients
        for line in path.read_text().splitlines():
            if re.search(r"names\.SHOW\b|OL_SHOW", line):
                uses.append(line)
            assert not re.search(r"(?i)[\"']caller_?id[\"']\s*[:,]", line), path
    assert uses
    assert [line for line in uses if "shown(" not in line] == []


def test_identities_go_to_the_carrier_alone() -> None:
    """No endpoint names a user of its own, and only the way out sends an identity."""
    trunk = Trunk("address", "192.0.2.1", 5060, ("192.0.2.1",))
    text = pjsip_conf(SipFacts("127.0.0.1", 5060, trunk, {"desk1": "secret"}, ()))
    assert not re.search(r"^(?:from_user|callerid|trust_id_inbound ?= ?yes)\b", text, re.MULTILINE)
    assert re.findall(r"^send_pai ?= ?yes", text, re.MULTILINE) == ["send_pai = yes"]
