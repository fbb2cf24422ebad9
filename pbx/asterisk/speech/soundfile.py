"""Read sound files as Asterisk does: RIFF with 16-bit mono PCM at exactly the expected rate."""

from __future__ import annotations

import struct
import sys
from array import array
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = {".wav": 8000, ".wav16": 16000}  # the two formats of Asterisk's format_wav, in hertz
FULL_SCALE = 32768
_AUDIBLE = 0.01 * FULL_SCALE  # a peak below -40 dBFS is silence on a telephone
_PCM = 1
_FORMAT_SIZE = 16
_CHUNK = struct.Struct("<4sI")


@dataclass(frozen=True)
class Sound:
    """Samples (signed 16-bit, mono) at `rate` samples per second."""

    rate: int
    samples: array[int]

    @property
    def seconds(self) -> float:
        """Return the length of the sound in seconds."""
        return len(self.samples) / self.rate


def read_sound(path: Path) -> Sound:
    """Return the sound in a file; raise ValueError with a reason that can follow the file's name.

    Chunks are read as in Asterisk's formats/format_wav.c: no padding to even sizes, and no
    WAVE_FORMAT_EXTENSIBLE, which Python's `wave` module would accept.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ValueError("is missing") from error
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("is not a WAV file")
    rate = 0
    offset = 12
    while offset + _CHUNK.size <= len(data):
        kind, size = _CHUNK.unpack_from(data, offset)
        offset += _CHUNK.size
        if kind == b"fmt ":
            rate = _rate(data[offset : offset + size])
        elif kind == b"data":
            return Sound(rate, _samples(data[offset : offset + size], size, rate))
        offset += size
    raise ValueError("is cut short")


def _rate(header: bytes) -> int:
    if len(header) < _FORMAT_SIZE:
        raise ValueError("is cut short")
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", header)
    if (kind, channels, bits) != (_PCM, 1, 16):
        raise ValueError("is not 16-bit mono PCM")
    return int(rate)


def _samples(data: bytes, size: int, rate: int) -> array[int]:
    if not rate:
        raise ValueError("is not a WAV file")
    if len(data) < size or size % 2:
        raise ValueError("is cut short")
    samples = array("h", data)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def sound_problem(path: Path, hertz: int) -> str | None:
    """Return why the file is unusable as a prompt (for example "is silent"); None if it is fine."""
    try:
        sound = read_sound(path)
    except ValueError as error:
        return str(error)
    if sound.rate != hertz:
        return f"has {sound.rate} samples a second instead of {hertz}"
    if not sound.samples:
        return "is empty"
    if not any(sample > _AUDIBLE or sample < -_AUDIBLE for sample in sound.samples):
        return "is silent"
    return None
