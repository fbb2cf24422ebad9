"""Run one Asterisk: write its files, start, watch, restart and stop it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from pbx.asterisk.engine.astdb import make_usable
from pbx.asterisk.engine.ports import Ports, is_free
from pbx.asterisk.engine.runtime import Runtime, ServiceUser, confined, enterable
from pbx.base import disk, files
from pbx.base.errors import EngineError
from pbx.base.os_errors import os_sentence
from pbx.base.pauses import Pauses
from pbx.base.watchdog import SOCKET

START_DEADLINE = 60.0  # seconds until fully booted; usually three to five
STOP_DEADLINE = 8.0  # seconds until it is killed
SPARES = 8  # placeholder files, deleted on a full disk to make room for Asterisk's sockets
SOCKET_PATH_LIMIT = 100  # Linux allows 107 bytes for the path of a Unix socket, file name included
SUBFOLDERS = ("etc", "run", "log", "log/cdr-custom", "spool", "db", "lib", "keys", "agi")

log = structlog.get_logger()


@dataclass(frozen=True)
class Instance:
    """Settings of one Asterisk: folder, ports, rendered files by name, and the user it runs as."""

    folder: Path
    ports: Ports
    files: Mapping[str, str]
    user: ServiceUser
    dies_with_parent: bool = False
    host: str = "127.0.0.1"  # address its SIP ports listen on


class AsteriskProcess:
    """Runs one Asterisk until `stop`; restarts it after a crash, then calls `on_restart`."""

    def __init__(
        self,
        runtime: Runtime,
        instance: Instance,
        on_restart: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.runtime = runtime
        self.instance = instance
        self.restarts = 0
        self._on_restart = on_restart
        self._process: Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Return the process id; None if Asterisk is not running."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Write the files, start, wait until fully booted; on EngineError no process is left."""
        self._check()
        await self._end_leftover()
        ports = self.instance.ports
        for name, port, host in (
            ("SIP", ports.sip, self.instance.host),
            ("AMI", ports.ami, "127.0.0.1"),
        ):
            if not is_free(port, host):
                raise EngineError(
                    f"Port {port} ({name}) on this machine is in use by another program; "
                    "stop that program or choose another port in [network]."
                )
        self._lay_out()
        try:
            await self._spawn()
        except BaseException:
            await self.stop()
            raise
        self._watch = asyncio.create_task(self._keep_running())

    async def stop(self) -> None:
        """Stop watching and end Asterisk; its process is gone and its ports are free on return."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_DEADLINE):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def command(self, text: str) -> str:
        """Run one console command and return its output; EngineError if there is no answer."""
        process = await asyncio.create_subprocess_exec(
            *self._arguments("-rx", text),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        if process.returncode != 0:
            raise EngineError(
                f"Asterisk in {self.instance.folder} does not answer its console "
                f"({err.decode(errors='replace').strip() or 'no reason given'}); is it running?"
            )
        return out.decode(errors="replace")

    def rewrite(self, name: str, text: str) -> None:
        """Replace a configuration file before a reload; on OSError the old file stays."""
        path = self.instance.folder / "etc" / name
        files.replace(path, text, 0o640)
        self._own(path)

    def _arguments(self, *words: str) -> list[str]:
        configuration = self.instance.folder / "etc" / "asterisk.conf"
        return [*self.runtime.command, "-C", str(configuration), *words]

    def _check(self) -> None:
        instance = self.instance
        if len(str(instance.folder / "run")) > SOCKET_PATH_LIMIT - len("/asterisk.ctl"):
            raise EngineError(
                f"The path {instance.folder} is too long for Asterisk's control socket; "
                "name a shorter folder with --home."
            )
        for place in (instance.folder.parent, self.runtime.modules):
            if not enterable(place, instance.user):
                raise EngineError(
                    f"The user '{instance.user.name}' that Asterisk runs as cannot enter {place}; "
                    "allow it with 'chmod o+x' on that path or name another folder with --home."
                )

    def _lay_out(self) -> None:
        """Create Asterisk's folders and write its configuration, closed to other users."""
        instance = self.instance
        try:
            for name in (".", *SUBFOLDERS):
                folder = instance.folder / name
                folder.mkdir(mode=0o750, parents=True, exist_ok=True)
                self._own(folder)
            documentation = instance.folder / "lib" / "documentation"
            if not documentation.is_symlink():  # otherwise Asterisk reports undocumented options
                documentation.symlink_to(self.runtime.documentation)
            for name, text in instance.files.items():
                self._put(instance.folder / "etc" / name, text)
        except OSError as error:
            what = f"Asterisk's folder {instance.folder} cannot be written"
            raise EngineError(os_sentence(what, error, instance.folder)) from error

    def _put(self, path: Path, text: str) -> None:
        """Write a configuration file; keep the old one if the disk is full or read-only."""
        try:
            files.keep(path, text, 0o640)
        except OSError as error:
            if error.errno not in disk.TAKES_NOTHING or not path.is_file():
                raise
            log.error("asterisk.file_kept", where=path.name, why=error.strerror)  # noqa: TRY400  # one line
        self._own(path)

    def _make_room(self) -> None:
        """On a full disk, log it and delete the placeholder files; otherwise create them."""
        spares = [self.instance.folder / "run" / f".spare{number}" for number in range(SPARES)]
        why = disk.trouble(self.instance.folder)
        if why is not None:
            log.error("disk.full", why=f"{why}; the line starts without it")
        for spare in spares:
            with contextlib.suppress(OSError):
                if why is None:
                    spare.touch(mode=0o600)
                else:
                    spare.unlink(missing_ok=True)

    def _own(self, path: Path) -> None:
        if self.instance.user.name is not None:
            os.chown(path, self.instance.user.uid, self.instance.user.gid)

    async def _spawn(self) -> None:
        (self.instance.folder / "run" / "asterisk.ctl").unlink(missing_ok=True)
        self._make_room()
        await asyncio.to_thread(make_usable, self.instance.folder / "db", self.instance.user)
        path = self.instance.folder / "log" / "console.log"
        handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o640)
        with os.fdopen(handle, "ab") as console:
            self._process = await asyncio.create_subprocess_exec(
                *confined(self.instance.user, dies_with_parent=self.instance.dies_with_parent),
                *self._arguments("-f"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,  # Ctrl-C reaches only us, and we stop Asterisk cleanly
                env={name: text for name, text in os.environ.items() if name != SOCKET},
                umask=0o027,
            )
        await self._booted()

    async def _booted(self) -> None:
        process = self._process
        assert process is not None  # noqa: S101  # set by the only caller
        deadline = asyncio.get_running_loop().time() + START_DEADLINE
        control = self.instance.folder / "run" / "asterisk.ctl"
        while process.returncode is None and asyncio.get_running_loop().time() < deadline:
            if control.exists():
                with contextlib.suppress(EngineError):
                    await self.command("core waitfullybooted")
                    break
            await asyncio.sleep(0.05)
        else:
            raise EngineError(f"Asterisk did not start: {self._last_words()}")
        if is_free(self.instance.ports.sip, self.instance.host):
            raise EngineError(
                f"Asterisk runs but does not listen on SIP port {self.instance.ports.sip}: "
                f"{self._last_words()}"
            )

    def _last_words(self) -> str:
        """Return the last error that Asterisk logged and the folder of its logs."""
        lines: list[str] = []
        for name in ("console.log", "messages.log"):
            path = self.instance.folder / "log" / name
            if path.exists():
                lines += path.read_text(errors="replace").splitlines()
        errors = [line for line in lines if "ERROR" in line] or lines or ["it said nothing"]
        return f"{errors[-1].strip()} (more in {self.instance.folder / 'log'})"

    async def _keep_running(self) -> None:
        pauses = Pauses(0.5, 10.0)
        while True:
            process = self._process
            assert process is not None  # noqa: S101  # set while this task runs
            code = await process.wait()
            log.error("asterisk.ended", code=code, pause_s=pauses.pause)
            await asyncio.sleep(pauses.take())
            try:
                await self._spawn()
            except EngineError as error:
                log.exception("asterisk.restart_failed", why=str(error))
                continue
            self.restarts += 1
            if self._on_restart is not None:
                await self._on_restart()

    async def _end_leftover(self) -> None:
        """End any Asterisk left in this folder by an earlier run; EngineError if one stays."""
        for pid in running_in(self.instance.folder):
            log.warning("asterisk.leftover_ended", pid=pid)
            for number, tenths in ((signal.SIGTERM, 80), (signal.SIGKILL, 50)):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
                for _ in range(tenths):
                    if pid not in running_in(self.instance.folder):
                        break
                    await asyncio.sleep(0.1)
            if pid in running_in(self.instance.folder):
                raise EngineError(
                    f"An Asterisk of an earlier run on {self.instance.folder} (process {pid}) does "
                    "not end; end it and try again."
                )


def running_in(folder: Path) -> list[int]:
    """Return the ids of the Asterisk processes of this folder, without relying on its pid file.

    Remote consoles have the same configuration file on their command line but lack `-f`, so they
    are not included.
    """
    configuration = os.fsencode(folder / "etc" / "asterisk.conf")
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if configuration in words and b"-f" in words:
                found.append(int(process.name))
    return found
