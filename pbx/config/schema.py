"""The schema of office.toml: the keys and values that each table may have."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
)

from pbx.config.fields import (
    CLOSED,
    E164,
    Country,
    Days,
    HoursState,
    Id,
    Key,
    Language,
    NumberStart,
    Periods,
    Prompt,
    Repeat,
    Seconds,
    Sentence,
    Span,
    Title,
    Urgency,
    Zone,
)
from pbx.config.schema_days import ClosureTable, HolidaysTable, OpeningTable, SeasonTable
from pbx.config.schema_escalations import EscalationTable
from pbx.config.schema_network import MetricsTable, MqttTable, NetworkTable, TrunkTable
from pbx.config.schema_people import PersonTable, PhoneTable
from pbx.config.schema_retention import RetentionTable
from pbx.config.schema_schedules import ScheduleTable


class ClosedTable(BaseModel):
    """A table that refuses unknown keys."""

    model_config = CLOSED


class OfficeTable(ClosedTable):
    """[office]."""

    name: Title
    """The name of the practice, shown on phones and in reports."""
    timezone: Zone
    """The time zone of all times in this file."""
    number: E164
    """The caller ID of outgoing calls, except those from a physician's direct line."""
    language: Language = "en"
    """The language of the prompts and, with `country`, of dates and times."""
    country: Country = "US"
    """Its numbers may be called without `[outbound] allow`, and written without a country code."""
    inbox: Id = "everyone"
    """Who handles the messages: a group, a person, a desk phone, or `everyone`."""


class OutboundTable(ClosedTable):
    """[outbound]: calls that the office places, and their limits."""

    allow: list[NumberStart] = []
    """Prefixes that may be called although the rules of the office's country refuse them."""
    per_day: Annotated[int, Field(ge=1, le=1000)] = 40
    """The number of calls that one person may place in a day."""
    minutes: Annotated[int, Field(ge=1, le=240)] = 60
    """The number of minutes after which a call is ended."""
    at_once: Annotated[int, Field(ge=1, le=100)] = 4
    """The number of calls that may exist at the same time."""


class LineTable(ClosedTable):
    """[[lines]]; a line with an `owner` is that physician's direct line.

    Hospitals and labs on a `backline` do not hear when to dial 911, and are asked for their direct
    number. Without the key, a line is a backline if it has neither menus nor an owner, and another
    line has menus.
    """

    did: E164
    """The number that callers dial."""
    name: Id
    """The name of the line in rules and reports."""
    menus: dict[HoursState, Id] = {}
    """The menu that a caller hears when the office is `open` or `closed`. Default: no menu."""
    office_hours: Id = "office"
    """The office hours of this line."""
    owner: Id | None = None
    """The physician whose direct line this is."""
    backline: bool | None = None
    """Whether hospitals and labs call here. Default: see above."""


class WhenTable(ClosedTable):
    """A rule's conditions."""

    line: Id | None = None
    """The line that was called, by its name."""
    hours: HoursState | None = None
    """The state of the line's office hours."""
    office_hours: Id | None = None
    """With `hours`: use these office hours instead of the line's."""
    urgency: Urgency | None = None
    """What the caller chose in the menu, or what silence and wrong keys mean there."""
    caller: Literal["anonymous", "known", "unknown"] | None = None
    """Whether the caller sends no number, is in the directory, or is not in it."""
    flag: Sentence | None = None
    """A flag of the caller in the directory."""
    repeat: Repeat | None = None
    """The number of calls from one number within some minutes, including this one."""
    panel: Id | None = None
    """The physician whose patient calls."""
    days: Days | None = None
    """Weekdays."""
    time: Span | None = None
    """The time of day."""


class DoTable(ClosedTable):
    """An action: exactly one of ring, transfer, escalation, message, announce and reject."""

    ring: Id | None = None
    """A group, person, desk phone, `oncall`, or `own` (the caller's or the line's physician)."""
    transfer: Id | None = None
    """A person with the role `service`, who accepts calls by answering."""
    for_: Annotated[Seconds, Field(alias="for")] = 20
    """How many seconds `ring` and `transfer` ring."""
    then: Urgency = "routine"
    """If nobody answers: take a message of this kind."""
    else_: Annotated[Id | None, Field(alias="else")] = None
    """If nobody answers: use this escalation policy instead of a message."""
    escalation: Id | None = None
    """Use this escalation policy."""
    message: Urgency | None = None
    """Take a message of this kind."""
    announce: Annotated[list[Prompt], Field(min_length=1)] | None = None
    """Play these prompts, such as `announce-closed`, and end the call."""
    reject: Literal[True] | None = None
    """Refuse the call."""

    def actions(self) -> list[str]:
        """List the actions that the table has."""
        words = ("ring", "transfer", "escalation", "message", "announce", "reject")
        return [word for word in words if getattr(self, word) is not None]


class KeyTable(DoTable):
    """The meaning of a key in a menu: an action, or another menu."""

    menu: Id | None = None
    """Play another menu."""

    def actions(self) -> list[str]:
        """List the actions that the table has, including another menu."""
        return [*super().actions(), *(["menu"] if self.menu is not None else [])]


Choice = Annotated[
    Annotated[Urgency, Tag("(word)")] | Annotated[KeyTable, Tag("(table)")],
    Discriminator(lambda value: "(word)" if isinstance(value, str) else "(table)"),
]


class MenuTable(BaseModel):
    """[menu.ID]: prompts, and the meaning of each key."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[Key, Choice]

    say: Annotated[list[Prompt], Field(min_length=1)]
    """The prompts that the caller hears."""
    otherwise: Choice
    """The meaning of silence and of all other keys."""


class RuleTable(ClosedTable):
    """[[rules]]."""

    name: Sentence
    """The name of the rule in explanations and the call log."""
    when: WhenTable = WhenTable()
    """Conditions that must all be true; the last rule has none."""
    do: DoTable
    """What happens to the call."""


class OfficeFile(ClosedTable):
    """The whole of office.toml."""

    office: OfficeTable
    trunk: TrunkTable
    network: NetworkTable = NetworkTable()
    outbound: OutboundTable = OutboundTable()
    mqtt: MqttTable | None = None
    metrics: MetricsTable | None = None
    retention: RetentionTable = RetentionTable()
    lines: Annotated[list[LineTable], Field(min_length=1)]
    hours: dict[Days, Periods] = {}
    """When the office is open. A period over midnight belongs to the day on which it begins."""
    office_hours: dict[Id, dict[Days, Periods]] = {}
    """Other office hours, for the lines and closures that use them."""
    holidays: HolidaysTable = {}
    """The office's holidays, each a name with its days. A table in it is a separate list."""
    closures: list[ClosureTable] = []
    openings: list[OpeningTable] = []
    seasons: list[SeasonTable] = []
    people: dict[Id, PersonTable] = {}
    phones: dict[Id, PhoneTable] = {}
    groups: dict[Id, list[Id]] = {}
    """People or desk phones that ring together."""
    menu: dict[Id, MenuTable] = {}
    schedule: dict[Id, ScheduleTable] = {}
    escalation: dict[Id, EscalationTable] = {}
    rules: Annotated[list[RuleTable], Field(min_length=1)]
