"""Menus without an end, too long or never heard, and greetings that do not mention 911."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pbx.asterisk.speech import prompts
from pbx.base.errors import ConfigError
from pbx.config.findings.draft import Draft, listed, near
from pbx.config.findings.finding import Finding
from pbx.config.findings.lines import Path
from routing.model import Announce, Choice, GoTo, Plan, Reject, TakeMessage, Urgency

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_CHOICES = 4
EMERGENCY = "911"


def find(draft: Draft) -> Iterator[Finding]:
    """Find mistakes in menus and in what callers hear first."""
    for name in draft.file.menu:
        yield from _size(draft, name)
        if draft.whole("menu"):
            yield from _ends(draft, name)
    if draft.whole("menu", "lines", "rules"):
        yield from _unheard(draft)
    yield from _prompts(draft)


def urgencies(plan: Plan, menu: str) -> set[Urgency] | None:
    """List the urgencies that callers of a menu may choose; None if there is no such menu.

    Menus that lead back to each other and keys to an unknown menu count as urgent.
    """
    if menu not in plan.menus:
        return None
    found: set[Urgency] = set()
    for name in _reached(plan, menu):
        for choice in _choices(plan, name):
            if isinstance(choice, str):
                found.add(choice)
            elif isinstance(choice, GoTo) and (
                choice.menu not in plan.menus or name in _reached(plan, choice.menu)
            ):
                found.add("urgent")
    return found


def _choices(plan: Plan, menu: str) -> tuple[Choice, ...]:
    return (*plan.menus[menu].keys.values(), plan.menus[menu].otherwise)


def _reached(plan: Plan, menu: str) -> tuple[str, ...]:
    """List a menu and all menus that its keys may lead to."""
    found = [menu] if menu in plan.menus else []
    for name in found:
        for choice in _choices(plan, name):
            if isinstance(choice, GoTo) and choice.menu in plan.menus and choice.menu not in found:
                found.append(choice.menu)
    return tuple(found)


def _size(draft: Draft, name: str) -> Iterator[Finding]:
    keys = len(draft.file.menu[name].__pydantic_extra__)
    if keys > MOST_CHOICES:
        yield draft.find(
            "menu-too-long",
            ("menu", name),
            f"menu {name}",
            f"it has {keys} choices, but callers remember at most {MOST_CHOICES}",
            "Delete some, or let a key lead to another menu.",
        )


def _ends(draft: Draft, name: str) -> Iterator[Finding]:
    """Find where silence leads, and keys that lead back."""
    plan, where = draft.plan, f"menu {name}"
    at: Path = ("menu", name, "otherwise")
    silence = plan.menus[name].otherwise
    passed = [name]
    while isinstance(silence, GoTo) and silence.menu in plan.menus:
        if silence.menu in passed:
            message = "callers who press nothing hear menus without end"
            fix = 'Set otherwise = "urgent", or ring somebody.'
            yield draft.find("menu-endless", at, where, message, fix)
            return
        passed.append(silence.menu)
        silence = plan.menus[silence.menu].otherwise
    written = draft.file.menu[name].otherwise
    if len(passed) == 1 and (isinstance(written, str) or len(written.actions()) == 1):
        yield from _silence(draft, name, silence)
    for key, choice in plan.menus[name].keys.items():
        if isinstance(choice, GoTo) and name in _reached(plan, choice.menu):
            message = f"key {key} leads back to this menu; after 8 keys the caller counts as urgent"
            fix = 'Let the key do an action, or set it to "urgent" or "routine".'
            yield draft.find("menu-circle", ("menu", name, key), where, message, fix)


def _silence(draft: Draft, name: str, silence: Choice) -> Iterator[Finding]:
    at: Path = ("menu", name, "otherwise")
    fix = 'Set otherwise = "urgent", or ring somebody.'
    if isinstance(silence, Announce | Reject):
        message = "silence and wrong keys end the call, and the caller reaches nobody"
        yield draft.find("menu-ends-call", at, f"menu {name}", message, fix)
    elif silence == "routine" or isinstance(silence, TakeMessage):
        message = "silence and wrong keys count as routine, but should reach a person"
        yield draft.find("menu-otherwise", at, f"menu {name}", message, fix)


def _unheard(draft: Draft) -> Iterator[Finding]:
    """Find menus of lines that callers never hear, because no rule asks for the urgency."""
    for number, line in enumerate(draft.plan.lines):
        for state, menu in line.menus.items():
            if not any(
                rule.when.urgency is not None
                and rule.when.line in {None, line.name}
                and (
                    rule.when.office_hours not in {None, line.office_hours}
                    or rule.when.hours in {None, state}
                )
                for rule in draft.plan.rules
            ):
                yield draft.find(
                    "menu-unheard",
                    ("lines", number, "menus", state),
                    f"line {line.name}",
                    f"callers never hear the menu {menu}, because no rule asks for the urgency "
                    f"when the office is {state}",
                    'Add a rule with urgency = "urgent", or remove the menu from the line.',
                )


def _prompts(draft: Draft) -> Iterator[Finding]:
    """Find unknown prompts, and greetings that do not mention the emergency number."""
    language = draft.file.office.language
    try:
        catalog = prompts.load_catalog(prompts.sounds_folder() / f"{language}.toml")
    except ConfigError:
        message = f"there are no prompts in the language '{language}'"
        fix = "Use another language, or add its catalog of prompts."
        at: Path = ("office", "language")
        yield draft.find("unknown-prompt", at, "office.language", message, fix)
        return
    for path, where, say in _said(draft):
        for number, prompt in enumerate(say):
            if prompt not in catalog.ids:
                message = f"there is no prompt '{prompt}' (there are {listed(catalog.ids)})"
                fix = near(prompt, catalog.ids, "List them with 'officeline prompts check'.")
                yield draft.find("unknown-prompt", (*path, number), where, message, fix)
    yield from _greetings(draft, catalog.sentences)


def _said(draft: Draft) -> Iterator[tuple[Path, str, list[str]]]:
    for name, menu in draft.file.menu.items():
        yield ("menu", name, "say"), f"menu {name}", menu.say
    for path, where, do in draft.actions():
        yield (*path, "announce"), where, do.announce or []


def _greetings(draft: Draft, sentences: Mapping[str, str]) -> Iterator[Finding]:
    """Check the first prompt of the lines' menus, and of rules that only announce."""
    offered = {menu for line in draft.file.lines for menu in line.menus.values()}
    for path, where, say in _said(draft):
        if not say or say[0] not in sentences:
            continue
        first = path[0] == "rules" or (path[1] in offered and path[2] == "say")
        if first and EMERGENCY not in sentences[say[0]]:
            yield draft.find(
                "greeting-without-emergency",
                (*path, 0),
                where,
                f"the first prompt, '{say[0]}', does not say to dial {EMERGENCY} in an emergency",
                "Begin with a prompt that does, such as 'greeting-closed'.",
            )
