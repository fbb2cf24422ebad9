"""The text of a calendar as a tree of components, each property with its parameters (RFC 5545).

This module reads only the form, not the meaning. To read files of many years quickly, it splits a
property into its parts only when they are asked for.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pbx.base.errors import OfficeLineError
from pbx.config.ics.names import quoted

SIZE_LIMIT = 10_000_000  # bytes
DEEPEST = 8  # nested components; a real file has three levels

_FOLD = re.compile(rb"\r*\n[ \t]")
_FOLD_TEXT = re.compile(r"\r*\n[ \t]")
_BREAK = re.compile(r"\r*\n|\r")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_HEAD = re.compile(r'[A-Za-z0-9-]+(?:;(?:"[^"]*"|[^":])*)?(?=:)')
_PARAMETER = re.compile(r';([A-Za-z0-9-]+)=((?:"[^"]*"|[^";])*)')
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
    (b"B\0E\0", "utf-16-le"), (b"\0B\0E", "utf-16-be"),
)  # fmt: skip
# Values of these contain no colon, but an unquoted zone name before the value may.
_TIMES = frozenset(("DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE"))


@dataclass(frozen=True)
class Property:
    """One property, with its value as it is in the file."""

    name: str
    parameters: dict[str, str]
    value: str

    @property
    def text(self) -> str:
        """Return the value with its escapes decoded, on one line."""
        return _ESCAPED.sub(lambda one: " " if one[1] in "nN" else one[1], self.value).strip()


@dataclass
class Component:
    """A VCALENDAR, a VEVENT or another component, with its properties and components."""

    name: str
    lines: list[str] = field(default_factory=list)
    parts: list[Component] = field(default_factory=list)

    def all(self, name: str) -> list[Property]:
        """List the properties with this name."""
        size = len(name)
        return [
            _property(line)
            for line in self.lines
            if line[size : size + 1] in {":", ";"} and line[:size].upper() == name
        ]

    def first(self, name: str) -> Property | None:
        """Return the first property with this name, or None."""
        return next(iter(self.all(name)), None)

    def text(self, name: str) -> str:
        """Return the text of the first property with this name, or ""."""
        found = self.first(name)
        return "" if found is None else found.text

    def within(self, name: str) -> Iterator[Component]:
        """List the components with this name that are directly inside this one."""
        return (part for part in self.parts if part.name == name)


def calendars(content: str | bytes) -> list[Component]:
    """Read all calendars in a file; raise OfficeLineError if it is something else or cut short."""
    text = _text(content)
    if text.lstrip().startswith("<"):
        raise OfficeLineError(
            "This is a web page, not a calendar; open its address in a browser, sign in if it "
            "asks you to, and save the .ics file."
        )
    found: list[Component] = []
    open_: list[Component] = []
    for line in _BREAK.split(text):
        if line.strip():
            _take(line, open_, found)
    if open_:
        raise OfficeLineError(
            f"The calendar file is cut off inside a {quoted(open_[-1].name)}; export it again."
        )
    if not found:
        raise OfficeLineError("This is not a calendar; export it again as .ics.")
    return found


def _take(line: str, open_: list[Component], found: list[Component]) -> None:
    head = line[:6].upper()
    if head == "BEGIN:":
        part = Component(line[6:].strip().upper())
        if not open_ and part.name != "VCALENDAR":
            raise _no_calendar(line)
        (open_[-1].parts if open_ else found).append(part)
        open_.append(part)
        if len(open_) > DEEPEST:
            raise OfficeLineError(
                "Cannot read this calendar: its components are nested too deeply; "
                "export it again as .ics."
            )
    elif not open_:
        raise _no_calendar(line)
    elif head[:4] == "END:":
        if line[4:].strip().upper() != open_.pop().name:
            raise _no_calendar(line)
    else:
        named = _NAME.match(line)
        if named is None or line[named.end() : named.end() + 1] not in {":", ";"}:
            raise _no_calendar(line)
        open_[-1].lines.append(line)


def _no_calendar(line: str) -> OfficeLineError:
    return OfficeLineError(
        f"Cannot read this calendar: it contains '{quoted(line)}'; export it again as .ics."
    )


def _property(line: str) -> Property:
    named = _NAME.match(line)
    name = "" if named is None else named[0].upper()
    if name in _TIMES:
        head, _, value = line.rpartition(":")
    else:
        matched = _HEAD.match(line)
        head = line.partition(":")[0] if matched is None else matched[0]
        value = line[len(head) + 1 :]
    parameters = {
        one[1].upper(): _parameter(one[2]) for one in _PARAMETER.finditer(head, len(name))
    }
    return Property(name, parameters, value.strip())


def _parameter(text: str) -> str:
    """Return a parameter's value without its quotes and escapes (RFC 6868)."""
    plain = text.strip().strip('"')
    return plain.replace("^n", " ").replace("^'", '"').replace("^^", "^")


def _text(content: str | bytes) -> str:
    """Decode the file and join its folded lines; a fold may split the bytes of one character."""
    data = content.encode(errors="replace") if isinstance(content, str) else content
    if len(data) > SIZE_LIMIT:
        raise OfficeLineError(
            f"The calendar is over {SIZE_LIMIT // 1_000_000} MB; export a shorter date range."
        )
    coding = next((coding for begin, coding in _BOMS if data.startswith(begin)), None)
    try:
        if coding is not None:
            return _FOLD_TEXT.sub("", data.decode(coding)).lstrip("\ufeff")
        return _FOLD.sub(b"", data).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise OfficeLineError(
            f"The calendar is not UTF-8 text (see line {line}); open it in a text editor, "
            "save it with the encoding UTF-8, and import that file."
        ) from error
