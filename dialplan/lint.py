"""Security checks of the dialplan, done on its text on the disk."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dialplan import names
from dialplan.locks import Check
from dialplan.written import Written

FILE = "extensions.conf"
INBOUND = (names.FROM_TRUNK, names.FROM_PHONE)
ENDS = ("i", "e", "T", "h")
DANGEROUS = (
    "System(", "TrySystem(", "SHELL(", "EVAL(", "DISA(", "MixMonitor(", "Macro(", "ExecIf(",
    "Exec(", "FILE(", "CURL(", "ODBC", "ENV(", "ExternalIVR(", "ChanSpy(", "Originate(",
)  # fmt: skip
LEGS = "_[a-z]."  # only our own Local channels reach it
OWN_LEGS = {(names.LEG, LEGS), (names.EMERGENCY, LEGS)}
# How the other desk phones are notified of a call to 911; nothing else originates a call.
_REPORTED = re.compile(
    r"same => n,Originate\(Local/[\w-]+@emergency/n,exten,emergency,9(?:11|33),1,60,a"
)
_EXTENSION = re.compile(r"exten => ([^,]+),1,(.*)")
_STEP = re.compile(r"same => n(?:\(\w+\))?,(.*)")
_CLEANED = "FILTER("


def contexts(text: str) -> dict[str, list[str]]:
    """Return the lines of each context of a dialplan, without comments."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if header := re.fullmatch(r"\[([\w-]+)\]", line):
            lines = found.setdefault(header[1], [])
        elif line.strip() and not line.startswith(";"):
            lines.append(line.strip())
    return {title: lines for title, lines in found.items() if title not in {"general", "globals"}}


def protected(written: Written) -> Iterator[str]:
    """Yield a finding if the dialplan could be rewritten from inside Asterisk."""
    for key in ("static", "writeprotect"):
        if written.get(FILE, "general", key) != "yes":
            yield key


def exact_numbers(written: Written) -> Iterator[str]:
    """Yield the patterns that outside callers could dial; only our own legs may use patterns."""
    for title, lines in contexts(written.text(FILE)).items():
        for line in lines:
            found = _EXTENSION.fullmatch(line)
            if found and found[1].startswith("_") and (title, found[1]) not in OWN_LEGS:
                yield f"{title} takes {found[1]}"


def cleaned_first(written: Written) -> Iterator[str]:
    """Yield the inbound extensions that do not clean the caller's number and name first."""
    lines = contexts(written.text(FILE)).get(names.CALL, [])
    applied = [(_EXTENSION.fullmatch(line) or _STEP.fullmatch(line)) for line in lines]
    steps = [found[found.re.groups] for found in applied if found]
    for number, what in enumerate(("num", "name")):
        begin = f"Set(CALLERID({what})=${{{_CLEANED}"
        if not any(step.startswith(begin) for step in steps[number : number + 1]):
            yield f"the caller's {what}"
    for what in ("ani", "rdnis"):
        if not any(step.startswith(f"Set(CALLERID({what})=") for step in steps[2:4]):
            yield f"the caller's {what}"


def no_dangerous_application(written: Written) -> Iterator[str]:
    """Yield uses of applications that run programs, evaluate input, or record secretly."""
    for title, every in contexts(written.text(FILE)).items():
        lines = [line for line in every if title != names.FROM_PHONE or not _REPORTED.match(line)]
        yield from (f"{title}: {word}" for word in DANGEROUS if any(word in line for line in lines))


def own_scripts(written: Written) -> Iterator[str]:
    """Yield AGI calls to anything but our own daemon on loopback and our own script."""
    for title, lines in contexts(written.text(FILE)).items():
        for line in lines:
            if "AGI(" in line and not re.search(
                r",AGI\(\$\{OL_(?:AGI\}/[a-z]+|STANDBY\})[,)]", line
            ):
                yield f"{title}: {line}"
    if not written.get(FILE, "globals", "OL_AGI").startswith("agi://127.0.0.1:"):
        yield "the daemon is not on loopback"
    if not written.get(FILE, "globals", "OL_STANDBY").startswith("/"):
        yield "the standby has no place of its own"


def inbound_stays_inbound(written: Written) -> Iterator[str]:
    """Yield ways from an outside caller to an outbound call, which would allow toll fraud."""
    found = contexts(written.text(FILE))
    for title in found:
        yield from (f"{title}: {line}" for line in found[title] if line.startswith("include"))
    for title in INBOUND:
        for line in found.get(title, []):
            dials = re.search(r"Dial\(PJSIP/([^@,]+)@", line)
            emergency = title == names.FROM_PHONE and dials and dials[1] in {"911", "933"}
            if "Dial(" in line and not emergency:
                yield f"{title} dials"


def every_end(written: Written) -> Iterator[str]:
    """Yield the contexts that do not handle a wrong key, an error, a timeout and a hangup."""
    for title, lines in contexts(written.text(FILE)).items():
        missing = [end for end in ENDS if not any(f"exten => {end},1," in line for line in lines)]
        if missing:
            yield f"{title}: {' '.join(missing)}"


DIALPLAN: tuple[tuple[str, str, Check], ...] = (
    ("extensions", "the dialplan cannot be changed at run time", protected),
    ("extensions", "exact numbers, no pattern", exact_numbers),
    ("extensions", "callers' names and numbers cleaned first", cleaned_first),
    ("extensions", "no program, no evaluation, no dial tone", no_dangerous_application),
    ("extensions", "AGI runs only our own scripts", own_scripts),
    ("extensions", "inbound calls cannot get out", inbound_stays_inbound),
    ("extensions", "every context handles wrong keys, errors, timeouts and hangups", every_end),
)
