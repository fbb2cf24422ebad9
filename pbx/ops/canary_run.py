"""Run a canary on the running office, and check the result."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import math
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from dialplan import names
from pbx.asterisk.speech import prompts
from pbx.base.errors import OfficeLineError
from pbx.calls import trial
from pbx.calls.conversation import Question
from pbx.calls.live import LivePlan
from pbx.config.home import Home
from pbx.config.plan import Configuration
from pbx.config.secrets import Secrets
from pbx.ops.canary import SLACK_S, CanaryRequest, place_canary
from pbx.ops.canary_checks import HERTZ, Due, check_result
from pbx.ops.doctor_check import Check
from pbx.ops.manager import Login
from pbx.ops.trunk import reaches
from routing.model import Plan


async def run(configuration: Configuration, held: Secrets, home: Home, did: str) -> list[Check]:
    """Call one of our numbers and return the checks; OfficeLineError if that is impossible now."""
    trunk = configuration.trunk
    if trunk.transport == "udp" and not await asyncio.to_thread(reaches, trunk.host, trunk.port):
        raise OfficeLineError(
            f"The trunk to {trunk.host}:{trunk.port} does not answer, so no call was placed; "
            "check it with 'officeline doctor'."
        )
    live = LivePlan(configuration.plan, held, home)
    with _alone(home) as record:
        live.open()
        try:
            due, press = _due(live, home, did)
            office = live.plan.office
        finally:
            live.close()
        listen = math.ceil(len(due.samples()) / HERTZ) + SLACK_S
        wanted = CanaryRequest(did, record, listen, press)
        heard = await place_canary(Login(home.recall_ports().ami, held.manager), held.token, wanted)
        return check_result(heard, due, record.with_suffix(".wav"), office, press)


def _due(live: LivePlan, home: Home, did: str) -> tuple[Due, str]:
    """Return what a caller of this number should hear now, and a valid key of the menu."""
    plan = live.plan
    arrived = Question("", "", "1", did, names.ARRIVED, "", "", plan.office.number)
    verdict = trial.answer(live, arrived, datetime.now(UTC))
    own = home.recordings if home.recordings.is_dir() else None
    due = Due(verdict, prompts.sources(plan.office.language, own))
    return due, _key(plan, due) if due.has_menu else ""


def _key(plan: Plan, due: Due) -> str:
    decision = due.verdict.decision
    menu = plan.menus[decision.target] if decision is not None else None
    return next(iter(menu.keys), "1") if menu is not None else "1"


@contextlib.contextmanager
def _alone(home: Home) -> Iterator[Path]:
    """Be the only canary; yield the path for the recording, which is deleted afterward."""
    spool = home.asterisk / "spool"
    handle = os.open(home.folder / "canary.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OfficeLineError("Another test call is in progress; wait a minute.") from error
        try:
            yield spool / f"canary-{secrets.token_hex(6)}"
        finally:
            for record in spool.glob("canary-*.wav"):  # also those of a canary that was killed
                record.unlink(missing_ok=True)
    finally:
        os.close(handle)
