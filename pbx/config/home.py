"""The home: where one office keeps its database, secrets file, messages and its Asterisk."""

from __future__ import annotations

import contextlib
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from pbx.asterisk.engine.ports import Ports
from pbx.asterisk.engine.runtime import ServiceUser
from pbx.base import files
from pbx.base.errors import ConfigError
from pbx.base.os_errors import os_sentence
from pbx.base.paths import SPOOL

# What reaches Record() as it is: no comma, bracket or space that Asterisk would read
_PATH = re.compile(r"[A-Za-z0-9_+\-./:@=]+")


@dataclass(frozen=True)
class Home:
    """The places below one folder; nothing is created before `prepare`."""

    folder: Path

    @property
    def database(self) -> Path:
        """The call log's file."""
        return self.folder / "officeline.db"

    @property
    def heartbeat(self) -> Path:
        """The daemon's sign of life."""
        return self.folder / "daemon.json"

    @property
    def running(self) -> Path:
        """The lock of whoever runs Asterisk here."""
        return self.folder / "running.lock"

    @property
    def serving(self) -> Path:
        """The lock of the control layer."""
        return self.folder / "serving.lock"

    @property
    def backing_up(self) -> Path:
        """The lock of whoever makes a backup."""
        return self.folder / "backup.lock"

    @property
    def ports(self) -> Path:
        """Where the Asterisk that was started last listens."""
        return self.folder / "ports.json"

    @property
    def unknown_names(self) -> Path:
        """The hosts' names that the running Asterisk could not look up."""
        return self.folder / "unknown-names.json"

    @property
    def watchdog(self) -> Path:
        """Where 'officeline up' hears its control layer's signs of life."""
        return self.folder / "watchdog"

    @property
    def messages(self) -> Path:
        """The recordings that Asterisk writes and we keep."""
        return self.folder / "messages"

    @property
    def recordings(self) -> Path:
        """The office's own prompts, which replace ours file by file."""
        return self.folder / "prompts"

    @property
    def asterisk(self) -> Path:
        """Asterisk's own folder."""
        return self.folder / "asterisk"

    @property
    def applied(self) -> Path:
        """A copy of the applied plan's text, for the day on which the database is lost."""
        return self.folder / "applied.toml"

    @property
    def standby(self) -> Path:
        """What the standby answers from."""
        return self.folder / "standby"

    @property
    def standby_script(self) -> Path:
        """What Asterisk runs when the control layer gives no verdict."""
        return self.standby / "standby"

    @property
    def spool(self) -> Path:
        """What could not go into the database, until it is taken in."""
        return self.standby / SPOOL

    @property
    def sounds(self) -> Path:
        """The folder of Asterisk's sounds, by language."""
        return self.asterisk / "lib" / "sounds"

    def prepare(self, user: ServiceUser) -> None:
        """Create the folders; only our user, and Asterisk's for its own, can look inside."""
        if not _PATH.fullmatch(str(self.folder)):
            raise ConfigError(
                f"The folder {self.folder} cannot be used, because Asterisk would misread its "
                "name. Use only letters a to z, digits and the characters _ + - . / : @ = in it."
            )
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if user.name is not None:
                os.chown(self.folder, -1, user.gid)  # Asterisk's user passes through,
                self.folder.chmod(0o710)  #   and cannot list
            self.standby.mkdir(mode=0o750, exist_ok=True)
            if user.name is not None:
                os.chown(self.standby, -1, user.gid)  # Asterisk reads there, and writes below
            for place in (self.messages, self.asterisk, self.spool):
                place.mkdir(mode=0o750, exist_ok=True)
                if user.name is not None:
                    os.chown(place, user.uid, user.gid)
        except OSError as error:
            what, other = f"The folder {self.folder} cannot be used", "name another with --home"
            raise ConfigError(os_sentence(what, error, self.folder, otherwise=other)) from error

    def remember_ports(self, ports: Ports) -> None:
        """Leave the ports of the running Asterisk for a daemon that is started beside it."""
        files.keep(self.ports, json.dumps(asdict(ports)), 0o600)

    def known_ports(self) -> Ports | None:
        """Read the ports of the last start; None before the first."""
        with contextlib.suppress(ConfigError):
            return self.recall_ports()
        return None

    def recall_ports(self) -> Ports:
        """Read the ports of the running Asterisk."""
        path = self.ports
        try:
            return Ports(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(
                f"This office's Asterisk was never started ({path} is missing). "
                "Start it with 'officeline up', or set the ports in [network]."
            ) from error
