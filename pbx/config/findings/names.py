"""Names in an office.toml that the file does not define, and names that it defines twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pbx.config.findings.draft import Draft, listed, near
from pbx.config.findings.lines import Path
from routing import model, window_texts

if TYPE_CHECKING:
    from pbx.config.findings.finding import Finding
    from pbx.config.schema import DoTable
    from pbx.config.schema_schedules import LayerTable, ScheduleTable

# The place of a use, its name for sentences, the word, and the valid words.
Use = tuple[Path, str, str | None, Iterable[str]]

SECRETS = ("mobile", "second")  # contacts whose numbers the secrets file holds
RESERVED = frozenset({model.ONCALL, model.BACKUP, model.EVERYONE, model.OWN, "next", *SECRETS})


def find(draft: Draft) -> Iterator[Finding]:
    """Find unknown names, duplicate names, and names with two meanings."""
    for path, where, word, known in (*_tables(draft), *_schedules(draft), *_policy(draft)):
        if word is not None and word not in known:
            found = draft.find(
                "unknown-name",
                path,
                where,
                f"this file has no '{word}' (it has {listed(known)})",
                near(word, known, "Use one of these, or add this one to the file."),
            )
            yield replace(found, about=word)
    yield from _holidays(draft)
    yield from _doubles(draft)


def _holidays(draft: Draft) -> Iterator[Finding]:
    """Find closures and layers that use holidays which the file does not define."""
    named = draft.raw.get("holidays")
    tables = named if isinstance(named, dict) else {}
    lists = [name for name, value in tables.items() if isinstance(value, dict)]
    asked: list[tuple[Path, str, str | None]] = [
        (("closures", number, "every"), f"closure '{one.title}'", one.holidays)
        for number, one in enumerate(draft.file.closures)
    ]
    for name, schedule in draft.file.schedule.items():
        own: Path = ("schedule", name)
        layers = [
            (own, schedule.only),
            *(((*own, "layers", at), one.only) for at, one in enumerate(schedule.layers)),
        ]
        asked += (
            ((*path, "only", number), f"schedule {name}", asked_list)
            for path, only in layers
            for number, text in enumerate(only or ())
            for asked_list in window_texts.lists(text)
        )
    for path, where, word in asked:
        if word == "" and not tables:
            message = "this file has no [holidays]"
            yield draft.find("unknown-name", path, where, message, "Add them under [holidays].")
        elif word and word not in lists:
            message = f"this file has no list of holidays '{word}' (it has {listed(lists)})"
            fix = near(word, lists, f"Add its days under [holidays.{word}].")
            yield draft.find("unknown-name", path, where, message, fix)


def _tables(draft: Draft) -> Iterator[Use]:
    """List the names that lines, days, people and groups use."""
    file = draft.file
    people, phones = draft.names("people"), draft.names("phones")
    office_hours = {model.OFFICE, *draft.names("office_hours")}
    at: Path
    for number, line in enumerate(file.lines):
        at = ("lines", number)
        where = f"line {line.name}"
        for state, menu in line.menus.items():
            yield (*at, "menus", state), f"{where}, menu", menu, draft.names("menu")
        yield (*at, "office_hours"), f"{where}, office hours", line.office_hours, office_hours
        yield (*at, "owner"), f"{where}, owner", line.owner, people
    for number, closure in enumerate(file.closures):
        at = ("closures", number, "office_hours")
        yield at, f"closure '{closure.title}', office hours", closure.office_hours, office_hours
    for number, opening in enumerate(file.openings):
        at = ("openings", number, "office_hours")
        yield at, f"opening '{opening.reason}', office hours", opening.office_hours, office_hours
    for number, season in enumerate(file.seasons):
        at = ("seasons", number, "office_hours")
        yield at, f"season '{season.reason}', office hours", season.office_hours, office_hours
    for name, person in file.people.items():
        for number, contact in enumerate(person.contacts):
            at = ("people", name, "contacts", number, "via")
            yield at, f"person {name}, contact", contact.via, {*SECRETS, *phones}
    for name, members in file.groups.items():
        for number, member in enumerate(members):
            yield ("groups", name, number), f"group {name}", member, {*people, *phones}
    owners = {model.EVERYONE, *draft.names("groups"), *people}
    yield ("office", "inbox"), "office.inbox", file.office.inbox, owners


def _schedules(draft: Draft) -> Iterator[Use]:
    people = draft.names("people")
    for name, schedule in draft.file.schedule.items():
        at: Path = ("schedule", name)
        where = f"schedule {name}"
        for number, person in enumerate(schedule.rotation or []):
            yield (*at, "rotation", number), where, person, people
        for layer_number, layer in enumerate(schedule.layers):
            for number, person in enumerate(layer.rotation):
                yield (*at, "layers", layer_number, "rotation", number), where, person, people
            yield from _joining((*at, "layers", layer_number), where, layer)
        yield from _joining(at, where, schedule)
        for number, shift in enumerate(schedule.shifts):
            yield (*at, "shifts", number, "person"), f"{where}, shift", shift.person, people
        backups = {"next", *people, *draft.names("schedule")}
        yield (*at, "backup"), f"{where}, backup", schedule.backup, backups


def _joining(at: Path, where: str, layer: LayerTable | ScheduleTable) -> Iterator[Use]:
    """List the people who join or leave a rotation; they must be in it."""
    for key, days in (("joins", layer.joins), ("leaves", layer.leaves)):
        for person in days or {}:
            yield (*at, key, person), f"{where}, {key}", person, layer.rotation or ()


def _policy(draft: Draft) -> Iterator[Use]:
    """List the names that escalation policies, rules and menu keys use."""
    people = draft.names("people")
    callable_ = {*draft.names("groups"), *people, *draft.names("phones")}
    words = {model.ONCALL, model.BACKUP, model.EVERYONE, model.OWN}
    at: Path
    for name, escalation in draft.file.escalation.items():
        at = ("escalation", name)
        yield (
            (*at, "schedule"),
            f"escalation policy {name}, schedule",
            escalation.schedule,
            draft.names("schedule"),
        )
        for number, step in enumerate(escalation.live):
            yield (
                (*at, "live", number, "try"),
                f"escalation policy {name}",
                step.try_,
                callable_ | words,
            )
    for number, rule in enumerate(draft.file.rules):
        at = ("rules", number, "when")
        where = f"rule '{rule.name}'"
        office_hours = {model.OFFICE, *draft.names("office_hours")}
        yield (*at, "line"), f"{where}, line", rule.when.line, draft.names("lines")
        yield (*at, "office_hours"), f"{where}, office hours", rule.when.office_hours, office_hours
        yield (*at, "panel"), f"{where}, panel", rule.when.panel, people
    rung = {model.OWN, model.ONCALL, *callable_}
    for path, where, do in draft.actions():
        yield (*path, "ring"), f"{where}, ring", do.ring, rung
        yield (*path, "transfer"), f"{where}, transfer", do.transfer, people
        yield (
            (*path, "escalation"),
            f"{where}, escalation policy",
            do.escalation,
            draft.names("escalation"),
        )
        yield (*path, "else"), f"{where}, else", do.else_, draft.names("escalation")
        yield (*path, "menu"), f"{where}, menu", _menu(do), draft.names("menu")


def _menu(do: DoTable) -> str | None:
    menu: str | None = getattr(do, "menu", None)  # keys of a menu may lead to another one
    return menu


def _doubles(draft: Draft) -> Iterator[Finding]:
    """Find names that two things have."""
    for field, code in (("did", "duplicate-line"), ("name", "duplicate-line")):
        values = Counter(getattr(line, field) for line in draft.file.lines)
        for number, line in enumerate(draft.file.lines):
            value = getattr(line, field)
            if values[value] > 1 and any(
                getattr(one, field) == value for one in draft.file.lines[:number]
            ):
                path = ("lines", number, field)
                message = f"a line above has the same {field}, '{value}'"
                fix = f"Give one of the two lines another {field}."
                yield draft.find(code, path, f"line {line.name}", message, fix)
    given: dict[str, str] = {}
    for table in ("people", "phones", "groups"):
        for name in draft.names(table):
            if name in RESERVED:
                message = f"'{name}' is a reserved word"
            elif name in given:
                message = f"[{given[name]}] also has a '{name}'"
            else:
                given[name] = table
                continue
            fix = "Rename it, also where it is used."
            yield draft.find("duplicate-name", (table, name), f"{table}.{name}", message, fix)
    yield from _shadowed(draft)


def _shadowed(draft: Draft) -> Iterator[Finding]:
    fix = "Rename it, also where it is used."
    if model.OFFICE in draft.names("office_hours"):
        message = "'office' already names the office hours in [hours]"
        yield draft.find(
            "duplicate-name", ("office_hours", "office"), "office_hours.office", message, fix
        )
    for name in draft.names("schedule"):
        if name == "next" or name in draft.names("people"):
            message = f"as a 'backup', '{name}' would not mean this schedule"
            yield draft.find("duplicate-name", ("schedule", name), f"schedule.{name}", message, fix)
    seen: set[str] = set()
    for number, rule in enumerate(draft.file.rules):
        if rule.name in seen:
            yield draft.find(
                "rule-same-name",
                ("rules", number, "name"),
                f"rule '{rule.name}'",
                "a rule above has the same name",
                "Rename one of the two, so that the call log can tell them apart.",
            )
        seen.add(rule.name)
