"""What the machine around the line may lack: names that resolve, a number of each one's own."""

from __future__ import annotations

from pbx import hosts, supervisor, vault
from pbx.health.look import Check
from pbx.home import Home
from pbx.numbers import mask
from pbx.officefile.plan import Configuration


def names(configuration: Configuration, home: Home) -> Check:
    """Tell which names of hosts have no address: calls from there are asked for a password."""
    named = hosts.names_of(configuration)
    if supervisor.is_running(home):
        lacking = [name for name in hosts.unknown(home) if name in named]
    else:
        lacking = [name for name, found in hosts.look_up(named).items() if not found]
    if not lacking:
        return Check("names", True, f"{', '.join(named)} can be looked up")
    detail = f"{', '.join(lacking)} has no address, so that calls from there are strangers'"
    mend = (
        "Look at the network and the machine's resolver, and at addresses in [trunk]; "
        "the line looks again every few seconds."
    )
    return Check("names", False, detail, mend)


def numbers(configuration: Configuration, home: Home) -> Check:
    """Tell of a number that two people share: who accepts there is not known."""
    held = vault.read(home.folder)
    owners: dict[str, list[str]] = {}
    for person in configuration.plan.people:
        for number in set(held.contacts(person).values()):
            owners.setdefault(number, []).append(person)
    shared = [(number, who) for number, who in owners.items() if len(who) > 1]
    if not shared:
        return Check("numbers", True, "nobody shares a number with somebody else")
    detail = "; ".join(f"{' and '.join(who)} share {mask(number)}" for number, who in shared)
    mend = f"Give each their own: officeline people mobile {shared[0][1][-1]} NUMBER."
    return Check("numbers", False, detail, mend)
