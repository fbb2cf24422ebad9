"""The schema of days in office.toml: closures, openings, seasons and holidays."""

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
    """The days: one (`on`), a range (`from` and `to`, both included), or repeated ones (`every`).

    `every` takes a day such as "July 4 observed" or a range such as "12-24 to 01-01".
    """

    model_config = CLOSED

    on: Date | None = None
    """One day."""
    from_: Annotated[Date | None, Field(alias="from")] = None
    """The first day of several."""
    to: Date | None = None
    """The last day of several, included."""
    every: YearlyText | None = None
    """A day of every year or month, or a range of every year."""
    reason: Sentence
    """The reason, shown wherever the day is explained."""

    @model_validator(mode="after")
    def _one_kind_of_days(self) -> Self:
        given = [word for word in (self.on, self.from_, self.every) if word is not None]
        if len(given) != 1 or (self.to is not None) != (self.from_ is not None):
            raise ValueError("write the days with 'on', with 'from' and 'to', or with 'every'")
        if self.from_ is not None and self.to is not None and self.to < self.from_:
            raise refusal_error(
                "backwards-period", f"'to' ({self.to}) is before 'from' ({self.from_})"
            )
        return self


class ClosureTable(DaysTable):
    """[[closures]]: days on which the office is closed, or closed for some hours."""

    every: ClosedText | None = None
    """A day of every year or month, a range of every year, or `holidays` (all in `[holidays]`)."""
    reason: Sentence | Literal[""]
    """The reason, shown wherever the day is explained. Holidays need none."""
    between: Span | None = None
    """The hours that are closed. Default: the whole day."""
    office_hours: Id | None = None
    """The office hours that are closed. Default: all."""

    @model_validator(mode="before")
    @classmethod
    def _holidays_have_names(cls, table: Any) -> Any:
        """Allow a closure on holidays to have no reason."""
        if isinstance(table, dict) and "holiday" in str(table.get("every", "")).lower():
            return {"reason": "", **table}
        return table

    @property
    def holidays(self) -> str | None:
        """Return the name of its list of holidays; "" for all, None if it is for other days."""
        every = self.every or ""
        return window_texts.holiday_list(every) if "holiday" in every.lower() else None

    @property
    def title(self) -> str:
        """Return its name for use in sentences."""
        return self.reason or self.every or ""


class OpeningTable(DaysTable):
    """[[openings]]: days with hours of their own, which override weekdays, seasons and closures."""

    hours: Annotated[Periods, Field(min_length=1)]
    """The hours of these days."""
    office_hours: Id = "office"
    """The office hours that are changed."""


class SeasonTable(DaysTable):
    """[[seasons]]: other hours by weekday for a part of the year; closures override them."""

    hours: Annotated[dict[Days, Periods], Field(min_length=1)]
    """The hours of every weekday that is normally open, or `closed`."""
    office_hours: Id = "office"
    """The office hours that are replaced."""


Holidays = dict[Sentence, HolidayText]


def _lists_are_ids(tables: dict[str, str | dict[str, str]]) -> dict[str, str | dict[str, str]]:
    """Refuse a list of holidays whose name is not an id, because windows name it."""
    for name, value in tables.items():
        if isinstance(value, dict) and not _LIST.fullmatch(name):
            raise ValueError(
                f"'{name[:60]}' cannot name a list of holidays; use a name such as 'major'"
            )
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
