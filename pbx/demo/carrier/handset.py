"""A phone of the simulated network: its actions, and what it displayed and heard."""

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
    """One call as seen by one phone; filled in during the call.

    `shown` is the displayed caller's number (empty: anonymous). Times are monotonic seconds.
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
        """Wait until this phone is picked up; TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            await self._answered.wait()

    async def ended(self, timeout: float) -> None:  # noqa: ASYNC109  # the public shape
        """Wait until the call and its recordings have ended; raises the script's error, if any."""
        async with asyncio.timeout(timeout):
            await self._ended.wait()
            while self.heard and self.said and not self._recorded():
                await asyncio.sleep(0.02)
        if self.error is not None:
            raise self.error

    def _recorded(self) -> bool:
        return all(path and audio.is_closed(path) for path in (self.heard, self.said))

    def was_answered(self) -> None:
        """Mark the call as picked up."""
        self.answered_at = time.monotonic()
        self._answered.set()

    def has_ended(self) -> None:
        """Mark the call as ended."""
        self.ended_at = time.monotonic()
        self._ended.set()

    def heard_tone(self, frequency: float, seconds: float = 0.5) -> bool:
        """Return whether this phone heard a tone (Hz) for at least so many seconds."""
        return self.heard is not None and (
            audio.tone_seconds(audio.read(self.heard), frequency) >= seconds
        )

    def longest_silence(self, before_tone: float | None = None) -> float:
        """Return the longest silence heard in seconds, up to the start of a tone (Hz) if given."""
        return audio.longest_silence(audio.read(self.heard), before_tone) if self.heard else 0.0


class Handset:
    """What a script controls; a step after the end of the call ends the script quietly."""

    def __init__(self, session: AgiSession, call: PhoneCall, folder: Path) -> None:
        self.call = call
        self._session = session
        self._folder = folder

    async def ring(self, seconds: float) -> None:
        """Ring for some seconds."""
        await self.do("EXEC", "Ringing", "")
        await self.wait(seconds)

    async def answer(self) -> None:
        """Pick up, and record both directions from now on."""
        await self.do("ANSWER")
        await self.record()

    async def record(self) -> None:
        """Record both directions of an answered call."""
        stem = self._folder / f"{self.call.unique}"
        heard, said = Path(f"{stem}-heard.wav"), Path(f"{stem}-said.wav")
        await self.do("EXEC", "MixMonitor", f"{stem}.wav,r({heard})t({said})")
        self.call.heard, self.call.said = heard, said  # only after the recording began
        self.call.was_answered()

    async def reject(self, status: int) -> None:
        """Refuse the call with a SIP status."""
        await self.do("EXEC", "Hangup", str(Q850[status]))

    async def press(self, digits: str) -> None:
        """Press keys (w waits half a second)."""
        await self.do("EXEC", "SendDTMF", digits)

    async def tone(self, frequency: float, seconds: float) -> None:
        """Play a tone of this frequency (Hz)."""
        path = self._folder / f"tone-{frequency:g}-{seconds:g}.wav"
        if not path.exists():
            await asyncio.to_thread(audio.write_tone, path, frequency, seconds)
        await self.play(path)

    async def play(self, path: Path) -> None:
        """Play a WAV file."""
        await self.do("EXEC", "Playback", str(path.with_suffix("")))

    async def wait(self, seconds: float) -> None:
        """Listen for some seconds.

        In short slices: if a hangup and our next command reach Asterisk's AGI at the same moment,
        the command misses the hangup and runs to its end on a dead call.
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
        """Read the display and every caller identity in the call's SIP headers."""
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
        """Return the value of a channel function or variable."""
        reply = await self._session.command("GET", "FULL", "VARIABLE", f"${{{expression}}}")
        return reply.data

    async def do(self, *words: str) -> None:
        """Run one AGI command; AgiClosed if the call is over."""
        reply = await self._session.command(*words)
        if reply.code == DEAD_CHANNEL or reply.result == "-1" or self._session.hung_up:
            raise AgiClosed


Script = Callable[[Handset], Awaitable[None]]


def asserted_number(call: PhoneCall) -> str:
    """Return the number in P-Asserted-Identity; empty without one."""
    match = re.search(r"sip:(\+?\d+)@", call.headers.get("P-Asserted-Identity", ""))
    return match[1] if match else ""


def answers(*, after: float = 1.0, press: str = "", tone: float = 0.0, talk: float = 3.0) -> Script:
    """Pick up, press the key if given, play a tone, and listen until the other side hangs up."""

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
    """Answer like a carrier's voicemail: speak, listen, hang up, without a key press."""

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
