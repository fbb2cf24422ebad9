"""The shape of office.toml: what each table may hold, checked before anything is built from it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from pbx.officefile.fields import (
    CLOSED,
    E164,
    Country,
    Date,
    Days,
    HoursState,
    Id,
    Key,
    Language,
    NumberStart,
    Period,
    Prompt,
    Repeat,
    Seconds,
    Sentence,
    Span,
    Title,
    Urgency,
    YearlyText,
    Zone,
    refused,
)
from pbx.officefile.schema_kept import RetentionTable
from pbx.officefile.schema_ladders import LadderTable
from pbx.officefile.schema_people import PersonTable, PhoneTable
from pbx.officefile.schema_rotas import RotaTable
from pbx.officefile.schema_wires import MetricsTable, MqttTable, NetworkTable, TrunkTable


class Table(BaseModel):
    """A table that holds nothing but its own keys."""

    model_config = CLOSED


class OfficeTable(Table):
    """[office]."""

    name: Title
    timezone: Zone
    number: E164
    language: Language = "en"
    country: Country = "US"
    inbox: Id = "everyone"


class OutboundTable(Table):
    """[outbound]: calls that we place; `allow` names what the country's rules would refuse."""

    allow: list[NumberStart] = []
    per_day: Annotated[int, Field(ge=1, le=1000)] = 40
    minutes: Annotated[int, Field(ge=1, le=240)] = 60
    at_once: Annotated[int, Field(ge=1, le=100)] = 4


class LineTable(Table):
    """[[lines]]; a line with an `owner` is that physician's direct line."""

    did: E164
    name: Id
    menus: dict[HoursState, Id] = {}
    schedule: Id = "office"
    owner: Id | None = None


class DaysTable(Table):
    """Which days: one (`on`), a range (`from`, `to`, both included) or each year's (`every`)."""

    on: Date | None = None
    from_: Annotated[Date | None, Field(alias="from")] = None
    to: Date | None = None
    every: YearlyText | None = None
    reason: Sentence

    @model_validator(mode="after")
    def _one_kind_of_days(self) -> Self:
        given = [word for word in (self.on, self.from_, self.every) if word is not None]
        if len(given) != 1 or (self.to is not None) != (self.from_ is not None):
            raise ValueError("name the days either with 'on', or 'from' and 'to', or 'every'")
        if self.from_ is not None and self.to is not None and self.to < self.from_:
            raise refused("backwards-period", f"'to' ({self.to}) is before 'from' ({self.from_})")
        return self


class ClosureTable(DaysTable):
    """[[closures]]; with `between` only a part of these days."""

    between: Span | None = None
    schedule: Id | None = None


class OpeningTable(DaysTable):
    """[[openings]]: these days have these hours, whatever the weekday says."""

    hours: Annotated[list[Period], Field(min_length=1)]
    schedule: Id = "office"


class WhenTable(Table):
    """A rule's conditions."""

    line: Id | None = None
    hours: HoursState | None = None
    schedule: Id | None = None
    urgency: Urgency | None = None
    caller: Literal["anonymous", "known", "unknown"] | None = None
    flag: Sentence | None = None
    repeat: Repeat | None = None
    panel: Id | None = None
    days: Days | None = None
    time: Span | None = None


class DoTable(Table):
    """An action: exactly one of ring, transfer, ladder, message, announce and reject."""

    ring: Id | None = None
    transfer: Id | None = None
    for_: Annotated[Seconds, Field(alias="for")] = 20
    then: Urgency = "routine"
    else_: Annotated[Id | None, Field(alias="else")] = None
    ladder: Id | None = None
    message: Urgency | None = None
    announce: Annotated[list[Prompt], Field(min_length=1)] | None = None
    reject: Literal[True] | None = None

    def actions(self) -> list[str]:
        """Name the actions that are given."""
        words = ("ring", "transfer", "ladder", "message", "announce", "reject")
        return [word for word in words if getattr(self, word) is not None]


class KeyTable(DoTable):
    """What a key of a menu does: an action, or another menu."""

    menu: Id | None = None

    def actions(self) -> list[str]:
        """Name the actions that are given, the way to another menu included."""
        return [*super().actions(), *(["menu"] if self.menu is not None else [])]


Choice = Annotated[
    Annotated[Urgency, Tag("(word)")] | Annotated[KeyTable, Tag("(table)")],
    Discriminator(lambda value: "(word)" if isinstance(value, str) else "(table)"),
]


class MenuTable(BaseModel):
    """[menu.ID]: what is said, and a meaning for each key."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[Key, Choice]

    say: Annotated[list[Prompt], Field(min_length=1)]
    otherwise: Choice


class RuleTable(Table):
    """[[rules]]."""

    name: Sentence
    when: WhenTable = WhenTable()
    do: DoTable


class OfficeFile(Table):
    """The whole of office.toml."""

    office: OfficeTable
    trunk: TrunkTable
    network: NetworkTable = NetworkTable()
    outbound: OutboundTable = OutboundTable()
    mqtt: MqttTable | None = None
    metrics: MetricsTable | None = None
    retention: RetentionTable = RetentionTable()
    lines: Annotated[list[LineTable], Field(min_length=1)]
    hours: dict[Days, list[Period]] = {}
    schedule: dict[Id, dict[Days, list[Period]]] = {}
    closures: list[ClosureTable] = []
    openings: list[OpeningTable] = []
    people: dict[Id, PersonTable] = {}
    phones: dict[Id, PhoneTable] = {}
    groups: dict[Id, list[Id]] = {}
    menu: dict[Id, MenuTable] = {}
    rota: dict[Id, RotaTable] = {}
    ladder: dict[Id, LadderTable] = {}
    rules: Annotated[list[RuleTable], Field(min_length=1)]
