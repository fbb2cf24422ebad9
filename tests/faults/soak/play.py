"""A soak at work: callers dial, phones do what people do, and every call is listened to."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from pbx.demo.carrier import audio
from pbx.demo.carrier.handset import Handset, PhoneCall, Script, refuses, voicemail
from pbx.demo.scenes import SAY_REASON_S, SILENT_S, patient
from pbx.demo.stage import MOBILES, PATIENT_TONE, TONES
from tests.faults.line import Line
from tests.faults.soak import plan
from tests.faults.soak.faults import Faults

CALL_LIMIT_S = 200.0  # every script is over long before, and every Originate has given up
# Hz: as in the demo, but for one whose tone stands in the hold music for longer than half a second
SPEAKS = {**{person: TONES[person] for person in MOBILES}, "patel": 1730.0}
KEY = 1.0  # seconds until a caller presses a key


@dataclass
class Placed:
    """A call that was placed: as planned, as the phone lived it, and whom the caller heard."""

    caller: plan.Caller
    phone: PhoneCall
    began: float
    heard: tuple[str, ...] = ()
    error: str = ""


@dataclass
class Soak:
    """Plays a plan on a running office."""

    line: Line
    wanted: plan.Plan
    faults: Faults
    placed: list[Placed] = field(default_factory=list)
    memory: dict[int, list[float]] = field(default_factory=dict)  # MB, by process
    calm: bool = False  # from the end on, every physician picks up
    keeps: bool = False  # what callers heard who heard nobody

    async def play(self) -> None:
        """Play all of it; at the end every caller has hung up."""
        await asyncio.to_thread(self._record_tones)
        chance = random.Random(self.wanted.mobiles)  # noqa: S311  # repeatable, not secret
        for person, number in MOBILES.items():
            self.line.up.carrier.answers(number, self._mobile(person, chance))
        watching = asyncio.create_task(self._watch_memory())
        began = time.monotonic()
        # a forked process would hold the phones' connections open
        with ProcessPoolExecutor(1, get_context("spawn")) as listener:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._faults(began))
                for caller in self.wanted.callers:
                    await asyncio.sleep(began + caller.at - time.monotonic())
                    group.create_task(self._place(caller, listener))
        self.calm = True
        watching.cancel()

    def _record_tones(self) -> None:
        """Write what phones say beforehand: several begin to say the same at once."""
        folder = self.line.up.carrier.folder / "recordings"
        says = {(PATIENT_TONE, 1), (PATIENT_TONE, 2), (0, SILENT_S), (700.0, 2)}
        for tone, seconds in says | {(tone, 2) for tone in SPEAKS.values()}:
            audio.write_tone(folder / f"tone-{tone:g}-{seconds:g}.wav", tone, seconds)

    async def _faults(self, began: float) -> None:
        for fault in self.wanted.faults:
            await asyncio.sleep(began + fault.at - time.monotonic())
            await self.faults.play(fault)

    async def _place(self, caller: plan.Caller, listener: ProcessPoolExecutor) -> None:
        carrier = self.line.up.carrier
        phone = await carrier.dials(caller.did, caller=caller.number, script=script_of(caller))
        placed = Placed(caller, phone, time.monotonic())
        self.placed.append(placed)
        if caller.leaves is not None:
            await asyncio.sleep(caller.leaves)
            if phone.ended_at is None:
                await carrier.hang_up(phone)
        try:
            await phone.ended(CALL_LIMIT_S)
        except Exception as error:  # noqa: BLE001  # it is one call's fault, and it is named
            placed.error = type(error).__name__
        if phone.heard is not None:
            loop = asyncio.get_running_loop()
            placed.heard = await loop.run_in_executor(listener, whom, phone.heard, SPEAKS)
            if placed.heard or not self.keeps:
                _forget(phone)

    def _mobile(self, person: str, chance: random.Random) -> Script:
        """Let a mobile do something else each time that it rings."""
        picks_up = _physician(SPEAKS[person])

        async def script(phone: Handset) -> None:
            what = chance.choices(list(plan.MOBILES), list(plan.MOBILES.values()))[0]
            if self.faults.trunk_says is not None:
                await refuses(self.faults.trunk_says)(phone)
            elif what == "accepts" or self.calm:
                await picks_up(phone)
            else:
                await _REFUSALS[what](phone)

        async def forgotten(phone: Handset) -> None:
            try:
                await script(phone)
            finally:
                _forget(phone.call)

        return forgotten

    async def _watch_memory(self) -> None:
        while True:
            with contextlib.suppress(AssertionError, OSError, StopIteration):
                pid = self.line.up.daemon_pid()
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                kilobytes = next(line.split()[1] for line in lines if line.startswith("VmRSS"))
                self.memory.setdefault(pid, []).append(int(kilobytes) / 1024)
            await asyncio.sleep(2)


def script_of(caller: plan.Caller) -> Script:
    """Return what a caller does once the office has answered."""
    match caller.kind:
        case "routine":
            return patient(press="2", at_most=7)
        case "silent":
            return patient(silent=SILENT_S, at_most=60)
        case "anonymous":
            return patient(press="1", keys="9175550123", tells=True, at_most=60)
        case "star":
            return _star
        case kind if kind in {"urgent", "leaves in the menu", "leaves after the key"}:
            return _urgent
    return patient(at_most=60)


async def _urgent(phone: Handset) -> None:
    await phone.wait(KEY)
    await phone.press("1")
    await phone.wait(KEY)
    await phone.press("#")
    await phone.wait(SAY_REASON_S)
    await phone.tone(PATIENT_TONE, 1)
    await phone.press("#")
    for _ in range(60):
        await phone.tone(PATIENT_TONE, 1)


def _physician(tone: float) -> Script:
    """Accept, and talk for four seconds: Asterisk may stand still for two of them."""

    async def script(phone: Handset) -> None:
        await phone.ring(1)
        await phone.answer()
        await phone.wait(0.8)
        await phone.press("1")
        await phone.wait(0.3)
        await phone.tone(tone, 2)
        await phone.tone(tone, 2)
        await phone.hang_up()

    return script


async def _star(phone: Handset) -> None:
    await phone.wait(2)
    await phone.press("*")
    for _ in range(20):
        await phone.tone(PATIENT_TONE, 1)


async def _hangs_up(phone: Handset) -> None:
    await phone.ring(0.5)
    await phone.answer()
    await phone.wait(1)
    await phone.hang_up()


async def _rings_on(phone: Handset) -> None:
    await phone.ring(60)


_REFUSALS: Mapping[str, Script] = {
    "busy": refuses(486),
    "refuses": refuses(603),
    "voicemail": voicemail(after=1, listens=5),
    "rings on": _rings_on,
    "hangs up": _hangs_up,
}


def whom(heard: Path, tones: Mapping[str, float]) -> tuple[str, ...]:
    """Name whose tone stands in a recording for half a second."""
    samples = audio.read(heard)
    return tuple(who for who, tone in tones.items() if audio.tone_seconds(samples, tone) >= 0.5)


def _forget(phone: PhoneCall) -> None:
    """Take a call's recordings away: thousands would fill the disk."""
    for path in (phone.heard, phone.said):
        if path is not None:
            path.unlink(missing_ok=True)
            path.with_name(f"{phone.unique}.wav").unlink(missing_ok=True)
