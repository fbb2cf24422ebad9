"""Menus: where the keys that a caller pressed lead."""

from __future__ import annotations

from dataclasses import dataclass

from routing.model import Action, GoTo, Menu, Plan, Urgency

PRESS_LIMIT = 8  # after this many keys a caller is stuck in a loop and becomes urgent


@dataclass(frozen=True)
class Asking:
    """The menu to play to the caller next."""

    menu: Menu


Answer = Asking | Urgency | Action


def follow(plan: Plan, menu: Menu, presses: tuple[str, ...]) -> Answer:
    """Follow the keys from this menu to a result, or to the menu that waits for the next key.

    A key that leads to a missing menu, and a path without an end, count as urgent.
    """
    for press in presses[:PRESS_LIMIT]:
        choice = menu.keys.get(press, menu.otherwise)
        if not isinstance(choice, GoTo):
            return choice
        if choice.menu not in plan.menus:
            return "urgent"
        menu = plan.menus[choice.menu]
    return "urgent" if len(presses) >= PRESS_LIMIT else Asking(menu)
