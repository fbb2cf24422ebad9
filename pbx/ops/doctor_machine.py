"""Checks of what can fail over time: clock, process, backups, certificate."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from pbx.config.home import Home
from pbx.db import driver, overlay
from pbx.ops import asterisk, timers
from pbx.ops import certificate as certificates
from pbx.ops.doctor_check import Check
from pbx.service import heartbeat_file
from routing.time_text import TimeText

YEAR_BUILT = 2026  # a clock that shows an earlier year is wrong
KEEPERS = ("chronyd", "systemd-timesyn", "ntpd", "ntpsec")  # cut to 15 characters, as by the kernel
# One of these exists in Docker, Podman, systemd-nspawn and LXC, where the host sets the clock.
CONTAINERS = tuple(
    map(Path, ("/.dockerenv", "/run/.containerenv", "/run/host/container-manager",
               "/run/systemd/container"))
)  # fmt: skip
MISSED = timedelta(minutes=1)  # heartbeats are sent every five seconds
BACKUP_EVERY = timedelta(days=7)
ENDS_SOON = timedelta(days=14)  # programs renew 30 days before the end


def clock_check(
    processes: Path = Path("/proc"), containers: tuple[Path, ...] = CONTAINERS
) -> Check:
    """Check that a service sets the clock, because rules depend on the time."""
    year = time.gmtime().tm_year
    if year < YEAR_BUILT:
        return Check(
            "clock", False, f"it says {year}", "Set the clock, and let chrony keep it correct."
        )
    running = {_command(folder) for folder in processes.glob("[0-9]*")}
    kept = next((keeper for keeper in KEEPERS if keeper in running), None)
    if kept is not None:
        return Check("clock", True, f"kept by {kept}")
    if any(mark.exists() for mark in containers):
        return Check(
            "clock",
            True,
            "the host's, because this is a container; check on the host what keeps it correct",
        )
    fix = (
        "With a wrong clock the night's rules apply by day: "
        "install chrony, or enable systemd-timesyncd."
    )
    return Check("clock", False, "no program keeps it correct", fix)


def _command(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return ""


def line_check(home: Home, now: datetime) -> Check:
    """Check that the control layer runs and its heartbeats arrive through the dialplan."""
    sign = heartbeat_file.read_heartbeat(home)
    if not home.heartbeat.exists():
        return Check("line", True, "not started yet")
    if not sign.runs:
        start = "'officeline up', or 'systemctl start officeline-asterisk officeline'."
        if asterisk.manager_answers(home):
            fix = f"Calls go to the standby until then: {start}"
            return Check("line", False, "the control layer does not run", fix)
        return Check("line", False, "nothing runs, so callers reach nobody", f"Start it: {start}")
    if sign.heartbeat_at is None:
        return Check("line", sign.came is None, "runs, but has sent no heartbeat yet", _ASTERISK)
    age = now - sign.heartbeat_at
    detail = f"runs; its last heartbeat came {max(0, age.total_seconds()):.0f} s ago"
    return Check("line", bool(sign.came) and age < MISSED, detail, _ASTERISK)


_ASTERISK = (
    "Its own test calls do not come through Asterisk: check that Asterisk runs, and read both logs."
)


def backup_check(home: Home, now: datetime) -> Check:
    """Check the age of the last backup in the audit; a new office may have none."""
    made, began = _backups(home)
    age = None if made is None else now - made
    detail = (
        "no backup has been made yet"
        if age is None
        else f"the last one was made {age.days} days ago"
    )
    if timers.has_failed(timers.BACKUP):
        return Check("backup", False, f"{detail}, and {timers.BACKUP}.service failed", _LOOK)
    is_late = age > BACKUP_EVERY if age is not None else began is not None
    if is_late and not timers.is_on(timers.BACKUP):
        return Check("backup", False, f"{detail}, and none is scheduled", _schedule())
    if age is None:
        is_late = began is not None and now - began >= BACKUP_EVERY
    return Check("backup", not is_late, detail, _LOOK)


def _backups(home: Home) -> tuple[datetime | None, datetime | None]:
    """Return when the last backup was made, and when the first plan was applied."""
    try:
        with closing(driver.read_only(home.database)) as connection:
            return overlay.last_backup_at(connection), overlay.first_applied_at(connection)
    except driver.Error as error:
        if home.database.exists():
            raise overlay.unreadable(home.database, error) from error
        return None, None


def _schedule() -> str:
    on = f"systemctl enable --now {timers.BACKUP}.timer"
    if timers.is_written(timers.BACKUP):
        return f"Enable its timer: {on}."
    return (
        "'officeline install --write /etc --backup-to RECIPIENT --backup-folder DIR', then "
        f"{on}; without systemd: 'officeline backup --folder DIR --to RECIPIENT', each night."
    )


_LOOK = f"Look at 'journalctl -u {timers.BACKUP}', and try: systemctl start {timers.BACKUP}."


def canary_check() -> Check:
    """Check that the timer's last test call found no problem."""
    if not timers.has_failed(timers.CANARY):
        return Check("canary", True, f"{timers.CANARY}.timer calls on weekdays")
    fix = f"Look at 'journalctl -u {timers.CANARY}', and try: systemctl start {timers.CANARY}."
    return Check("canary", False, "the last test call found a problem", fix)


def certificate(path: str, now: datetime, times: TimeText) -> Check:
    """Check when our TLS certificate expires; without a valid one, no calls come in."""
    try:
        end = certificates.certificate_end(Path(path))
    except OSError as error:
        fix = "Put the file there, or remove it from [network]."
        return Check("certificate", False, f"{path} cannot be read ({error.strerror})", fix)
    except ValueError:
        fix = "Put the certificate there in PEM form, the server's own certificate first."
        return Check("certificate", False, f"{path} holds no certificate", fix)
    word = "ended" if end <= now else "ends"
    fix = "Renew the certificate, and restart the line."
    return Check("certificate", end - now > ENDS_SOON, f"{word} on {times.moment(end)}", fix)
