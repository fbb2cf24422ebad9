"""The shape of what only the wiring needs of office.toml: carrier, network, broker, metrics."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictBool

from pbx.config.fields import CLOSED, FilePath, Host, Id, PemFile, Port, PortRange, Username

# Where desk phones are when [network] does not say it: in the house, or in a VPN
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8")


class TrunkTable(BaseModel):
    """[trunk]: the carrier; a preset fills what is left out."""

    model_config = CLOSED

    preset: Id | None = None
    """A carrier of `config/presets.toml`, which fills in what is left out here."""
    kind: Literal["address", "registration"] = "address"
    """How the carrier knows us: by our address, or by name and password."""
    host: Host
    """Where calls go."""
    port: Port = 5060
    """And at which port."""
    addresses: Annotated[list[Host], Field(min_length=1)]
    """Where calls come from; all others are strangers."""
    username: Username | None = None
    """The name for a registration; the password stands in the secrets file."""
    max_calls: Annotated[int, Field(ge=1, le=500)] = 40
    """Callers at once; one more gets 503, and the carrier's failover."""
    transport: Literal["udp", "tls"] = "udp"
    """With `tls` the carrier proves who it is, and all audio is SRTP."""


class NetworkTable(BaseModel):
    """[network]: where we listen; ports that are left out are chosen once and kept."""

    model_config = CLOSED

    bind: Host = "127.0.0.1"
    """The address that phones and the carrier reach."""
    sip_port: Port | None = None
    """For SIP; without it, as for all ports here, a free one is chosen at the first start."""
    ami_port: Port | None = None
    """Asterisk's manager, on loopback."""
    agi_port: Port | None = None
    """Asterisk's questions to the control layer, on loopback."""
    rtp_ports: PortRange | None = None
    """For audio, from the first to the last."""
    tls_port: Port | None = None
    """For a carrier that calls us by TLS."""
    certificate: PemFile | None = None
    """Our own, for the TLS port."""
    key: PemFile | None = None
    """The key of that certificate."""
    phones: Annotated[list[Host], Field(min_length=1)] = list(PRIVATE)
    """The networks in which desk phones may be."""


class MqttTable(BaseModel):
    """[mqtt]: the broker that events go to; its password is in the secrets file."""

    model_config = CLOSED

    site: Id
    """Topics begin with `officeline/SITE/`."""
    host: Host
    """The broker."""
    port: Port | None = None
    """8883, or 1883 without TLS, unless it is given."""
    tls: StrictBool = True
    """Whether the broker is spoken to by TLS."""
    ca: FilePath | None = None
    """Whose certificates to believe; without it, the machine's."""
    user: Username | None = None
    """The name for the broker; the password stands in the secrets file."""


class MetricsTable(BaseModel):
    """[metrics]: numbers for Prometheus, on this machine alone."""

    model_config = CLOSED

    port: Port
    """On loopback, for Prometheus."""
