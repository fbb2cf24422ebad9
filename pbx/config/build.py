"""Build the immutable plan, which decides about calls, from a checked office.toml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from zoneinfo import ZoneInfo

from pbx.config import schema, schema_days, schema_escalations, schema_people, schema_schedules
from routing import day_names, day_spans, model, spans, turn_texts, turns, window_texts

UNITS: dict[str, model.Unit] = {
    "hour": "hours",
    "day": "days",
    "week": "weeks",
    "month": "months",
    "holiday": "holidays",
}


def plan(file: schema.OfficeFile, digest: str) -> model.Plan:
    """Build the plan; the file must have been checked."""
    office, holidays = file.office, _holidays(file)
    return model.Plan(
        office=model.Office(
            office.name,
            office.number,
            ZoneInfo(office.timezone),
            office.language,
            office.country,
            office.inbox,
        ),
        lines=tuple(
            model.Line(
                line.did,
                line.name,
                dict(line.menus),
                line.office_hours,
                line.owner,
                backline=line.backline if line.backline is not None else _backline(file, line),
            )
            for line in file.lines
        ),
        office_hours={
            key: model.OfficeHours(key, _periods(hours))
            for key, hours in {model.OFFICE: file.hours, **file.office_hours}.items()
        },
        closures=tuple(one for table in file.closures for one in _closures(table, holidays)),
        openings=tuple(_opening(opening) for opening in file.openings),
        people={key: _person(key, person) for key, person in file.people.items()},
        phones={key: model.Phone(key, phone.name) for key, phone in file.phones.items()},
        groups={key: model.Group(key, tuple(members)) for key, members in file.groups.items()},
        menus={key: _menu(key, menu) for key, menu in file.menu.items()},
        schedules={
            key: _schedule(key, schedule, holidays) for key, schedule in file.schedule.items()
        },
        escalations={
            key: _escalation(key, escalation) for key, escalation in file.escalation.items()
        },
        rules=tuple(
            model.Rule(rule.name, _when(rule.when), _action(rule.do)) for rule in file.rules
        ),
        hash=digest,
        outbound=_outbound(file.outbound),
        seasons=tuple(_season(season) for season in file.seasons),
    )


def _outbound(table: schema.OutboundTable) -> model.Outbound:
    return model.Outbound(tuple(table.allow), table.per_day, table.minutes, table.at_once)


def _windows(texts: list[str]) -> tuple[model.Window, ...]:
    return tuple(window for text in texts for window in spans.weekly_windows(text))


def _backline(file: schema.OfficeFile, line: schema.LineTable) -> bool:
    """Tell whether a line is for hospitals and labs; the default if the file does not say."""
    menus = any(one.menus for one in file.lines)  # patients have a separate line
    return menus and not line.menus and line.owner is None


def _periods(hours: dict[str, list[str]]) -> tuple[model.Window, ...]:
    return _windows([f"{days} {span}" for days, spans_ in hours.items() for span in spans_])


def _days(table: schema_days.DaysTable) -> model.Dates:
    if table.every is not None:
        return day_names.yearly(table.every)
    first = table.on or table.from_
    assert first is not None  # noqa: S101  # the schema asks for one of the three
    return model.Days(first, table.on or table.to or first)


def _holidays(file: schema.OfficeFile) -> dict[str, tuple[model.Holiday, ...]]:
    """Return the holidays by the names of their lists; "" has all of them."""
    found: dict[str, tuple[model.Holiday, ...]] = {"": ()}
    for name, value in file.holidays.items():
        days = {name: value} if isinstance(value, str) else value
        known = tuple(
            model.Holiday(one, window_texts.read_holiday(text)) for one, text in days.items()
        )
        found[""] += known
        if not isinstance(value, str):
            found[name] = known
    return found


def _closures(
    table: schema_days.ClosureTable, holidays: Mapping[str, tuple[model.Holiday, ...]]
) -> Iterator[model.Closure]:
    between = day_spans.read_span(table.between) if table.between else None
    if table.holidays is None:
        yield model.Closure(_days(table), table.reason, between, table.office_hours)
        return
    for holiday in holidays.get(table.holidays, ()):
        reason = f"{table.reason}: {holiday.name}" if table.reason else holiday.name
        yield model.Closure(holiday.when, reason, between, table.office_hours)


def _opening(table: schema_days.OpeningTable) -> model.Opening:
    hours = tuple(span for text in table.hours for span in day_spans.read_spans(text))
    return model.Opening(_days(table), table.reason, hours, table.office_hours)


def _season(table: schema_days.SeasonTable) -> model.Season:
    return model.Season(_days(table), table.reason, _periods(table.hours), table.office_hours)


def _person(key: str, table: schema_people.PersonTable) -> model.Person:
    contacts = tuple(
        model.Contact(one.via, _windows(one.only), one.confirm == "pin") for one in table.contacts
    )
    away = tuple(model.Away(spans.begin_of(one.from_), spans.end_of(one.to)) for one in table.away)
    return model.Person(
        key, table.name, table.role, contacts, table.mode, _windows(table.quiet), away
    )


def _menu(key: str, table: schema.MenuTable) -> model.Menu:
    keys = {digit: _choice(choice) for digit, choice in table.__pydantic_extra__.items()}
    return model.Menu(key, tuple(table.say), keys, _choice(table.otherwise))


def _choice(choice: model.Urgency | schema.KeyTable) -> model.Choice:
    if isinstance(choice, str):
        return choice
    return model.GoTo(choice.menu) if choice.menu is not None else _action(choice)


def _schedule(
    key: str, table: schema_schedules.ScheduleTable, holidays: window_texts.Lists
) -> model.Schedule:
    shifts = tuple(
        model.ExplicitShift(
            shift.person,
            spans.local_datetime(shift.from_),
            spans.local_datetime(shift.to),
            shift.place,
        )
        for shift in table.shifts
    )
    layers = tuple(_layer(layer, holidays) for layer in table.stack())
    return model.Schedule(key, layers, shifts, table.backup, _confirm(table.confirm))


def _confirm(wanted: bool | schema_schedules.ConfirmTable) -> model.Confirm | None:  # noqa: FBT001  # as the file has it
    if isinstance(wanted, bool):
        return model.Confirm() if wanted else None
    return model.Confirm(wanted.tries, spans.seconds(wanted.every))


def _layer(table: schema_schedules.LayerTable, holidays: window_texts.Lists) -> model.Layer:
    day, clock = turn_texts.read_turn_handoff(table.handoff or "00:00")
    count, unit = table.every.split()
    layer = model.Layer(
        rotation=tuple(table.rotation),
        since=table.since,
        at=clock,
        weekday=day if isinstance(day, int) else table.since.weekday(),
        every=int(count),
        unit=UNITS[unit.removesuffix("s")],
        day=day if isinstance(day, model.MonthDay) else model.MonthDay(table.since.day),
        until=table.until,
        joins=tuple(table.joins.items()),
        leaves=tuple(table.leaves.items()),
        place=table.place,
    )
    first = turns.first_day(layer)
    texts = (window_texts.weeks_counted_from(text, first, holidays) for text in table.only)
    return replace(layer, only=tuple(window for found in texts for window in found))


def _escalation(key: str, table: schema_escalations.EscalationTable) -> model.Escalation:
    steps = tuple(
        model.Try(step.try_, step.ring, step.confirm == "pin")
        if step.try_ is not None
        else model.Pause(step.wait or 1)
        for step in table.live
    )
    follow_up = table.follow_up
    calls = (follow_up.retry, follow_up.backup, follow_up.everyone, follow_up.breach)
    times = (*calls, follow_up.callback, follow_up.cut_off)
    return model.Escalation(
        key, steps, model.FollowUp(*(spans.seconds(text) for text in times)), table.schedule or ""
    )


def _when(table: schema.WhenTable) -> model.When:
    during = " ".join(text for text in (table.days, table.time) if text)
    count, _, minutes = (table.repeat or "").partition(" in ")
    return model.When(
        line=table.line,
        hours=table.hours,
        office_hours=table.office_hours,
        urgency=table.urgency,
        caller=table.caller,
        flag=table.flag,
        repeat=model.Repeat(int(count), int(minutes.removesuffix("m"))) if count else None,
        panel=table.panel,
        during=spans.weekly_windows(during) if during else (),
        during_text=during,
    )


def _action(table: schema.DoTable) -> model.Action:
    if table.ring is not None:
        return model.Ring(table.ring, table.for_, table.then, table.else_)
    if table.transfer is not None:
        return model.Ring(table.transfer, table.for_, table.then, table.else_)
    if table.escalation is not None:
        return model.RunEscalation(table.escalation)
    if table.message is not None:
        return model.TakeMessage(table.message)
    if table.announce is not None:
        return model.Announce(tuple(table.announce))
    return model.Reject()
