"""One catalog of the names that the dialplan and its handlers share."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

# Contexts that are named outside the dialplan's own text
FROM_TRUNK: Final = "from-trunk"
FROM_PHONE: Final = "from-phone"
CALL: Final = "call"
LEG: Final = "leg"
FAILSAFE: Final = "failsafe"
HEARTBEAT: Final = "heartbeat"
DRILL: Final = "drill"
CANARY: Final = "canary"  # also the verb for its verdicts, and how its events begin
EMERGENCY: Final = "emergency"
PHYSICIAN: Final = "physician"
SHIFT: Final = "shift"

# FastAGI scripts
ROUTE: Final = "route"  # every question about a call: turn, DID, event, detail, state
BEAT: Final = "beat"  # the heartbeat call
PIN: Final = "pin"  # whether a person keyed in their PIN: person, try, digits
CONSULT: Final = "consult"  # every question of a person at a message: turn, event, detail, state

# Channel variables that a verdict sets. A leading underscore hands one on to the Local legs.
VERB: Final = "OL_DO"  # what the dialplan shall do: an extension of the context `do`
STATE: Final = "OL_STATE"  # our own memory of the call, carried by the channel
SAY: Final = "OL_SAY"  # sound names joined by &
PAUSE: Final = "OL_PAUSE"  # seconds to wait for a key, or on hold
DIAL: Final = "OL_DIAL"  # the Local legs to ring together
RING: Final = "OL_RING"  # seconds
RECORD: Final = "OL_RECORD"  # absolute path without ending
SHOW: Final = "OL_SHOW"  # the number that outbound legs show
WHISPER: Final = "OL_WHISPER"  # the sound that a person hears before pressing 1
HOLD: Final = "OL_HOLD"  # which music class of those for waiting callers
TO: Final = "OL_TO"  # OL_TO_<person>: how to dial that person
KIND: Final = "OL_KIND"  # OL_KIND_<person>: a desk phone's id, or SERVICE; neither presses 1
SERVICE: Final = "*"  # an answering service: whoever answers there is a human
PIN_OF: Final = "OL_PIN"  # OL_PIN_<person>: this one accepts by their PIN
PIN_VERDICT: Final = "OL_KNOWN"  # <unique id>/<try>/<yes or no>
VERDICT: Final = "OL_VERDICT"  # <unique id>/<turn>, always set last

CALLED_ABOUT: Final = "OL_ABOUT"  # whom the follow-up called about which message; empty: called in
KEPT: Final = "OL_BACK"  # a caller's own state, until somebody has said who they are
LONGEST: Final = "OL_LONGEST"  # after how many seconds a call that we placed is ended
DIGITS: Final = "OL_DIGITS"  # how many keys are waited for; of a number without a leading 0 or 1

KEY: Final = "OL_KEY"  # a canary's: what it says to prove that it is ours
LISTEN: Final = "OL_LISTEN"  # for how many seconds a canary listens
PRESS: Final = "OL_PRESS"  # and which key it presses then
TRIAL: Final = "OL_CANARY"  # set on both ends of a canary's call: it leads to no human
REALLY: Final = "OL_REALLY"  # "ring" where a drill of the failsafe rings its people

DID: Final = "OL_DID"  # set by the dialplan: the line that was dialed
BACKLINE: Final = "OL_BACKLINE"  # and "yes" where hospitals and labs call on it

# Verbs: the extensions of the context `do`
MENU: Final = "menu"
NUMBER: Final = "number"
ESCALATION: Final = "escalation"
DESK: Final = "desk"
WAIT: Final = "wait"
REASON: Final = "reason"
MESSAGE: Final = "message"
GOODBYE: Final = "goodbye"
REJECT: Final = "reject"

CALL_IN: Final = "callin"  # a physician pressed star: on to the physician's menu

# Verbs of the physician's menu: the extensions of the context `line`
ASK: Final = "ask"
NOTE: Final = "note"
CALL_PATIENT: Final = "patient"
BYE: Final = "bye"
BACK: Final = "back"  # nobody was identified: on with the caller's own call, at the menu

# Events of a call, as the dialplan tells them
ARRIVED: Final = "arrived"
PRESSED: Final = "pressed"
KEYED: Final = "keyed"
RANG: Final = "rang"
WAITED: Final = "waited"
RECORDED: Final = "recorded"
CALLED: Final = "called"  # the patient's phone rang, and perhaps was answered
STOPPED: Final = "stopped"  # the caller pressed star to wait no longer
RETURNED: Final = "returned"  # from the PIN after star, where nobody was identified

# UserEvents of the dialplan, and what they tell
USER_EVENT: Final = "OfficeLine"
LEG_ANSWERED: Final = "leg-answered"
LEG_ACCEPTED: Final = "leg-accepted"
LEG_DECLINED: Final = "leg-declined"
LEG_TOO_LATE: Final = "leg-too-late"  # another one accepted before, or the caller had hung up
TALKED: Final = "talked"  # a patient's phone that we called was answered, so many ms ago
NUMBER_KEYED: Final = "number-keyed"  # a whole number, before we wait for digits too many
FAILSAFE_ENTERED: Final = "failsafe"
FAILSAFE_RECORDED: Final = "failsafe-recorded"
CANARY_CAME: Final = "canary-came"  # the test call came in and proved that it is ours
CANARY_DOUBT: Final = "canary-doubt"  # some call came in; the test call is to be hung up
CANARY_GONE: Final = "canary-gone"  # a doubtful call ended with ours
CANARY_STAYED: Final = "canary-stayed"  # and one did not, and went on as a patient's
CANARY_REPORTED: Final = (
    "canary-reported"  # what is said to the test call, and the key that was heard
)
CANARY_LOST: Final = "canary-lost"  # nobody answered for it
FULL: Final = "full"  # a caller got 503, as all that the office takes at once are in

# AstDB, written by the heartbeat for the failsafe
DB_FAMILY: Final = "officeline"
DB_DIAL: Final = "dial"  # the Local legs of the people on call
DB_DRILLED: Final = "drill"  # what a drill found: its number, and the Local legs
DB_TO: Final = "to"  # to/<person>: how to dial that person

# SIP endpoints
TRUNK: Final = "trunk"  # calls from the carrier
TRUNK_OUT: Final = "trunk-out"  # calls to the carrier: identities are sent on this one only

CODECS: Final = ("ulaw", "alaw")  # of the trunk, and of the calls that the office places itself
HOLD_CLASS: Final = "officeline"
HOLD_BACKLINE: Final = "officeline-backline"  # what hospitals and labs hear while phones ring
HOLD_TALK: Final = "officeline-talk"  # whoever is put on hold by whom they talk to: music alone
FOLLOW_UP_CALL: Final = (
    "officeline-follow-up-"  # how the ids begin of calls that the office places itself
)


_LEG_CHANNEL = re.compile(rf"Local/([a-z0-9_-]+)@{LEG}-")


def sounds(prompts: Iterable[str]) -> str:
    """Join prompts, to be played one after the other, as Asterisk's applications know them."""
    return "&".join(prompts)


def legs(people: Iterable[str]) -> str:
    """Join the Local channels that reach these people; /n keeps each until it is accepted."""
    return "&".join(f"Local/{person}@{LEG}/n" for person in people)


def person_of(channel: str) -> str | None:
    """Name whom a Local channel reaches; None for any other channel."""
    match = _LEG_CHANNEL.match(channel)
    return None if match is None else match[1]
