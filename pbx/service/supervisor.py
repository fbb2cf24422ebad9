"""`officeline up` and `serve`: start, watch and end the processes of one office."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from pbx.asterisk.engine import runtime
from pbx.asterisk.engine.ports import Ports
from pbx.asterisk.engine.process import AsteriskProcess, Instance
from pbx.asterisk.speech import prompts
from pbx.base import logs
from pbx.base.clock import Clock, SystemClock
from pbx.base.errors import EngineError, OfficeLineError
from pbx.base.pauses import Pauses
from pbx.base.watchdog import READY, Watchdog, tell
from pbx.calls import live, office
from pbx.calls.standby import script
from pbx.calls.standby.cache import LIVE
from pbx.config import hosts, plan, secrets
from pbx.config.home import Home
from pbx.db.database import open_database
from pbx.db.inbox import urgent_waiting
from pbx.db.plans import apply_first
from pbx.service import heartbeat
from pbx.service.build import build
from pbx.service.ending import unheard
from pbx.service.only_one import END_S, asterisk_of, control_layer_of, end_survivor, holder
from pbx.service.recovery import recover

BEATS = 3  # heartbeats that a daemon may miss before it is restarted

log = structlog.get_logger()


def is_running(home: Home) -> bool:
    """Return whether an office runs on this home."""
    return holder(home.running) is not None


def read_configuration(config: Path) -> plan.Configuration:
    """Read office.toml, with the carriers' presets."""
    return plan.load(config)


def read_secrets(home: Home, configuration: plan.Configuration) -> secrets.Secrets:
    """Read the secrets file; add generated values such as the desk phones' passwords."""
    phones = tuple(configuration.plan.phones)
    return secrets.change(home.folder, lambda held: held.completed(phones))


@contextlib.asynccontextmanager
async def running_asterisk(
    configuration: plan.Configuration,
    held: secrets.Secrets,
    home: Home,
    ports: Ports,
    *,
    dies_with_parent: bool = False,
) -> AsyncIterator[AsteriskProcess]:
    """Run this office's Asterisk; at the end, no process, port or lock is left."""
    home.prepare(runtime.service_user())
    with asterisk_of(home):
        async with _asterisk(configuration, held, home, ports, dies=dies_with_parent) as asterisk:
            yield asterisk


@contextlib.asynccontextmanager
async def _asterisk(
    configuration: plan.Configuration,
    held: secrets.Secrets,
    home: Home,
    ports: Ports,
    *,
    dies: bool,
) -> AsyncIterator[AsteriskProcess]:
    """Run Asterisk on a home whose lock we hold."""
    found = runtime.require()
    user = runtime.service_user()
    language = configuration.plan.office.language
    own = home.recordings if home.recordings.is_dir() else None
    prompts.assemble(language, home.sounds, own)
    await asyncio.to_thread(script.install, home, user)
    known = await asyncio.to_thread(hosts.look_up, hosts.names_of(configuration))
    render = partial(office.asterisk_files, configuration, held, home, found, ports)
    bind = configuration.network.bind
    place = Instance(home.asterisk, ports, render(known), user, dies, bind)
    asterisk = AsteriskProcess(found, place)
    watch: asyncio.Task[None] | None = None
    try:
        await asterisk.start()
        home.remember_ports(ports)
        watch = asyncio.create_task(hosts.HostWatch(asterisk, home, known, render).run())
        yield asterisk
    finally:
        if watch is not None:
            watch.cancel()
        await asterisk.stop()


async def up(
    config: Path, folder: Path, say: Callable[[str], None], *, alone: bool = False
) -> None:
    """Run Asterisk, and the daemon as a separate process, until a signal ends both.

    With `alone`, somebody else runs the daemon, such as systemd.
    """
    logs.configure()
    home = Home(folder)
    if not home.folder.is_dir():
        live.choose(config, home)  # do not create a home for an invalid file
        home.prepare(runtime.service_user())
    with asterisk_of(home):
        live.choose(config, home)  # if we cannot start, do not end a leftover process
        runtime.require()
        if not alone:
            await end_survivor(home)
        await asyncio.to_thread(recover, home, SystemClock())
        await _up(config, home, say, alone=alone)


async def _up(config: Path, home: Home, say: Callable[[str], None], *, alone: bool) -> None:
    """Run both on a home whose lock we hold."""
    configuration = live.choose(config, home).configuration
    home.prepare(runtime.service_user())
    held = read_secrets(home, configuration)
    ended = _until_signal()
    ports, block = office.choose_ports(configuration, home)
    name = configuration.plan.office.name
    try:
        async with _asterisk(configuration, held, home, ports, dies=False) as asterisk:
            version, bind = asterisk.runtime.version, configuration.network.bind
            say(f"{name}: Asterisk {version} answers on {bind}:{ports.sip}; Ctrl-C ends it.")
            if alone:
                tell(READY)
                await ended.wait()
            else:
                await _keep_serving(config, home, ended)
    finally:
        block.release()
    say(f"The line of {name} is down: no process and no port of it is left.")
    if (waiting := await asyncio.to_thread(_say_waiting, home, "line.down")) is not None:
        say(waiting)


def _say_waiting(home: Home, event: str) -> str | None:
    """Log how many urgent messages are not followed up from now on; return it as a sentence."""
    try:
        engine = open_database(home.database)
    except OfficeLineError as error:
        log.warning(event, error=str(error))
        return None
    try:
        count = urgent_waiting(engine)
    except (OfficeLineError, SQLAlchemyError) as error:
        log.warning(event, error=str(error))
        return None
    finally:
        engine.dispose()
    if count:
        log.warning(event, waiting=count, why="nobody is called about urgent messages now")
    return unheard(count)


async def _keep_serving(config: Path, home: Home, ended: asyncio.Event) -> None:
    """Run `serve`, and restart it when it dies or hangs.

    Raises only if the first start of a new home fails; later, the standby answers meanwhile.
    """
    pauses = Pauses(0.5, 10.0)
    words = ["--config", str(config), "--home", str(home.folder), "serve"]
    watchdog = Watchdog(home.watchdog)
    try:
        while True:
            began = asyncio.get_running_loop().time()
            daemon = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "cli", *words), start_new_session=True, env=watchdog.begin()
            )
            code = await _watched(daemon, watchdog, ended)
            if code is None:
                return
            answers = watchdog.served or (home.standby / LIVE).exists()
            if code == 2 and not answers:  # noqa: PLR2004  # it said in a sentence what is wrong
                raise EngineError("The control layer cannot start; the reason is printed above.")
            if asyncio.get_running_loop().time() - began > 60:  # noqa: PLR2004
                pauses.reset()
            log.error("daemon.ended", code=code, pause_s=pauses.pause)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pauses.take()):
                    await ended.wait()
                return
    finally:
        watchdog.close()


async def _watched(
    daemon: asyncio.subprocess.Process, watchdog: Watchdog, ended: asyncio.Event
) -> int | None:
    """Return the daemon's exit code, or None if we ended it; kill it if it hangs.

    Its heartbeat goes through Asterisk; without one, it cannot answer callers either.
    """
    died = asyncio.create_task(daemon.wait())
    signalled = asyncio.create_task(ended.wait())
    while not (died.done() or signalled.done()):
        await asyncio.wait({died, signalled}, timeout=1, return_when=asyncio.FIRST_COMPLETED)
        if watchdog.silent(BEATS * heartbeat.EVERY_S) and not died.done():
            log.error("daemon.hung", pid=daemon.pid)
            daemon.kill()
            await died
    signalled.cancel()
    if died.done():
        return died.result()
    await _end(daemon)
    return None


async def _end(daemon: asyncio.subprocess.Process) -> None:
    """Ask a daemon to end, and kill it if it does not."""
    daemon.terminate()
    try:
        async with asyncio.timeout(END_S):
            await daemon.wait()
    except TimeoutError:
        daemon.kill()
        await daemon.wait()


async def serve(config: Path, folder: Path) -> None:
    """Run only the daemon, with this home's Asterisk already running."""
    logs.configure()
    home = Home(folder)
    if not home.folder.is_dir():
        live.choose(config, home)
        home.prepare(runtime.service_user())
    with control_layer_of(home):
        await _serve(config, home)


async def _serve(config: Path, home: Home) -> None:
    """Run the daemon on a home whose lock we hold."""
    clock = SystemClock()
    await asyncio.to_thread(recover, home, clock)
    chosen = live.choose(config, home)
    configuration = chosen.configuration
    held = read_secrets(home, configuration)
    ports = office.named_ports(configuration) or home.recall_ports()
    if chosen.text is not None:
        _apply_first(home, chosen.text, configuration.plan.hash, clock)
    ended = _until_signal()
    daemon = await build(configuration, held, home, ports, clock)
    await daemon.start()
    tell(READY)
    log.info("daemon.serving", plan=daemon.plans.plan.hash)
    try:
        running = asyncio.create_task(daemon.run())
        signalled = asyncio.create_task(ended.wait())
        await asyncio.wait({running, signalled}, return_when=asyncio.FIRST_COMPLETED)
        signalled.cancel()
        if running.done():
            running.result()
        running.cancel()
    finally:
        await daemon.stop()
    await asyncio.to_thread(_say_waiting, home, "daemon.ended_by_signal")


def _apply_first(home: Home, text: str, hash_: str, clock: Clock) -> None:
    """Store the first valid file as the applied plan."""
    engine = open_database(home.database)
    try:
        apply_first(engine, text, hash_, now=clock.now())
    finally:
        engine.dispose()


def _until_signal() -> asyncio.Event:
    """Return an event that is set by SIGINT and SIGTERM."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    return ended
