"""What a Linux machine needs to run an office by itself: units and timers, a user, logs that end.

The texts are in config/units, with a `$name` for each thing that differs from machine to machine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from string import Template

from pbx.base.errors import ConfigError, OfficeLineError
from pbx.base.os_errors import os_sentence
from pbx.base.paths import data_folder

PLACES = {  # below /etc
    "officeline-asterisk.service": "systemd/system/officeline-asterisk.service",
    "officeline.service": "systemd/system/officeline.service",
    "officeline-canary.service": "systemd/system/officeline-canary.service",
    "officeline-canary.timer": "systemd/system/officeline-canary.timer",
    "sysusers": "sysusers.d/officeline.conf",
    "logrotate": "logrotate.d/officeline",
}
BACKUP_PLACES = {  # only where it is known for whose key, and where to
    "officeline-backup.service": "systemd/system/officeline-backup.service",
    "officeline-backup.timer": "systemd/system/officeline-backup.timer",
}
STATE = Path("/var/lib")
# What needs no quotes in a unit, in logrotate's files and in sysusers'
_PLAIN = re.compile(r"/[A-Za-z0-9_+./:@=-]*")
_USER = re.compile(r"[a-z][a-z0-9_-]{0,30}")
_HOMES = ("home", "root")
_PRIVATE = ("/tmp", "/var/tmp", "/dev")  # noqa: S108  # where no unit of ours sees the machine's


@dataclass(frozen=True)
class Backups:
    """For which age public keys backups are locked, in which folder, and how many stay there."""

    recipients: tuple[str, ...]
    folder: Path
    keep: int


@dataclass(frozen=True)
class Machine:
    """Where things are on the machine that runs the office; all paths are absolute.

    Timers go by the clock of `zone`, or the machine's own.
    """

    program: Path
    config: Path
    home: Path
    cache: Path
    user: str
    zone: str = ""
    backups: Backups | None = None


def rendered(machine: Machine) -> dict[str, str]:
    """Write the files, by their places below /etc; OfficeLineError for names that cannot stand."""
    folders = [] if machine.backups is None else [machine.backups.folder]
    for path in (machine.program, machine.config, machine.home, machine.cache, *folders):
        if not _PLAIN.fullmatch(str(path)):
            raise OfficeLineError(
                f"The path {path} cannot stand in a unit of systemd's; use only letters, digits "
                "and the signs _ + - . / : @ = in it."
            )
    if not _USER.fullmatch(machine.user) or machine.user == "root":
        raise OfficeLineError(
            f"'{machine.user}' cannot be the service's user; name an ordinary user, "
            "such as officeline."
        )
    words = {
        "program": str(machine.program),
        "config": str(machine.config),
        "home": str(machine.home),
        "cache": str(machine.cache),
        "user": machine.user,
        "zone": f" {machine.zone}" if machine.zone else "",
        "state": _state(machine.home),
    }
    found = _texts(PLACES, words, _protect_home(machine))
    if machine.backups is not None:
        words |= _backup_words(machine.backups, machine.home)
        found |= _texts(BACKUP_PLACES, words, _protect_home(machine, machine.backups.folder))
    return found


def write_units(files: dict[str, str], folder: Path, *, replace: bool) -> list[Path]:
    """Write the files below `folder`, which stands for /etc; only `replace` changes a file."""
    paths = {folder / place: text for place, text in files.items()}
    try:
        changed = [path for path in paths if path.exists() and path.read_text() != paths[path]]
        if changed and not replace:
            raise OfficeLineError(
                f"{', '.join(map(str, changed))} would be replaced and are different; "
                "compare them, and use --yes to replace them."
            )
        for path, text in paths.items():
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            path.chmod(0o644)
    except OSError as error:
        what, other = f"The files cannot be written below {folder}", "name another folder"
        raise ConfigError(os_sentence(what, error, folder, otherwise=other)) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"The files cannot be written below {folder}, because an existing file is not "
            "text; name another folder."
        ) from error
    return list(paths)


def backups_below(folder: Path) -> list[Path]:
    """List the units of backups that are there already."""
    paths = (folder / place for place in BACKUP_PLACES.values())
    return [path for path in paths if path.exists()]


def _backup_words(backups: Backups, home: Path) -> dict[str, str]:
    """Word what the units of backups name; OfficeLineError for a folder that is no place for it."""
    folder = backups.folder
    if folder.is_relative_to(home):
        raise OfficeLineError(
            f"Backups cannot be kept in {folder}, as they would be lost with {home}; name another "
            "folder."
        )
    if any(folder.is_relative_to(place) for place in _PRIVATE):
        raise OfficeLineError(
            f"Backups cannot be kept in {folder}, as each unit has a /tmp and a /dev of its own; "
            "name another folder."
        )
    return {
        "backup_folder": str(folder),
        "keep": str(backups.keep),
        "recipients": " ".join(f"--to {one}" for one in backups.recipients),
    }


def _texts(places: dict[str, str], words: dict[str, str], protect_home: str) -> dict[str, str]:
    """Fill in the texts of these places."""
    words = {**words, "protect_home": protect_home}
    words["hardening"] = _text("hardening.conf", words)
    return {
        place: _text(name, {**words, "here": f"/etc/{place}"}) for name, place in places.items()
    }


def _text(name: str, words: dict[str, str]) -> str:
    text = (data_folder("config") / "units" / name).read_text(encoding="utf-8")
    return Template(text).substitute(words)


def _protect_home(machine: Machine, *more: Path) -> str:
    """Word how much of the users' homes a unit may see: some of what it needs may be there."""
    python = machine.program.with_name("python").resolve()  # which a venv only points to
    paths = (machine.program, python, machine.config, machine.home, *more)
    below = any(path.parts[1:2] and path.parts[1] in _HOMES for path in paths)
    return "read-only" if below else "yes"


def _state(home: Path) -> str:
    """Let systemd make a home below /var/lib; any other must be there, and be the user's."""
    if home.is_relative_to(STATE) and home != STATE:
        return f"StateDirectory={home.relative_to(STATE)}\nStateDirectoryMode=0700"
    return f"ReadWritePaths={home}"
