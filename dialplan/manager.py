"""manager.conf: one login for the daemon, on loopback, limited to the events that it needs."""

from __future__ import annotations

from dialplan import names
from dialplan.conf import join_sections, section

USER = "officeline"
# Each event with a header and the start of its value. For legs these are the phones' channels, not
# the Local channels in front of them, except for calls that we place. Events such as Newchannel are
# left out: they come before the dialplan has cleaned the caller's name and number, and Asterisk
# writes line breaks in those into the event.
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
# the fields that we read
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
    """Return the settings that pass only the events that the daemon needs."""
    return [
        (f"eventfilter(action(include),name({event}),header({header}),method(starts_with))", begin)
        if header
        else (f"eventfilter(action(include),name({event}))", "")
        for event, header, begin in _REPORTED
    ]


def manager_conf(port: int, secret: str) -> str:
    """Return manager.conf for a TCP port on 127.0.0.1; the daemon may read and place calls.

    Of the class `system` it gets only FullyBooted and Registry.
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
