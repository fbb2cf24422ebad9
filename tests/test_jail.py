"""The jail of fail2ban: what its file says, read by fail2ban itself where it is installed."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "asterisk" / "fail2ban"


def test_the_jail_is_one_that_fail2ban_takes(tmp_path: Path) -> None:
    """Its filter's name, its logs and its limits; phones, which must reach 911, are let be."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(FOLDER / "jail.conf")
    jail = parser["officeline"]
    assert [Path(path).name for path in jail["logpath"].split()] == ["security.log", "messages.log"]
    assert "192.168.0.0/16" in jail["ignoreip"]
    if shutil.which("fail2ban-client") is None:
        return
    etc, logs = tmp_path / "etc", tmp_path / "asterisk" / "log"
    shutil.copytree("/etc/fail2ban", etc, ignore=lambda _, names: {"jail.d"} & {*names})
    (etc / "jail.d").mkdir()
    text = (FOLDER / "jail.conf").read_text().replace("/var/lib/officeline", str(tmp_path))
    (etc / "jail.d" / "officeline.conf").write_text(text)
    shutil.copy(FOLDER / "filter.conf", etc / "filter.d" / "officeline.conf")
    logs.mkdir(parents=True)
    for name in ("security.log", "messages.log"):
        (logs / name).touch()
    command = ["fail2ban-client", "-c", str(etc), "-d"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert "'officeline', 'maxretry', 8" in said.stdout
    assert "did not pass ACL test" in said.stdout
