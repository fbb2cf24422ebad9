"""Processes of the command that begin with everything imported, which is most of what one costs.

One process of each test worker imports the whole command once and forks for each call: the child
is a process of its own, with its arguments, environment, folder, streams, signals and exit code,
and goes through `cli.py` from its first line on. What a test asks of the start itself (encodings,
what is imported, Ctrl-C at the very beginning, another program before it) begins with nothing:
that takes `subprocess`.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 120.0
_BEGINS = """
import array, gc, importlib, io, json, os, pkgutil, random, runpy, socket, sys
import cli, dialplan, pbx, routing
for package in (dialplan, pbx, routing):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".migrations" not in module.name:
            importlib.import_module(module.name)
gc.freeze()
line = socket.socket(fileno=int(sys.argv[1]))
while True:
    asked, streams, _, _ = socket.recv_fds(line, 1 << 20, 3)
    if not asked:
        sys.exit()
    if (child := os.fork()) == 0:
        break
    for stream in streams:
        os.close(stream)
    line.send(str(child).encode())
    line.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())
line.close()
given = json.loads(asked)
for number, stream in enumerate(streams):
    os.dup2(stream, number)
    os.close(stream)
os.chdir(given["cwd"])
os.environ.clear()
os.environ.update(given["env"])
random.seed()
sys.stdin = open(0, encoding="utf-8")
sys.stdout = open(1, "w", encoding="utf-8")
sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1)
sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
sys.argv = ["cli", *given["words"]]
del sys.modules["cli"]
runpy.run_module("cli", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class Done:
    """What a command said, and its exit code; -N if signal N ended it."""

    returncode: int
    stdout: str
    stderr: str


def officeline(
    *words: str,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    given: str = "",
    timeout: float = TIMEOUT_S,
) -> Done:
    """Run the command to its end, or raise TimeoutError; `env` is laid over the environment."""
    asked = {"words": words, "cwd": str(cwd), "env": {**os.environ, **(env or {})}}
    line = _line()
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        files[0].write(given.encode())
        files[0].seek(0)
        socket.send_fds(line, [json.dumps(asked).encode()], [file.fileno() for file in files])
        line.settimeout(timeout)
        child = int(line.recv(64))
        try:
            code = int(line.recv(64))
        except TimeoutError:
            os.kill(child, signal.SIGKILL)
            line.settimeout(None)
            line.recv(64)
            raise
        for file in files[1:]:
            file.seek(0)
        out, err = (file.read().decode() for file in files[1:])
    return Done(code, out, err)


@cache
def _line() -> socket.socket:
    """Return what leads to this worker's process that forks; that ends when this one does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        words = [sys.executable, "-c", _BEGINS, str(theirs.fileno())]
        process = subprocess.Popen(words, cwd=ROOT, pass_fds=[theirs.fileno()])

    def ends() -> None:
        ours.close()
        process.wait()

    atexit.register(ends)
    return ours
