"""Prompts: their catalog, their sound files, and the sounds folder that Asterisk reads.

A missing prompt is worse than a wrong one: the dialplan's `Read` returns at once if its file is
missing, so a physician could not accept a call. Everything is checked before Asterisk starts.
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

MUSIC = "music"  # the id of the music on hold, which has no language
MUSIC_FOLDER = "moh"
_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?")
_NOTES = frozenset({".txt", ".md"})  # allowed among an office's own recordings
_TABLES = frozenset({"language", "voice", "spoken", "tones", "sentences"})


@dataclass(frozen=True)
class Voice:
    """The voice for a catalog: synthesizer, voice name, and `stretch` (above 1.0 is slower)."""

    synthesizer: str
    name: str
    stretch: float


@dataclass(frozen=True)
class Tone:
    """A pure tone: its frequency in hertz and its length in seconds."""

    hertz: float
    seconds: float


@dataclass(frozen=True)
class Catalog:
    """All prompts of one language, by id; `spoken` maps written text to its pronunciation."""

    language: str
    voice: Voice
    sentences: Mapping[str, str]
    tones: Mapping[str, Tone]
    spoken: Mapping[str, str]

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the ids of all prompts of the language, sentences first."""
        return (*self.sentences, *self.tones)


def sounds_folder() -> Path:
    """Return the folder of shipped sounds: catalogs, one folder per language, and music on hold."""
    return data_folder("asterisk") / "sounds"


def load_catalog(path: Path) -> Catalog:
    """Return the catalog in `path`, a file named after its language; ConfigError if it is bad."""
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
    """Return the catalog from parsed TOML; raise KeyError, TypeError or ValueError if invalid."""
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
    """Return one sentence for each problem that keeps a prompt from playing; empty if none.

    `folder` is a sounds folder: it holds one folder per language, and `moh`.
    """
    _, problems = _choose(catalog, folder, own_recordings)
    return problems


def assemble(
    language: str, target: Path, own_recordings: Path | None, sounds: Path | None = None
) -> Path:
    """Fill `target/LANGUAGE` and `target/moh`, the sounds Asterisk plays, and return `target`.

    The office's own recordings replace shipped files one by one. Nothing is written unless every
    prompt can be played; otherwise ConfigError is raised. Each file is replaced atomically, because
    Asterisk may be reading the folder.
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
    """Return the source file (8 kHz) of each prompt by id: shipped, or the office's own."""
    source = sounds_folder()
    catalog = load_catalog(source / f"{language}.toml")
    chosen, _ = _choose(catalog, source, own_recordings)
    return {name: chosen[f"{language}/{name}.wav"] for name in catalog.ids}


def _choose(catalog: Catalog, folder: Path, own: Path | None) -> tuple[dict[str, Path], list[str]]:
    """Return the source of each file, keyed by its path under the target, and all problems."""
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
            # If the office recorded only 8 kHz, omit our 16 kHz file, as Asterisk might play it.
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
    """Return a problem for each recording with an unknown name or format: it would never play."""
    known = {f"{name}{suffix}" for name in names for suffix in SUFFIXES}
    return [
        f"The office's recording {path} would never be played; name it after a prompt "
        "('greeting-closed.wav') or remove it."
        for path in sorted(own.iterdir())
        if path.name not in known and not path.name.startswith(".") and path.suffix not in _NOTES
    ]


def _copy(chosen: Mapping[str, Path], target: Path) -> None:
    """Copy every file, readable by all users, since Asterisk often runs as a different one."""
    for name, source in chosen.items():
        path = target / name
        for folder in (target, path.parent):
            if not folder.is_dir():
                folder.mkdir(parents=folder is target)
            folder.chmod(0o755)
        if path.is_file() and filecmp.cmp(source, path, shallow=False):
            continue  # an unchanged file needs no space, so a full disk does not matter
        fresh = path.with_name(f".{path.name}.new")
        shutil.copyfile(source, fresh)
        fresh.chmod(0o644)
        fresh.replace(path)


def _drop_others(folder: Path, wanted: set[Path]) -> None:
    """Remove sounds left from earlier runs, so that Asterisk cannot play one of them instead."""
    for path in folder.iterdir():
        if path.suffix in SUFFIXES and path not in wanted:
            path.unlink()
