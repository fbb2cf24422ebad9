"""manager.conf: one login for the daemon, on loopback, with the events that it needs by name."""

from __future__ import annotations

from dialplan import names
from dialplan.conf import join_sections, section

USER = "officeline"
# Each with a header of it and how that begins: of legs the phones, not the Local channels before
# them, but for those of calls that we place. Nothing that is told before the dialplan has cleaned a
# caller's name and number, such as Newchannel: Asterisk writes them with their line breaks.
_REPORTED = (
    ("FullyBooted", "", ""),
    ("DialBegin", "DestChannel", "PJSIP/"),
    ("DialEnd", "DestChannel", "PJSIP/"),
    ("Hangup", "Channel", "PJSIP/"),
    ("Hangup", "Uniqueid", names.FOLLOW_UP_CALL),
    ("UserEvent", "", ""),
    ("OriginateResponse", "", ""),
    ("Hold", "Channel", "PJSIP/"),
    ("Unhold", "Channel", "PJSIP/"),
    ("Registry", "", ""),
)
EVENTS = tuple(dict.fromkeys(event for event, _, _ in _REPORTED))
# what we read of them
FIELDS = (
    "Uniqueid",
    "Linkedid",
    "Channel",
    "ChannelStateDesc",
    "Cause",
    "DestUniqueid",
    "DestLinkedid",
    "DestChannel",
    "DialStatus",
    "CallerIDNum",
    "Response",
    "Status",
    "UserEvent",
    "What",
    "Who",
    "Number",
    "Call",
    "Token",
    "Turn",
    "Up",
)


def filters() -> list[tuple[str, object]]:
    """List the settings that let the events through which the daemon needs, and no others."""
    return [
        (f"eventfilter(action(include),name({event}),header({header}),method(starts_with))", begin)
        if header
        else (f"eventfilter(action(include),name({event}))", "")
        for event, header, begin in _REPORTED
    ]


def manager_conf(port: int, secret: str) -> str:
    """Render manager.conf for a TCP port of 127.0.0.1; the daemon reads calls and places them.

    Of the class `system` it is told FullyBooted and Registry alone.
    """
    login: list[tuple[str, object]] = [
        ("secret", secret),
        ("deny", "0.0.0.0/0.0.0.0"),
        ("permit", "127.0.0.1/255.255.255.255"),
        ("read", "call,system,user"),
        ("write", "originate,call"),
        ("writetimeout", 2000),
    ]
    login += filters()
    return join_sections(
        "The manager interface, for the daemon alone.",
        section(
            "general",
            {
                "enabled": "yes",
                "webenabled": "no",
                "bindaddr": "127.0.0.1",
                "port": port,
                "authlimit": 10,
                "authtimeout": 5,
                "displayconnects": "no",
                "timestampevents": "no",
            },
        ),
        section(USER, login),
    )
