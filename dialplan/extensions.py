"""extensions.conf: the office's own numbers and the static contexts.

What changes from day to day (who is on call, which step is next) is in channel variables, so this
file changes only with the office's lines and people. People's numbers are in its globals only, as
the failsafe's last resort.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dialplan import names
from dialplan.conf import join_sections, name, section, value
from dialplan.contexts import STATIC
from dialplan.contexts_people import PEOPLE
from dialplan.contexts_trials import TRIALS
from dialplan.system import LEGS


@dataclass(frozen=True)
class DialplanFacts:
    """The values that the dialplan needs; `people` maps a person's id to a dial string."""

    dids: tuple[str, ...]
    number: str
    name: str
    agi: str  # host:port of the daemon's FastAGI server
    token: str  # a secret in our UserEvents, so that no caller can fake one
    messages: str  # absolute folder of recordings
    people: Mapping[str, str]
    fallback: tuple[str, ...]  # whom the failsafe rings if it has nothing newer
    standby: str  # the absolute path of the standby's script
    max_calls: int = 40  # maximum simultaneous callers
    phones: tuple[str, ...] = ()  # the desk phones, by id
    backlines: tuple[str, ...] = ()  # the DIDs that hospitals and labs call
    # how local carriers write a number without its country code; +1 needs no entry
    national: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    user: str = ""  # our registration name: some carriers call it, with the number in To


def extensions_conf(facts: DialplanFacts) -> str:
    """Return the text of extensions.conf."""
    return (
        join_sections(
            "What happens to a call. The control layer decides; this performs.",
            section("general", {"static": "yes", "writeprotect": "yes", "clearglobalvars": "yes"}),
            section("globals", _globals(facts)),
            _context(names.FROM_TRUNK, [*_dids(facts), *_registered(facts)]),
            _context(names.FROM_PHONE, [*_emergency(facts.phones), *_dids(facts)]),
        )
        + STATIC
        + PEOPLE
        + TRIALS
    )


def _globals(facts: DialplanFacts) -> dict[str, object]:
    pairs: dict[str, object] = {
        "OL_AGI": f"agi://{facts.agi}",
        "OL_NUMBER": facts.number,
        "OL_NATIONAL": _national(facts, facts.number)[0],
        "OL_NAME": facts.name,
        "OL_TOKEN": facts.token,
        "OL_MESSAGES": facts.messages,
        "OL_MAX_CALLS": facts.max_calls,
        "OL_MAX_LEGS": facts.max_calls * LEGS,
        "OL_STANDBY": facts.standby,
        "OL_FALLBACK": names.legs(facts.fallback),
    }
    for phone in facts.phones:  # the digits of its id, as sounds to append to another one
        digits = (f"&digit-{one}" for one in phone if one.isdecimal())
        pairs[f"OL_SPOKEN_{phone}"] = "".join(digits)
    pairs.update({f"OL_FALLBACK_{person}": dial for person, dial in facts.people.items()})
    return pairs


def _forms(facts: DialplanFacts) -> dict[str, str]:
    """Return a map of each form in which carriers write one of our numbers to that number."""
    found: dict[str, str] = {}
    for did in facts.dids:
        for form in (did, did.removeprefix("+"), *_national(facts, did)):
            found.setdefault(form, did)
    return found


def _registered(facts: DialplanFacts) -> list[str]:
    """Accept calls to the user name of our registration: the number that is called stands in To.

    To is what a stranger may have dialed. Its number is what follows the address's first colon (a
    display name may hold anything), without separators and parameters, and leads nowhere unless it
    is one of ours. The user name itself would lead here again.
    """
    if not facts.user or facts.user in _forms(facts):
        return []
    user = name(facts.user)
    return [
        f"exten => {user},1,Set(OL_TO=${{FILTER(+0-9<:@\\;,${{CHANNEL(pjsip,local_uri)}})}})",
        ' same => n,Set(OL_TO=$["${OL_TO}" : ".*<:([+0-9]+)"])',
        f' same => n,GotoIf($["${{OL_TO}}" = "" | "${{OL_TO}}" = "{user}"]?i,1:${{OL_TO}},1)',
    ]


def _dids(facts: DialplanFacts) -> list[str]:
    """Accept exactly our own numbers, as E.164 or as carriers of their country also write them."""
    lines = []
    for form, did in _forms(facts).items():
        lines.append(f"exten => {name(form)},1,Set({names.DID}={value(did)})")
        if did in facts.backlines:
            lines.append(f" same => n,Set({names.BACKLINE}=yes)")
        lines.append(f" same => n,Goto({names.CALL},s,1)")
    return lines


def _national(facts: DialplanFacts, number: str) -> tuple[str, ...]:
    """Return how a number is written in its own country; the first form is only its digits."""
    own = number.removeprefix("+1").removeprefix("+")
    return facts.national.get(number, (own,))


def _emergency(phones: Sequence[str]) -> list[str]:
    """Return the lines that let desk phones call 911 (and 933) directly, as Kari's Law requires.

    The other desk phones ring at the same time. The call waits neither for them nor for the control
    layer, and has no time limit. Calling an application that is not loaded would end the call, so a
    function checks first whether the module that notifies the others is loaded.
    """
    lines = []
    for number in ("911", "933"):
        lines.append(f'exten => {number},1,Set(CALLERID(all)="${{OL_NAME}}" <${{OL_NUMBER}}>)')
        lines.append(" same => n,Set(OL_DESK=${CHANNEL(endpoint)})")
        lines.append(' same => n,GotoIf($["${IFMODULE(app_originate.so)}" != "1"]?out)')
        for phone in phones:
            leg = f"Local/{phone}@{names.EMERGENCY}/n"
            words = (
                f"v(OL_CALLED={number}^OL_DESK=${{OL_DESK}}^OL_SPOKEN=${{OL_SPOKEN_${{OL_DESK}}}})"
            )
            lines.append(
                f" same => n,Originate({leg},exten,{names.EMERGENCY},{number},1,60,a{words})"
            )
        lines.append(f" same => n(out),Dial(PJSIP/{number}@{names.TRUNK_OUT},,I)")
        lines.append(" same => n,Playback(emergency-failed)")
        lines.append(" same => n,Hangup()")
    return lines


def _context(title: str, lines: list[str]) -> str:
    ends = [f"exten => {extension},1,Hangup(1)" for extension in ("i", "e", "T")]
    return "\n".join([f"[{title}]", *lines, *ends, "exten => h,1,NoOp()"]) + "\n"
