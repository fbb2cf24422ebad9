"""Run the simulated carrier: start its Asterisk, place patients' calls, let phones ring."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dialplan.system import Folders
from pbx.asterisk.agi.server import AgiServer
from pbx.asterisk.agi.session import AgiClosed, AgiSession
from pbx.asterisk.ami.client import AmiClient, AmiEvent
from pbx.asterisk.engine.ports import PortBlock
from pbx.asterisk.engine.process import AsteriskProcess, Instance
from pbx.asterisk.engine.runtime import Runtime, ServiceUser
from pbx.demo.carrier import trace
from pbx.demo.carrier.config import ANONYMOUS, KEYLESS, MANAGER, CarrierFacts, carrier_files
from pbx.demo.carrier.handset import Handset, PhoneCall, Script, asserted_number, refuses

EMERGENCY = ("911", "933")


class Carrier:
    """A phone network around one office; `office` is the host and port of the office's SIP.

    Like a real carrier, it refuses with 403 every caller ID that is not in `office_numbers`, and
    sends calls to these numbers back to the office. Its own ports are enough for 40 legs at a
    time; `rtp` (first and last port) allows more.
    """

    def __init__(
        self,
        runtime: Runtime,
        folder: Path,
        user: ServiceUser,
        *,
        office: tuple[str, int],
        office_numbers: frozenset[str],
        registration: tuple[str, str] | None = None,
        desk_phones: Mapping[str, str] | None = None,
        host: str = "127.0.0.2",
        desk_host: str = "127.0.0.3",
        rtp: tuple[int, int] | None = None,
    ) -> None:
        self.folder = folder
        self.host = host
        self.refused: list[PhoneCall] = []
        self._numbers = office_numbers
        self._desks = dict(desk_phones or {})
        self._registration = registration
        self._block = PortBlock.take(host=host)
        self._ports = self._block.ports
        if rtp is not None:
            self._ports = replace(self._ports, rtp_first=rtp[0], rtp_last=rtp[1])
        self._scripts: dict[str, Script] = {}
        self.ringing: dict[str, asyncio.Queue[PhoneCall]] = defaultdict(asyncio.Queue)
        self._calls: dict[str, PhoneCall] = {}
        self._tickets: dict[str, tuple[PhoneCall, Script]] = {}
        self._count = itertools.count(1)
        self._agi = AgiServer(
            {"phone": self._phone, "patient": self._patient}, question_deadline=None
        )
        self._secret = secrets.token_hex(16)
        self._softphone = secrets.token_urlsafe(9)
        self._runtime, self._user, self._office, self._desk_host = runtime, user, office, desk_host
        self._asterisk: AsteriskProcess | None = None
        self._ami: AmiClient | None = None
        self._ami_task: asyncio.Task[None] | None = None

    @property
    def sip(self) -> tuple[str, int]:
        """Return the carrier's SIP host and port."""
        return self.host, self._block.ports.sip

    @property
    def pid(self) -> int | None:
        """Return the process id of the network's Asterisk; None if it does not run."""
        return self._asterisk.pid if self._asterisk is not None else None

    @property
    def softphone(self) -> tuple[str, str]:
        """Return the user and password for a real softphone to register as a patient."""
        return "patient", self._softphone

    async def start(self) -> None:
        """Start the network; after EngineError nothing is left running."""
        await self._agi.start()
        recordings = self.folder / "recordings"
        recordings.mkdir(parents=True, exist_ok=True)
        recordings.chmod(0o777)  # both Asterisk's user and we write there
        facts = CarrierFacts(
            folders=Folders(str(self.folder / "asterisk"), str(self._runtime.modules)),
            ports=self._ports,
            host=self.host,
            desk_host=self._desk_host,
            office=self._office,
            agi_port=self._agi.port,
            secret=self._secret,
            softphone=self._softphone,
            registration=self._registration,
            desk_phones=self._desks,
        )
        instance = Instance(
            self.folder / "asterisk",
            self._ports,
            carrier_files(facts),
            self._user,
            dies_with_parent=True,
            host=self.host,
        )
        try:
            self._asterisk = AsteriskProcess(self._runtime, instance)
            await self._asterisk.start()
            await self._asterisk.command("pjsip set logger on")
            await self._connect()
        except BaseException:
            await self.stop()
            raise

    async def _connect(self) -> None:
        self._ami = AmiClient(
            host="127.0.0.1",
            port=self._block.ports.ami,
            username=MANAGER,
            secret=self._secret,
        )
        self._ami_task = asyncio.create_task(self._ami.run(self._event))
        await self._ami.wait_connected(20)

    async def stop(self) -> None:
        """End every call, process and task."""
        if self._ami_task is not None:
            self._ami_task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ami_task
        await self._agi.close()
        if self._asterisk is not None:
            await self._asterisk.stop()
        self._block.release()

    def answers(self, number: str, script: Script) -> None:
        """Set what the phone with this number (or desk phone's id) does from now on.

        Earlier rings that `rings` has not returned are forgotten.
        """
        self._scripts[number] = script
        self.ringing[number] = asyncio.Queue()

    async def rings(self, number: str, timeout: float = 10.0) -> PhoneCall:  # noqa: ASYNC109  # the public shape
        """Wait until this phone rings; each ring is returned once."""
        async with asyncio.timeout(timeout):
            return await self.ringing[number].get()

    async def dials(
        self, to: str, *, caller: str | None, script: Script, trunk: str = ""
    ) -> PhoneCall:
        """Let a patient call (None: anonymous); the script starts when the office answers.

        `trunk` names another of the network's ways to the office, as `KEYS_AS_TONES`.
        """
        assert self._ami is not None  # noqa: S101  # there is no call before the start
        ticket = f"patient-{next(self._count)}"
        call = PhoneCall(caller or "anonymous", unique=ticket)
        self._tickets[ticket] = (call, script)
        self._calls[ticket] = call
        trunk = trunk or (self._registration[0] if self._registration else "office")
        shown = f'"Patient" <{caller}>'
        if caller is None:
            trunk, shown = ANONYMOUS, '"Anonymous" <0>'
        await self._ami.action(
            "Originate",
            Channel=f"PJSIP/{to}@{trunk}",
            ChannelId=ticket,
            CallerID=shown,
            Context="patient",
            Exten="s",
            Priority="1",
            Timeout="120000",
            Variable=f"TICKET={ticket}",
            Async="true",
        )
        return call

    async def hang_up(self, call: PhoneCall) -> None:
        """Hang up a phone from outside its script, even before the answer."""
        assert self._ami is not None  # noqa: S101  # there is no call before the start
        await self._ami.action("Hangup", Channel=call.unique, Cause="16")

    def messages(self) -> list[trace.SipMessage]:
        """Return every SIP message in the network's log."""
        return trace.read(self.folder / "asterisk" / "log" / "messages.log")

    async def _phone(self, session: AgiSession) -> None:
        """Handle a call from the office to a phone."""
        number = session.request.args[0]
        call = PhoneCall(number, unique=session.request.uniqueid)
        self._calls[call.unique] = call
        handset = Handset(session, call, self.folder / "recordings")
        script = self._scripts.get(number) or self._otherwise(number)
        try:
            await handset.see()
            asserted = asserted_number(call)
            foreign = call.shown not in self._numbers or asserted not in {"", *self._numbers}
            if number not in self._desks and foreign:
                self.refused.append(call)
                script = refuses(403)
            else:
                self.ringing[number].put_nowait(call)
            await script(handset)
        except AgiClosed:
            raise
        except Exception as error:
            call.error = error
            raise

    def _otherwise(self, number: str) -> Script:
        """Return the script for a number that `answers` was not called for."""
        return self.brings_back() if number in self._numbers else refuses(404)

    def brings_back(self, *, after: float = 0.0, showing: str = "", keys: bool = True) -> Script:
        """Send a call to one of the office's numbers back to it, with caller ID `showing` if given.

        Without `keys`, key presses are lost.
        """

        async def script(phone: Handset) -> None:
            await phone.wait(after)
            if showing:
                await phone.do("SET", "VARIABLE", "CALLERID(num)", showing)
                await phone.do("SET", "VARIABLE", "CALLERID(ani)", showing)
            trunk = self._registration[0] if self._registration else "office"
            trunk = trunk if keys else KEYLESS
            await phone.do("EXEC", "Dial", f"PJSIP/{phone.call.number}@{trunk},60")

        return script

    async def _patient(self, session: AgiSession) -> None:
        """Handle the answer of the office to a patient's call."""
        call, script = self._tickets.pop(session.request.args[0])
        handset = Handset(session, call, self.folder / "recordings")
        try:
            call.call_id = await handset.evaluate("CHANNEL(pjsip,call-id)")
            await handset.record()
            await script(handset)
        except AgiClosed:
            pass
        except Exception as error:
            call.error = error
            raise
        else:
            with contextlib.suppress(AgiClosed):
                await handset.hang_up()

    def _event(self, event: AmiEvent) -> None:
        call = self._calls.get(event.fields.get("Uniqueid", ""))
        if call is None:
            return
        if event.name == "DTMFEnd" and event.fields.get("Direction") == "Received":
            call.digits += event.fields.get("Digit", "")
        elif event.name == "Hangup":
            call.failure = event.fields.get("Cause-txt", "")
            call.has_ended()
