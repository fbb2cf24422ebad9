"""The shape of what only the wiring needs of office.toml: carrier, network, broker, metrics."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictBool

from pbx.officefile.fields import CLOSED, FilePath, Host, Id, PemFile, Port, PortRange, Username

# Where desk phones are when [network] does not say it: in the house, or in a VPN
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8")


class TrunkTable(BaseModel):
    """[trunk]: the carrier; a preset fills what is left out."""

    model_config = CLOSED

    preset: Id | None = None
    kind: Literal["address", "registration"] = "address"
    host: Host
    port: Port = 5060
    addresses: Annotated[list[Host], Field(min_length=1)]
    username: Username | None = None
    max_calls: Annotated[int, Field(ge=1, le=500)] = 40
    transport: Literal["udp", "tls"] = "udp"


class NetworkTable(BaseModel):
    """[network]: where we listen; ports that are left out are chosen free ones."""

    model_config = CLOSED

    bind: Host = "127.0.0.1"
    sip_port: Port | None = None
    ami_port: Port | None = None
    agi_port: Port | None = None
    rtp_ports: PortRange | None = None
    tls_port: Port | None = None
    certificate: PemFile | None = None
    key: PemFile | None = None
    phones: Annotated[list[Host], Field(min_length=1)] = list(PRIVATE)


class MqttTable(BaseModel):
    """[mqtt]: the broker that events go to; its password is in the vault."""

    model_config = CLOSED

    site: Id
    host: Host
    port: Port | None = None
    tls: StrictBool = True
    ca: FilePath | None = None
    user: Username | None = None


class MetricsTable(BaseModel):
    """[metrics]: numbers for Prometheus, on this machine alone."""

    model_config = CLOSED

    port: Port
