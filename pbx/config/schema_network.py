"""The schema of the technical tables in office.toml: carrier, network, broker and metrics."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictBool

from pbx.config.fields import CLOSED, FilePath, Host, Id, PemFile, Port, PortRange, Username

# The default networks of desk phones: private ones and those of a VPN.
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8")


class TrunkTable(BaseModel):
    """[trunk]: the carrier."""

    model_config = CLOSED

    preset: Id | None = None
    """A carrier in `config/presets.toml`, which fills in the keys that are missing here."""
    kind: Literal["address", "registration"] = "address"
    """How the carrier recognizes the office: by its address, or by username and password."""
    host: Host
    """The carrier's SIP server."""
    port: Port = 5060
    """The port of the carrier's SIP server."""
    addresses: Annotated[list[Host], Field(min_length=1)]
    """The addresses that calls come from. Calls from all others are refused."""
    username: Username | None = None
    """The username of a registration. Its password is in the secrets file."""
    max_calls: Annotated[int, Field(ge=1, le=500)] = 40
    """The most callers at the same time. One more gets 503, so that the carrier fails over."""
    transport: Literal["udp", "tls"] = "udp"
    """With `tls`, the carrier must show a valid certificate, and all audio is SRTP."""


class NetworkTable(BaseModel):
    """[network]: where OfficeLine listens. Missing ports are chosen at the first start and kept."""

    model_config = CLOSED

    bind: Host = "127.0.0.1"
    """The address that phones and the carrier connect to."""
    sip_port: Port | None = None
    """The port for SIP."""
    ami_port: Port | None = None
    """The port of Asterisk's manager interface (AMI), on loopback."""
    agi_port: Port | None = None
    """The port for Asterisk's AGI requests, on loopback."""
    rtp_ports: PortRange | None = None
    """The first and last port for audio."""
    tls_port: Port | None = None
    """The port for a carrier that calls by TLS."""
    certificate: PemFile | None = None
    """The certificate for the TLS port."""
    key: PemFile | None = None
    """The key of that certificate."""
    phones: Annotated[list[Host], Field(min_length=1)] = list(PRIVATE)
    """The networks from which desk phones may connect."""


class MqttTable(BaseModel):
    """[mqtt]: the broker that receives events."""

    model_config = CLOSED

    site: Id
    """The site's name; topics begin with `officeline/SITE/`."""
    host: Host
    """The broker's host name or address."""
    port: Port | None = None
    """The broker's port. Default: 8883, or 1883 without TLS."""
    tls: StrictBool = True
    """Whether to use TLS."""
    ca: FilePath | None = None
    """A file with trusted certificates. Default: those of the system."""
    user: Username | None = None
    """The username at the broker. Its password is in the secrets file."""


class MetricsTable(BaseModel):
    """[metrics]: metrics for Prometheus, on this computer only."""

    model_config = CLOSED

    port: Port
    """The port for Prometheus, on loopback."""
