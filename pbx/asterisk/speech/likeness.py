"""Whether a recording of a call has a prompt in it: its own words, and not merely some sound.

A telephone network changes level, codec and a few milliseconds, and keeps how loud and how bright
speech is from moment to moment. Both are followed through every two seconds of the prompt, so that
one which begins with the same words and goes on with others is another one. Of the shipped prompts
no two seconds are more alike than 0.7 unless their words are the same; over a call the same ones
are at 0.95 and above.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

FRAME, HOP = 160, 80  # samples at 8 kHz: 20 ms, looked at every 10 ms
PIECE = 100  # frames: two seconds
SHORTEST = 25  # frames of a last piece that are worth a look
DRIFT = 30  # hops by which a piece may be early or late, as between two files
ALIKE = 0.8
NOISE, HISS = 400.0, 100.0  # mean squares that count as silence

Curve = tuple[list[float], list[float]]  # how loud, how bright


def likeness(heard: Sequence[int], wanted: Sequence[int]) -> float:
    """Return how much the piece of `wanted` that is least in `heard` is there: 0 to 1, both 8 kHz.

    Silence is like nothing. A recording may end in the silence with which the prompt ends: a
    hang-up takes its last packets with it.
    """
    there, prompt = _curve([*heard, *[0] * (DRIFT * HOP)], HOP), _curve(wanted, FRAME)
    least, at = 1.0, 0
    frames = len(prompt[0])
    for begin in range(0, frames, PIECE):
        end = min(begin + PIECE, frames)
        if end - begin < SHORTEST and begin:
            break
        piece = (prompt[0][begin:end], prompt[1][begin:end])
        places = range(max(at - DRIFT, 0), at + DRIFT) if begin else range(len(there[0]))
        found, at = max(((_alike(piece, there, place), place) for place in places), default=(0, 0))
        least = min(least, found)
        at += (end - begin) * FRAME // HOP
    return least if frames else 0.0


def _curve(samples: Sequence[int], step: int) -> Curve:
    loud, bright = [], []
    for begin in range(0, len(samples) - FRAME, step):
        frame = samples[begin : begin + FRAME]
        power = sum(one * one for one in frame) / FRAME
        change = sum((b - a) ** 2 for a, b in pairwise(frame)) / FRAME
        loud.append(math.log(power + NOISE))
        bright.append(math.log(change + HISS))
    return loud, bright


def _alike(piece: Curve, there: Curve, place: int) -> float:
    length, every = len(piece[0]), FRAME // HOP
    if place + length * every > len(there[0]):
        return 0.0
    ends = slice(place, place + length * every, every)
    both = [_correlation(one, other[ends]) for one, other in zip(piece, there, strict=True)]
    return max(sum(both) / 2, 0.0)


def _correlation(one: list[float], other: list[float]) -> float:
    middle, other_middle = sum(one) / len(one), sum(other) / len(other)
    apart = [value - middle for value in one]
    other_apart = [value - other_middle for value in other]
    power = math.hypot(*apart) * math.hypot(*other_apart)
    together = sum(a * b for a, b in zip(apart, other_apart, strict=True))
    return together / power if power else 0.0
