"""The checks of a canary's result, and what to do if one fails."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dialplan import names
from pbx.asterisk.speech.likeness import ALIKE, likeness
from pbx.asterisk.speech.soundfile import read_sound, sound_problem
from pbx.base.errors import OfficeLineError
from pbx.base.phone_numbers import mask, shown_number
from pbx.calls.conversation import Verdict
from pbx.calls.trial import NO_WORDS
from pbx.ops.canary import CanaryResult
from pbx.ops.doctor_check import Check
from routing.model import Office

HERTZ = 8000
UNTRIED = "not tried, because the call did not get that far"
SILENT, DOCTOR = "the control layer did not answer", "Look at it with 'officeline doctor'."
FIRST = "Fix the problems above, and try again."


class BusyError(OfficeLineError):
    """Another call was on the line at the same time."""


@dataclass(frozen=True)
class Due:
    """What should be heard: the line's answer at this time, and where its sounds are."""

    verdict: Verdict
    sounds: Mapping[str, Path]

    @property
    def prompts(self) -> Sequence[str]:
        """Return the first prompts."""
        return self.verdict.variables[names.SAY].split("&")

    @property
    def is_mute(self) -> bool:
        """Return whether a patient would hear nothing before phones ring."""
        return tuple(self.prompts) == (NO_WORDS,)

    @property
    def has_menu(self) -> bool:
        """Return whether the line then waits for a key."""
        return self.verdict.verb == names.MENU

    def samples(self) -> array[int]:
        """Return the samples of the prompts at 8 kHz; OfficeLineError if one cannot be read."""
        whole: array[int] = array("h")
        for prompt in self.prompts:
            path = self.sounds.get(prompt)
            why = "is no prompt" if path is None else sound_problem(path, HERTZ)
            if path is None or why is not None:
                raise OfficeLineError(
                    f"The prompt '{prompt}' {why}; look at 'officeline prompts check'."
                )
            whole.extend(read_sound(path).samples)
        return whole


def check_result(
    heard: CanaryResult, due: Due, record: Path, office: Office, press: str
) -> list[Check]:
    """Return all checks; BusyError if another call interfered."""
    if heard.stayed:
        raise BusyError(
            "Another call came in on this line at the same moment and is not affected; "
            "try again in a few minutes."
        )
    shown = heard.came if heard.came is not None else next(iter(heard.doubts.values()), None)
    ours = shown is not None and shown_number(shown, office.country) == office.number
    return [
        _came(heard, came=shown is not None),
        _caller_id(shown, office),
        _greeting(heard, due, record),
        _menu(heard, due, press, ours=ours),
    ]


def _came(heard: CanaryResult, *, came: bool) -> Check:
    if came:
        return Check("trunk", True, "the call went out over the trunk and came back in")
    detail = "the call went out, but the carrier did not bring it back"
    if heard.answered:
        detail = "the call was answered, but not by this office"
    fix = "Ask the carrier where calls to this number go: they must come in on this trunk."
    return Check("trunk", False, detail, fix)


def _caller_id(shown: str | None, office: Office) -> Check:
    if shown is None:
        return Check("caller ID", False, UNTRIED, FIRST)
    came, number = shown_number(shown, office.country), office.number
    if came == number:
        return Check("caller ID", True, f"the office's number came in, {mask(number)}")
    detail = f"{mask(came) if came else 'no number'} came in, and not the office's {mask(number)}"
    fix = "Ask the carrier to show the number that the office sends, so that people know who calls."
    return Check("caller ID", False, detail, fix)


def _greeting(heard: CanaryResult, due: Due, record: Path) -> Check:
    if heard.came is None:
        return Check("greeting", False, UNTRIED, FIRST)
    said = " and ".join(due.prompts)
    if likeness(_recorded(record), due.samples()) >= ALIKE:
        what = "the test prompt, because this line rings without one" if due.is_mute else said
        return Check("greeting", True, f"heard at the calling end: {what}")
    if heard.lost:
        return Check("greeting", False, SILENT, DOCTOR)
    detail = f"what was heard is not {said}"
    if sound_problem(record, HERTZ) is not None:
        detail = f"nothing was heard where {said} should be"
    fix = (
        "Restart the line, which copies its sounds; if they are right, ask the carrier about "
        "the audio from the office."
    )
    return Check("greeting", False, detail, fix)


def _menu(heard: CanaryResult, due: Due, press: str, *, ours: bool) -> Check:
    if heard.came is None and ours:  # it sent its key, which was not understood
        fix = "Ask the carrier to pass keys on as RFC 4733 (telephone-event) says."
        return Check("menu", False, "no key that the call pressed came in", fix)
    if not due.has_menu:
        return Check("menu", True, "this line has none at this hour")
    if heard.came is None:
        return Check("menu", False, UNTRIED, FIRST)
    if heard.lost:
        return Check("menu", False, SILENT, DOCTOR)
    if heard.reported == press:
        return Check("menu", True, f"it heard key {press}")
    detail = f"key {press} was not heard"
    return Check(
        "menu", False, detail, "Try again; if it fails again, ask the carrier about keys (DTMF)."
    )


def _recorded(record: Path) -> array[int]:
    """Return the samples that the calling end heard; empty if there is no recording."""
    try:
        return read_sound(record).samples
    except ValueError:
        return array("h")
