"""The home: the folder with an office's database, secrets file, messages and Asterisk files."""

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

# Characters that Asterisk's Record() does not interpret: no comma, bracket or space
_PATH = re.compile(r"[A-Za-z0-9_+\-./:@=]+")


@dataclass(frozen=True)
class Home:
    """Paths below one folder; `prepare` creates them."""

    folder: Path

    @property
    def database(self) -> Path:
        """The database file."""
        return self.folder / "officeline.db"

    @property
    def heartbeat(self) -> Path:
        """The file that the daemon touches to show that it is alive."""
        return self.folder / "daemon.json"

    @property
    def running(self) -> Path:
        """The file lock of the process that runs Asterisk here."""
        return self.folder / "running.lock"

    @property
    def serving(self) -> Path:
        """The file lock of the control layer."""
        return self.folder / "serving.lock"

    @property
    def backing_up(self) -> Path:
        """The file lock of the process that makes a backup."""
        return self.folder / "backup.lock"

    @property
    def ports(self) -> Path:
        """The file with the ports of the last Asterisk that was started."""
        return self.folder / "ports.json"

    @property
    def unknown_names(self) -> Path:
        """The file with the host names that have no address."""
        return self.folder / "unknown-names.json"

    @property
    def watchdog(self) -> Path:
        """The socket on which 'officeline up' receives its control layer's signs of life."""
        return self.folder / "watchdog"

    @property
    def messages(self) -> Path:
        """The folder of recorded messages, which Asterisk writes."""
        return self.folder / "messages"

    @property
    def recordings(self) -> Path:
        """The folder of the office's own prompts; each file in it replaces one of ours."""
        return self.folder / "prompts"

    @property
    def asterisk(self) -> Path:
        """The folder for Asterisk's own files."""
        return self.folder / "asterisk"

    @property
    def applied(self) -> Path:
        """A copy of the applied office.toml, in case the database is lost."""
        return self.folder / "applied.toml"

    @property
    def standby(self) -> Path:
        """The folder with the files that the standby needs."""
        return self.folder / "standby"

    @property
    def standby_script(self) -> Path:
        """The program that Asterisk runs if the control layer does not answer."""
        return self.standby / "standby"

    @property
    def spool(self) -> Path:
        """The folder of calls and messages that wait until the database can take them."""
        return self.standby / SPOOL

    @property
    def sounds(self) -> Path:
        """The folder of Asterisk's sounds, by language."""
        return self.asterisk / "lib" / "sounds"

    def prepare(self, user: ServiceUser) -> None:
        """Create the folders, readable by our user only, or by Asterisk's user for its own."""
        if not _PATH.fullmatch(str(self.folder)):
            raise ConfigError(
                f"The folder {self.folder} cannot be used, because Asterisk would misread its "
                "name. Use a path with only letters a to z, digits and _ + - . / : @ = instead."
            )
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if user.name is not None:
                os.chown(self.folder, -1, user.gid)  # Asterisk's user may enter,
                self.folder.chmod(0o710)  #   but not list
            self.standby.mkdir(mode=0o750, exist_ok=True)
            if user.name is not None:
                os.chown(self.standby, -1, user.gid)  # Asterisk reads here and writes below
            for place in (self.messages, self.asterisk, self.spool):
                place.mkdir(mode=0o750, exist_ok=True)
                if user.name is not None:
                    os.chown(place, user.uid, user.gid)
        except OSError as error:
            what, other = f"The folder {self.folder} cannot be used", "name another with --home"
            raise ConfigError(os_sentence(what, error, self.folder, otherwise=other)) from error

    def remember_ports(self, ports: Ports) -> None:
        """Save the running Asterisk's ports for a daemon that is started later."""
        files.keep(self.ports, json.dumps(asdict(ports)), 0o600)

    def known_ports(self) -> Ports | None:
        """Return the ports of the last start; None before the first."""
        with contextlib.suppress(ConfigError):
            return self.recall_ports()
        return None

    def recall_ports(self) -> Ports:
        """Return the ports of the running Asterisk; ConfigError if it was never started."""
        path = self.ports
        try:
            return Ports(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(
                f"This office's Asterisk was never started ({path} is missing). "
                "Start it with 'officeline up', or set the ports in [network]."
            ) from error
