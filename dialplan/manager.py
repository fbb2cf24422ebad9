"""manager.conf: one login for the daemon, on loopback, with the events that it needs by name."""

from __future__ import annotations

from dialplan.conf import document, section

USER = "officeline"
EVENTS = ("FullyBooted", "DialBegin", "DialEnd", "Hangup", "UserEvent", "OriginateResponse")
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
    "UserEvent",
    "What",
    "Who",
    "Call",
    "Token",
)
_PHONES = ",header(DestChannel),method(starts_with)"  # not the Local legs before them


def filters() -> list[tuple[str, object]]:
    """List the settings that let the events through which the daemon needs, and no others."""
    return [
        (f"eventfilter(action(include),name({event}){_PHONES})", "PJSIP/")
        if event.startswith("Dial")
        else (f"eventfilter(action(include),name({event}))", "")
        for event in EVENTS
    ]


def manager_conf(port: int, secret: str) -> str:
    """Render manager.conf for a TCP port of 127.0.0.1; the daemon reads calls and places them.

    Of the class `system` it is told FullyBooted alone.
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
    return document(
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
