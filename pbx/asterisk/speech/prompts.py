"""The spoken sentences: their catalog, their sound files, and the folder that Asterisk reads.

A prompt that cannot be played is worse than a wrong one: `Read` on a missing file returns at once,
so that a physician could not accept a call. Hence everything is checked before Asterisk starts.
"""

from __future__ import annotations

import filecmp
import re
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from pbx.asterisk.speech.soundfile import SUFFIXES, sound_problem
from pbx.base.errors import ConfigError
from pbx.base.os_errors import os_sentence
from pbx.base.paths import data_folder

MUSIC = "music"  # the id of the hold music; it belongs to no language
MUSIC_FOLDER = "moh"
_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?")
_NOTES = frozenset({".txt", ".md"})  # may lie among an office's own recordings
_TABLES = frozenset({"language", "voice", "spoken", "tones", "sentences"})


@dataclass(frozen=True)
class Voice:
    """The voice that reads a catalog: an offline synthesizer, its voice, and how slowly (1.0)."""

    synthesizer: str
    name: str
    stretch: float


@dataclass(frozen=True)
class Tone:
    """A sound without words: a pure tone of so many hertz and seconds."""

    hertz: float
    seconds: float


@dataclass(frozen=True)
class Catalog:
    """Everything that is said in one language, by id; `spoken` maps text to how it is read."""

    language: str
    voice: Voice
    sentences: Mapping[str, str]
    tones: Mapping[str, Tone]
    spoken: Mapping[str, str]

    @property
    def ids(self) -> tuple[str, ...]:
        """Name every sound of the language, sentences first."""
        return (*self.sentences, *self.tones)


def sounds_folder() -> Path:
    """Return the shipped sounds: catalogs, one folder per language, and the hold music."""
    return data_folder("asterisk") / "sounds"


def load_catalog(path: Path) -> Catalog:
    """Read a catalog; the file is named after its language."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        what, other = f"The prompt catalog {path} cannot be read", "choose another language"
        raise ConfigError(os_sentence(what, error, path, otherwise=other)) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"The prompt catalog {path} cannot be read, as it is not UTF-8 text; restore it or "
            "choose a language that has one."
        ) from error
    try:
        return _catalog(path.stem, tomllib.loads(text))
    except (KeyError, TypeError, ValueError) as error:  # a TOML error is a ValueError
        reason = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise ConfigError(f"The prompt catalog {path} is wrong: {reason}; fix it.") from error


def _catalog(stem: str, table: Mapping[str, object]) -> Catalog:
    """Build the catalog from TOML; KeyError, TypeError and ValueError say what does not fit."""
    if unknown := set(table) - _TABLES:
        raise ValueError(f"there is no table named {min(unknown)!r}")
    if table["language"] != stem or not _LANGUAGE.fullmatch(stem):
        raise ValueError(f"its language is {table['language']!r}, its name says {stem!r}")
    voice = _table(table["voice"])
    tones = {
        name: Tone(_positive(_table(tone)["hertz"]), _positive(_table(tone)["seconds"]))
        for name, tone in _table(table.get("tones", {})).items()
    }
    catalog = Catalog(
        language=stem,
        voice=Voice(
            synthesizer=_text(voice["synthesizer"]),
            name=_text(voice["name"]),
            stretch=_positive(voice.get("stretch", 1.0)),
        ),
        sentences=_texts(table["sentences"]),
        tones=MappingProxyType(tones),
        spoken=_texts(table.get("spoken", {})),
    )
    for name in catalog.ids:
        if not _ID.fullmatch(name) or name == MUSIC:
            raise ValueError(f"{name!r} is not a prompt id (lowercase letters, digits and hyphens)")
    if not catalog.sentences or set(catalog.sentences) & set(tones):
        raise ValueError("it has no sentence, or one id twice")
    return catalog


def _table(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is in the place of a table")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError(f"{value!r} is in the place of a text")
    return value


def _texts(value: object) -> Mapping[str, str]:
    return MappingProxyType({name: _text(text) for name, text in _table(value).items()})


def _positive(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise TypeError(f"{value!r} is in the place of a number above 0")
    return float(value)


def check_prompts(catalog: Catalog, folder: Path, own_recordings: Path | None) -> list[str]:
    """List what keeps the prompts from being played, one sentence each; empty means all is well.

    `folder` is a sounds folder: one folder per language, and `moh`.
    """
    _, problems = _choose(catalog, folder, own_recordings)
    return problems


def assemble(
    language: str, target: Path, own_recordings: Path | None, sounds: Path | None = None
) -> Path:
    """Fill the sounds folder that Asterisk reads, and return it: `target/LANGUAGE`, `target/moh`.

    The office's own recordings replace shipped files one by one. Nothing is written unless every
    prompt can be played. A running Asterisk may read the folder meanwhile: each file is replaced
    in one step.
    """
    source = sounds or sounds_folder()
    catalog = load_catalog(source / f"{language}.toml")
    chosen, problems = _choose(catalog, source, own_recordings)
    if problems:
        others = f" (and {len(problems) - 1} more: 'officeline prompts check')"
        raise ConfigError(problems[0].removesuffix(".") + (others * (len(problems) > 1)) + ".")
    try:
        _copy(chosen, target)
        for place in (target / language, target / MUSIC_FOLDER):
            _drop_others(place, {target / name for name in chosen})
    except OSError as error:
        what = f"The sounds cannot be written to {target}"
        raise ConfigError(os_sentence(what, error, target)) from error
    return target


def sources(language: str, own_recordings: Path | None) -> dict[str, Path]:
    """Say where the sound (8 kHz) of each prompt comes from, by id, whatever was copied of it."""
    source = sounds_folder()
    catalog = load_catalog(source / f"{language}.toml")
    chosen, _ = _choose(catalog, source, own_recordings)
    return {name: chosen[f"{language}/{name}.wav"] for name in catalog.ids}


def _choose(catalog: Catalog, folder: Path, own: Path | None) -> tuple[dict[str, Path], list[str]]:
    """Decide for every file under the target (by relative name) where it comes from."""
    if not folder.is_dir():
        return {}, [f"The sounds folder {folder} is missing; install OfficeLine again."]
    if own is not None and not own.is_dir():
        return {}, [
            f"The folder of the office's recordings {own} is missing; create it or name another."
        ]
    names = (*catalog.ids, MUSIC)
    problems = [] if own is None else _strangers(own, names)
    chosen: dict[str, Path] = {}
    for name in names:
        place = MUSIC_FOLDER if name == MUSIC else catalog.language
        base = folder / place
        suffixes: Mapping[str, int] = SUFFIXES
        if own is not None and _recorded(own, name):
            # An office that recorded 8 kHz alone wants to hear that, not our 16 kHz sentence.
            base = own
            wide = (own / f"{name}.wav16").exists()
            suffixes = SUFFIXES if wide else {".wav": SUFFIXES[".wav"]}
        for suffix, hertz in suffixes.items():
            path = base / f"{name}{suffix}"
            if problem := sound_problem(path, hertz):
                fix = f"run 'officeline prompts render --only {name}'"
                if base == own:
                    fix = f"save it as 16-bit mono PCM at {hertz} Hz, or remove it"
                problems.append(f"The prompt '{name}' {problem} ({path}); {fix}.")
            chosen[f"{place}/{path.name}"] = path
    return chosen, problems


def _recorded(own: Path, name: str) -> bool:
    return any((own / f"{name}{suffix}").exists() for suffix in SUFFIXES)


def _strangers(own: Path, names: tuple[str, ...]) -> list[str]:
    """Find recordings that would never be heard, by a misspelt name or a foreign format."""
    known = {f"{name}{suffix}" for name in names for suffix in SUFFIXES}
    return [
        f"The office's recording {path} would never be played; name it after a prompt "
        "('greeting-closed.wav') or remove it."
        for path in sorted(own.iterdir())
        if path.name not in known and not path.name.startswith(".") and path.suffix not in _NOTES
    ]


def _copy(chosen: Mapping[str, Path], target: Path) -> None:
    """Copy every file, readable by any user: Asterisk often runs as another one."""
    for name, source in chosen.items():
        path = target / name
        for folder in (target, path.parent):
            if not folder.is_dir():
                folder.mkdir(parents=folder is target)
            folder.chmod(0o755)
        if path.is_file() and filecmp.cmp(source, path, shallow=False):
            continue  # what is there already needs no room on a full disk
        fresh = path.with_name(f".{path.name}.new")
        shutil.copyfile(source, fresh)
        fresh.chmod(0o644)
        fresh.replace(path)


def _drop_others(folder: Path, wanted: set[Path]) -> None:
    """Remove sounds of an earlier choice, so that Asterisk cannot prefer one of them."""
    for path in folder.iterdir():
        if path.suffix in SUFFIXES and path not in wanted:
            path.unlink()
