"""`officeline explain`: show who rings, and why, for any call."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pbx.base import when
from pbx.base.errors import OfficeLineError
from pbx.cli.shared.context import Context
from pbx.cli.shared.options import AsJson, office

if TYPE_CHECKING:
    from routing.model import Plan

KEYS = frozenset("0123456789*#") | {""}  # an empty one means silence


def explain(
    context: typer.Context,
    call: Annotated[str | None, typer.Argument(help="Id of a call in the call log.")] = None,
    *,
    did: Annotated[str | None, typer.Option(help="Number that the caller dials.")] = None,
    caller: Annotated[
        str | None, typer.Option("--from", help="Phone number of the caller.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(help="Time of the call, such as 5pm or '11/28/2026 2:10 AM' (default: now)."),
    ] = None,
    press: Annotated[
        list[str] | None,
        typer.Option(help="Key that the caller presses (repeat once for each menu)."),
    ] = None,
    repeat: Annotated[
        int,
        typer.Option(
            min=1, max=20, help="How many times the caller has called, including this call."
        ),
    ] = 1,
    against: Annotated[
        Path | None, typer.Option(help="Configuration file to use instead of the running plan.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Explain who rings and why, for a logged call or an imagined one.

    Uses the running plan, including current changes to office hours and on-call schedules, or the
    configuration file if no plan was applied yet.

    Example: officeline explain --did +12125550100 --at "2026-11-28 02:10" --press 1
    """
    if (call is None) == (did is None):
        raise OfficeLineError("Give either the id of a logged call or a number with --did.")
    if call is not None and (caller or at or press or repeat > 1 or against):
        raise OfficeLineError(
            "A logged call is explained as it happened; leave out the other options."
        )
    if call is not None:
        _past(office(context), call, as_json=as_json)
    elif did is not None:
        if not KEYS.issuperset(press or ()):
            raise OfficeLineError("Each --press takes one key: 0 to 9, * or #.")
        known = office(context)
        known = known if against is None else replace(known, file=against)
        plan = known.running() if against is None else known.plan()
        _imagined(known, plan, did, caller, at, tuple(press or ()), repeat, as_json=as_json)


def _past(context: Context, call: str, *, as_json: bool) -> None:
    from pbx.calls import explain as explaining
    from pbx.cli.calls.calls import open_log
    from pbx.db.calls import get_call
    from pbx.reports import history as past

    engine = open_log(context)
    history = get_call(engine, call)
    if history is None or not history.decisions:
        raise OfficeLineError(
            f"There is no routed call '{call}' in the log; 'officeline calls list' shows the ids."
        )
    running = context.running(reported=False)
    ran = past.of_call(engine, running, history.call.plan, history.call.started_at)
    plan, other = ran.plan, {}
    if ran.unread is not None:
        other = {"assessed_by": plan.hash}
        sys.stderr.write(
            f"This version cannot read plan {ran.unread}, which ran then; "
            f"names are shown as in plan {plan.hash}.\n"
        )
    reported = explaining.remember(history, plan.office.zone)
    if as_json:
        typer.echo(json.dumps({**explaining.to_json(reported), **other}, ensure_ascii=False))
        return
    typer.echo("\n".join(explaining.sentences(reported, plan)))
    typer.echo(f"Outcome: {history.call.outcome or 'it goes on'}.")
    for leg in history.legs:
        typer.echo(f"  {leg.person}: {leg.result or 'not known'}")


def _imagined(
    context: Context,
    plan: Plan,
    did: str,
    caller: str | None,
    time: str | None,
    press: tuple[str, ...],
    repeat: int,
    *,
    as_json: bool,
) -> None:
    from pbx.calls import explain as explaining
    from routing import outbound
    from routing.decision import Facts

    now = datetime.now(plan.office.zone)
    at = now if time is None else when.parse_time(time, plan.office.zone, now)
    country = plan.office.country
    number = None if caller is None else _shown(caller, country)
    earlier = explaining.earlier(repeat, at) if outbound.callback_number(plan, number) else ()
    facts = Facts(_number(did, country), number, press, earlier)
    reported = explaining.imagine(plan, context.numbers(plan), facts, at)
    if as_json:
        typer.echo(json.dumps(explaining.to_json(reported), ensure_ascii=False))
    else:
        typer.echo("\n".join(explaining.sentences(reported, plan)))


def _shown(text: str, country: str) -> str | None:
    """Return a caller's number as calls are handled; None for a withheld number."""
    from pbx.base.phone_numbers import shown_number
    from routing.callers import is_nobodys

    digits = "".join(one for one in text if one.isdecimal())
    if is_nobodys(digits) and re.fullmatch(r"[\d\s()+./-]+", text):  # but not 'gate 7'
        return None
    return shown_number(_number(text, country), country)


def _number(text: str, country: str) -> str:
    from pbx.base.phone_numbers import to_e164

    e164 = to_e164(text, country)
    if e164 is None:
        raise OfficeLineError("This is not a phone number; write it like +1 212 555 0100.")
    return e164
