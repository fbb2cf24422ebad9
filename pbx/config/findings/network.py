"""What would leave this machine for everybody to read."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from pbx.config.findings.draft import Draft
from pbx.config.findings.finding import Finding


def find(draft: Draft) -> Iterator[Finding]:
    """Find a broker on another machine that is spoken to without TLS."""
    mqtt = draft.file.mqtt
    if mqtt is not None and not mqtt.tls and not _is_here(mqtt.host):
        yield draft.find(
            "mqtt-in-clear",
            ("mqtt", "tls"),
            "mqtt.tls",
            f"events and the password would cross the network to {mqtt.host} unencrypted",
            "Take 'tls = false' away, or use a broker on this machine.",
        )


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
