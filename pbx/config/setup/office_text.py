"""Put answers into the text of an office.toml; everything else stays as written."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from pbx.base.errors import OfficeLineError
from pbx.config import people_file
from pbx.config.setup.answers import LATER, OTHER, Hours, SetupAnswers, TrunkAnswer

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

BACK_LINE = "backline"


def with_answers(text: str, answers: SetupAnswers, *, fresh: bool) -> str:
    """Put answers into a file's text; a fresh file loses its example physicians.

    Raises OfficeLineError if the file's layout does not allow it.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    text = _with_people(text, answers, fresh=fresh)
    try:
        document = tomlkit.parse(text)
        for key in ("name", "timezone"):
            _set(document["office"], key, getattr(answers, key))
        _lines(document, answers, fresh=fresh)
        _people(document, answers, fresh=fresh)
        if answers.hours is not None:
            _hours(document, answers.hours)
        if answers.trunk is not None and answers.trunk.carrier != LATER:
            _trunk(document["trunk"], answers.trunk)
        if answers.bind is not None:
            _set(document.setdefault("network", tomlkit.table()), "bind", answers.bind)
        return _ended_alike(tomlkit.dumps(document), text)
    except (TOMLKitError, KeyError, TypeError, AttributeError) as error:
        raise OfficeLineError(
            "This command cannot edit the file because of its layout. Edit it by hand, and check "
            "it with 'officeline check'."
        ) from error


def _ended_alike(text: str, before: str) -> str:
    """Use the line endings of `before` if they are all the same; tomlkit writes a bare LF."""
    foreign = "\r\n" in before and before.count("\r\n") == before.count("\n")
    return text.replace("\r\n", "\n").replace("\n", "\r\n") if foreign else text


def _with_people(text: str, answers: SetupAnswers, *, fresh: bool) -> str:
    """Add missing physicians, and remove the example's from a fresh file."""
    known = tomllib.loads(text).get(people_file.PEOPLE, {})
    for person, name in answers.physicians.items():
        if person not in known:
            text = people_file.added(text, person, name, "physician")
    for person, table in known.items():
        example = fresh and table.get("role", "physician") == "physician"
        if example and person not in answers.physicians:
            text = people_file.removed(text, person)
    return text


def _set(table: Any, key: str, value: object) -> None:
    """Set a value if it differs; its comment stays."""
    if value is not None and table.get(key) != value:
        table[key] = value


def _people(document: TOMLDocument, answers: SetupAnswers, *, fresh: bool) -> None:
    for person, name in answers.physicians.items():
        _set(document["people"][person], "name", name)
    if fresh:
        schedule: Any = next(iter(document["schedule"].values()))
        schedule["rotation"] = list(answers.physicians)


def _lines(document: TOMLDocument, answers: SetupAnswers, *, fresh: bool) -> None:
    lines: Any = document["lines"]
    office: Any = document["office"]
    if answers.number is not None:
        main = next((one for one in lines if one["did"] == office["number"]), lines[0])
        _set(main, "did", answers.number)
        _set(office, "number", answers.number)
    place = next((at for at, one in enumerate(lines) if one["name"] == BACK_LINE), None)
    if answers.backline:
        if place is None:
            raise OfficeLineError(
                f"The file has no line named '{BACK_LINE}'. Add it and a rule for it by hand."
            )
        _set(lines[place], "did", answers.backline)
    elif fresh and answers.backline is not None and place is not None:
        del lines[place]
        rules: Any = document["rules"]
        for at in reversed(range(len(rules))):
            if rules[at].get("when", {}).get("line") == BACK_LINE:
                del rules[at]


def _hours(document: TOMLDocument, hours: Hours) -> None:
    import tomlkit

    table: Any = document.setdefault("hours", tomlkit.table())
    for days in [days for days in table if days not in hours]:
        del table[days]
    for days, periods in hours.items():
        _set(table, days, list(periods))


def _trunk(table: Any, answer: TrunkAnswer) -> None:
    """Write the name of a preset, which fills in the rest, or all values."""
    for key in ("preset", "kind", "host", "addresses", "username"):
        table.pop(key, None)
    if answer.carrier == OTHER:
        table["kind"] = "registration" if answer.username else "address"
        table["addresses"] = [answer.host]
    else:
        table["preset"] = answer.carrier
    for key in ("host", "username"):
        if value := getattr(answer, key):
            table[key] = value
