"""The shape of office.toml: what each table may hold, checked before anything is built from it."""

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
    """A table that holds nothing but its own keys."""

    model_config = CLOSED


class OfficeTable(ClosedTable):
    """[office]."""

    name: Title
    """What callers' screens and reports call the practice."""
    timezone: Zone
    """Whose clock all times of this file are."""
    number: E164
    """What everybody whom the office calls sees, unless a direct line has its own."""
    language: Language = "en"
    """Of the prompts; with `country`, also how people of the office read dates and times."""
    country: Country = "US"
    """Whose numbers may be called without `[outbound] allow`, and are written without a code."""
    inbox: Id = "everyone"
    """Who owns the messages: a group, a person, a desk phone, or `everyone`."""


class OutboundTable(ClosedTable):
    """[outbound]: calls that we place; `allow` names what the country's rules would refuse."""

    allow: list[NumberStart] = []
    """Numbers beyond the rules of the office's country; a premium number up to what it is."""
    per_day: Annotated[int, Field(ge=1, le=1000)] = 40
    """Calls that one person may place in a day."""
    minutes: Annotated[int, Field(ge=1, le=240)] = 60
    """After so long a call is ended."""
    at_once: Annotated[int, Field(ge=1, le=100)] = 4
    """Calls that all may have at a time."""


class LineTable(ClosedTable):
    """[[lines]]; a line with an `owner` is that physician's direct line.

    Hospitals and labs on a `backline` are not told when to dial 911, and are asked for their direct
    number. A line that does not say it is one if it has neither menus nor an owner, and another has
    menus.
    """

    did: E164
    """The number that is dialed."""
    name: Id
    """What rules and reports call the line."""
    menus: dict[HoursState, Id] = {}
    """Which menu a caller hears, for `open` and `closed`; without one, none."""
    office_hours: Id = "office"
    """Whose hours count."""
    owner: Id | None = None
    """The physician whose direct line it is."""
    backline: bool | None = None
    """Whether hospitals and labs call here; without it, a line beside one with menus is that."""


class WhenTable(ClosedTable):
    """A rule's conditions."""

    line: Id | None = None
    """The line that was called, by its name."""
    hours: HoursState | None = None
    """The state of the line's office hours."""
    office_hours: Id | None = None
    """With `hours`: of this office hours instead."""
    urgency: Urgency | None = None
    """As the caller keyed it, or as silence and wrong keys mean."""
    caller: Literal["anonymous", "known", "unknown"] | None = None
    """Without a number, in the directory, or not in it."""
    flag: Sentence | None = None
    """A flag that the directory has for the caller."""
    repeat: Repeat | None = None
    """So many calls of one number within so many minutes, this one included."""
    panel: Id | None = None
    """The physician whose patient calls."""
    days: Days | None = None
    """The weekdays."""
    time: Span | None = None
    """The time of the day."""


class DoTable(ClosedTable):
    """An action: exactly one of ring, transfer, escalation policy, message, announce and reject."""

    ring: Id | None = None
    """A group, person, desk phone, `oncall`, or `own`: the caller's physician, else the line's."""
    transfer: Id | None = None
    """Somebody whose role is `service`, who accepts by answering."""
    for_: Annotated[Seconds, Field(alias="for")] = 20
    """How long `ring` and `transfer` ring."""
    then: Urgency = "routine"
    """After them: the kind of message that is taken."""
    else_: Annotated[Id | None, Field(alias="else")] = None
    """After them: an escalation policy instead of a message."""
    escalation: Id | None = None
    """Try the people of an escalation policy."""
    message: Urgency | None = None
    """Take a message of this kind."""
    announce: Annotated[list[Prompt], Field(min_length=1)] | None = None
    """Say these, such as `announce-closed`, and end the call."""
    reject: Literal[True] | None = None
    """Refuse the call."""

    def actions(self) -> list[str]:
        """Name the actions that are given."""
        words = ("ring", "transfer", "escalation", "message", "announce", "reject")
        return [word for word in words if getattr(self, word) is not None]


class KeyTable(DoTable):
    """What a key of a menu does: an action, or another menu."""

    menu: Id | None = None
    """Go on to another menu."""

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
    """What the caller hears."""
    otherwise: Choice
    """What silence and every other key mean."""


class RuleTable(ClosedTable):
    """[[rules]]."""

    name: Sentence
    """What explanations call the rule."""
    when: WhenTable = WhenTable()
    """Its conditions, which all must hold; the last rule has none."""
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
    """When the office is open; a period belongs to the day on which it begins."""
    office_hours: dict[Id, dict[Days, Periods]] = {}
    """Other hours, for lines and closures that name them."""
    holidays: HolidaysTable = {}
    """The office's holidays, each a name with its days; a table in it is a list of its own."""
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
