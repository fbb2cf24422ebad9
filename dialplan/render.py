"""Renders all configuration files of one office's Asterisk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dialplan import system
from dialplan.extensions import DialplanFacts, extensions_conf
from dialplan.manager import manager_conf
from dialplan.pjsip import SipFacts, pjsip_conf


@dataclass(frozen=True)
class OfficeFacts:
    """All values that the files need; `hold` maps music classes to sound paths, no extension."""

    folders: system.Folders
    sip: SipFacts
    calls: DialplanFacts
    manager_port: int
    manager_secret: str
    rtp: tuple[int, int]
    hold: Mapping[str, tuple[str, ...]]


def office_files(facts: OfficeFacts) -> dict[str, str]:
    """Return each configuration file's text by its name; equal values give equal bytes."""
    return {
        "asterisk.conf": system.asterisk_conf(facts.folders, max_calls=facts.calls.max_calls),
        "extensions.conf": extensions_conf(facts.calls),
        "logger.conf": system.logger_conf(),
        "manager.conf": manager_conf(facts.manager_port, facts.manager_secret),
        "modules.conf": system.modules_conf(),
        "musiconhold.conf": system.musiconhold_conf(facts.hold),
        "pjsip.conf": pjsip_conf(facts.sip),
        "rtp.conf": system.rtp_conf(*facts.rtp),
        **system.cdr_files(),
        **system.default_files(),
    }
