"""Why one of the office's people is called, and how Asterisk is asked to call them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dialplan import names
from pbx.escalation.menu_steps import MenuState
from routing.model import Plan
from routing.outbound import shown

RING_S = 20  # shorter than it takes a carrier's voicemail to answer
ORIGINATE_S = RING_S + 120  # each leg ends by itself earlier than this
CONFIRM_S = ORIGINATE_S + 20  # the prompts about a shift are longer


@dataclass(frozen=True)
class Errand:
    """Why a person is called: what they hear before they press 1, and what happens then.

    An empty `channel` or `dial` is chosen when the call is placed.
    """

    person: str
    about: str  # id of a message or request; empty for a shift, which only needs the key press
    whisper: str
    context: str
    variable: str
    at_most_s: int = ORIGINATE_S
    channel: str = ""
    dial: str = ""

    def originate(self, channel: str, dial: str, plan: Plan) -> Mapping[str, str | Sequence[str]]:
        """Return the fields of AMI's Originate; the phone displays the office's number."""
        return {
            "Channel": f"Local/{self.person}@{names.LEG}/n",
            "ChannelId": channel,
            "Context": self.context,
            "Exten": "s",
            "Priority": "1",
            "Timeout": str(self.at_most_s * 1000),
            "Async": "true",
            # Without codecs the channel uses slin, and one translator gets prompts and voice in
            # turns; Debian's Asterisk then treats what follows as late packets.
            "Codecs": ",".join(names.CODECS),
            "Variable": [
                f"{names.TO}_{self.person}={dial}",
                f"{names.RING}={RING_S}",
                f"{names.SHOW}={shown(plan, None)}",
                f"{names.WHISPER}={self.whisper}",
                self.variable,
            ],
        }


def about_message(state: MenuState, *, urgent: bool) -> Errand:
    """Return the errand of a call about a message, or of one to connect its patient."""
    whisper = "whisper-urgent" if urgent else "whisper-routine"
    variable = f"{names.CALLED_ABOUT}={state.encode()}"
    return Errand(state.person, state.message, whisper, names.PHYSICIAN, variable)
