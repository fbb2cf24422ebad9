"""Why one of the office's people is called, and how Asterisk is asked to call them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dialplan import names
from pbx.escalation.menu_steps import MenuState

RING_S = 20  # below a carrier's voicemail
ORIGINATE_S = RING_S + 120  # each leg ends by itself before: it is looked for, rings, and is asked
CONFIRM_S = ORIGINATE_S + 20  # what is heard of a shift is longer


@dataclass(frozen=True)
class Errand:
    """Why a person is called: what they hear before they press 1, and where that leads.

    `channel` and `dial` are chosen where they are empty.
    """

    person: str
    about: str  # a message or a request; empty for a shift, which is settled by the press alone
    whisper: str
    context: str
    variable: str
    at_most_s: int = ORIGINATE_S
    channel: str = ""
    dial: str = ""

    def originate(self, channel: str, dial: str, shown: str) -> Mapping[str, str | Sequence[str]]:
        """Lay out the fields of AMI's Originate; `shown` is the number that the phone shows."""
        return {
            "Channel": f"Local/{self.person}@{names.LEG}/n",
            "ChannelId": channel,
            "Context": self.context,
            "Exten": "s",
            "Priority": "1",
            "Timeout": str(self.at_most_s * 1000),
            "Async": "true",
            # Without them the channel speaks slin, and one translator gets the prompts and the
            # patient's voice in turns: Debian's Asterisk takes what follows for late packets
            "Codecs": ",".join(names.CODECS),
            "Variable": [
                f"{names.TO}_{self.person}={dial}",
                f"{names.RING}={RING_S}",
                f"{names.SHOW}={shown}",
                f"{names.WHISPER}={self.whisper}",
                self.variable,
            ],
        }


def about_message(state: MenuState, *, urgent: bool) -> Errand:
    """Call about a message, or to connect its patient."""
    whisper = "whisper-urgent" if urgent else "whisper-routine"
    variable = f"{names.CALLED_ABOUT}={state.encode()}"
    return Errand(state.person, state.message, whisper, names.PHYSICIAN, variable)
