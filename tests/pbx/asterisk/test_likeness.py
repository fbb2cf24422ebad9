"""Whether a recording has a prompt in it, on the shipped prompts as a telephone changes them."""

from __future__ import annotations

import math
import random
from array import array

import pytest

from pbx.asterisk.speech.likeness import ALIKE, likeness
from pbx.asterisk.speech.prompts import sounds_folder
from pbx.asterisk.speech.soundfile import read_sound

WANTED = ("greeting-closed", "menu-closed")
OTHERS = [
    ("greeting-any", "menu-closed"),
    ("greeting-closed", "accept-prompt"),
    ("greeting-closed",),
    ("announce-closed", "menu-closed"),
    ("menu-closed", "greeting-closed"),
    ("leave-message-backline", "leave-message-urgent"),
]


def said(*prompts: str) -> array[int]:
    """Put prompts one after the other."""
    whole: array[int] = array("h")
    for prompt in prompts:
        whole.extend(read_sound(sounds_folder() / "en" / f"{prompt}.wav").samples)
    return whole


def over_the_telephone(samples: array[int], late: int) -> array[int]:
    """Make a recording of it: so many samples late, half as loud, with a noise, and in 8 bits."""
    chance = random.Random(late)  # noqa: S311  # a noise, no secret
    silence = [0] * late
    noisy = (one / 2 + chance.gauss(0, 15) for one in [*silence, *samples, *[0] * 8000])
    return array("h", (_in_8_bits(one) for one in noisy))


def _in_8_bits(one: float) -> int:
    """Round as G.711 (mu-law) rounds: louder samples more coarsely."""
    loud = math.copysign(math.log1p(255 * min(abs(one) / 32768, 1)) / math.log(256), one)
    coarse = round(loud * 127) / 127
    return int(math.copysign((256 ** abs(coarse) - 1) / 255 * 32767, coarse))


@pytest.mark.parametrize("late", [0, 8037, 20004])
def test_the_same_words_are_known(late: int) -> None:
    """However late, however loud, with a codec's noise."""
    assert likeness(over_the_telephone(said(*WANTED), late), said(*WANTED)) > ALIKE


@pytest.mark.parametrize(("cut_ms", "known"), [(0, True), (40, True), (80, True), (300, False)])
def test_a_recording_may_end_with_the_words(cut_ms: int, known: bool) -> None:  # noqa: FBT001  # a table
    """A hang-up cuts off the silence after them, and nothing else unseen."""
    words = said("drill-over")
    assert (likeness(words[: len(words) - cut_ms * 8], words) > ALIKE) == known


@pytest.mark.parametrize("other", OTHERS, ids="+".join)
def test_other_words_are_not(other: tuple[str, ...]) -> None:
    """Nor the same beginning with another end, nor the right sentences in the wrong order."""
    heard = over_the_telephone(said(*other) + array("h", [0] * 100_000), 4000)
    assert likeness(heard, said(*WANTED)) < ALIKE


def test_some_sound_is_no_prompt() -> None:
    """Silence, a tone and noise are like nothing that is said."""
    chance = random.Random(1)  # noqa: S311  # a noise, no secret
    wanted = said(*WANTED)
    for heard in (
        array("h"),
        array("h", [0] * 160_000),
        array("h", (int(8000 * math.sin(one / 3)) for one in range(160_000))),
        array("h", (int(chance.gauss(0, 2000)) for _ in range(160_000))),
    ):
        assert likeness(heard, wanted) < ALIKE / 2
