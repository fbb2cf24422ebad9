"""Render the catalog into sound files with an offline synthesizer and sox.

Rendering twice gives the same bytes: the synthesizers use no random numbers, and sox does not
dither (-D) and uses a fixed seed (-R). docs/adr/0002 explains the choice of voice and filters.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pbx.asterisk.speech.prompts import MUSIC, MUSIC_FOLDER, Catalog, Voice
from pbx.asterisk.speech.soundfile import FULL_SCALE, SUFFIXES, Sound, read_sound
from pbx.base.errors import ConfigError

SPEECH_DBFS = -18.0  # RMS of the active parts; telephone networks expect -16 to -19
TONE_DBFS = -20.0  # a pure tone sounds louder than speech of the same power
MUSIC_DBFS = -24.0  # quieter than the sentences spoken in between
_PEAK_DBFS = -1.0  # above this, G.711 or a carrier's gain could clip
_FRAME = 0.02  # seconds; the level is measured over this window
_ACTIVE_DB = 35.0  # a frame this far below the loudest is a pause (compare ITU-T P.56)
_LONGEST = 60  # seconds a synthesizer may take for one sentence

# Cut the low frequencies, which a telephone drops, before setting the level; boost consonants.
_TELEPHONE = ("highpass", "250", "bass", "-6", "600", "equalizer", "2400", "0.7q", "5")
_TRIM_START = ("silence", "1", "0.01", "-50d", "reverse")
_PAD = ("pad", "0.05", "0.1")
_BAND = {8000: "150-3600", 16000: "80-7400"}
_CHORDS = (  # music on hold: eight chords (hertz), three seconds each, looped
    (261.63, 329.63, 392.00, 493.88),
    (220.00, 329.63, 392.00, 523.25),
    (174.61, 349.23, 440.00, 523.25),
    (196.00, 293.66, 392.00, 493.88),
    (261.63, 329.63, 392.00, 587.33),
    (220.00, 261.63, 392.00, 523.25),
    (293.66, 349.23, 440.00, 523.25),
    (196.00, 349.23, 392.00, 493.88),
)
_CHORD_SECONDS = 3.0
_BROKEN = (0, 1, 2, 3, 2, 1)  # the order in which a chord's notes are plucked


@dataclass(frozen=True)
class _Synthesizer:
    program: str
    packages: str  # Debian package names, for the error message


_SYNTHESIZERS = {
    "flite": _Synthesizer("flite", "flite"),
    "espeak-ng": _Synthesizer("espeak-ng", "espeak-ng"),
    "festival": _Synthesizer("text2wave", "festival festvox-us-slt-hts festvox-kallpc16k"),
}


def render(catalog: Catalog, sounds: Path, only: str | None = None) -> Iterator[str]:
    """Render into `sounds/LANGUAGE` and `sounds/moh`; yield each id once its two files exist.

    `only` limits this to one id of the catalog, or to `music`. Raises ConfigError for an unknown
    id, a missing tool or a tool that fails.
    """
    names = (*catalog.ids, MUSIC) if only is None else (only,)
    if only is not None and only not in {*catalog.ids, MUSIC}:
        raise ConfigError(
            f"There is no prompt '{only}' in the '{catalog.language}' catalog; "
            "use an id from that file."
        )
    _need_tools(catalog.voice)
    for name in names:
        place = MUSIC_FOLDER if name == MUSIC else catalog.language
        with tempfile.TemporaryDirectory(prefix="officeline-prompts-") as scratch:
            _render_one(catalog, name, sounds / place, Path(scratch))
        yield name


def _need_tools(voice: Voice) -> None:
    if voice.synthesizer not in _SYNTHESIZERS:
        raise ConfigError(
            f"The catalog asks for the synthesizer '{voice.synthesizer}'; "
            f"choose one of {', '.join(_SYNTHESIZERS)}."
        )
    tool = _SYNTHESIZERS[voice.synthesizer]
    if not (shutil.which(tool.program) and shutil.which("sox")):
        raise ConfigError(
            f"Rendering needs {tool.program} and sox; "
            f"install Debian's packages with 'apt-get install {tool.packages} sox'."
        )


def _render_one(catalog: Catalog, name: str, folder: Path, scratch: Path) -> None:
    raw = scratch / "raw.wav"
    level, chain = SPEECH_DBFS, [*_TELEPHONE, *_TRIM_START, *_TRIM_START, *_PAD]
    if name == MUSIC:
        _compose(raw, scratch)
        level, chain = MUSIC_DBFS, []
    elif tone := catalog.tones.get(name):
        _sox("-n", "-r", "32000", raw, *_note(tone.seconds, tone.hertz, 0.01))
        level, chain = TONE_DBFS, []
    else:
        speak(catalog.voice, as_read(catalog, name), raw)
    for suffix, rate in SUFFIXES.items():
        shaped, levelled = scratch / f"shaped{rate}.wav", scratch / f"levelled{rate}.wav"
        # Leave headroom first, because equalizing and resampling may overshoot.
        _sox(
            *(raw, "-r", str(rate), "-c", "1", "-b", "16", shaped),
            *("gain", "-n", "-12", *chain, "sinc", _BAND[rate], "gain", "-n", "-6"),
        )
        _level(shaped, levelled, level)
        _place(levelled, folder / f"{name}{suffix}")


def as_read(catalog: Catalog, name: str) -> str:
    """Return the sentence as the synthesizer should read it: "911" becomes "nine one one"."""
    text = catalog.sentences[name]
    for written, said in catalog.spoken.items():
        text = re.sub(rf"(?<!\w){re.escape(written)}(?!\w)", said, text)
    return text


def speak(voice: Voice, text: str, raw: Path) -> None:
    """Synthesize `text` into the file `raw`, at the synthesizer's own rate and level."""
    stretch = f"{voice.stretch:g}"
    if voice.synthesizer == "flite":
        speed = f"duration_stretch={stretch}"
        _run("flite", "-voice", voice.name, "--setf", speed, "-t", text, "-o", str(raw))
    elif voice.synthesizer == "espeak-ng":
        words_a_minute = str(round(175 / voice.stretch))
        _run("espeak-ng", "-v", voice.name, "-s", words_a_minute, "-w", str(raw), "--", text)
    else:
        speed = f"(Parameter.set 'Duration_Stretch {stretch})"
        say = ("-eval", f"(voice_{voice.name})", "-eval", speed, "-o", str(raw))
        _run("text2wave", *say, stdin=text)


def _note(seconds: float, hertz: float, attack: float) -> list[str]:
    """Return sox arguments for a pure tone, faded in and out so that it does not click."""
    length = f"{seconds:g}"
    fade = ["fade", "t", f"{attack:g}", length, f"{attack:g}"]
    return ["synth", length, "sine", f"{hertz:g}", *fade]


def _compose(raw: Path, scratch: Path) -> None:
    """Write the music on hold to `raw`: slow broken chords over a soft pad, to be looped.

    It uses pure tones between 170 and 1200 Hz without vibrato, because G.711 and mobile codecs
    reproduce those well.
    """
    bars = []
    for number, chord in enumerate(_CHORDS):
        pad, plucks, bar = (scratch / f"{kind}{number}.wav" for kind in ("pad", "plucks", "bar"))
        length = f"{_CHORD_SECONDS:g}"
        voices = [part for hertz in chord[1:] for part in ("sine", f"{hertz:g}")]
        fade = ["fade", "t", "0.3", length, "0.3", "gain", "-16"]
        _sox("-n", "-r", "32000", "-c", "3", pad, "synth", length, *voices, "remix", "-", *fade)
        _pluck([chord[step] * 2 for step in _BROKEN], plucks, scratch)
        _sox("-m", "-v", "1", pad, "-v", "1", plucks, bar)
        bars.append(bar)
    _sox(*bars, raw)


def _pluck(notes: Iterable[float], target: Path, scratch: Path) -> None:
    """Write notes one after another to `target`, each a fading tone with a softer octave."""
    files = []
    for number, hertz in enumerate(notes):
        length = f"{_CHORD_SECONDS / len(_BROKEN):g}"
        path = scratch / f"note{number}.wav"
        octave = ["sine", f"{hertz:g}", "sine", f"{hertz * 2:g}", "remix", "1v0.5,2v0.08"]
        fade = ["fade", "p", "0.015", length, f"{float(length) * 0.9:g}"]
        _sox("-n", "-r", "32000", "-c", "2", path, "synth", length, *octave, *fade, "gain", "-8")
        files.append(path)
    _sox(*files, target)


def active_dbfs(sound: Sound) -> float:
    """Return the RMS level of the parts that are not pauses, in dBFS (0 is full scale)."""
    size = int(sound.rate * _FRAME)
    frames = (sound.samples[at : at + size] for at in range(0, len(sound.samples), size))
    powers = [sum(sample * sample for sample in frame) / len(frame) for frame in frames]
    floor = max(powers) / 10 ** (_ACTIVE_DB / 10)
    active = [power for power in powers if power >= floor]
    return 10 * math.log10(max(sum(active) / len(active), 1e-9) / FULL_SCALE**2)


def _level(source: Path, target: Path, dbfs: float) -> None:
    """Set the active level to `dbfs`; sox's limiter reduces peaks that would be too loud."""
    gain = 0.0
    measured = active_dbfs(read_sound(source))
    for _ in range(4):  # the limiter lowers the level slightly, so approach it in steps
        gain += dbfs - measured
        _sox(source, target, "gain", "-l", f"{gain - _PEAK_DBFS:.2f}", "gain", f"{_PEAK_DBFS:g}")
        measured = active_dbfs(read_sound(target))


def _place(source: Path, target: Path) -> None:
    """Copy a finished file to `target` atomically, readable by all users."""
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, fresh)
    fresh.chmod(0o644)
    fresh.replace(target)


def _sox(*arguments: str | Path) -> None:
    _run("sox", "-V1", "-D", "-R", *map(str, arguments))


def _run(program: str, *arguments: str, stdin: str = "") -> None:
    """Run a tool and wait for it; raise ConfigError with its last line of error output."""
    try:
        done = subprocess.run(
            [program, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_LONGEST,
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"{program} did not finish in {_LONGEST} s; try it manually.") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ConfigError(f"{program} failed ({last}); check the voice in the catalog.")
