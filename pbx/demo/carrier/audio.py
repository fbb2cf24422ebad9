"""Write and recognize the tones of simulated phones: 8 kHz, 16 bit, mono."""

from __future__ import annotations

import array
import math
import wave
from pathlib import Path

RATE = 8000  # samples a second
WINDOW = 400  # samples, 50 ms: a resolution of 20 Hz
PRESENT = 0.5  # share of a window's energy that counts as a tone
HEADER = 44  # bytes before a WAV file's samples
QUIET_RMS = 40.0  # below this a window is silent; speech over G.711 has hundreds


def write_tone(path: Path, frequency: float, seconds: float) -> None:
    """Write a sine of this frequency (Hz) and length as a WAV file."""
    samples = array.array(
        "h",
        (
            int(8000 * math.sin(2 * math.pi * frequency * n / RATE))
            for n in range(int(RATE * seconds))
        ),
    )
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def read(path: Path) -> array.array[int]:
    """Return a recording's samples; none if it is missing or incomplete."""
    samples = array.array("h")
    try:
        with wave.open(str(path), "rb") as file:
            samples.frombytes(file.readframes(file.getnframes()))
    except (OSError, EOFError, wave.Error):
        return array.array("h")
    return samples


def is_closed(path: Path) -> bool:
    """Return whether a recording is complete: Asterisk writes its length at the end."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(HEADER)
    except OSError:
        return False
    return len(head) == HEADER and int.from_bytes(head[40:44], "little") == size - HEADER


def tone_seconds(samples: array.array[int], frequency: float) -> float:
    """Return for how many seconds a tone is heard in a recording (Goertzel over windows)."""
    found = 0
    for window in _windows(samples):
        energy = sum(sample * sample for sample in window)
        if energy > WINDOW * QUIET_RMS**2 and _share(window, frequency, energy) > PRESENT:
            found += 1
    return found * WINDOW / RATE


def quiet_seconds(samples: array.array[int]) -> float:
    """Return for how long nothing is heard in a recording, in seconds, all pauses together."""
    quiet = sum(
        sum(sample * sample for sample in window) <= WINDOW * QUIET_RMS**2
        for window in _windows(samples)
    )
    return quiet * WINDOW / RATE


def longest_silence(samples: array.array[int], before_tone: float | None = None) -> float:
    """Return the longest silence in seconds, up to the start of a tone (Hz) if given."""
    longest = current = 0
    for window in _windows(samples):
        energy = sum(sample * sample for sample in window)
        loud = energy > WINDOW * QUIET_RMS**2
        if loud and before_tone and _share(window, before_tone, energy) > PRESENT:
            break
        current = 0 if loud else current + 1
        longest = max(longest, current)
    return longest * WINDOW / RATE


def _windows(samples: array.array[int]) -> list[array.array[int]]:
    return [samples[start : start + WINDOW] for start in range(0, len(samples) - WINDOW, WINDOW)]


def _share(window: array.array[int], frequency: float, energy: int) -> float:
    """Return the share of a window's energy at one frequency, 1.0 for a pure tone."""
    coefficient = 2 * math.cos(2 * math.pi * frequency / RATE)
    before = last = 0.0
    for sample in window:
        before, last = last, sample + coefficient * last - before
    power = before * before + last * last - coefficient * before * last
    return 2 * power / (len(window) * energy)
