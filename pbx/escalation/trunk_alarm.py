"""The alarm about an unreachable carrier: sent after two minutes, and again when it is back.

Nobody can be telephoned then, so pushes are sent to the managers or, if none has a push service, to
everybody who has one. Without the internet no push can be sent either, so it is sent as soon as
possible; if the line works again by then, only that is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import structlog

from dialplan.names import TRUNK
from pbx.asterisk.ami.client import AmiClient, AmiTimeout, AmiUnavailable
from pbx.base.clock import Clock
from pbx.calls.conversation import Plans
from pbx.config.secrets import Secrets
from pbx.escalation.push import send
from routing.model import Plan

LOOK_S = 5.0
PATIENCE = timedelta(minutes=2)  # shorter interruptions are not reported
AGAIN_S = 60.0  # between two tries of a push that could not be sent
# Asterisk's states of an endpoint without a call; with one it reports the call's state instead
ANSWERS = {"NOT_INUSE": True, "UNAVAILABLE": False}

Why = Literal["unanswered", "refused"]

log = structlog.get_logger()


@dataclass(frozen=True)
class TrunkHealth:
    """The state of the link to the carrier; if it is down, `since` when and `why`."""

    at: datetime
    up: bool
    why: Why | None = None
    since: datetime | None = None


class TrunkAlarm:
    """Watches one carrier; calls `tell` with each change that people should know."""

    def __init__(
        self,
        ami: AmiClient,
        plans: Plans,
        secrets: Callable[[], Secrets],
        clock: Clock,
        tell: Callable[[TrunkHealth], None],
        *,
        registers: bool,
    ) -> None:
        self._ami = ami
        self._plans = plans
        self._secrets = secrets
        self._clock = clock
        self._tell = tell
        self._registers = registers
        self._accepted: bool | None = None  # the result of the last REGISTER, if any
        self._answered = False  # whether it ever answered OPTIONS: some carriers never do
        self._since: datetime | None = None
        self._told: TrunkHealth | None = None
        self._unsent: dict[str, str] = {}  # by person, what is to be pushed
        self._woken = asyncio.Event()

    def registered(self, *, accepted: bool) -> None:
        """Note the result of an attempt to register."""
        self._accepted = accepted

    def forget(self) -> None:
        """Forget what another connection to Asterisk said: it may be another Asterisk."""
        self._accepted, self._answered = None, False

    def down_s(self) -> float:
        """Return for how many seconds the carrier has been unreachable; 0 if it is reachable."""
        since = self._since
        return 0.0 if since is None else max(0.0, (self._clock.now() - since).total_seconds())

    async def run(self) -> None:
        """Watch until canceled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            tasks.create_task(self._push())

    async def _watch(self) -> None:
        while True:
            try:
                await self._look()
            except (AmiUnavailable, AmiTimeout):
                pass  # other parts report that Asterisk does not answer
            except Exception as error:  # noqa: BLE001  # after any error, try again
                log.error("trunk.unwatched", error=type(error).__name__)  # noqa: TRY400  # every few seconds
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        answers = await self._answers()
        # a carrier that accepts REGISTER need not answer OPTIONS; the next REGISTER will show
        untried = self._registers and self._accepted is None
        refused = self._told is not None and self._told.why == "refused"
        if untried and (refused if answers else not self._answered):
            return
        if answers is not None:
            self._judge(self._trouble(answers=answers), self._clock.now())

    async def _answers(self) -> bool | None:
        """Ask Asterisk whether the carrier answered OPTIONS last; None if that is not known now."""
        found = await self._ami.action("Getvar", Variable=f"DEVICE_STATE(PJSIP/{TRUNK})")
        return ANSWERS.get(found.fields.get("Value", ""))

    def _trouble(self, *, answers: bool) -> Why | None:
        """Return what is wrong; a carrier that accepts REGISTER need not ever answer OPTIONS."""
        self._answered = self._answered or answers
        if answers:
            return "refused" if self._accepted is False else None
        return None if self._accepted and not self._answered else "unanswered"

    def _judge(self, why: Why | None, now: datetime) -> None:
        """Compare with what was last reported, and report a change."""
        if why is None:
            since, self._since = self._since, None
            down = self._told is not None and not self._told.up
            if self._told is None or down:
                self._tells(TrunkHealth(now, up=True))
            if down and since is not None:
                log.warning("trunk.up", start=since.isoformat(), end=now.isoformat())
                self._leave(_back(self._plans.plan, since, now))
            return
        self._since = min(self._since or now, now)  # the clock may be set back
        if now - self._since < PATIENCE or (self._told is not None and self._told.why == why):
            return
        first = self._told is None or self._told.up
        self._tells(TrunkHealth(now, up=False, why=why, since=self._since))
        log.error("trunk.down", why=why, start=self._since.isoformat())
        if first:
            self._leave(_gone(self._plans.plan, why, self._since))

    def _tells(self, health: TrunkHealth) -> None:
        self._told = health
        self._tell(health)

    def _leave(self, text: str) -> None:
        """Queue this push; it replaces one that could not be sent yet."""
        self._unsent = dict.fromkeys(_whom(self._plans.plan, self._secrets()), text)
        if not self._unsent:
            log.warning("trunk.nobody_told", why="no manager has a push service")
        self._woken.set()

    async def _push(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            for person, text in list(self._unsent.items()):
                url = self._secrets().push.get(person)
                title = self._plans.plan.office.name
                try:
                    why = None if url is None else await send(url, title, text)
                except Exception:  # noqa: BLE001  # as when no process can be started now
                    why = "it could not be sent"
                if why is not None:
                    log.warning("push.failed", person=person, why=why)
                elif self._unsent.get(person) == text:
                    del self._unsent[person]
            if self._unsent and not self._woken.is_set():
                asyncio.get_running_loop().call_later(AGAIN_S, self._woken.set)


def _whom(plan: Plan, secrets: Secrets) -> list[str]:
    """Return the managers who have a push service; if none has one, everybody who does."""
    people = [one for one in plan.people.values() if one.id in secrets.push]
    return [one.id for one in people if one.role == "manager"] or [one.id for one in people]


def _gone(plan: Plan, why: Why, since: datetime) -> str:
    what, do = {
        "unanswered": (
            "the carrier does not answer",
            "Check the internet connection and the carrier's status page.",
        ),
        "refused": (
            "the carrier refuses our registration",
            "Ask the carrier about the account, and check its username and password.",
        ),
    }[why]
    return (
        f"The phone line has been down since {plan.office.times.moment(since)}: {what}. Patients "
        f"cannot reach the office. {do} OfficeLine keeps trying and reports when the line is back."
    )


def _back(plan: Plan, since: datetime, now: datetime) -> str:
    minutes, when = round((now - since).total_seconds() / 60), plan.office.times.span(since, now)
    return f"The phone line works again. It was down for {minutes} minutes: {when}."
