"""A screen that is redrawn each second and scrolls by keys; restores the terminal at the end."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from types import FrameType

from rich.console import Console, Group
from rich.segment import Segment, Segments

from pbx.cli.calls.live_shown import Seen, parts

EVERY_S = 1.0
KEYS = "q quits, j and k or the arrows scroll"
QUIT, TOP = ("q", "Q"), ("g", "\x1b[H")
STEPS = {"j": 1, "k": -1, "\x1b[B": 1, "\x1b[A": -1, " ": 10, "\x1b[6~": 10, "\x1b[5~": -10}

_KEY = re.compile(r"\x1b\[[0-9;]*[A-Za-z~]|.", re.DOTALL)


def print_once(seen: Seen) -> None:
    """Print one state, as wide as the terminal, or eighty columns without one."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 80
    console.print(Group(*parts(seen)))


def run(look: Callable[[], Seen]) -> None:
    """Draw the state again and again until q is pressed; KeyboardInterrupt for Ctrl-C."""
    console = Console(highlight=False, markup=False)
    place = 0
    with _keys() as pressed, console.screen(hide_cursor=True):
        while True:
            began = time.monotonic()
            lines = _lines(console, look())
            while True:
                most = max(0, len(lines) - (console.height - 1))
                place = min(max(place, 0), most)
                _draw(console, lines[place : place + console.height - 1])
                keys = pressed(began + EVERY_S - time.monotonic())
                if not keys:
                    break
                for key in keys:
                    if key in QUIT:
                        return
                    place = 0 if key in TOP else place + STEPS.get(key, 0)


def _lines(console: Console, seen: Seen) -> list[list[Segment]]:
    return console.render_lines(Group(*parts(seen)), console.options, pad=True)


def _draw(console: Console, lines: list[list[Segment]]) -> None:
    """Overwrite the screen line by line, so that nothing flickers."""
    laid = [segment for line in lines for segment in (*line, Segment.line())]
    with console.capture() as drawn:
        console.print(Segments(laid), end="", soft_wrap=True)
    rest = "\x1b[J"  # clears the rest of longer text
    foot = f"\x1b[{console.height};1H\x1b[2m{KEYS[: console.width - 1]}\x1b[0m"
    console.file.write(f"\x1b[H{drawn.get()}{rest}{foot}")
    console.file.flush()


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[float], list[str]]]:
    """Read single keys, and always restore the terminal at the end."""
    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)
    ended = signal.signal(signal.SIGTERM, _ended)
    try:
        tty.setcbreak(handle)
        yield lambda seconds: _pressed(handle, seconds)
    finally:
        termios.tcsetattr(handle, termios.TCSADRAIN, before)
        signal.signal(signal.SIGTERM, ended)


def _pressed(handle: int, seconds: float) -> list[str]:
    """Wait up to `seconds` for keys; an arrow is one key, and a closed terminal counts as q."""
    ready, _, _ = select.select([handle], [], [], max(0.0, seconds))
    if not ready:
        return []
    found = os.read(handle, 64).decode(errors="replace")
    return _KEY.findall(found) or list(QUIT)


def _ended(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
