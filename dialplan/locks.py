"""Security checks of Asterisk's configuration files: SIP, the manager, and Asterisk itself.

Each check yields a short text for each weakness, and nothing if all is well. The checks of the
dialplan are in `dialplan.lint`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator

from dialplan import manager, names
from dialplan.system import MODULES
from dialplan.written import Section, Written

Check = Callable[[Written], Iterable[str]]

SECRET_LENGTH = 20  # characters
WIDEST_CARRIER = 16  # bits of a carrier's network prefix; a shorter one is too wide
MOST_MODULES = 90
MOST_CALLS = 3540
MOST_AUDIO_PORTS = 2000
LONGEST_SILENCE = 60  # seconds
LONGEST_WAIT = 3600  # seconds for a patient, whose phone may send no audio while waiting
LONGEST_UNASKED = 600  # seconds between asking a phone whether it is still in its call
LONGEST_WRITE = 2000  # milliseconds
QUIET = {"notice", "warning", "error", "security"}  # log levels that contain no numbers or keys
MODERN = {"tlsv1_2", "tlsv1_3"}
ANYWHERE = "0.0.0.0"  # noqa: S104  # compared, not bound
ALL = {f"{ANYWHERE}/0", f"{ANYWHERE}/{ANYWHERE}"}
LOOPBACK = ("127.0.0.1", "127.0.0.1/32", "127.0.0.1/255.255.255.255")
SIP, MANAGER = "pjsip.conf", "manager.conf"


def by_address_alone(written: Written) -> Iterator[str]:
    """Check that the carrier is identified by its address, not by the name it claims."""
    for one in _endpoints(written, names.FROM_TRUNK):
        if one.get("identify_by") != "ip":
            yield f"{one.title} is also known by {one.get('identify_by') or 'its name'}"
    order = written.get(SIP, "global", "endpoint_identifier_order")
    if order.partition(",")[0] != "ip":
        yield "the address is not what is looked at first"


def carrier_addresses(written: Written) -> Iterator[str]:
    """Check that calls are accepted only from the carrier's own addresses."""
    matches = [match for one in written.sections(SIP, "identify") for match in one.all("match")]
    if not matches:
        yield "no address is the carrier's"
    yield from (f"{match} is no carrier's network" for match in matches if _wide(match))


def access_list(written: Written) -> Iterator[str]:
    """Check that packets from other addresses are refused before they are parsed."""
    gates = written.sections(SIP, "acl")
    if not any(ALL.intersection(gate.all("deny")) for gate in gates):
        yield "everybody may knock"
    for gate in gates:
        yield from (f"{place} may knock" for place in ALL.intersection(gate.all("permit")))


def no_favours(written: Written) -> Iterator[str]:
    """Check that outsiders cannot transfer calls, subscribe, or set a trusted identity."""
    for one in written.sections(SIP, "endpoint"):
        for key in ("allow_transfer", "allow_subscribe", "trust_id_inbound"):
            if one.get(key) != "no":
                yield f"{one.title}: {key}"


def lost_calls_end(written: Written) -> Iterator[str]:
    """Check that a call ends if the other end is gone.

    Only patients' phones may be silent for longer, because patients wait on the line. In a
    conversation, the short limit of the other end applies. On hold, silence is normal, so a phone
    with a caller on hold is asked whether it is still there.
    """
    for one in written.sections(SIP, "endpoint"):
        longest = LONGEST_WAIT if one.title == names.TRUNK else LONGEST_SILENCE
        for key, most in (("rtp_timeout", longest), ("rtp_timeout_hold", LONGEST_WAIT)):
            if not 0 < _number(one.get(key)) <= most:
                yield f"{one.title}: {key}"
        if one.get("timers") not in {"yes", "required", "always"}:
            yield f"{one.title}: timers"
        elif one.get("context") == names.FROM_PHONE and not _is_asked(one):
            yield f"{one.title}: nobody asks whether it still holds"
    for one in written.sections(SIP, "aor"):
        looks = _number(one.get("qualify_frequency")) > 0
        if one.title == names.TRUNK_OUT and looks:
            yield f"{one.title}: a lost answer of the carrier's holds calls to it up"
        elif one.title != names.TRUNK_OUT and not looks:
            yield f"{one.title}: nobody looks whether it is there"


def _is_asked(phone: Section) -> bool:
    seconds = _number(phone.get("timers_sess_expires"))
    return phone.get("timers") == "always" and 0 < seconds <= LONGEST_UNASKED


def explicit_bind(written: Written) -> Iterator[str]:
    """Check that SIP and audio use the configured address."""
    for one in written.sections(SIP, "transport"):
        if one.get("bind").rpartition(":")[0] in {"", ANYWHERE, "[::]"}:
            yield f"{one.title} listens on every address of the machine"


def encryption(written: Written) -> Iterator[str]:
    """Check that TLS is 1.2 or newer, the carrier's certificate is verified, and audio is SRTP."""
    encrypted = [one for one in written.sections(SIP, "transport") if one.get("protocol") == "tls"]
    for one in encrypted:
        if one.get("method") not in MODERN:
            yield f"{one.title} speaks an old TLS"
        if one.get("verify_server") != "yes":
            yield f"{one.title} believes any server"
    titles = {one.title for one in encrypted}
    for one in written.sections(SIP, "endpoint"):
        if one.get("transport") in titles and one.get("media_encryption") not in {"sdes", "dtls"}:
            yield f"{one.title} sends its audio in the clear"


def phones(written: Written) -> Iterator[str]:
    """Check that each desk phone has its own long secret, its own context, and a network."""
    secrets = {one.title: one.get("password") for one in written.sections(SIP, "auth")}
    seen: set[str] = set()
    for one in _endpoints(written, names.FROM_PHONE):
        secret = secrets.get(one.get("auth"), "")
        if len(secret) < SECRET_LENGTH or secret in seen:
            yield f"{one.title}: its secret"
        seen.add(secret)
        if not ALL.intersection(one.all("deny")) or ALL.intersection(one.all("permit")):
            yield f"{one.title} may be anywhere"
    known = {names.FROM_PHONE, names.FROM_TRUNK}
    for one in written.sections(SIP, "endpoint"):
        if one.get("context") not in known:
            yield f"{one.title}: its context"


def manager_inside(written: Written) -> Iterator[str]:
    """Check that the manager listens only on this machine, with one login and no web access."""
    general = [one for one in written.sections(MANAGER) if one.title == "general"]
    if not general or general[0].get("bindaddr") != LOOPBACK[0]:
        yield "it is not on loopback alone"
    if general and general[0].get("webenabled") != "no":
        yield "it answers the web"
    logins = _logins(written)
    if [one.title for one in logins] != [manager.USER]:
        yield "there is more than one login"
    for one in logins:
        if not ALL.intersection(one.all("deny")) or not set(one.all("permit")) <= {*LOOPBACK}:
            yield f"{one.title} may come from elsewhere"
        if len(one.get("secret")) < SECRET_LENGTH:
            yield f"{one.title}: its secret"


def manager_rights(written: Written) -> Iterator[str]:
    """Check that the login may only read and place calls, and gets only the events it needs."""
    for one in _logins(written):
        if _words(one.get("read")) != {"call", "system", "user"}:
            yield f"{one.title} reads {one.get('read') or 'nothing'}"
        if _words(one.get("write")) != {"call", "originate"}:
            yield f"{one.title} writes {one.get('write') or 'nothing'}"
        filters = [pair for pair in one.options if pair[0].startswith("eventfilter")]
        if filters != manager.filters():
            yield f"{one.title} is told other events"
        if not 0 < _number(one.get("writetimeout")) <= LONGEST_WRITE:
            yield f"{one.title} may hold Asterisk up"


def nothing_dangerous(written: Written) -> Iterator[str]:
    """Check that Asterisk runs no other programs and accepts no more calls than allowed."""
    for key, wanted in (("live_dangerously", "no"), ("disable_remote_console_shell", "yes")):
        if written.get("asterisk.conf", "options", key) != wanted:
            yield key
    if not 0 < _number(written.get("asterisk.conf", "options", "maxcalls")) <= MOST_CALLS:
        yield "maxcalls"
    if _number(written.get("extensions.conf", "globals", "OL_MAX_CALLS")) <= 0:
        yield "any number of callers"


def modules(written: Written) -> Iterator[str]:
    """Check that only the modules on the allow-list are loaded."""
    if written.get("modules.conf", "modules", "autoload") != "no":
        yield "whatever is there is loaded"
    loaded = [name for one in written.sections("modules.conf") for name in one.all("load")]
    yield from sorted(name for name in loaded if name.removesuffix(".so") not in MODULES)
    if len(loaded) >= MOST_MODULES:
        yield f"{len(loaded)} modules"


def audio(written: Written) -> Iterator[str]:
    """Check that audio uses a narrow port range and ignores packets from other senders."""
    first, last = (
        _number(written.get("rtp.conf", "general", key)) for key in ("rtpstart", "rtpend")
    )
    if not 0 < first < last < first + MOST_AUDIO_PORTS:
        yield f"ports {first} to {last}"
    if written.get("rtp.conf", "general", "strictrtp") != "yes":
        yield "strictrtp"


def quiet_logs(written: Written) -> Iterator[str]:
    """Check that Asterisk's own logs contain no dialed numbers and no pressed keys."""
    logs = [one for one in written.sections("logger.conf") if one.title == "logfiles"]
    if not logs:
        yield "nobody can say what is logged"
    for name, levels in (option for one in logs for option in one.options):
        yield from (f"{name} has {level}" for level in sorted(_words(levels) - QUIET))


def _endpoints(written: Written, context: str) -> list[Section]:
    return [one for one in written.sections(SIP, "endpoint") if one.get("context") == context]


def _logins(written: Written) -> list[Section]:
    return [one for one in written.sections(MANAGER) if one.title != "general"]


def _words(text: str) -> set[str]:
    return {word.strip() for word in text.split(",") if word.strip()}


def _number(text: str) -> int:
    return int(text) if text.isdigit() else -1


def _wide(match: str) -> bool:
    try:
        return ipaddress.ip_network(match, strict=False).prefixlen < WIDEST_CARRIER
    except ValueError:  # a name
        return False


# Each check's name, description and function, in the order in which a caller meets them
WRITTEN: tuple[tuple[str, str, Check], ...] = (
    ("pjsip", "the carrier is recognized only by its address", by_address_alone),
    ("pjsip", "only the carrier's addresses count as the carrier", carrier_addresses),
    ("pjsip", "an access list refuses all other addresses", access_list),
    ("pjsip", "no transfers, no subscriptions, no trusted identity headers", no_favours),
    ("pjsip", "dead calls are ended; waiting callers may be silent", lost_calls_end),
    ("pjsip", "listens only at the configured address", explicit_bind),
    ("pjsip", "TLS 1.2 and SRTP if TLS is used", encryption),
    ("pjsip", "desk phones have a secret, a context and allowed networks", phones),
    ("manager", "loopback, one login, no web", manager_inside),
    ("manager", "least rights, events by name", manager_rights),
    ("asterisk", "no dangerous options, and a limit of calls", nothing_dangerous),
    ("asterisk", "modules by an allow-list", modules),
    ("asterisk", "a narrow range of audio ports, strict", audio),
    ("asterisk", "logs without dialed numbers and pressed keys", quiet_logs),
)
