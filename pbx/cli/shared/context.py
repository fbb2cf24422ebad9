"""The office that a command works on: its configuration file and its home."""

from __future__ import annotations

import getpass
import os
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pbx.base.errors import ConfigError
from pbx.cli.shared import lookup
from routing.time_text import TimeText

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

    from pbx.config.plan import Configuration
    from routing.config_history import ConfigHistory
    from routing.model import Plan
    from routing.people import Numbers


@dataclass(frozen=True)
class Context:
    """An office's file and home, each None if none was given or found."""

    file: Path | None
    folder: Path | None

    @property
    def config(self) -> Path:
        """The office's file, which may be missing; ConfigError if no office was found."""
        if self.file is None:
            raise lookup.no_file(self.folder)
        return self.file

    @property
    def home(self) -> Path:
        """The office's home, which may be missing; ConfigError if no office was found."""
        if self.folder is None:
            raise lookup.no_file(None)
        return self.folder

    def configuration(self) -> Configuration:
        """Read office.toml; ConfigError lists all its mistakes."""
        from pbx.config import plan

        return plan.load(self.config)

    def plan(self) -> Plan:
        """Return the plan of office.toml, with overrides and other changes from the database.

        Prints a note on stderr if a different plan is running.
        """
        from pbx.config.home import Home
        from pbx.db.overlay import applied_texts, laid_over

        found = self.configuration().plan
        database = Home(self.home).database
        for applied in applied_texts(database):
            if applied.hash != found.hash:
                sys.stderr.write(
                    f"{self.config} differs from the running plan ({applied.hash}); "
                    "'officeline diff' shows the difference.\n"
                )
        return laid_over(found, database)

    def running(self, *, reported: bool = True) -> Plan:
        """Return the newest applied plan, or else the file's, with changes from the database.

        With `reported`, prints a note on stderr if the file differs.
        """
        from pbx.config import plan
        from pbx.config.home import Home
        from pbx.db.overlay import applied_texts, laid_over

        database = Home(self.home).database
        for applied in applied_texts(database):
            try:
                name = Path(f"applied plan {applied.id}")
                found = plan.parse(applied.text, name).plan
            except ConfigError:
                break  # written by another version; the daemon cannot run it either
            if reported and not self._is_file(applied.text):
                sys.stderr.write(
                    f"Using the running plan {applied.hash}; the configuration file differs.\n"
                )
            return laid_over(found, database)
        return self.plan()

    def _is_file(self, text: str) -> bool:
        """Tell whether the office's file, if there is one, has this text."""
        from pbx.config import plan

        if self.file is None:
            return True
        return self.file.is_file() and plan.read_text(self.file) == text

    def past(self, engine: Engine, running: Plan, start: datetime, end: datetime) -> ConfigHistory:
        """Return the plans that ran in [start, end); unreadable ones are reported on stderr."""
        from pbx.reports import history as past

        found = past.past(engine, running, start, end)
        if reported := past.history_sentence(found):
            sys.stderr.write(f"{reported}\n")
        return found

    def numbers(self, plan: Plan) -> Numbers:
        """Return who has a number in the secrets file; with no numbers at all, everybody."""
        from pbx.config import secrets

        held = secrets.read(self.home)
        if not any(held.contacts(person) for person in plan.people):
            sys.stderr.write(
                "The secrets file has no numbers yet; everybody counts as reachable.\n"
            )
        return held.reachable(plan.people)

    def database(self) -> Engine:
        """Open the office's database; create it and the home if they are missing."""
        from pbx.asterisk.engine.runtime import service_user
        from pbx.config.home import Home
        from pbx.db.database import open_database

        home = Home(self.home)
        if not home.database.exists():
            home.prepare(service_user())
        return open_database(home.database)

    def timezone(self) -> str:
        """Return the office's time zone from the configuration."""
        return self._office()[0]

    def _office(self) -> tuple[str, str, str]:
        """Return the office's time zone, language and country; the rest is not checked."""
        try:
            office = tomllib.loads(self.config.read_text(encoding="utf-8-sig"))["office"]
            other = str(office.get("language", "en")), str(office.get("country", "US"))
            return str(office["timezone"]), *other
        # a file that is not TOML, or not even text, raises ValueError
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"Cannot read the office's time zone from {self.config}; "
                "give the configuration file with --config FILE."
            ) from error

    def country(self) -> str:
        """Return the office's country, or the default if the file is bad or missing."""
        from pbx.config.setup.country import country_in

        try:
            return country_in(self.config.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError):  # a file that is not text raises ValueError
            return country_in(None)

    def zone(self) -> ZoneInfo:
        """Return the office's time zone; ConfigError if it is unknown."""
        name = self.timezone()
        try:
            return ZoneInfo(name)
        except (OSError, ValueError, KeyError) as error:  # unknown names are KeyErrors
            raise ConfigError(
                f"{self.config} has the unknown time zone '{name}'; "
                "set 'timezone' in [office] to one such as 'America/New_York'."
            ) from error

    def times(self) -> TimeText:
        """Return how the office writes dates and times."""
        _, language, country = self._office()
        return TimeText.of(self.zone(), language, country)


def resolve(config: Path | None, home: Path | None) -> Context:
    """Return the given office, or the one found from a given home or the current folder."""
    home = None if home is None else lookup.whole(home)
    config = lookup.find_config(home) if config is None else lookup.whole(config)
    if home is None and config is not None:
        home = lookup.home_of(config)
    return Context(config, home)


def whoever() -> str:
    """Return the name of the user who runs the command."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):  # a user id without a name
        return f"user {os.getuid()}"
