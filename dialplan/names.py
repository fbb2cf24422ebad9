"""The names that the dialplan and the control layer share."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

# Contexts that are also used outside the dialplan's own text
FROM_TRUNK: Final = "from-trunk"
FROM_PHONE: Final = "from-phone"
CALL: Final = "call"
LEG: Final = "leg"
FAILSAFE: Final = "failsafe"
HEARTBEAT: Final = "heartbeat"
DRILL: Final = "drill"
CANARY: Final = "canary"  # also the verb of its verdicts and the prefix of its events
EMERGENCY: Final = "emergency"
PHYSICIAN: Final = "physician"
SHIFT: Final = "shift"

# FastAGI scripts
ROUTE: Final = "route"  # asks what to do with a call: turn, DID, event, detail, state
BEAT: Final = "beat"  # the heartbeat call
PIN: Final = "pin"  # asks whether a PIN is right: person, try, digits
CONSULT: Final = "consult"  # asks what to play a physician next: turn, event, detail, state

# Channel variables that a verdict sets. A leading underscore makes the Local legs inherit one.
VERB: Final = "OL_DO"  # what the dialplan must do: an extension of the context `do`
STATE: Final = "OL_STATE"  # our own memory of the call, carried by the channel
SAY: Final = "OL_SAY"  # sound names joined by &
PAUSE: Final = "OL_PAUSE"  # seconds to wait for a key, or on hold
DIAL: Final = "OL_DIAL"  # the Local legs to ring together
RING: Final = "OL_RING"  # seconds
RECORD: Final = "OL_RECORD"  # absolute path without extension
SHOW: Final = "OL_SHOW"  # the caller ID of outbound legs
WHISPER: Final = "OL_WHISPER"  # the sound that a person hears before pressing 1
HOLD: Final = "OL_HOLD"  # the music class for the waiting caller
TO: Final = "OL_TO"  # OL_TO_<person>: how to dial that person
KIND: Final = "OL_KIND"  # OL_KIND_<person>: a desk phone's id, or SERVICE; neither must press 1
SERVICE: Final = "*"  # an answering service, where a human always answers
PIN_OF: Final = "OL_PIN"  # OL_PIN_<person>: this person must accept with their PIN
PIN_VERDICT: Final = "OL_KNOWN"  # <unique id>/<try>/<yes or no>
VERDICT: Final = "OL_VERDICT"  # <unique id>/<turn>, always set last

CALLED_ABOUT: Final = "OL_ABOUT"  # person and message of a follow-up call; empty if they called in
KEPT: Final = "OL_BACK"  # the caller's state, kept while a physician is being identified
LONGEST: Final = "OL_LONGEST"  # maximum seconds of a call that we place
DIGITS: Final = "OL_DIGITS"  # how many digits to wait for, not counting a leading 0 or 1

KEY: Final = "OL_KEY"  # the key that a canary call sends to prove it is ours
LISTEN: Final = "OL_LISTEN"  # how many seconds a canary call listens
PRESS: Final = "OL_PRESS"  # the key that it then presses
TRIAL: Final = "OL_CANARY"  # set on both ends of a canary call, so that it rings nobody
REALLY: Final = "OL_REALLY"  # "ring" if a drill of the failsafe really rings its people

DID: Final = "OL_DID"  # set by the dialplan: the line that was dialed
BACKLINE: Final = "OL_BACKLINE"  # "yes" if it is the back line

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

CALL_IN: Final = "callin"  # a physician pressed star: go to the physician's menu

# Verbs of the physician's menu: the extensions of the context `line`
ASK: Final = "ask"
NOTE: Final = "note"
CALL_PATIENT: Final = "patient"
BYE: Final = "bye"
BACK: Final = "back"  # nobody was identified: continue the caller's call at the menu

# Events of a call that the dialplan reports
ARRIVED: Final = "arrived"
PRESSED: Final = "pressed"
KEYED: Final = "keyed"
RANG: Final = "rang"
WAITED: Final = "waited"
RECORDED: Final = "recorded"
CALLED: Final = "called"  # the patient's phone rang and may have been answered
STOPPED: Final = "stopped"  # the caller pressed star to stop waiting
RETURNED: Final = "returned"  # back from the PIN prompt after star, with nobody identified

# UserEvents of the dialplan, and their kinds
USER_EVENT: Final = "OfficeLine"
LEG_ANSWERED: Final = "leg-answered"
LEG_ACCEPTED: Final = "leg-accepted"
LEG_DECLINED: Final = "leg-declined"
LEG_TOO_LATE: Final = "leg-too-late"  # another person was faster, or the caller had hung up
TALKED: Final = "talked"  # a patient that we called has answered, so many ms ago
NUMBER_KEYED: Final = "number-keyed"  # a complete number was keyed in; more digits would be ignored
FAILSAFE_ENTERED: Final = "failsafe"
FAILSAFE_RECORDED: Final = "failsafe-recorded"
CANARY_CAME: Final = "canary-came"  # the test call came in and proved that it is ours
CANARY_DOUBT: Final = "canary-doubt"  # an unproven call came in; hang up the test call
CANARY_GONE: Final = "canary-gone"  # the unproven call ended together with ours
CANARY_STAYED: Final = "canary-stayed"  # the unproven call stayed, and continues as a patient's
CANARY_REPORTED: Final = (
    "canary-reported"  # what the test call heard, and the key that was received
)
CANARY_LOST: Final = "canary-lost"  # the control layer did not answer for it
FULL: Final = "full"  # a caller got SIP 503 because the limit of calls was reached

# AstDB, written by the heartbeat for the failsafe
DB_FAMILY: Final = "officeline"
DB_DIAL: Final = "dial"  # the Local legs of the people on call
DB_DRILLED: Final = "drill"  # the result of a drill: its number, and the Local legs
DB_TO: Final = "to"  # to/<person>: how to dial that person

# SIP endpoints
TRUNK: Final = "trunk"  # calls from the carrier
TRUNK_OUT: Final = "trunk-out"  # calls to the carrier: only this one sends an identity

CODECS: Final = ("ulaw", "alaw")  # for the trunk, and for calls that the office places
HOLD_CLASS: Final = "officeline"
HOLD_BACKLINE: Final = "officeline-backline"  # music for hospitals and labs while phones ring
HOLD_TALK: Final = "officeline-talk"  # music for a party that is put on hold in a conversation
FOLLOW_UP_CALL: Final = "officeline-follow-up-"  # prefix of the ids of calls that the office places


_LEG_CHANNEL = re.compile(rf"Local/([a-z0-9_-]+)@{LEG}-")


def sounds(prompts: Iterable[str]) -> str:
    """Return prompts joined for Asterisk's applications, to be played in sequence."""
    return "&".join(prompts)


def legs(people: Iterable[str]) -> str:
    """Return the joined Local channels of these people; /n turns their optimization off."""
    return "&".join(f"Local/{person}@{LEG}/n" for person in people)


def person_of(channel: str) -> str | None:
    """Return the person whom a Local channel reaches; None for any other channel."""
    match = _LEG_CHANNEL.match(channel)
    return None if match is None else match[1]
