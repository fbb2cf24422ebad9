"""What the machine around the line may lack: names that resolve."""

from __future__ import annotations

from pbx import hosts, supervisor
from pbx.health.look import Check
from pbx.home import Home
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
