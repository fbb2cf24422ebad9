"""Show what an import of patients would change, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pbx.base.phone_numbers import mask
from pbx.config.patient_lists.changes import Changes, Listed
from pbx.config.patient_lists.columns import PHONES
from pbx.config.patients_file import Parsed, PatientEntry, Refused

MOST_LINES = 10  # lines of each kind for people; JSON has up to MOST_JSON
MOST_REFUSED = 20
MOST_JSON = 1000


def lines(
    parsed: Parsed, entries: Sequence[PatientEntry], changes: Changes, *, replace: bool
) -> Iterator[str]:
    """Return lines of text: what was read, and what would change."""
    yield from _columns(parsed)
    gone = len(changes.gone)
    stay = "removed" if replace else "kept (--replace removes them)"
    yield (
        f"{counted(len(entries), 'patient')} in the file: {len(changes.new)} new, "
        f"{len(changes.changed)} changed, {changes.same} unchanged. "
        f"{gone} in the directory {'is' if gone == 1 else 'are'} not in the file"
        f"{f', and {stay}' if gone else ''}."
    )
    yield from _most([f"  new      {_patient(one)}" for one in changes.new[: MOST_LINES + 1]],
                     len(changes.new))  # fmt: skip
    changed = [f"  changed  {_change(*pair)}" for pair in changes.changed[: MOST_LINES + 1]]
    yield from _most(changed, len(changes.changed))
    what = "remove" if replace else "gone"
    yield from _most([f"  {what:<8} {_patient(one)}" for one in changes.gone[: MOST_LINES + 1]],
                     gone)  # fmt: skip
    shared = [f"  shared   {mask(number)} by {_ids(ids)}" for number, ids in _by_most(changes)]
    yield from _most(shared, len(shared))
    notes = [f"  line {one.line}: {note}" for one in entries for note in one.notes]
    yield from _most(notes, len(notes))
    if parsed.below:
        yield f"  line {parsed.below[0]}: left out, because it is below the last patient"


def refusals(refused: Sequence[Refused]) -> Iterator[str]:
    """Return one line for each refused row with the reason, up to a maximum."""
    for one in refused[:MOST_REFUSED]:
        yield f"line {one.line}: {one.why}"
    if len(refused) > MOST_REFUSED:
        yield f"... and {len(refused) - MOST_REFUSED} more rows; --json shows more of them."


def to_json(
    parsed: Parsed, entries: Sequence[PatientEntry], changes: Changes, refused: Sequence[Refused]
) -> dict[str, object]:
    """Return the same as JSON; long lists are cut, but the counts are complete."""
    columns = parsed.table.columns
    phones = [columns.header[place] for place in columns.phones]
    named = {role: columns.named(role) for role in columns.places if role not in PHONES}
    notes = [{"line": one.line, "note": note} for one in entries for note in one.notes]
    return {
        "header_line": parsed.table.line,
        "separator": parsed.table.separator,
        "columns": {**named, "numbers": phones},
        "unread": list(columns.unread),
        "new": len(changes.new),
        "changed": len(changes.changed),
        "same": changes.same,
        "gone": len(changes.gone),
        "patients": [
            *({"is": "new", **_listed(one)} for one in changes.new[:MOST_JSON]),
            *({"is": "changed", **_listed(one), "before": _listed(before)}
              for before, one in changes.changed[:MOST_JSON]),
            *({"is": "gone", **_listed(one)} for one in changes.gone[:MOST_JSON]),
        ],
        "shared": [
            {"number": mask(number), "patients": list(ids[:MOST_JSON])}
            for number, ids in _by_most(changes)[:MOST_JSON]
        ],
        "notes": notes[:MOST_JSON],
        "below": list(parsed.below),
        "refused": [{"line": one.line, "why": one.why} for one in refused[:MOST_JSON]],
        "refused_rows": len(refused),
    }  # fmt: skip


def counted(count: int, what: str) -> str:
    """Return a number with its noun, in the plural if needed."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _columns(parsed: Parsed) -> Iterator[str]:
    columns = parsed.table.columns
    roles = [(role, columns.named(role)) for role in columns.places if role not in PHONES]
    roles.append(("numbers", [columns.header[place] for place in columns.phones]))
    read = "; ".join(f"{role} from {_quoted(found)}" for role, found in roles)
    separator = parsed.table.named
    yield f"Line {parsed.table.line} has the column names (separated by {separator}): {read}."
    if columns.unread:
        more = " ..." if len(columns.unread) > MOST_LINES else ""
        yield f"Not used: {_quoted(columns.unread[:MOST_LINES])}{more}."


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{one}'" for one in names)


def _most(found: Sequence[str], count: int) -> Iterator[str]:
    yield from found[:MOST_LINES]
    if count > MOST_LINES:
        yield f"  ... and {count - MOST_LINES} more like that"


def _patient(one: Listed) -> str:
    return f"{one.id:<12} {one.name:<28} {_numbers(one)}".rstrip()


def _change(before: Listed, after: Listed) -> str:
    """Return text with the changes of a patient."""
    parts = [
        *([f"{before.name} is now {after.name}"] if before.name != after.name else []),
        *([f"{_numbers(before) or 'no number'} is now {_numbers(after)}"]
          if before.numbers != after.numbers else []),
        *([f"panel {before.panel or '-'} is now {after.panel or '-'}"]
          if before.panel != after.panel else []),
        *([f"flags {'; '.join(before.flags) or '-'} are now {'; '.join(after.flags) or '-'}"]
          if before.flags != after.flags else []),
    ]  # fmt: skip
    return f"{after.id:<12} {', '.join(parts)}"


def _numbers(one: Listed) -> str:
    return ", ".join(map(mask, one.numbers))


def _by_most(changes: Changes) -> list[tuple[str, tuple[str, ...]]]:
    """List shared numbers, most patients first: such a number may be an office's, by mistake."""
    return sorted(changes.shared.items(), key=lambda one: (-len(one[1]), one[0]))


def _ids(ids: Sequence[str]) -> str:
    few = 4
    more = f" and {len(ids) - few} more" if len(ids) > few else ""
    return f"{', '.join(ids[:few])}{more} ({len(ids)} patients)"


def _listed(one: Listed) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "numbers": [mask(number) for number in one.numbers],
        "panel": one.panel,
        "flags": list(one.flags),
    }
