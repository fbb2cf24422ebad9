"""Compare a list with the patient directory, before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pbx.config.patients_file import PatientEntry


@dataclass(frozen=True)
class Listed:
    """A patient as stored; numbers are E.164."""

    id: str
    name: str
    numbers: tuple[str, ...]
    panel: str | None
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Changes:
    """What a list would change: patients who are new, changed (before, after), the same, or gone.

    `shared` maps each number that several patients will have to their ids.
    """

    new: tuple[Listed, ...]
    changed: tuple[tuple[Listed, Listed], ...]
    same: int
    gone: tuple[Listed, ...]
    shared: Mapping[str, tuple[str, ...]]

    @property
    def is_nothing(self) -> bool:
        """Tell whether the directory already has all of it."""
        return not self.new and not self.changed


def compare(there: Sequence[Listed], entries: Sequence[PatientEntry], *, replace: bool) -> Changes:
    """Compare a list with the directory; with `replace`, patients not in the list are deleted."""
    known = {one.id: one for one in there}
    after = [_after(entry, known.get(entry.patient.id)) for entry in entries]
    ids = {one.id for one in after}
    gone = tuple(one for one in there if one.id not in ids)
    pairs = [(known.get(one.id), one) for one in after]
    return Changes(
        new=tuple(one for before, one in pairs if before is None),
        changed=tuple((before, one) for before, one in pairs if before and before != one),
        same=sum(before == one for before, one in pairs),
        gone=gone,
        shared=_shared(after, () if replace else gone),
    )


def _after(entry: PatientEntry, before: Listed | None) -> Listed:
    """Return a patient after the import; a column that the list lacks leaves its value."""
    patient = entry.patient
    panel, flags = patient.panel, tuple(sorted(patient.flags))
    if before is not None and "panel" not in entry.given:
        panel = before.panel
    if before is not None and "flags" not in entry.given:
        flags = tuple(sorted(before.flags))
    return Listed(patient.id, patient.name, tuple(sorted(entry.numbers)), panel, flags)


def _shared(after: Iterable[Listed], staying: Iterable[Listed]) -> dict[str, tuple[str, ...]]:
    holders: dict[str, list[str]] = {}
    for one in after:
        for number in one.numbers:
            holders.setdefault(number, []).append(one.id)
    for one in staying:
        for number in one.numbers:
            if number in holders:
                holders[number].append(one.id)
    return {number: tuple(sorted(ids)) for number, ids in holders.items() if len(ids) > 1}
