"""The files a Linux machine needs to run an office: units, timers, a user, log rotation.

The templates are in config/units, with a `$name` for each value that differs between machines.
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
BACKUP_PLACES = {  # only if a key and a folder are given
    "officeline-backup.service": "systemd/system/officeline-backup.service",
    "officeline-backup.timer": "systemd/system/officeline-backup.timer",
}
STATE = Path("/var/lib")
# Characters that need no quotes in units and in the files of logrotate and sysusers
_PLAIN = re.compile(r"/[A-Za-z0-9_+./:@=-]*")
_USER = re.compile(r"[a-z][a-z0-9_-]{0,30}")
_HOMES = ("home", "root")
_PRIVATE = ("/tmp", "/var/tmp", "/dev")  # noqa: S108  # where no unit of ours sees the machine's


@dataclass(frozen=True)
class Backups:
    """The age public keys to encrypt backups for, their folder, and how many to keep."""

    recipients: tuple[str, ...]
    folder: Path
    keep: int


@dataclass(frozen=True)
class Machine:
    """Paths on the machine that runs the office; all are absolute.

    Timers use the time zone `zone`, or the machine's own.
    """

    program: Path
    config: Path
    home: Path
    cache: Path
    user: str
    zone: str = ""
    backups: Backups | None = None


def rendered(machine: Machine) -> dict[str, str]:
    """Return the files by path below /etc; OfficeLineError for values that need quotes."""
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
    """Write the files below `folder`, normally /etc; change existing ones only with `replace`."""
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
    """List the existing units for backups."""
    paths = (folder / place for place in BACKUP_PLACES.values())
    return [path for path in paths if path.exists()]


def _backup_words(backups: Backups, home: Path) -> dict[str, str]:
    """Return the values for the backup units; OfficeLineError for an unsuitable folder."""
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
    """Fill in the templates for these paths."""
    words = {**words, "protect_home": protect_home}
    words["hardening"] = _text("hardening.conf", words)
    return {
        place: _text(name, {**words, "here": f"/etc/{place}"}) for name, place in places.items()
    }


def _text(name: str, words: dict[str, str]) -> str:
    text = (data_folder("config") / "units" / name).read_text(encoding="utf-8")
    return Template(text).substitute(words)


def _protect_home(machine: Machine, *more: Path) -> str:
    """Return the unit's ProtectHome, weaker if something it needs is in a user's home."""
    python = machine.program.with_name("python").resolve()  # a venv only links to it
    paths = (machine.program, python, machine.config, machine.home, *more)
    below = any(path.parts[1:2] and path.parts[1] in _HOMES for path in paths)
    return "read-only" if below else "yes"


def _state(home: Path) -> str:
    """Let systemd create a home below /var/lib; any other must exist and belong to the user."""
    if home.is_relative_to(STATE) and home != STATE:
        return f"StateDirectory={home.relative_to(STATE)}\nStateDirectoryMode=0700"
    return f"ReadWritePaths={home}"
