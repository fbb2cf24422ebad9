"""The doctor: checks everything that OfficeLine needs from its machine and files."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from dialplan.names import TRUNK
from pbx.asterisk.engine import ports, runtime
from pbx.asterisk.speech import prompts
from pbx.base import disk
from pbx.base.errors import ConfigError, OfficeLineError
from pbx.calls.record.spool import Spool
from pbx.config import hosts, secrets
from pbx.config.home import Home
from pbx.config.plan import Configuration
from pbx.config.setup.answers import PLACEHOLDER
from pbx.db.damage import aside_of
from pbx.db.database import database_refusal
from pbx.db.overlay import AppliedText, applied_texts, laid_over
from pbx.db.upgrade import copies
from pbx.ops import doctor_machine, doctor_network, timers
from pbx.ops.doctor_check import Check
from pbx.ops.trunk import contact_states, last_try, reaches, registration
from pbx.service import supervisor
from routing.oncall import upcoming_gap

DAYS_AHEAD = 14  # how far ahead to look for empty shifts
FREE_BYTES = 1_000_000_000


def examine(config: Path, home: Path) -> list[Check]:
    """Return all checks; a check that cannot be made counts as failed."""
    place = Home(home)
    looks: list[Callable[[], Check]] = [
        _python,
        _asterisk,
        lambda: _home(place),
        lambda: _disk(home),
        lambda: _database(place),
        doctor_machine.clock_check,
        lambda: doctor_machine.line_check(place, datetime.now(UTC)),
        lambda: doctor_machine.backup_check(place, datetime.now(UTC)),
    ]
    if timers.is_on(timers.CANARY) or timers.has_failed(timers.CANARY):
        looks.append(doctor_machine.canary_check)
    checks = [_made(look) for look in looks]
    running: AppliedText | None = None
    try:
        running = next(iter(applied_texts(place.database)), None)
        configuration = supervisor.read_configuration(config)
    except OfficeLineError as error:
        fix = f"Fix the file and try again{_meanwhile(running)}."
        return [*checks, Check("configuration", False, str(error), fix)]
    detail = f"{config}, plan {configuration.plan.hash}"
    if running is not None and running.hash != configuration.plan.hash:
        detail += f", not applied yet{_meanwhile(running)}"
    checks.append(Check("configuration", True, detail))
    with_plan: list[Callable[[], Check]] = [
        lambda: _people(configuration, place),
        lambda: doctor_network.numbers(configuration, place),
        lambda: _schedules(configuration, place),
        lambda: _prompts(configuration, place),
        lambda: _ports(configuration, place),
        lambda: doctor_network.phone_check(configuration, place),
        lambda: _trunk(configuration, place),
    ]
    if hosts.names_of(configuration):
        with_plan.append(lambda: doctor_network.names(configuration, place))
    if (certificate := configuration.network.certificate) is not None:
        times = configuration.plan.office.times
        with_plan.append(lambda: doctor_machine.certificate(certificate, datetime.now(UTC), times))
    if configuration.mqtt is not None:
        with_plan.append(lambda: _broker(configuration, place))
    return [*checks, *(_made(look) for look in with_plan)]


def _meanwhile(running: AppliedText | None) -> str:
    """Say which plan runs if the file differs from it."""
    return "" if running is None else f"; until then plan {running.hash} runs"


def _made(look: Callable[[], Check]) -> Check:
    try:
        return look()
    except OfficeLineError as error:
        name = getattr(look, "__name__", "check").strip("_<>")
        return Check(name, False, str(error).rstrip("."), "")


def _python() -> Check:
    version = sys.version.split()[0]
    return Check("python", sys.version_info >= (3, 11), version, "Install Python 3.11 or newer.")


def _asterisk() -> Check:
    found = runtime.find_asterisk()
    if found is None:
        fix = "Install one: 'officeline engine fetch'."
        return Check("asterisk", False, "none of 22.10 or newer", fix)
    user = runtime.service_user()
    inside = runtime.enterable(found.modules, user)
    detail = f"{found.version}, runs as {user.name or 'you'}"
    return Check("asterisk", inside, detail, f"Let {user.name} enter {found.modules}: chmod o+x.")


def _home(home: Home) -> Check:
    user = runtime.service_user()
    folder = next(path for path in (home.folder, *home.folder.parents) if path.exists())
    if not os.access(folder, os.W_OK):
        return Check("home", False, f"{folder} is not yours", "Name another folder with --home.")
    if not runtime.enterable(folder, user):
        fix = f"Let {user.name} pass with chmod o+x, or name another folder with --home."
        return Check("home", False, f"{user.name} cannot enter {folder}", fix)
    return Check("home", True, str(home.folder))


def _disk(home: Path) -> Check:
    mount = disk.mount_of(home)
    free = shutil.disk_usage(mount).free
    why, fix = disk.trouble(home), "Free some space: a message takes 1 MB per minute."
    detail = f"{free / 1e9:.1f} GB free at {mount}" if why is None else why
    return Check("disk", free >= FREE_BYTES and why is None, detail, fix)


def _database(home: Home) -> Check:
    """Check that the database is writable and undamaged, and that spooled facts are readable."""
    if (why := database_refusal(home.database)) is not None:
        waiting = len(Spool(home.spool).waiting())
        fix = "Fix the database; the waiting records are imported automatically."
        return Check(
            "database", False, f"{why.rstrip('.')}; records waiting to be imported: {waiting}", fix
        )
    aside = aside_of(home.database)
    if aside:
        fix = (
            "Everything that could be read is in the new one: see 'officeline inbox list' and "
            "'officeline audit list --what database'. Then move it elsewhere."
        )
        return Check("database", False, f"one was damaged and was moved to {aside[-1]}", fix)
    broken = len(list(home.spool.glob("*.broken"))) if home.spool.is_dir() else 0
    if broken:
        fix = f"Look into {home.spool}, then move them elsewhere."
        return Check("database", False, f"{broken} records could not be imported", fix)
    before = [one.name for one in copies(home.database)]
    kept = f"; as it was before its upgrade it is in {before[-1]}" if before else ""
    return Check("database", True, f"none was damaged{kept}")


def _people(configuration: Configuration, home: Home) -> Check:
    """Check that everybody can be called, and has a PIN to take messages."""
    try:
        held = secrets.read(home.folder)
    except ConfigError as error:
        return Check("people", False, str(error).rstrip("."), "")
    missing = [key for key in configuration.plan.people if key not in held.mobiles]
    unknown = [key for key in configuration.plan.people if key not in held.pins]
    details = [f"no mobile for {', '.join(missing)}"] if missing else []
    if unknown:
        details.append(
            f"no PIN for {', '.join(unknown)}, who cannot hear messages by telephone without one"
        )
    if details:
        fix = f"mobile {missing[0]} NUMBER" if missing else f"pin {unknown[0]}"
        return Check("people", False, "; ".join(details), f"'officeline people {fix}'.")
    return Check(
        "people", True, f"{len(held.mobiles)} with a mobile in the secrets file, each with a PIN"
    )


def _schedules(configuration: Configuration, home: Home) -> Check:
    """Check that no shift in the coming days is empty."""
    plan = laid_over(configuration.plan, home.database)
    gap = upcoming_gap(plan, datetime.now(UTC), DAYS_AHEAD)
    if gap is None:
        return Check("schedules", True, f"somebody is on call for the next {DAYS_AHEAD} days")
    start, end = (plan.office.times.moment(at) for at in (gap.start, gap.end))
    fix = (
        f"'officeline oncall override --schedule {gap.schedule} "
        f'--from "{start}" --to "{end}" '
        "--add PERSON --reason REASON'."
    )
    times = plan.office.times.span(gap.start, gap.end)
    return Check("schedules", False, f"nobody is on call for '{gap.schedule}' from {times}", fix)


def _prompts(configuration: Configuration, home: Home) -> Check:
    own = home.recordings if home.recordings.is_dir() else None
    sounds = prompts.sounds_folder()
    catalog = prompts.load_catalog(sounds / f"{configuration.plan.office.language}.toml")
    problems = prompts.check_prompts(catalog, sounds, own)
    if problems:
        return Check("prompts", False, problems[0].rstrip("."), "")
    return Check("prompts", True, f"{len(catalog.ids)} in '{catalog.language}'")


def _ports(configuration: Configuration, home: Home) -> Check:
    """Check that the configured ports are free or used by this office."""
    network = configuration.network
    named = [port for port in (network.sip_port, network.ami_port, network.agi_port) if port]
    if not named:
        known = home.known_ports()
        detail = "free ports are chosen at the first start" if known is None else f"SIP {known.sip}"
        return Check("ports", True, detail)
    if supervisor.is_running(home):
        return Check("ports", True, "in use by this office, which is running")
    taken = [port for port in named if not ports.is_free(port)]
    if taken:
        fix = "Stop the program that has it, or choose another in [network]."
        return Check("ports", False, f"{taken[0]} is in use", fix)
    return Check("ports", True, ", ".join(map(str, named)))


def _trunk(configuration: Configuration, home: Home) -> Check:
    table = configuration.trunk
    where = f"{table.host}:{table.port}"
    if table.kind == "registration" and supervisor.is_running(home):
        return _registered(where, home)
    if table.transport != "udp":
        detail = f"{where} is checked over {table.transport} by Asterisk only"
        return Check("trunk", True, f"{detail}; 'officeline canary' calls over it")
    if reaches(table.host, table.port):
        return Check("trunk", True, f"{where} answers")
    detail = f"{where} does not answer OPTIONS"
    if table.host == PLACEHOLDER:
        fix = (
            "Write your own carrier into [trunk]: docs/trunk.md, or 'officeline init' asks for it."
        )
        return Check(
            "trunk", False, f"{detail}; it is the example's placeholder, not a real carrier", fix
        )
    fix = "Check host and port in [trunk], the firewall, and the carrier's status page."
    return Check("trunk", False, detail, fix)


def _registered(where: str, home: Home) -> Check:
    """Check that a running office is registered at the carrier, which shows it is reachable."""
    from pbx.ops.security.asked import console

    try:
        ask = console(home)
        state, answers = registration(ask), contact_states(ask).get(TRUNK) == "Avail"
    except OfficeLineError as error:
        fix = "Check that Asterisk runs and that your user may talk to it."
        return Check(
            "trunk",
            False,
            f"whether {where} has accepted our registration is unknown: {error}",
            fix,
        )
    if state == "Registered":
        return Check("trunk", True, f"{where} has accepted our registration")
    status = last_try(home.asterisk / "log" / "messages.log")
    if status or (status is None and answers):
        detail = f"{where} refuses our registration ({status or state})"
        fix = (
            "Compare username and host in [trunk] with the carrier's page, and set the password "
            "anew: 'officeline secrets set trunk'. If they are right, ask the carrier."
        )
    else:
        detail = f"{where} does not answer our registration"
        fix = "Check the internet connection, the firewall, and the carrier's status page."
    return Check("trunk", False, f"{detail}; Asterisk keeps trying", fix)


def _broker(configuration: Configuration, home: Home) -> Check:
    """Check that the MQTT broker accepts us."""
    from pbx.notify.mqtt import Broker, broker_refusal

    assert configuration.mqtt is not None  # noqa: S101  # asked by the only caller
    broker = Broker.of(configuration.mqtt, secrets.read(home.folder))
    where, why = f"{broker.host}:{broker.port}", broker_refusal(broker)
    if why is None:
        return Check("broker", True, f"{where} accepts our login")
    fix = "Look at [mqtt], 'officeline secrets set mqtt', and whether the broker runs."
    return Check("broker", False, f"{where}: {why}", fix)
