"""`officeline demo`: run the example practice with simulated calls on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from pbx.asterisk.engine import runtime
from pbx.asterisk.engine.fetch import fetch
from pbx.base import logs
from pbx.base.paths import data_folder
from pbx.base.phone_numbers import mask
from pbx.demo.scenes import SCENES, DemoScene, Played, SceneError
from pbx.demo.stage import Stage, staged

CALLERS = (f"+1917555{number:04d}" for number in itertools.count(120))


# The result of a leg in the log, in words.
PICKED_UP = {
    "accepted": "somebody picked up and accepted",
    "declined": "it was answered, but nobody pressed 1",
    "too late": "another one was faster, or the caller had hung up",
    "canceled": "nobody picked up",
    "no answer": "nobody picked up",
    "busy": "busy",
    "unreachable": "unreachable",
    "": "nothing is known",
}


@dataclass
class _Row:
    """One row of the live table."""

    scene: DemoScene
    state: str = "waiting"
    outcome: str = ""
    began: float = 0.0
    seconds: float = 0.0
    played: Played | None = None


@dataclass
class _Show:
    """The screen; without a terminal, prints one line when a scene ends."""

    console: Console
    rows: list[_Row] = field(default_factory=lambda: [_Row(scene) for scene in SCENES])

    def table(self) -> Table:
        """Return the table in its current state."""
        table = Table(title="Lakeside Internal Medicine", title_justify="left")
        for column in ("scene", "state", "outcome"):
            table.add_column(column)
        table.add_column("seconds", justify="right")
        for row in self.rows:
            running = row.state == "on the phone"
            seconds = time.monotonic() - row.began if running else row.seconds
            shown = f"{seconds:.0f}" if seconds else ""
            table.add_row(row.scene.title, row.state, row.outcome, shown)
        return table

    @contextlib.contextmanager
    def live(self) -> Iterator[None]:
        """Keep the table on the terminal up to date."""
        if not self.console.is_terminal:
            yield
            return
        with Live(get_renderable=self.table, console=self.console, refresh_per_second=4):
            yield

    def reported(self, row: _Row) -> None:
        """Print that a scene ended, if there is no live table."""
        if not self.console.is_terminal:
            end = f"{row.state}: {row.outcome} ({row.seconds:.0f} s)"
            self.console.print(f"{row.scene.title} - {end}", highlight=False)


async def play(*, keep_running: bool) -> bool:
    """Play all scenes on a new stage; tell whether all went well."""
    logs.configure(quiet=True)
    console = Console()
    if runtime.find_asterisk() is None:
        await asyncio.to_thread(fetch, lambda line: console.print(line, highlight=False))
    console.print("Starting a practice and a phone network on this machine ...")
    show = _Show(console)
    config = data_folder("config") / "office.toml"
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="officeline-demo-"))
        stage = await stack.enter_async_context(staged(Path(folder), config, SCENES[0].at))
        with show.live():
            for group in _groups(show.rows):
                await _together(stage, show, group)
        _summary(console, show.rows)
        if keep_running:
            await _keep_running(console, stage)
    return all(row.state == "as promised" for row in show.rows)


def _groups(rows: list[_Row]) -> Iterator[list[_Row]]:
    """Group the scenes; all run alone, except that the routine and the silent caller overlap."""
    pending: list[_Row] = []
    for row in rows:
        pending.append(row)
        if "silence" not in row.scene.title:
            yield pending
            pending = []
    if pending:
        yield pending


async def _together(stage: Stage, show: _Show, group: list[_Row]) -> None:
    stage.set_time(group[0].scene.at)
    await asyncio.gather(*(_one(stage, show, row) for row in group))
    await stage.settle()  # the next scenes take place on another day


async def _one(stage: Stage, show: _Show, row: _Row) -> None:
    row.state, row.began = "on the phone", time.monotonic()
    caller = None if row.scene.anonymous else next(CALLERS)
    try:
        row.played = await row.scene.play(stage, caller)
    except SceneError as error:
        row.state, row.outcome = "broken", f"not so: {error}"
    except TimeoutError:
        row.state, row.outcome = "broken", "somebody waited in vain"
    else:
        history = row.played.history
        row.state, row.outcome = "as promised", str(history.call.outcome)
    row.seconds = time.monotonic() - row.began
    show.reported(row)


def _summary(console: Console, rows: list[_Row]) -> None:
    """Print what each phone showed, and what is in the database."""
    for row in rows:
        if row.played is None:
            continue
        history = row.played.history
        console.print(f"\n{row.scene.title}", style="bold")
        caller = mask(history.call.caller) if history.call.caller else "anonymous"
        _line(console, f"patient {caller} called the {history.call.line} line")
        results = {leg.person: leg.result for leg in history.legs}
        for who, phone in row.played.phones.items():
            # a desk phone shows the patient's number (masked here); a mobile shows the office's
            shown = mask(phone.shown) if phone.shown == history.call.caller else phone.shown
            _line(console, f"{who}'s phone showed {shown}: {PICKED_UP[results.get(who) or '']}")
        for decision in history.decisions:
            why = next((why for why in decision.reasons if why.matched), decision.reasons[-1])
            _line(console, f"decision: {decision.kind}, because {why.because} (rule '{why.rule}')")
        who = f", accepted by {history.call.person}" if history.call.person else ""
        message = f", message {history.message.id}" if history.message else ""
        _line(console, f"in the database: {history.call.outcome}{who}{message}")


def _line(console: Console, text: str) -> None:
    console.print(f"  {text}", highlight=False, soft_wrap=True)


async def _keep_running(console: Console, stage: Stage) -> None:
    """Keep everything running until Ctrl-C, and print how to call in."""
    user, password = stage.carrier.softphone
    host, port = stage.carrier.sip
    lines = " or ".join(line.did for line in stage.configuration.plan.lines)
    now = stage.configuration.plan.office.times.weekday(stage.clock.now())
    console.print(
        f"\nCall in with a softphone: register as {user}, password {password}, at {host}:{port} "
        f"(UDP) and dial {lines}. It is {now} in the practice, and the mobile on call "
        "picks up by itself. Press Ctrl-C to stop.",
        highlight=False,
        soft_wrap=True,
    )
    await asyncio.Event().wait()
