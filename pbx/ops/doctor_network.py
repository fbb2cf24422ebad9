"""Checks of host names, telephone numbers and desk phones."""

from __future__ import annotations

from pbx.base.errors import OfficeLineError
from pbx.base.phone_numbers import mask
from pbx.config import hosts, secrets
from pbx.config.home import Home
from pbx.config.plan import Configuration
from pbx.ops.doctor_check import Check
from pbx.ops.trunk import contact_states
from pbx.service import supervisor


def names(configuration: Configuration, home: Home) -> Check:
    """Check that host names have an address; calls from other hosts must authenticate."""
    named = hosts.names_of(configuration)
    if supervisor.is_running(home):
        lacking = [name for name in hosts.unknown_hosts(home) if name in named]
    else:
        lacking = [name for name, found in hosts.look_up(named).items() if not found]
    if not lacking:
        return Check("names", True, f"{', '.join(named)} can be looked up")
    detail = f"{', '.join(lacking)} has no address, so that calls from there are rejected"
    fix = (
        "Look at the network and the machine's resolver, and at addresses in [trunk]; "
        "the line looks again every few seconds."
    )
    return Check("names", False, detail, fix)


def numbers(configuration: Configuration, home: Home) -> Check:
    """Check that no two people share a number, because it would not show who accepts."""
    held = secrets.read(home.folder)
    owners: dict[str, list[str]] = {}
    for person in configuration.plan.people:
        for number in set(held.contacts(person).values()):
            owners.setdefault(number, []).append(person)
    shared = [(number, who) for number, who in owners.items() if len(who) > 1]
    if not shared:
        return Check("numbers", True, "no two people share a number")
    detail = "; ".join(f"{' and '.join(who)} share {mask(number)}" for number, who in shared)
    fix = f"Give each their own: 'officeline people mobile {shared[0][1][-1]} NUMBER'."
    return Check("numbers", False, detail, fix)


def phone_check(configuration: Configuration, home: Home) -> Check:
    """Check that all desk phones have registered; the others cannot ring."""
    ids = tuple(configuration.plan.phones)
    if not ids or not supervisor.is_running(home):
        detail = "checked while the line runs" if ids else "the office has no desk phones"
        return Check("phones", True, detail)
    from pbx.ops.security.asked import console

    try:
        states = contact_states(console(home))
    except OfficeLineError as error:
        fix = "Check that Asterisk runs and that your user may talk to it."
        return Check("phones", False, f"which phones have registered is unknown: {error}", fix)
    missing = [phone for phone in ids if phone not in states]
    silent = [phone for phone in ids if states.get(phone) == "Unavail"]
    if not missing and not silent:
        return Check("phones", True, f"{', '.join(ids)} registered")
    details = [f"{', '.join(missing)} not registered, so it does not ring"] if missing else []
    details += [f"{', '.join(silent)} registered but not answering"] if silent else []
    fix = (
        "Enter its id, its secret ([phones] in secrets.json of the home) and this machine's "
        "address in the phone, "
        "check that [network] phones allows its address, or remove it from office.toml."
    )
    return Check("phones", False, "; ".join(details), fix)
