"""Detect whether a recorded call contains a prompt: its actual words, not just any sound.

A telephone network changes the level, the codec and the timing by a few milliseconds, but it
preserves how loudness and brightness (the share of high frequencies) change over time. Both curves
are compared for every two-second piece of the prompt, so a prompt that starts with the same words
and then differs does not match. Pieces of the shipped prompts with different words score at most
0.7 against each other; the same words over a call score 0.95 or more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

FRAME, HOP = 160, 80  # samples at 8 kHz: a 20 ms window every 10 ms
PIECE = 100  # frames: two seconds
SHORTEST = 25  # frames; a shorter last piece is not compared
DRIFT = 30  # hops a piece may be early or late, as between two sound files played in a row
ALIKE = 0.8  # likeness from which a prompt counts as heard
NOISE, HISS = 400.0, 100.0  # mean squares; quieter frames all look like silence

Curve = tuple[list[float], list[float]]  # loudness and brightness per frame


def likeness(heard: Sequence[int], wanted: Sequence[int]) -> float:
    """Return how well `heard` matches `wanted`, from 0 to 1: the score of the worst piece.

    Both are samples at 8 kHz. Silence matches nothing. Silence is appended to `heard`, because a
    hangup can cut off the silence at the end of the prompt.
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
