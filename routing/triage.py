"""Menus: what the keys that a caller pressed lead to."""

from __future__ import annotations

from dataclasses import dataclass

from routing.model import Action, GoTo, Menu, Plan, Urgency

PRESS_LIMIT = 8  # a caller who is led in circles becomes urgent


@dataclass(frozen=True)
class Asking:
    """The menu that the caller is to hear next."""

    menu: Menu


Answer = Asking | Urgency | Action


def follow(plan: Plan, menu: Menu, presses: tuple[str, ...]) -> Answer:
    """Follow the keys from this menu on, to its end or to the menu that wants the next key.

    A key that leads to a menu that there is not, and a way without an end, count as urgent.
    """
    for press in presses[:PRESS_LIMIT]:
        choice = menu.keys.get(press, menu.otherwise)
        if not isinstance(choice, GoTo):
            return choice
        if choice.menu not in plan.menus:
            return "urgent"
        menu = plan.menus[choice.menu]
    return "urgent" if len(presses) >= PRESS_LIMIT else Asking(menu)
