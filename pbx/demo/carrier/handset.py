"""A phone of the simulated network: what it does, step by step, and what it saw and heard."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from pbx.asterisk.agi.session import AgiClosed, AgiSession
from pbx.demo.carrier import audio

DEAD_CHANNEL = 511
SLICE_S = 1.0
IDENTITY_HEADERS = (
    "From",
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Remote-Party-ID",
    "Diversion",
    "History-Info",
    "Privacy",
    "Contact",
)
Q850 = {403: 21, 404: 1, 408: 18, 480: 19, 486: 17, 503: 42, 500: 38, 603: 21}


@dataclass
class PhoneCall:
    """One call as one phone lived it; filled in while it goes on.

    `shown` is the caller's number on the display (empty: anonymous). Times are monotonic seconds.
    """

    number: str
    shown: str = ""
    shown_name: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    digits: str = ""
    heard: Path | None = None
    said: Path | None = None
    unique: str = ""
    call_id: str = ""
    rang_at: float | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    failure: str = ""
    error: BaseException | None = None
    _answered: asyncio.Event = field(default_factory=asyncio.Event)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def answered(self, timeout: float) -> None:  # noqa: ASYNC109  # the public shape
        """Wait until this phone was picked up; TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            await self._answered.wait()

    async def ended(self, timeout: float) -> None:  # noqa: ASYNC109  # the public shape
        """Wait until this call and its recordings are over; its script's error is raised here."""
        async with asyncio.timeout(timeout):
            await self._ended.wait()
            while self.heard and self.said and not self._recorded():
                await asyncio.sleep(0.02)
        if self.error is not None:
            raise self.error

    def _recorded(self) -> bool:
        return all(path and audio.is_closed(path) for path in (self.heard, self.said))

    def was_answered(self) -> None:
        """Note that the phone was picked up."""
        self.answered_at = time.monotonic()
        self._answered.set()

    def has_ended(self) -> None:
        """Note that the call is over."""
        self.ended_at = time.monotonic()
        self._ended.set()

    def heard_tone(self, frequency: float, seconds: float = 0.5) -> bool:
        """Tell whether this phone heard a tone (Hz) for at least so long."""
        return self.heard is not None and (
            audio.tone_seconds(audio.read(self.heard), frequency) >= seconds
        )

    def longest_silence(self, before_tone: float | None = None) -> float:
        """Return the longest silence that was heard, in seconds, up to a tone's (Hz) begin."""
        return audio.longest_silence(audio.read(self.heard), before_tone) if self.heard else 0.0


class Handset:
    """What a script drives; a step on a call that is over ends the script quietly."""

    def __init__(self, session: AgiSession, call: PhoneCall, folder: Path) -> None:
        self.call = call
        self._session = session
        self._folder = folder

    async def ring(self, seconds: float) -> None:
        """Ring, as a phone does before somebody picks it up."""
        await self.do("EXEC", "Ringing", "")
        await self.wait(seconds)

    async def answer(self) -> None:
        """Pick up, and record from now on what is heard and said."""
        await self.do("ANSWER")
        await self.record()

    async def record(self) -> None:
        """Record both directions of a call that is up."""
        stem = self._folder / f"{self.call.unique}"
        heard, said = Path(f"{stem}-heard.wav"), Path(f"{stem}-said.wav")
        await self.do("EXEC", "MixMonitor", f"{stem}.wav,r({heard})t({said})")
        self.call.heard, self.call.said = heard, said  # nothing to wait for if it did not begin
        self.call.was_answered()

    async def reject(self, status: int) -> None:
        """Refuse the call with a SIP status."""
        await self.do("EXEC", "Hangup", str(Q850[status]))

    async def press(self, digits: str) -> None:
        """Press keys (w waits half a second)."""
        await self.do("EXEC", "SendDTMF", digits)

    async def tone(self, frequency: float, seconds: float) -> None:
        """Speak: a tone of this frequency (Hz)."""
        path = self._folder / f"tone-{frequency:g}-{seconds:g}.wav"
        if not path.exists():
            await asyncio.to_thread(audio.write_tone, path, frequency, seconds)
        await self.play(path)

    async def play(self, path: Path) -> None:
        """Speak what a WAV file holds."""
        await self.do("EXEC", "Playback", str(path.with_suffix("")))

    async def wait(self, seconds: float) -> None:
        """Listen for some time.

        In slices: where Asterisk's AGI takes note of a hang-up and of our next command at the same
        moment, that command does not see it, and waits to its end on a call that is over.
        """
        while seconds > 0:
            await self.do("EXEC", "Wait", f"{min(seconds, SLICE_S):g}")
            seconds -= SLICE_S

    async def wait_hangup(self) -> None:
        """Listen until the other side hangs up."""
        await self.wait(600)

    async def hang_up(self) -> None:
        """Hang up."""
        await self.do("EXEC", "Hangup", "16")

    async def see(self) -> None:
        """Look at the display and at every identity that the call carried."""
        call = self.call
        call.rang_at = time.monotonic()
        call.shown = self._session.request.callerid
        call.shown_name = self._session.request.headers.get("agi_calleridname", "")
        for name in IDENTITY_HEADERS:
            text = await self.evaluate(f"PJSIP_HEADER(read,{name})")
            if text:
                call.headers[name] = text
        call.call_id = await self.evaluate("PJSIP_HEADER(read,Call-ID)")

    async def evaluate(self, expression: str) -> str:
        """Read a function or variable of the channel."""
        reply = await self._session.command("GET", "FULL", "VARIABLE", f"${{{expression}}}")
        return reply.data

    async def do(self, *words: str) -> None:
        """Run one command; AgiClosed when the call is over."""
        reply = await self._session.command(*words)
        if reply.code == DEAD_CHANNEL or reply.result == "-1" or self._session.hung_up:
            raise AgiClosed


Script = Callable[[Handset], Awaitable[None]]


def asserted_number(call: PhoneCall) -> str:
    """Return the number of P-Asserted-Identity, or an empty text without one."""
    match = re.search(r"sip:(\+?\d+)@", call.headers.get("P-Asserted-Identity", ""))
    return match[1] if match else ""


def answers(*, after: float = 1.0, press: str = "", tone: float = 0.0, talk: float = 3.0) -> Script:
    """Pick up, press a key when there is one, say a tone, and listen until the other hangs up."""

    async def script(phone: Handset) -> None:
        await phone.ring(after)
        await phone.answer()
        if press:
            await phone.wait(1)
            await phone.press(press)
        if tone:
            await phone.wait(0.5)
            await phone.tone(tone, talk)
        await phone.wait_hangup()

    return script


def voicemail(*, after: float = 2.0, greeting: float = 700.0, listens: float = 600.0) -> Script:
    """Answer like a carrier's voicemail: speak, listen, hang up; nobody presses anything."""

    async def script(phone: Handset) -> None:
        await phone.ring(after)
        await phone.answer()
        await phone.tone(greeting, 2)
        await phone.wait(listens)
        await phone.hang_up()

    return script


def refuses(status: int, *, after: float = 0.0) -> Script:
    """Refuse the call with a SIP status, 486 for busy."""

    async def script(phone: Handset) -> None:
        if after:
            await phone.ring(after)
        await phone.reject(status)

    return script
