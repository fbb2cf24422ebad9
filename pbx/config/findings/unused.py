"""Schedules whose people are never called, as nothing names them."""

from __future__ import annotations

from collections.abc import Iterator

from pbx.config.findings.draft import Draft
from pbx.config.findings.finding import Finding
from routing import model


def look(draft: Draft) -> Iterator[Finding]:
    """Find the rotas that no ladder, rule, key of a menu or backup asks."""
    if not draft.whole("rota", "ladder", "rules", "menu"):
        return
    used = _used(draft)
    for name in draft.file.rota:
        if name not in used:
            yield draft.find(
                "rota-unused",
                ("rota", name),
                f"rota {name}",
                "no ladder, rule or backup asks it, so nobody in it is ever called",
                f"Name it in a ladder, as rota = \"{name}\", or as another rota's 'backup'; "
                "or take it away.",
            )


def _used(draft: Draft) -> set[str]:
    """Name the rotas that are asked; the first is meant wherever none is named."""
    first = next(iter(draft.file.rota), "")
    used = {ladder.rota or first for ladder in draft.file.ladder.values()}
    if any(do.ring == model.ONCALL for _, _, do in draft.actions()):
        used.add(first)
    while more := {draft.file.rota[one].backup for one in used if one in draft.file.rota} - used:
        used |= more
    return used
