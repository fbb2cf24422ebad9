"""A real mosquitto on loopback, and a foreign client that listens to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pbx.asterisk.engine.ports import PortBlock

USER, PASSWORD = "officeline", "a-made-up-password"
SITE = "lakeside"
TOPIC = f"officeline/{SITE}"
DEADLINE = 20.0

mosquitto = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate of 127.0.0.1 that is its own authority; return it and its key."""
    cert, key = folder / "broker.pem", folder / "broker.key"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run([*words, *names, *files], check=True, capture_output=True)
    return cert, key


class Mosquitto:
    """One broker of this folder; it may be killed, stopped and started again."""

    def __init__(self, folder: Path, tls: tuple[Path, Path] | None = None) -> None:
        self.folder = folder
        # not one that the system hands to anybody's connection while the broker is away
        self.block = PortBlock.take()
        self.port: int = self.block.ports.sip
        passwords = folder / "passwords"
        words = ["mosquitto_passwd", "-c", "-b", str(passwords), USER, PASSWORD]
        subprocess.run(words, check=True)
        lines = [
            "user root",
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous false",
            f"password_file {passwords}",
            "persistence true",
            f"persistence_location {folder}/",
            "autosave_on_changes true",
            "autosave_interval 1",
            "log_type all",
            "log_dest stderr",
        ]
        if tls is not None:
            lines += [f"certfile {tls[0]}", f"keyfile {tls[1]}"]
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
        self._process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> str:
        """Read all that the broker has logged."""
        return (self.folder / "mosquitto.log").read_text()

    async def start(self) -> None:
        """Start it, and wait until it listens."""
        with (self.folder / "mosquitto.log").open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                str(mosquitto), "-c", str(self.folder / "mosquitto.conf"), stdout=out, stderr=out
            )
        async with asyncio.timeout(DEADLINE):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    return
                assert self._process.returncode is None, self.log
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """Kill it: nothing is said to anybody."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def remember(self, client: str) -> None:
        """Have it write down what a client listens to, or a kill would make it forget that.

        What it wrote of its own accord before may know the client, and not yet the topic.
        """
        assert self._process is not None
        kept = self.folder / "mosquitto.db"
        wanted = (client.encode(), f"{TOPIC}/#".encode())
        while not (kept.exists() and all(one in kept.read_bytes() for one in wanted)):
            self._process.send_signal(signal.SIGUSR1)  # https://mosquitto.org/man/mosquitto-8.html
            await asyncio.sleep(0.05)

    def stop(self) -> None:
        """Stop it where it stands; its connections stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def publish(self, topic: str, payload: str, *more: str) -> None:
        """Publish as a stranger who has the password."""
        words = ["mosquitto_pub", *_login(self.port), "-q", "1", "-t", topic, "-m", payload, *more]
        subprocess.run(words, check=True, timeout=DEADLINE)


class Listener:
    """A client of mosquitto's own, with what it heard: topic, whether it was retained, payload."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bool, dict[str, Any]]] = []

    def take(self, line: str) -> None:
        """Take one line of mosquitto_sub's."""
        topic, retained, payload = line.split(" ", 2)
        self.heard.append((topic.removeprefix(f"{TOPIC}/"), retained == "1", json.loads(payload)))

    def topics(self, *but: str) -> list[str]:
        """List the topics that were heard, in their order."""
        return [topic for topic, _, _ in self.heard if topic not in but]

    def last(self, topic: str) -> dict[str, Any]:
        """Return the newest payload of a topic; empty if there was none."""
        return next((payload for name, _, payload in reversed(self.heard) if name == topic), {})

    def all(self, topic: str) -> list[dict[str, Any]]:
        """Return the payloads of a topic."""
        return [payload for name, _, payload in self.heard if name == topic]


@asynccontextmanager
async def running(folder: Path, tls: tuple[Path, Path] | None = None) -> AsyncIterator[Mosquitto]:
    """Run a broker."""
    if mosquitto is None:
        pytest.skip("there is no mosquitto on this machine (Debian: apt-get install mosquitto)")
    folder.mkdir(exist_ok=True)
    broker = Mosquitto(folder, tls)
    try:
        await broker.start()
        yield broker
    finally:
        await broker.kill()
        broker.block.release()


@asynccontextmanager
async def listening(broker: Mosquitto, name: str = "ear") -> AsyncIterator[Listener]:
    """Listen to everything under our topic, across the broker's restarts."""
    listener = Listener()
    words = [*_login(broker.port), "-c", "-i", name, "-q", "1", "-t", f"{TOPIC}/#"]
    process = await asyncio.create_subprocess_exec(
        "mosquitto_sub", *words, "-F", "%t %r %p", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    lines = process.stdout

    async def read() -> None:
        while line := await lines.readline():
            listener.take(line.decode())

    reading = asyncio.create_task(read())
    try:
        async with asyncio.timeout(DEADLINE):
            while f"Sending SUBACK to {name}" not in broker.log:
                await asyncio.sleep(0.02)
            await broker.remember(name)
        yield listener
    finally:
        process.kill()
        await process.wait()
        await reading


def _login(port: int) -> list[str]:
    return ["-h", "127.0.0.1", "-p", str(port), "-u", USER, "-P", PASSWORD]
