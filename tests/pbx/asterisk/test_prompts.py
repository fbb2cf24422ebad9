"""The prompts: complete, audible, replaceable, and refused when one cannot be played."""

from __future__ import annotations

import json
import math
import re
import shutil
import stat
import struct
from array import array
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from dialplan.contexts import STATIC
from dialplan.contexts_legs import LEGS
from dialplan.contexts_people import PEOPLE
from dialplan.contexts_trials import TRIALS
from pbx.asterisk.speech import spoken
from pbx.asterisk.speech.prompts import (
    MUSIC,
    Catalog,
    assemble,
    check_prompts,
    load_catalog,
    sounds_folder,
)
from pbx.asterisk.speech.prompts_render import active_dbfs, as_read, render
from pbx.asterisk.speech.soundfile import FULL_SCALE, SUFFIXES, Sound, read_sound, sound_problem
from pbx.base.errors import ConfigError
from pbx.base.paths import data_folder
from pbx.cli.plan.prompts import app
from pbx.escalation import shift_words

SOUNDS = sounds_folder()
ENGLISH = load_catalog(SOUNDS / "en.toml")
FIRST_WORDS = "If this is a medical emergency, hang up now and dial 911."
SPANISH = """\
language = "es"
[voice]
synthesizer = "espeak-ng"
name = "es"
[tones]
beep = { hertz = 1000, seconds = 0.2 }
[sentences]
goodbye = "Adiós."
connecting = "Estamos llamando al médico. Por favor, no cuelgue."
"""


def wave(rate: int = 8000, seconds: float = 0.5, peak: int = 8000, **header: int) -> bytes:
    """Build a sound file: a square tone, with a header that may lie."""
    count = int(rate * seconds)
    data = array("h", [peak if at // 10 % 2 else -peak for at in range(count)]).tobytes()
    kind, channels = header.get("kind", 1), header.get("channels", 1)
    size = header.get("size", len(data))
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * 2, 2, header.get("bits", 16))
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    return (
        b"RIFF" + struct.pack("<I", len(body) + 8) + body + b"data" + struct.pack("<I", size) + data
    )


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A copy of the shipped sounds folder, to be damaged."""
    return shutil.copytree(SOUNDS, tmp_path / "shipped")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """An empty folder for the office's own recordings."""
    folder = tmp_path / "own"
    folder.mkdir()
    return folder


def files(name: str) -> list[Path]:
    """Name the shipped files of one prompt."""
    folder = SOUNDS / ("moh" if name == MUSIC else "en")
    return [folder / f"{name}{suffix}" for suffix in SUFFIXES]


@pytest.mark.parametrize("name", [*ENGLISH.ids, MUSIC])
def test_every_prompt_can_be_heard(name: str) -> None:
    """Both files of a prompt have their rate, are neither silent nor clipped, and agree."""
    sounds = []
    for path in files(name):
        assert sound_problem(path, SUFFIXES[path.suffix]) is None
        sound = read_sound(path)
        assert max(map(abs, sound.samples)) < 0.9 * FULL_SCALE
        sounds.append(sound)
    assert sounds[0].seconds == pytest.approx(sounds[1].seconds, abs=0.02)


@pytest.mark.parametrize("name", ENGLISH.sentences)
def test_speech_is_level_and_as_long_as_its_words(name: str) -> None:
    """Speech is as loud as a network expects and lasts as long as its words take to say."""
    letters = len(re.sub(r"\W", "", as_read(ENGLISH, name)))
    for path in files(name):
        sound = read_sound(path)
        assert -19 <= active_dbfs(sound) <= -16
        assert 0.03 * letters + 0.2 < sound.seconds < 0.09 * letters + 0.6


@pytest.mark.parametrize("name", ENGLISH.sentences)
def test_nobody_waits_for_the_first_word(name: str) -> None:
    """At most 150 ms of silence stand before the first and after the last sound."""
    sound = read_sound(files(name)[0])
    loud = [at for at, sample in enumerate(sound.samples) if abs(sample) > 0.01 * FULL_SCALE]
    assert loud[0] / sound.rate <= 0.15
    assert (len(sound.samples) - loud[-1]) / sound.rate <= 0.15


def test_the_music_is_quiet_and_long_enough() -> None:
    """Hold music lies under the sentences and does not repeat at once."""
    sound = read_sound(files(MUSIC)[0])
    assert -25 <= active_dbfs(sound) <= -23
    assert 20 <= sound.seconds <= 30


@pytest.mark.parametrize(
    "name",
    ["greeting-closed", "greeting-any", "announce-closed"],
)
def test_a_greeting_begins_with_911(name: str) -> None:
    """The first words to any patient say what to do in an emergency."""
    assert ENGLISH.sentences[name].startswith(FIRST_WORDS)


def test_911_is_read_as_three_digits() -> None:
    """No synthesizer is asked to read "911" itself: it would say "nine hundred eleven"."""
    assert "dial nine one one." in as_read(ENGLISH, "greeting-closed")
    assert not any("911" in as_read(ENGLISH, name) for name in ENGLISH.sentences)


def test_every_file_belongs_to_a_sentence() -> None:
    """The shipped folders hold the catalog's sounds and nothing else."""
    expected = {path for name in (*ENGLISH.ids, MUSIC) for path in files(name)}
    assert set(SOUNDS.glob("*/*")) == expected


def test_assembling_copies_everything_for_any_user(tmp_path: Path) -> None:
    """The assembled folder holds every prompt, readable by the user Asterisk runs as."""
    target = assemble("en", tmp_path / "run" / "sounds", None)
    for shipped_file in SOUNDS.glob("*/*"):
        copy = target / shipped_file.relative_to(SOUNDS)
        assert copy.read_bytes() == shipped_file.read_bytes()
        assert stat.S_IMODE(copy.stat().st_mode) == 0o644
    for folder in (target, target / "en", target / "moh"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_an_own_recording_replaces_both_rates(tmp_path: Path, own: Path) -> None:
    """An 8 kHz recording also silences the shipped 16 kHz one, even one assembled before."""
    target = assemble("en", tmp_path / "sounds", None)
    (own / "goodbye.wav").write_bytes(wave())
    (own / "music.wav").write_bytes(wave(seconds=2))
    assemble("en", target, own)
    assert (target / "en" / "goodbye.wav").read_bytes() == wave()
    assert not (target / "en" / "goodbye.wav16").exists()
    assert (target / "moh" / "music.wav").read_bytes() == wave(seconds=2)
    assert not (target / "moh" / "music.wav16").exists()
    assert (target / "en" / "taken.wav16").exists()
    (own / "goodbye.wav").unlink()
    assemble("en", target, own)
    assert (target / "en" / "goodbye.wav16").exists()


def test_an_own_recording_may_have_both_rates(tmp_path: Path, own: Path) -> None:
    """An office that records at both rates hears both of its own files."""
    (own / "goodbye.wav").write_bytes(wave())
    (own / "goodbye.wav16").write_bytes(wave(16000))
    (own / "notes.txt").write_text("recorded by the front desk")
    target = assemble("en", tmp_path / "sounds", own)
    assert (target / "en" / "goodbye.wav16").read_bytes() == wave(16000)


def test_an_own_recording_fixes_a_damaged_prompt(shipped: Path, own: Path) -> None:
    """A shipped file that nobody would hear need not be there."""
    (shipped / "en" / "goodbye.wav").unlink()
    (own / "goodbye.wav").write_bytes(wave())
    assert check_prompts(ENGLISH, shipped, own) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (wave(44100), "has 44100 samples a second instead of 8000"),
        (wave(channels=2), "is not 16-bit mono PCM"),
        (wave(kind=0xFFFE), "is not 16-bit mono PCM"),
        (wave(kind=7), "is not 16-bit mono PCM"),
        (wave(bits=8), "is not 16-bit mono PCM"),
        (wave(peak=50), "is silent"),
        (wave(seconds=0), "is empty"),
        (wave()[:-100], "is cut short"),
        (wave(size=0x7FFFFFFF), "is cut short"),
        (wave()[:30], "is cut short"),
        (wave()[:36], "is cut short"),
        (b"", "is not a WAV file"),
        (b"ID3 an mp3 with another name", "is not a WAV file"),
    ],
)
def test_an_own_recording_of_another_format_is_refused(
    content: bytes, reason: str, own: Path
) -> None:
    """What Asterisk could not play is named in one sentence with its reason."""
    (own / "goodbye.wav").write_bytes(content)
    problems = check_prompts(ENGLISH, SOUNDS, own)
    assert len(problems) == 1
    assert f"The prompt 'goodbye' {reason} " in problems[0]


def test_an_own_recording_at_16_khz_alone_is_refused(own: Path) -> None:
    """A trunk plays 8 kHz: there the shipped sentence would still be heard."""
    (own / "goodbye.wav16").write_bytes(wave(16000))
    assert "'goodbye' is missing" in check_prompts(ENGLISH, SOUNDS, own)[0]


@pytest.mark.parametrize("name", ["greting-closed.wav", "goodbye.mp3"])
def test_a_recording_that_would_never_be_heard_is_refused(name: str, own: Path) -> None:
    """A misspelt name does not leave the office with a voice it thinks it replaced."""
    (own / name).write_bytes(wave())
    (problem,) = check_prompts(ENGLISH, SOUNDS, own)
    assert name in problem


@pytest.mark.parametrize("path", ["en/accept-prompt.wav", "en/beep.wav16", "moh/music.wav"])
def test_a_missing_prompt_is_refused_before_anything_is_written(
    path: str, shipped: Path, tmp_path: Path
) -> None:
    """Without one of its files the sounds folder is not made at all."""
    (shipped / path).unlink()
    with pytest.raises(ConfigError, match=r"is missing .*officeline prompts render") as caught:
        assemble("en", tmp_path / "sounds", None, shipped)
    assert str(caught.value).count("\n") == 0
    assert not (tmp_path / "sounds").exists()


def test_an_unreadable_prompt_is_refused(shipped: Path, tmp_path: Path) -> None:
    """A folder in a file's place cannot be read, whoever runs the office."""
    (shipped / "en" / "taken.wav").unlink()
    (shipped / "en" / "taken.wav").mkdir()
    with pytest.raises(ConfigError, match="'taken' cannot be read: Is a directory"):
        assemble("en", tmp_path / "sounds", None, shipped)


def test_all_problems_are_counted(shipped: Path, tmp_path: Path) -> None:
    """The first problem is told, and how many more there are."""
    shutil.rmtree(shipped / "moh")
    with pytest.raises(ConfigError, match=r"\(and 1 more: 'officeline prompts check'\)\.$"):
        assemble("en", tmp_path / "sounds", None, shipped)


def test_an_absent_folder_of_recordings_is_refused(tmp_path: Path) -> None:
    """A folder that is configured but not there is a mistake, not a wish for the shipped voice."""
    with pytest.raises(ConfigError, match=r"recordings .* is missing"):
        assemble("en", tmp_path / "sounds", tmp_path / "nowhere")


def test_sounds_that_cannot_be_written_are_one_sentence(tmp_path: Path) -> None:
    """A file where the folder should be ends in a sentence, not in a traceback."""
    (tmp_path / "sounds").write_text("")
    with pytest.raises(ConfigError, match="The sounds cannot be written to"):
        assemble("en", tmp_path / "sounds", None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (('language = "es"', 'language = "en"'), "its name says 'es'"),
        (('name = "es"\n', ""), "'name' is missing"),
        (("goodbye", "Goodbye"), "'Goodbye' is not a prompt id"),
        (("goodbye", "music"), "'music' is not a prompt id"),
        (("goodbye", "beep"), "one id twice"),
        (('"Adiós."', '""'), "'' is in the place of a text"),
        (("seconds = 0.2", "seconds = 0"), "0 is in the place of a number"),
        (("[tones]", "[tunes]"), "no table named 'tunes'"),
        (("[sentences]", "[sentences"), "at line 7"),
    ],
)
def test_a_wrong_catalog_is_refused(change: tuple[str, str], reason: str, tmp_path: Path) -> None:
    """A catalog's mistake is named, with the file it stands in."""
    path = tmp_path / "es.toml"
    path.write_text(SPANISH.replace(*change), encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(reason)) as caught:
        load_catalog(path)
    assert str(path) in str(caught.value)


def test_a_language_without_catalog_is_refused(tmp_path: Path) -> None:
    """A language is there when its catalog is."""
    with pytest.raises(ConfigError, match=r"fr\.toml cannot be read"):
        assemble("fr", tmp_path / "sounds", None)


def spanish(folder: Path) -> Catalog:
    """Write a second catalog into an otherwise empty sounds folder."""
    folder.mkdir()
    (folder / "es.toml").write_text(SPANISH, encoding="utf-8")
    return load_catalog(folder / "es.toml")


def test_a_second_language_needs_only_a_catalog(tmp_path: Path) -> None:
    """A Spanish catalog is rendered, checked and assembled by the same commands."""
    folder = tmp_path / "shipped"
    catalog = spanish(folder)
    assert list(render(catalog, folder)) == ["goodbye", "connecting", "beep", MUSIC]
    assert check_prompts(catalog, folder, None) == []
    target = assemble("es", tmp_path / "sounds", None, folder)
    spoken = read_sound(target / "es" / "connecting.wav")
    assert -19 <= active_dbfs(spoken) <= -16
    assert spoken.seconds > read_sound(target / "es" / "goodbye.wav").seconds


@pytest.mark.parametrize("name", ["digit-1", "beep"])
def test_rendering_twice_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    """A rendered file changes only when its sentence does."""
    for folder in ("one", "two"):
        list(render(ENGLISH, tmp_path / folder, name))
    for suffix in SUFFIXES:
        first, second = (tmp_path / folder / "en" / f"{name}{suffix}" for folder in ("one", "two"))
        assert first.read_bytes() == second.read_bytes()


def test_without_a_synthesizer_the_packages_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rendering says which Debian packages it wants, and writes nothing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="apt-get install flite sox"):
        list(render(ENGLISH, tmp_path, "digit-1"))
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_prompt_is_not_rendered(tmp_path: Path) -> None:
    """A misspelt id is refused."""
    with pytest.raises(ConfigError, match="no prompt 'godbye'"):
        list(render(ENGLISH, tmp_path, "godbye"))


def test_a_voice_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """The synthesizer's own complaint is passed on."""
    folder = tmp_path / "shipped"
    spanish(folder)
    (folder / "es.toml").write_text(SPANISH.replace('name = "es"', 'name = "xx-none"'))
    with pytest.raises(ConfigError, match="espeak-ng failed"):
        list(render(load_catalog(folder / "es.toml"), folder, "goodbye"))


def test_check_command_answers_in_json(shipped: Path) -> None:
    """`prompts check` exits 0 or 1 and prints one document."""
    run = CliRunner().invoke(app, ["check", "--json"])
    assert (run.exit_code, json.loads(run.stdout)) == (0, {"ok": True, "problems": []})
    (shipped / "en" / "taken.wav").unlink()
    run = CliRunner().invoke(app, ["check", "--sounds", str(shipped)])
    assert run.exit_code == 1
    assert "'taken' is missing" in run.stdout


def test_render_command_renders_one(shipped: Path) -> None:
    """`prompts render --only` makes exactly that prompt's files again."""
    for suffix in SUFFIXES:
        (shipped / "en" / f"taken{suffix}").unlink()
    run = CliRunner().invoke(app, ["render", "--only", "taken", "--sounds", str(shipped)])
    assert run.exit_code == 0, run.output
    assert check_prompts(ENGLISH, shipped, None) == []


def test_data_lies_in_the_checkout() -> None:
    """In a checkout the shipped data is the repository's own."""
    assert data_folder("asterisk") == Path(__file__).parents[3] / "asterisk"


def test_levels_are_measured_without_pauses() -> None:
    """A tone of half scale with as much silence measures as the tone alone: -9 dBFS."""
    tone = [round(0.5 * FULL_SCALE * math.sin(at * 0.7)) for at in range(8000)]
    assert active_dbfs(Sound(8000, array("h", tone + [0] * 8000))) == pytest.approx(-9, abs=0.1)


# What no part of OfficeLine says by itself, and docs/office-toml.md offers to an office.
OFFERED = {"announce-closed"}


def test_every_prompt_is_played() -> None:
    """By our code, our dialplan, or the example practice; a sentence that nobody hears is none."""
    root = Path(__file__).parents[3]
    sources = [*root.glob("pbx/**/*.py"), *root.glob("dialplan/*.py"), root / "config/office.toml"]
    shape = root / "pbx/config/schema.py"  # whose words are the manual's
    text = "\n".join(one.read_text(encoding="utf-8") for one in sources if one != shape)
    now = datetime(2026, 11, 23, tzinfo=UTC)
    until = [now + timedelta(hours=hours) for hours in range(1, 24 * 7)]
    said = {one for end in until for one in shift_words.until(now, end, ZoneInfo("UTC"))}
    said |= {one for n in range(1, 6000) for one in spoken.duration(n)}
    said |= {
        f"digit-{digit}" for digit in range(10)
    }  # of a desk phone's id: dialplan/extensions.py
    played = {
        name
        for name in ENGLISH.ids
        if name in said or re.search(rf"[\"'&(,=:}}]{re.escape(name)}[\"'&),$]", text)
    }
    assert set(ENGLISH.ids) - played == OFFERED
    manual = (root / "docs/office-toml.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in manual for name in OFFERED)
    assert said <= set(ENGLISH.ids)


def test_what_the_dialplan_plays_is_there() -> None:
    """Asterisk goes on in silence where a sound is missing."""
    played = set()
    for text in (STATIC, LEGS, PEOPLE, TRIALS):
        for arguments in re.findall(r"(?:Playback|Read|Background)\((?:OL_\w+,)?([^,)]*)", text):
            played.update(re.findall(r"[a-z][a-z0-9-]+", re.sub(r"\$\{[^}]*\}", "&", arguments)))
        played.update(re.findall(r"OL_(?:PROMPT|SAY)=([a-z][a-z0-9-]+)", text))
    assert len(played) > 10
    assert played <= set(ENGLISH.ids)


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (1, "one minute"),
        (12, "twelve minutes"),
        (30, "thirty minutes"),
        (45, "forty five minutes"),
        (60, "one hour"),
        (90, "one hour thirty minutes"),
        (135, "two hours fifteen minutes"),
    ],
)
def test_a_time_is_said_as_people_say_it(minutes: int, words: str) -> None:
    """Put together of prompts, whatever the plan says."""
    assert " ".join(ENGLISH.sentences[one] for one in spoken.duration(minutes)) == words


def test_no_prompt_has_a_figure_of_the_plan() -> None:
    """Minutes and limits are the plan's, and never a sentence's."""
    for name, sentence in ENGLISH.sentences.items():
        assert not re.search(r"\d+ (minute|hour|second|digit)", sentence), name
