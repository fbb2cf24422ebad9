"""The files of the carrier's Asterisk; its dialplan asks us one question per call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dialplan import system
from dialplan.conf import Options, join_sections, section
from pbx.asterisk.engine.ports import Ports

MANAGER = "carrier"
ANONYMOUS = "office-anonymous"  # endpoint for callers who withhold their number
KEYS_AS_TONES = "office-tones"  # endpoint for calls whose keys arrive only as tones
KEYS_AS_INFO = "office-info"  # of calls whose keys arrive as SIP INFO
KEYLESS = "office-keyless"  # and of calls whose keys are lost on the way
EXTRA_MODULES = ("app_mixmonitor", "res_pjsip_logger")
_KEYS = {KEYS_AS_TONES: "inband", KEYS_AS_INFO: "info", KEYLESS: "none"}

_ENDPOINT: Options = {
    "type": "endpoint",
    "disallow": "all",
    "allow": "ulaw",
    "direct_media": "no",
    "dtmf_mode": "rfc4733",
    "bind_rtp_to_media_address": "yes",
    "rtp_symmetric": "yes",
}


@dataclass(frozen=True)
class CarrierFacts:
    """The values for the files; addresses are host and port.

    `registration` is the office's user and password; without it, the carrier sends calls to the
    address `office`. `desk_phones` maps ids of phones that register at the office to passwords.
    """

    folders: system.Folders
    ports: Ports
    host: str
    desk_host: str
    office: tuple[str, int]
    agi_port: int
    secret: str
    softphone: str
    registration: tuple[str, str] | None = None
    desk_phones: Mapping[str, str] = field(default_factory=dict)


def carrier_files(facts: CarrierFacts) -> dict[str, str]:
    """Return every file of the carrier's Asterisk, by name."""
    return {
        "asterisk.conf": system.asterisk_conf(facts.folders, max_calls=200, verbose=3),
        "extensions.conf": _extensions(facts),
        "logger.conf": system.logger_conf(verbose=True),
        "manager.conf": _manager(facts),
        "modules.conf": system.modules_conf(EXTRA_MODULES),
        "musiconhold.conf": join_sections("None."),
        "pjsip.conf": _pjsip(facts),
        "rtp.conf": system.rtp_conf(facts.ports.rtp_first, facts.ports.rtp_last),
        **system.cdr_files(),
        **system.default_files(),
    }


def _extensions(facts: CarrierFacts) -> str:
    agi = f"AGI(agi://127.0.0.1:{facts.agi_port}"
    trunk = facts.registration[0] if facts.registration else "office"
    return join_sections(
        "Every call is a question: what does this phone do?",
        f"[from-office]\nexten => _[+0-9a-z].,1,{agi}/phone,${{EXTEN}})\n same => n,Hangup()\n"
        "exten => h,1,NoOp()\n",
        f"[patient]\nexten => s,1,{agi}/patient,${{TICKET}})\n same => n,Hangup()\n"
        "exten => h,1,NoOp()\n",
        f"[from-softphone]\nexten => _[+0-9].,1,Dial(PJSIP/${{EXTEN}}@{trunk},120)\n"
        " same => n,Hangup()\n",
    )


def _manager(facts: CarrierFacts) -> str:
    return join_sections(
        "The manager interface of the carrier.",
        section(
            "general",
            {"enabled": "yes", "bindaddr": "127.0.0.1", "port": facts.ports.ami},
        ),
        section(
            MANAGER,
            {"secret": facts.secret, "read": "call,dtmf,system,user", "write": "originate,call"},
        ),
    )


def _pjsip(facts: CarrierFacts) -> str:
    media: Options = {**_ENDPOINT, "media_address": facts.host}
    parts = [
        section(
            "global",
            {"type": "global", "endpoint_identifier_order": "auth_username,username,ip"},
        ),
        section(
            "net",
            {"type": "transport", "protocol": "udp", "bind": f"{facts.host}:{facts.ports.sip}"},
        ),
        *_office(facts, media),
        section(
            "patient",
            {
                **media,
                "context": "from-softphone",
                "auth": "patient-auth",
                "aors": "patient",
                "callerid": "Softphone <+19175550100>",
            },
        ),
        _auth("patient-auth", "patient", facts.softphone),
        section("patient", {"type": "aor", "max_contacts": 3}),
    ]
    if facts.desk_phones:
        bind = f"{facts.desk_host}:{facts.ports.sip}"
        parts.append(section("desks", {"type": "transport", "protocol": "udp", "bind": bind}))
    for phone, password in facts.desk_phones.items():
        office = "{}:{}".format(*facts.office)
        parts += [
            _auth(f"{phone}-auth", phone, password),
            section(
                f"{phone}-registration",
                {
                    "type": "registration",
                    "transport": "desks",
                    "outbound_auth": f"{phone}-auth",
                    "server_uri": f"sip:{office}",
                    "client_uri": f"sip:{phone}@{office}",
                    "contact_user": phone,
                    "retry_interval": 1,
                    "max_random_initial_delay": 0,
                    "expiration": 300,
                },
            ),
        ]
    return join_sections("SIP: the phone network.", *parts)


def _office(facts: CarrierFacts, media: Options) -> list[str]:
    """Return the lines for the office's trunk, identified by address or registration."""
    host, port = facts.office
    common: Options = {**media, "context": "from-office", "trust_id_inbound": "yes"}
    by_address = [
        section("office", {**common, "aors": "office", "identify_by": "ip", "send_pai": "yes"}),
        section(
            ANONYMOUS,
            {
                **common,
                "aors": "office",
                "identify_by": "ip",
                "from_user": "anonymous",
                "from_domain": "anonymous.invalid",
            },
        ),
        *(
            section(title, {**common, "aors": "office", "identify_by": "ip", "dtmf_mode": mode})
            for title, mode in _KEYS.items()
        ),
        section("office", {"type": "aor", "contact": f"sip:{host}:{port}"}),
        section("office-identify", {"type": "identify", "endpoint": "office", "match": host}),
    ]
    if facts.registration is None:
        return by_address
    user, password = facts.registration
    return [
        *by_address[:-1],
        section(
            user,
            {
                **common,
                "aors": user,
                "auth": f"{user}-auth",
                "identify_by": "auth_username,username",
            },
        ),
        _auth(f"{user}-auth", user, password),
        section(user, {"type": "aor", "max_contacts": 1, "remove_existing": "yes"}),
    ]


def _auth(title: str, user: str, password: str) -> str:
    options = {"type": "auth", "auth_type": "userpass", "username": user, "password": password}
    return section(title, options)
