"""office.toml, read and checked and made into a frozen plan; all its mistakes told at once."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pbx.errors import ConfigError
from routing import model

if TYPE_CHECKING:
    from pbx import schema

SIZE_LIMIT = 1_000_000  # bytes; a practice's file has a few thousand
LADDER_WORDS = (model.ONCALL, model.BACKUP, model.EVERYONE)


@dataclass(frozen=True)
class Configuration:
    """A plan, and beside it what only the wiring needs: the trunk and the network."""

    path: Path
    plan: model.Plan
    trunk: schema.TrunkTable
    network: schema.NetworkTable


def load(path: Path, presets: Path) -> Configuration:
    """Read and check office.toml; raise ConfigError with every mistake, a line for each."""
    text = _text(path)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}; mend that line.") from error
    _apply_preset(raw, path, presets)
    file = _checked(raw, path)
    problems = [*_unknown_names(file), *_unended_rules(file)]
    try:
        hours = _hours(file)
    except ValueError as error:
        problems.append(str(error))
    if problems:
        raise _mistakes(path, problems)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return Configuration(path, _plan(file, hours, digest), file.trunk, file.network)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise ConfigError(f"{path} is over {SIZE_LIMIT} bytes, too large for a configuration.")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"There is no configuration at {path}; name yours with --config FILE."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}); check the file.") from error


def _mistakes(path: Path, problems: list[str]) -> ConfigError:
    if len(problems) == 1:
        return ConfigError(f"{path}: {problems[0]}.")
    listed = "".join(f"\n  {problem}" for problem in problems)
    return ConfigError(f"{path} has {len(problems)} mistakes:{listed}")


def _apply_preset(raw: dict[str, Any], path: Path, presets: Path) -> None:
    trunk = raw.get("trunk")
    if not isinstance(trunk, dict) or "preset" not in trunk:
        return
    known = tomllib.loads(presets.read_text(encoding="utf-8"))
    name = trunk["preset"]
    if name not in known:
        raise ConfigError(
            f"{path}: [trunk] preset '{name}' is unknown; there are {', '.join(sorted(known))}."
        )
    raw["trunk"] = {**{key: value for key, value in known[name].items() if value}, **trunk}


def _checked(raw: dict[str, Any], path: Path) -> schema.OfficeFile:
    from pydantic import ValidationError

    from pbx import schema

    try:
        return schema.OfficeFile.model_validate(raw)
    except ValidationError as error:
        problems = []
        for found in error.errors(include_url=False):
            where = ".".join(str(part) for part in found["loc"])
            problems.append(f"{where}: {found['msg'].removeprefix('Value error, ')}")
        raise _mistakes(path, problems) from error


def _unknown_names(file: schema.OfficeFile) -> list[str]:
    """Find every word that names nobody and nothing in the file."""
    lines = {line.name for line in file.lines}
    callable_ = {*file.people, *file.phones}
    uses: list[tuple[str, str | None, set[str]]] = []
    for line in file.lines:
        uses += [(f"line {line.name}, menu", menu, set(file.menu)) for menu in line.menus.values()]
    for name, members in file.groups.items():
        uses += [(f"group {name}", member, callable_) for member in members]
    for name, rota in file.rota.items():
        uses += [(f"rota {name}", person, set(file.people)) for person in rota.rotation]
        uses.append((f"rota {name}, backup", rota.backup, {"next", *file.people}))
    for name, ladder in file.ladder.items():
        known = {*LADDER_WORDS, *file.groups, *callable_}
        uses += [(f"ladder {name}", step.try_, known) for step in ladder.live]
    for rule in file.rules:
        where = f"rule '{rule.name}'"
        uses.append((f"{where}, line", rule.when.line, lines))
        uses.append((f"{where}, ring", rule.do.ring, {*file.groups, *callable_}))
        uses.append((f"{where}, ladder", rule.do.ladder, set(file.ladder)))
    return [
        f"{where}: '{word}' is not in this file (there is {', '.join(sorted(known)) or 'nothing'})"
        for where, word, known in uses
        if word is not None and word not in known
    ]


def _unended_rules(file: schema.OfficeFile) -> list[str]:
    problems = []
    for rule in file.rules:
        do = rule.do
        words = (do.ring, do.ladder, do.message, do.announce, do.reject)
        if sum(word is not None for word in words) != 1:
            problems.append(f"rule '{rule.name}': 'do' must name exactly one action")
    if file.rules[-1].when.model_dump(exclude_none=True):
        problems.append("the last rule must have no conditions, so that every call has an end")
    for name, ladder in file.ladder.items():
        for number, step in enumerate(ladder.live, start=1):
            if (step.try_ is None) == (step.wait is None):
                problems.append(f"ladder {name}, step {number}: name either 'try' or 'wait'")
    return problems


def _hours(file: schema.OfficeFile) -> tuple[model.Period, ...]:
    """Turn `mon-thu = ["08:30-12:00"]` into periods."""
    from pbx.schema import WEEKDAYS

    periods = []
    for days, spans in file.hours.items():
        first, _, last = days.partition("-")
        last = last or first
        if first not in WEEKDAYS or last not in WEEKDAYS:
            raise ValueError(f"hours: '{days}' is no weekday or range such as mon-thu")
        for span in spans:
            start, _, end = span.partition("-")
            try:
                period = time.fromisoformat(start), time.fromisoformat(end)
            except ValueError as error:
                raise ValueError(
                    f"hours {days}: '{span}' is no span such as 08:30-12:00"
                ) from error
            if period[0] >= period[1]:
                raise ValueError(f"hours {days}: '{span}' ends before it begins")
            day, until = WEEKDAYS.index(first), WEEKDAYS.index(last)
            count = (until - day) % 7 + 1
            periods += [model.Period((day + step) % 7, *period) for step in range(count)]
    return tuple(periods)


def _plan(file: schema.OfficeFile, hours: tuple[model.Period, ...], digest: str) -> model.Plan:
    office = file.office
    return model.Plan(
        office=model.Office(office.name, office.number, ZoneInfo(office.timezone), office.language),
        lines=tuple(model.Line(line.did, line.name, dict(line.menus)) for line in file.lines),
        hours=hours,
        closures=tuple(model.Closure(closure.on, closure.reason) for closure in file.closures),
        people={key: model.Person(key, one.name, one.role) for key, one in file.people.items()},
        phones={key: model.Phone(key, one.name) for key, one in file.phones.items()},
        groups={key: model.Group(key, tuple(members)) for key, members in file.groups.items()},
        menus={
            key: model.Menu(key, tuple(menu.say), menu.__pydantic_extra__, menu.otherwise)
            for key, menu in file.menu.items()
        },
        rotas={key: _rota(key, rota) for key, rota in file.rota.items()},
        ladders={
            key: model.Ladder(key, tuple(_step(step) for step in ladder.live))
            for key, ladder in file.ladder.items()
        },
        rules=tuple(_rule(rule) for rule in file.rules),
        hash=digest,
    )


def _rota(key: str, rota: schema.RotaTable) -> model.Rota:
    from pbx.schema import WEEKDAYS

    day, _, clock = rota.handoff.partition(" ")
    return model.Rota(
        name=key,
        rotation=tuple(rota.rotation),
        since=rota.since,
        handoff_weekday=WEEKDAYS.index(day),
        handoff_at=time.fromisoformat(clock),
        weeks=int(rota.every.split()[0]),
        backup=rota.backup,
    )


def _step(step: schema.StepTable) -> model.Step:
    if step.try_ is not None:
        return model.Try(step.try_, step.ring)
    return model.Pause(step.wait or 1)


def _rule(rule: schema.RuleTable) -> model.Rule:
    do = rule.do
    action: model.Action = model.Reject()
    if do.ring is not None:
        action = model.Ring(do.ring, do.for_, do.then)
    elif do.ladder is not None:
        action = model.RunLadder(do.ladder)
    elif do.message is not None:
        action = model.TakeMessage(do.message)
    elif do.announce is not None:
        action = model.Announce(tuple(do.announce))
    when = model.When(rule.when.line, rule.when.hours, rule.when.urgency)
    return model.Rule(rule.name, when, action)
