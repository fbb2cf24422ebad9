"""Connections that would send data over the network without encryption."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from pbx.config.findings.draft import Draft
from pbx.config.findings.finding import Finding


def find(draft: Draft) -> Iterator[Finding]:
    """Find an MQTT broker on another machine that is used without TLS."""
    mqtt = draft.file.mqtt
    if mqtt is not None and not mqtt.tls and not _is_here(mqtt.host):
        yield draft.find(
            "mqtt-in-clear",
            ("mqtt", "tls"),
            "mqtt.tls",
            f"events and the broker's password would go to {mqtt.host} without encryption",
            "Delete 'tls = false', or use a broker on this computer.",
        )


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
