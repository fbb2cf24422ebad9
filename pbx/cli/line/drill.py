"""`officeline drill failsafe`: test whom Asterisk rings when OfficeLine is down."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pbx.base.errors import OfficeLineError
from pbx.cli.shared.answers import answer, practice
from pbx.cli.shared.audited import recorded
from pbx.cli.shared.context import Context
from pbx.cli.shared.options import AsJson, office
from pbx.cli.shared.working import working
from pbx.config.home import Home

if TYPE_CHECKING:
    from pbx.calls.live import LivePlan
    from pbx.ops.drill import Drilled


def drill(
    context: typer.Context,
    what: Annotated[Literal["failsafe"], typer.Argument(help="What to test.")],  # noqa: ARG001  # there is one
    *,
    ring: Annotated[
        bool, typer.Option("--ring", help="Actually ring the people on call, who must press 1.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Ring without asking for confirmation.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Test the failsafe: place a call as if the control layer were down.

    Nobody's phone rings, unless you give --ring: then the failsafe rings the people on call, and
    whoever presses 1 hears that it was a drill. Exits 1 if the call does not reach the failsafe,
    if it would ring the wrong people, or if nobody presses 1.

    Example: officeline drill failsafe --ring
    """
    from pbx.base import logs
    from pbx.calls.live import LivePlan
    from pbx.config import secrets
    from pbx.ops import drill as drills
    from pbx.ops.manager import Login
    from pbx.ops.security.asked import console
    from pbx.service import supervisor

    logs.configure(quiet=True)
    place = office(context)
    home = Home(place.home)
    if not supervisor.is_running(home):
        raise OfficeLineError(
            f"No office is running in {place.home}, so there is nothing to test; start it with "
            "'officeline up'."
        )
    held = secrets.read(place.home)
    manager = Login(home.recall_ports().ami, held.manager)
    plans = LivePlan(place.configuration().plan, held, home)
    plans.open()
    now = datetime.now(UTC)
    try:
        if ring:
            _may_ring(practice(place), plans, now, yes=yes)
            recorded(place, "drill.ringing")
        ringing = drills.DrillCall(held.token) if ring else None
        with working("Calling the failsafe (with --ring, up to two minutes)"):
            found = drills.failsafe(console(home), manager, plans, now, ringing)
    finally:
        plans.close()
    detail = {"accepted": found.accepted or ""} if ring else {}
    recorded(place, "drill.failsafe", ok=not found.wrong, rings=list(found.rings), **detail)
    _tell(place, found, ring=ring, as_json=as_json)
    if found.wrong:
        raise typer.Exit(1)


def _may_ring(whose: str, plans: LivePlan, now: datetime, *, yes: bool) -> None:
    """Ask for confirmation before a phone rings."""
    from pbx.calls.legs import on_call_legs

    who = ", ".join(on_call_legs(plans.plan, plans.book, now)) or "everybody in the file"
    if not yes:
        asked = f"This rings {who} of {whose} now, like an urgent call. Continue?"
        typer.confirm(asked, abort=True, err=True)


def _tell(place: Context, found: Drilled, *, ring: bool, as_json: bool) -> None:
    """Print the result."""
    ok = not found.wrong
    who = ", ".join(found.rings)
    if as_json:
        shown = {"ok": ok, "rings": found.rings, "took_s": round(found.took_s, 1)}
        if ring:
            after = found.accepted_s
            shown["accepted"] = found.accepted
            shown["accepted_s"] = None if after is None else round(after, 1)
        typer.echo(json.dumps({**shown, "wrong": found.wrong}))
    elif not ok:
        answer(place, f"The drill failed: {'; '.join(found.wrong)}.")
    elif ring:
        answer(
            place,
            f"The failsafe rang {who}; {found.accepted} pressed 1 after {found.accepted_s:.0f} "
            "seconds, and heard that it was a drill.",
        )
    else:
        answer(place, f"The failsafe was reached and would ring {who}.")
