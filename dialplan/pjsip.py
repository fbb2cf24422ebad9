"""pjsip.conf: the trunk to the carrier and the desk phones.

The trunk is two endpoints on purpose. The one for patients' calls (`trunk`) never sends an
identity: an answer or re-INVITE with P-Asserted-Identity would reveal the mobile that picked up.
The one for outbound calls (`trunk-out`) sends the office's number and never updates it, because an
update would reveal the patient's number to the mobile.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from dialplan import names
from dialplan.conf import Options, join_sections, section

# A waiting patient may be silent, because some phones then send no audio. Each wait has its own
# time limit; in a conversation the other end's limit and the control layer apply (ADR 29).
_WAITS: Options = {"rtp_timeout": 3600}

# How routers are asked to hurry our packets: audio first, then signaling (RFC 4594, RFC 8837).
_AUDIO_TOS = "ef"
_SIGNALING_TOS = "cs3"

# A phone that dies while it holds a patient sends as little as one that lives: so it is asked, at
# half of these seconds, also where it did not offer to be. One that does not answer is hung up.
_ASKED: Options = {"timers": "always", "timers_sess_expires": 300}

_COMMON: Options = {
    "type": "endpoint",
    "tos_audio": _AUDIO_TOS,
    "disallow": "all",
    "direct_media": "no",  # audio passes through us, so neither side learns the other's address
    "dtmf_mode": "auto",  # keys as RFC 4733 events; tones where the other side offers none of them
    "rtp_timeout": 60,  # seconds
    "rtp_timeout_hold": 3600,  # a phone sends nothing while it has a caller on hold
    "moh_suggest": names.HOLD_TALK,
    "timers": "yes",
    "allow_transfer": "no",
    "allow_subscribe": "no",
    "trust_id_inbound": "no",
    "trust_connected_line": "no",
    "send_connected_line": "no",
    "refer_blind_progress": "no",
    "rtp_symmetric": "yes",
    "force_rport": "yes",
    "rewrite_contact": "yes",
}


@dataclass(frozen=True)
class Trunk:
    """The link to the carrier; `secret` and `username` are used only for registration.

    `addresses` are the carrier's signaling addresses (IP or CIDR); no other address is trusted.
    A host name among them could not be resolved, so it matches nothing yet. `encrypted` requires
    TLS and SRTP.
    """

    kind: Literal["address", "registration"]
    host: str
    port: int
    addresses: tuple[str, ...]
    codecs: tuple[str, ...] = names.CODECS
    username: str = ""
    secret: str = ""
    encrypted: bool = False


@dataclass(frozen=True)
class Tls:
    """Our TLS settings: the port, and absolute paths of PEM files.

    `authorities` are the CAs that we trust to identify the carrier. `certificate` and `key` are our
    own, needed if the carrier connects to us by TLS; without them we only connect to it.
    """

    port: int
    authorities: str = "/etc/ssl/certs/ca-certificates.crt"
    certificate: str = ""
    key: str = ""


@dataclass(frozen=True)
class SipFacts:
    """The values that pjsip.conf needs; `phones` maps a desk phone's id to its secret.

    `tls` is set if the trunk is encrypted.
    """

    bind: str
    port: int
    trunk: Trunk
    phones: Mapping[str, str] = field(default_factory=dict)
    phone_networks: Sequence[str] = ()  # where desk phones may be, IP or CIDR
    tls: Tls | None = None


def pjsip_conf(facts: SipFacts) -> str:
    """Return the text of pjsip.conf."""
    return join_sections(
        "SIP: the carrier, identified by address alone, and the desk phones.",
        section(
            "global",
            {
                "type": "global",
                "user_agent": "OfficeLine",
                "endpoint_identifier_order": "ip,auth_username,username",
                "keep_alive_interval": 30,
                # carriers append options (;npdi, ;rn=) that are not part of the number
                "ignore_uri_user_options": "yes",
            },
        ),
        section(
            "udp",
            {
                "type": "transport",
                "protocol": "udp",
                "bind": f"{facts.bind}:{facts.port}",
                "tos": _SIGNALING_TOS,
            },
        ),
        *_tls(facts),
        *_gate(facts),
        *_trunk(facts.trunk, _media(facts.bind)),
        *(part for phone in facts.phones.items() for part in _phone(*phone, facts)),
    )


def _tls(facts: SipFacts) -> list[str]:
    """Return the TLS transport: version 1.2, and only with a verified carrier."""
    tls = facts.tls
    if tls is None:
        return []
    own: Options = {}
    if tls.certificate:
        own = {"cert_file": tls.certificate, "priv_key_file": tls.key}
    options = {
        "type": "transport",
        "protocol": "tls",
        "bind": f"{facts.bind}:{tls.port}",
        "tos": _SIGNALING_TOS,
        "method": "tlsv1_2",
        "ca_list_file": tls.authorities,
        "verify_server": "yes",
    }
    return [section("tls", {**options, **own})]


def _gate(facts: SipFacts) -> list[str]:
    """Return the access list that admits only the carrier and the phones' networks.

    An access list only takes addresses. If the carrier's host name could not be resolved, there is
    no list, or the carrier's calls would be lost; strangers are then asked for a password.
    """
    inside = [*facts.trunk.addresses, *(facts.phone_networks if facts.phones else ())]
    if not all(map(is_address, inside)):
        return []
    permits: list[tuple[str, object]] = [("permit", network) for network in inside]
    return [section("gate", [("type", "acl"), ("deny", "0.0.0.0/0"), *permits])]


def is_address(text: str) -> bool:
    """Return whether the text is an IP address or network, not a host name."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _media(bind: str) -> Options:
    """Return the options that bind audio to the address; if it is empty, Asterisk chooses one."""
    if bind == "0.0.0.0":  # noqa: S104  # compared, not bound
        return _COMMON
    return {**_COMMON, "media_address": bind, "bind_rtp_to_media_address": "yes"}


def _trunk(trunk: Trunk, common: Options) -> list[str]:
    way = ";transport=tls" if trunk.encrypted else ""
    contact = f"sip:{trunk.host}:{trunk.port}{way}"
    if trunk.encrypted:
        common = {**common, "transport": "tls", "media_encryption": "sdes"}
    registering = trunk.kind == "registration"
    credentials: Options = {"outbound_auth": "trunk-auth"} if registering else {}
    user: Options = {"from_domain": trunk.host} if registering else {}
    codecs = {"allow": ",".join(trunk.codecs)}
    parts = [
        section(
            names.TRUNK,
            {
                **common,
                **_WAITS,
                "context": names.FROM_TRUNK,
                **codecs,
                "identify_by": "ip",
                "send_pai": "no",
                "send_rpid": "no",
                "aors": names.TRUNK,
            },
        ),
        section(
            names.TRUNK_OUT,
            {
                **common,
                "context": names.FROM_TRUNK,
                **codecs,
                "identify_by": "ip",  # no address identifies it, so no call arrives on it
                "send_pai": "yes",
                "trust_id_outbound": "yes",
                "aors": names.TRUNK_OUT,
                **user,
                **credentials,
            },
        ),
        section(names.TRUNK, {"type": "aor", "contact": contact, "qualify_frequency": 60}),
        # never qualified: one lost reply would block outbound calls for a minute
        section(names.TRUNK_OUT, {"type": "aor", "contact": contact, "qualify_frequency": 0}),
    ]
    if inside := [address for address in trunk.addresses if is_address(address)]:
        identify = [("type", "identify"), ("endpoint", names.TRUNK)]
        identify += [("match", address) for address in inside]
        parts.append(section(f"{names.TRUNK}-identify", identify))
    if registering:
        parts += [
            section(
                "trunk-auth",
                {
                    "type": "auth",
                    "auth_type": "userpass",
                    "username": trunk.username,
                    "password": trunk.secret,
                },
            ),
            section(
                "trunk-registration",
                {
                    "type": "registration",
                    "outbound_auth": "trunk-auth",
                    "server_uri": contact,
                    "client_uri": f"sip:{trunk.username}@{trunk.host}:{trunk.port}{way}",
                    "contact_user": trunk.username,
                    "retry_interval": 20,
                    # a carrier may be down for hours; by default Asterisk gives up after ten tries
                    "max_retries": 1_000_000,
                    "max_random_initial_delay": 0,  # a single trunk needs no random delay
                    # a refusal is retried slowly, because carriers ban clients that ask too often
                    "fatal_retry_interval": 60,
                    "forbidden_retry_interval": 300,
                    "expiration": 300,
                },
            ),
        ]
    return parts


def _phone(phone: str, secret: str, facts: SipFacts) -> list[str]:
    limits: list[tuple[str, object]] = [("deny", "0.0.0.0/0")]
    limits += [("permit", network) for network in facts.phone_networks]
    auth = f"{phone}-auth"
    return [
        section(
            phone,
            [
                *{**_media(facts.bind), **_ASKED}.items(),
                ("context", names.FROM_PHONE),
                ("allow", "g722,ulaw,alaw"),
                ("identify_by", "auth_username,username"),
                ("auth", auth),
                ("aors", phone),
                *limits,
            ],
        ),
        section(
            auth, {"type": "auth", "auth_type": "userpass", "username": phone, "password": secret}
        ),
        section(
            phone,
            {"type": "aor", "max_contacts": 2, "remove_existing": "yes", "qualify_frequency": 30},
        ),
    ]
