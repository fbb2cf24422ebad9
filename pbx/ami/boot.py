"""An Asterisk that is starting: its manager lets us in some tenths of a second too early."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

import structlog

from pbx.ami.protocol import AmiResponse, AmiTimeout

# What a call to somebody needs. Asked one by one, for the manager's `system`, whose event
# FullyBooted would tell, is no right of ours.
NEEDED: Final = ("chan_pjsip.so", "pbx_config.so", "app_dial.so", "res_agi.so")
LONGEST_S = 8.0  # one without func_module cannot say, and is taken as it is
LOOK_S = 0.05

log = structlog.get_logger()


class Manager(Protocol):
    """What takes actions."""

    async def action(self, name: str, *, Variable: str) -> AmiResponse:  # noqa: N803  # AMI's word
        """Send an action and return its answer."""
        ...


async def booted(ami: Manager) -> None:
    """Wait until calls can be placed, for at most `LONGEST_S`.

    Before, an Originate fails at once, as if nobody could be reached: the relay would call
    everybody in vain within a moment, and then be silent for minutes.
    """
    try:
        async with asyncio.timeout(LONGEST_S):
            for module in NEEDED:
                while not await _loaded(ami, module):
                    await asyncio.sleep(LOOK_S)
    except AmiTimeout:  # of one question: the connection is of no use
        raise
    except TimeoutError:
        log.warning("ami.boot_unseen", why="Asterisk does not say that it has loaded its modules")


async def _loaded(ami: Manager, module: str) -> bool:
    answer = await ami.action("Getvar", Variable=f"IFMODULE({module})")
    return answer.fields.get("Value") == "1"
