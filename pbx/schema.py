"""The shape of office.toml: what each table may hold, checked before anything is built from it."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{1,30}$")]
E164 = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[int, Field(ge=1, le=120)]
Prompt = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")]
Urgency = Literal["urgent", "routine"]
HoursState = Literal["open", "closed"]
# What stands in SIP headers and in Asterisk's files: no quotes, no line breaks.
Title = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 .,&'()-]{1,60}$")]


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone '{text}'") from error
    return text


def _host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.:/-]{1,253}", text):
        raise ValueError(f"'{text}' is no host name or address")
    return text


Host = Annotated[str, AfterValidator(_host)]


class Table(BaseModel):
    """A table that refuses keys it does not know, so that a slip of the pen is seen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OfficeTable(Table):
    """[office]."""

    name: Title
    timezone: Annotated[str, AfterValidator(_zone)]
    number: E164
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")] = "en"


class TrunkTable(Table):
    """[trunk]: the carrier; a preset fills what is left out."""

    preset: Id | None = None
    kind: Literal["address", "registration"] = "address"
    host: Host
    port: Port = 5060
    addresses: Annotated[list[Host], Field(min_length=1)]
    username: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.+-]{1,64}$")] | None = None
    max_calls: Annotated[int, Field(ge=1, le=500)] = 40


class NetworkTable(Table):
    """[network]: where we listen; ports that are left out are chosen free ones."""

    bind: Host = "127.0.0.1"
    sip_port: Port | None = None
    ami_port: Port | None = None
    agi_port: Port | None = None
    rtp_ports: Annotated[str, StringConstraints(pattern=r"^\d{4,5}-\d{4,5}$")] | None = None
    phones: list[Host] = []


class LineTable(Table):
    """[[lines]]."""

    did: E164
    name: Id
    menus: dict[HoursState, Id] = {}


class ClosureTable(Table):
    """[[closures]]."""

    on: dt.date
    reason: str


class PersonTable(Table):
    """[people.ID]."""

    name: Title
    role: Literal["physician", "nurse", "staff", "manager"] = "physician"


class PhoneTable(Table):
    """[phones.ID]."""

    name: Title


class MenuTable(BaseModel):
    """[menu.ID]: what is said, and a meaning for each key."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[Annotated[str, StringConstraints(pattern=r"^[0-9*]$")], Urgency]

    say: Annotated[list[Prompt], Field(min_length=1)]
    otherwise: Urgency


class RotaTable(Table):
    """[rota.ID]."""

    rotation: Annotated[list[Id], Field(min_length=1)]
    since: dt.date
    handoff: Annotated[
        str, StringConstraints(pattern=r"^(mon|tue|wed|thu|fri|sat|sun) ([01]\d|2[0-3]):[0-5]\d$")
    ]
    every: Annotated[str, StringConstraints(pattern=r"^([1-9]|[1-4][0-9]) weeks?$")] = "1 week"
    backup: Id = "next"


class StepTable(Table):
    """One step of a ladder: try somebody, or wait."""

    try_: Annotated[Id | None, Field(alias="try")] = None
    ring: Seconds = 20
    wait: Seconds | None = None


class LadderTable(Table):
    """[ladder.ID]."""

    live: Annotated[list[StepTable], Field(min_length=1)]


class WhenTable(Table):
    """A rule's conditions."""

    line: Id | None = None
    hours: HoursState | None = None
    urgency: Urgency | None = None


class DoTable(Table):
    """A rule's action: exactly one of its words."""

    ring: Id | None = None
    for_: Annotated[Seconds, Field(alias="for")] = 20
    then: Urgency = "routine"
    ladder: Id | None = None
    message: Urgency | None = None
    announce: list[Prompt] | None = None
    reject: Literal[True] | None = None


class RuleTable(Table):
    """[[rules]]."""

    name: str
    when: WhenTable = WhenTable()
    do: DoTable


class OfficeFile(Table):
    """The whole of office.toml."""

    office: OfficeTable
    trunk: TrunkTable
    network: NetworkTable = NetworkTable()
    lines: Annotated[list[LineTable], Field(min_length=1)]
    hours: dict[str, list[str]] = {}
    closures: list[ClosureTable] = []
    people: dict[Id, PersonTable] = {}
    phones: dict[Id, PhoneTable] = {}
    groups: dict[Id, list[Id]] = {}
    menu: dict[Id, MenuTable] = {}
    rota: dict[Id, RotaTable] = {}
    ladder: dict[Id, LadderTable] = {}
    rules: Annotated[list[RuleTable], Field(min_length=1)]
