"""All security checks: Asterisk's files, the plan, the disk, the code, and what runs."""

from __future__ import annotations

from pathlib import Path

from dialplan.lint import DIALPLAN
from dialplan.locks import WRITTEN
from dialplan.written import Written
from pbx.asterisk.engine import runtime
from pbx.asterisk.engine.ports import FIRST, Ports
from pbx.calls import office
from pbx.config.home import Home
from pbx.config.secrets import read
from pbx.ops.security import asked, built_in, host, placed
from pbx.ops.security.check import SecurityCheck
from pbx.service.supervisor import read_configuration

FIX = "Fix [trunk] and [network] in office.toml if they are the cause, and restart the line."


def examine(config: Path, folder: Path) -> list[SecurityCheck]:
    """Return all checks; ConfigError if nothing was started and the file cannot be read."""
    home = Home(folder)
    written = Written(_files(config, home))
    in_files = [
        SecurityCheck.of(group, name, check(written), FIX)
        for group, name, check in (*WRITTEN, *DIALPLAN)
    ]
    out = placed.examine(config, home)
    return [*in_files, *out, *host.examine(config, home), *built_in.examine(), *asked.examine(home)]


def _files(config: Path, home: Home) -> dict[str, str]:
    """Return the files of Asterisk's last start; before the first start, render them."""
    etc = home.asterisk / "etc"
    if (etc / "pjsip.conf").exists():
        return {path.name: path.read_text(encoding="utf-8") for path in etc.glob("*.conf")}
    configuration = read_configuration(config)
    held = read(home.folder).completed(tuple(configuration.plan.phones))
    ports = Ports.of_block(FIRST)
    return dict(office.asterisk_files(configuration, held, home, runtime.require(), ports))
