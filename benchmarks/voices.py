"""Compares voices for the prompts as a telephone carries them (docs/adr/0002).

Every voice reads the English catalog through the same rendering and then G.711; an offline
recognizer writes down what it hears. Needs Debian's sox, flite, espeak-ng, festival,
festvox-us-slt-hts and festvox-kallpc16k, and pocketsphinx from PyPI (its wheel holds the model):

    python3 -m venv /tmp/voices && /tmp/voices/bin/pip install pocketsphinx
    PYTHONPATH=. /tmp/voices/bin/python benchmarks/voices.py [--words] [SYNTHESIZER/VOICE ...]
"""

from __future__ import annotations

import importlib
import math
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pbx.asterisk.speech.prompts import Catalog, Voice, load_catalog, sounds_folder
from pbx.asterisk.speech.prompts_render import active_dbfs, as_read, render, speak
from pbx.asterisk.speech.soundfile import Sound, read_sound

VOICES = (
    "flite/rms",
    "flite/slt",
    "flite/awb",
    "flite/kal16",
    "festival/cmu_us_slt_arctic_hts",
    "festival/kal_diphone",
    "espeak-ng/en-us",
    "espeak-ng/en-us+f3",
)
NOISE_DBFS = -36.0  # 18 dB under the speech: a street, or a crying child in the next room
VOWELS = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
SAID = {"1": "one", "2": "two", "30": "thirty"}
FRAME = 0.02


def sox(*arguments: str | Path) -> None:
    """Run sox, repeatably."""
    program = shutil.which("sox") or "sox"
    subprocess.run([program, "-V1", "-D", "-R", *map(str, arguments)], check=True)


def words(catalog: Catalog, name: str) -> list[str]:
    """Return a sentence as the words that should be heard."""
    found = re.findall(r"[a-z0-9']+", as_read(catalog, name).lower())
    return [SAID.get(word, word) for word in found]


def distance(wanted: Sequence[str], heard: Sequence[str]) -> int:
    """Count the words to change, drop or add to get from one to the other."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(wanted, 1):
        above, row = row, [number]
        for column, other in enumerate(heard):
            change = above[column] + (word != other)
            row.append(min(change, above[column + 1] + 1, row[-1] + 1))
    return row[-1]


class Recognizer:
    """Pocketsphinx with its general language model, or with equally likely words of ours."""

    def __init__(self, vocabulary: Sequence[str] = ()) -> None:
        sphinx: Any = importlib.import_module("pocketsphinx")
        model = Path(sphinx.get_model_path()) / "en-us"
        language = model / "en-us.lm.bin"
        dictionary = model / "cmudict-en-us.dict"
        self.sounds = {
            line.split()[0]: line.split()[1:] for line in dictionary.read_text().splitlines()
        }
        if vocabulary:
            language = Path(tempfile.mkdtemp()) / "words.arpa"
            likely = -math.log10(len(vocabulary) + 1)
            lines = [f"{likely:.4f} {word}" for word in ("</s>", *vocabulary)]
            head = ["\\data\\", f"ngram 1={len(lines) + 1}", "", "\\1-grams:", "-99 <s>"]
            language.write_text("\n".join([*head, *lines, "", "\\end\\", ""]))
        self._decoder: Any = sphinx.Decoder(
            hmm=str(model / "en-us"), lm=str(language), dict=str(dictionary), loglevel="FATAL"
        )

    def hear(self, sound: Sound) -> list[str]:
        """Write down what was said; `sound` has 16,000 samples a second."""
        quiet = bytes(6400)
        self._decoder.start_utt()
        self._decoder.process_raw(quiet + sound.samples.tobytes() + quiet, full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        text = re.sub(r"\(\d\)", "", found.hypstr) if found else ""
        return text.replace("doctor's", "doctors").replace("can not", "cannot").split()


@dataclass
class Tally:
    """Sums over all sentences of one voice."""

    words: int = 0
    wrong: int = 0  # general language model
    wrong_words: int = 0  # words of the catalog alone, equally likely
    wrong_noisy: int = 0  # the same, in noise
    syllables: int = 0
    seconds: float = 0.0
    pause: float = 0.0  # the longest within a sentence
    spread: float = 0.0  # standard deviation of the active level, dB, summed
    lost: float = 0.0  # dB that the telephone band takes from the raw voice, summed
    peak: int = 0
    sentences: int = 0


def telephone(path: Path, scratch: Path, noise: Path | None) -> Sound:
    """Send a prompt through G.711; fold the band up, since the recognizer expects 16 kHz.

    Folding (zero-stuffing, then a shelf) is the oldest way to fill the missing octave; all voices
    get the same.
    """
    line, coded, heard = (scratch / name for name in ("line.wav", "coded.wav", "heard.wav"))
    sox(*(["-m", "-v", "1", path, "-v", "1", noise, line] if noise else [path, line]))
    if noise:
        length = f"{read_sound(path).seconds:.3f}"
        sox(line, coded, "trim", "0", length)
        coded.replace(line)
    sox(line, "-e", "mu-law", coded)
    shelf = ["upsample", "2", "gain", "-3", "treble", "-12", "4500"]
    sox(coded, "-r", "16000", "-e", "signed", "-b", "16", heard, *shelf)
    return read_sound(heard)


def shape(sound: Sound, tally: Tally) -> None:
    """Add a prompt's pauses and evenness."""
    size = int(sound.rate * FRAME)
    frames = [sound.samples[at : at + size] for at in range(0, len(sound.samples) - size, size)]
    levels = [10 * math.log10(sum(s * s for s in frame) / size + 1) for frame in frames]
    active = [level > max(levels) - 35 for level in levels]
    runs = "".join("x" if on else "." for on in active).strip(".").split("x")
    tally.pause = max(tally.pause, max(map(len, runs)) * FRAME)
    heard = [level for level, on in zip(levels, active, strict=True) if on]
    mean = sum(heard) / len(heard)
    tally.spread += math.sqrt(sum((level - mean) ** 2 for level in heard) / len(heard))
    tally.seconds += sound.seconds - 0.15  # without the silence before and after
    tally.peak = max(tally.peak, *map(abs, sound.samples))


def band_loss(catalog: Catalog, name: str, scratch: Path) -> float:
    """Measure how many dB of the raw voice lie outside the telephone's 300 to 3400 Hz."""
    raw, whole, band = (scratch / part for part in ("raw.wav", "whole.wav", "band.wav"))
    speak(catalog.voice, as_read(catalog, name), raw)
    sox(raw, "-r", "16000", "-c", "1", "-b", "16", whole, "gain", "-n", "-6")
    sox(whole, band, "sinc", "300-3400")
    return active_dbfs(read_sound(whole)) - active_dbfs(read_sound(band))


def measure(catalog: Catalog, ears: tuple[Recognizer, Recognizer], *, spell: bool) -> Tally:
    """Render the catalog's longer sentences with its voice and measure them."""
    tally = Tally()
    general, closed = ears
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        noise = scratch / "noise.wav"
        sox("-n", "-r", "8000", "-b", "16", noise, "synth", "20", "pinknoise", "gain", "-6")
        quieter = NOISE_DBFS - active_dbfs(read_sound(noise))
        sox(noise, scratch / "soft.wav", "gain", f"{quieter:.2f}")
        for name in [name for name, text in catalog.sentences.items() if text.count(" ") > 2]:
            list(render(catalog, scratch, name))
            path = scratch / catalog.language / f"{name}.wav"
            wanted = words(catalog, name)
            clean = telephone(path, scratch, None)
            noisy = telephone(path, scratch, scratch / "soft.wav")
            heard = general.hear(clean)
            tally.sentences += 1
            tally.words += len(wanted)
            tally.wrong += distance(wanted, heard)
            tally.wrong_words += distance(wanted, closed.hear(clean))
            tally.wrong_noisy += distance(wanted, closed.hear(noisy))
            parts = [sound for word in wanted for sound in general.sounds[word]]
            tally.syllables += sum(part in VOWELS for part in parts)
            tally.lost += band_loss(catalog, name, scratch)
            shape(read_sound(path), tally)
            if spell:
                print(f"  {name}: {' '.join(heard)}")
    return tally


def main(arguments: Sequence[str]) -> None:
    """Print one line per voice."""
    catalog = load_catalog(sounds_folder() / "en.toml")
    vocabulary = sorted({word for name in catalog.sentences for word in words(catalog, name)})
    ears = (Recognizer(), Recognizer(vocabulary))
    chosen = [argument for argument in arguments if "/" in argument] or VOICES
    print("voice | wrong words % | word by word % | in noise % | syllables/s | longest pause s")
    print("      | level spread dB | lost to the band dB | peak dBFS")
    for label in chosen:
        synthesizer, _, voice = label.partition("/")
        tried = replace(catalog, voice=Voice(synthesizer, voice, catalog.voice.stretch))
        t = measure(tried, ears, spell="--words" in arguments)
        rates = [100 * wrong / t.words for wrong in (t.wrong, t.wrong_words, t.wrong_noisy)]
        figures = [*rates, t.syllables / t.seconds, t.pause]
        figures += [t.spread / t.sentences, t.lost / t.sentences, 20 * math.log10(t.peak / 32768)]
        print(label, *(f"{figure:.1f}" for figure in figures), sep=" | ", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
