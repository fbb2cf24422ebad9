"""One running Asterisk: started from rendered files, watched, restarted and stopped."""

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

START_DEADLINE = 60.0  # seconds until fully booted; three to five is usual
STOP_DEADLINE = 8.0
SPARES = 8  # files that give way to Asterisk's sockets where a disk takes no other
SOCKET_PATH_LIMIT = 100  # a Unix socket's path holds 107 bytes, and its name is ours to add
SUBFOLDERS = ("etc", "run", "log", "log/cdr-custom", "spool", "db", "lib", "keys", "agi")

log = structlog.get_logger()


@dataclass(frozen=True)
class Instance:
    """One Asterisk's own place: folder, ports, rendered files by name, and who runs it."""

    folder: Path
    ports: Ports
    files: Mapping[str, str]
    user: ServiceUser
    dies_with_parent: bool = False
    host: str = "127.0.0.1"  # where its SIP listens


class AsteriskProcess:
    """Runs one Asterisk until `stop`; a crash is answered with a restart and `on_restart`."""

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
        """Return the process id, or None when nothing runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Write the files, start and wait until fully booted; EngineError leaves nothing behind."""
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
        """End Asterisk and its watch; afterward no process and no port of it is left."""
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
        """Say one line to Asterisk's own console and return the answer."""
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
        """Replace one of its files while it runs, for a reload; OSError leaves the old one."""
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
        """Create Asterisk's folders and write its configuration, readable by it alone."""
        instance = self.instance
        try:
            for name in (".", *SUBFOLDERS):
                folder = instance.folder / name
                folder.mkdir(mode=0o750, parents=True, exist_ok=True)
                self._own(folder)
            documentation = instance.folder / "lib" / "documentation"
            if not documentation.is_symlink():  # without it every option is "undocumented"
                documentation.symlink_to(self.runtime.documentation)
            for name, text in instance.files.items():
                self._put(instance.folder / "etc" / name, text)
        except OSError as error:
            what = f"Asterisk's folder {instance.folder} cannot be written"
            raise EngineError(os_sentence(what, error, instance.folder)) from error

    def _put(self, path: Path, text: str) -> None:
        """Write one of its files; on a full disk the one of the last start serves."""
        try:
            files.keep(path, text, 0o640)
        except OSError as error:
            if error.errno not in disk.TAKES_NOTHING or not path.is_file():
                raise
            log.error("asterisk.file_kept", where=path.name, why=error.strerror)  # noqa: TRY400  # one line
        self._own(path)

    def _make_room(self) -> None:
        """Tell of a full disk, and give up the files that are there to make room for others."""
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
                start_new_session=True,  # Ctrl-C is for us; we end Asterisk in order
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
        """Quote the last error that Asterisk logged, and say where to read the rest."""
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
            assert process is not None  # noqa: S101  # the watch lives between spawn and stop
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
        """End every Asterisk of this very folder that outlived its supervisor."""
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
    """List the processes that are an Asterisk of this folder, whatever its own file says of them.

    A console that is connected to one names the folder, too, and is none.
    """
    configuration = os.fsencode(folder / "etc" / "asterisk.conf")
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if configuration in words and b"-f" in words:
                found.append(int(process.name))
    return found
