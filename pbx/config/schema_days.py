"""The shape of days in office.toml: closures, openings, seasons, and the office's holidays."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Discriminator, Field, Tag, model_validator

from pbx.config.fields import (
    CLOSED,
    ClosedText,
    Date,
    Days,
    HolidayText,
    Id,
    Periods,
    Sentence,
    Span,
    YearlyText,
    refusal_error,
)
from routing import window_texts

_LIST = re.compile(r"[a-z][a-z0-9_-]{0,30}")


class DaysTable(BaseModel):
    """Which days: one (`on`), a range (`from`, `to`, both included) or each year's or month's.

    Those (`every`) are a day such as "July 4 observed" or a range such as "12-24 to 01-01".
    """

    model_config = CLOSED

    on: Date | None = None
    """One day."""
    from_: Annotated[Date | None, Field(alias="from")] = None
    """The first day of several."""
    to: Date | None = None
    """The last of them, included."""
    every: YearlyText | None = None
    """A day of each year or month, or a range of each year."""
    reason: Sentence
    """Shown where the day is explained."""

    @model_validator(mode="after")
    def _one_kind_of_days(self) -> Self:
        given = [word for word in (self.on, self.from_, self.every) if word is not None]
        if len(given) != 1 or (self.to is not None) != (self.from_ is not None):
            raise ValueError("name the days either with 'on', or 'from' and 'to', or 'every'")
        if self.from_ is not None and self.to is not None and self.to < self.from_:
            raise refusal_error(
                "backwards-period", f"'to' ({self.to}) is before 'from' ({self.from_})"
            )
        return self


class ClosureTable(DaysTable):
    """[[closures]]; with `between` only a part of these days."""

    every: ClosedText | None = None
    """A day of each year or month, a range of each year, or `holidays`: those of `[holidays]`."""
    reason: Sentence | Literal[""]
    """Shown where the day is explained; needed for all but holidays, which have their names."""
    between: Span | None = None
    """The part of the day that is closed; without it, all of it."""
    office_hours: Id | None = None
    """One set of office hours; without it, every one."""

    @model_validator(mode="before")
    @classmethod
    def _holidays_have_names(cls, table: Any) -> Any:
        """Ask for no reason where holidays have theirs."""
        if isinstance(table, dict) and "holiday" in str(table.get("every", "")).lower():
            return {"reason": "", **table}
        return table

    @property
    def holidays(self) -> str | None:
        """Name the list of holidays that it closes on; "" stands for all of them."""
        every = self.every or ""
        return window_texts.holiday_list(every) if "holiday" in every.lower() else None

    @property
    def title(self) -> str:
        """Name it in a sentence."""
        return self.reason or self.every or ""


class OpeningTable(DaysTable):
    """[[openings]]: these days have these hours, whatever weekday, season and closures say."""

    hours: Annotated[Periods, Field(min_length=1)]
    """What the day has, whatever weekday and closures say."""
    office_hours: Id = "office"
    """Whose day it is."""


class SeasonTable(DaysTable):
    """[[seasons]]: the hours by weekday of a part of the year; closures hold in it, too."""

    hours: Annotated[dict[Days, Periods], Field(min_length=1)]
    """Every weekday that the office hours is open on, with its hours or `closed`."""
    office_hours: Id = "office"
    """Whose hours they are."""


Holidays = dict[Sentence, HolidayText]


def _lists_are_ids(tables: dict[str, str | dict[str, str]]) -> dict[str, str | dict[str, str]]:
    """Refuse a list whose name a window could not be written with."""
    for name, value in tables.items():
        if isinstance(value, dict) and not _LIST.fullmatch(name):
            raise ValueError(f"'{name[:60]}' is no name for a list of holidays, such as 'major'")
    return tables


HolidaysTable = Annotated[
    dict[
        Sentence,
        Annotated[
            Annotated[HolidayText, Tag("(word)")]
            | Annotated[Holidays, Field(min_length=1), Tag("(table)")],
            Discriminator(lambda value: "(table)" if isinstance(value, dict) else "(word)"),
        ],
    ],
    AfterValidator(_lists_are_ids),
]
