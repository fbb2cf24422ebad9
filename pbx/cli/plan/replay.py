"""`officeline replay`: handle past calls again with another configuration file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from pbx.cli.shared.options import AsJson, office
from pbx.cli.shared.working import working


def replay(
    context: typer.Context,
    *,
    against: Annotated[Path, typer.Option(help="Configuration file to compare with.")],
    days: Annotated[int, typer.Option(min=1, max=3660, help="Number of past days to replay.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Show which past calls another configuration file would handle differently, and why.

    Example: officeline replay --days 14 --against draft.toml
    """
    from dataclasses import replace

    from pbx.cli.calls.calls import open_log
    from pbx.db.calls import last_decisions
    from pbx.reports import replay as replaying

    known = office(context)
    log = open_log(known)
    plan = replace(known, file=against).plan()
    decided = last_decisions(log, datetime.now(UTC) - timedelta(days=days))
    with working("Routing every call again"):
        found = list(replaying.differences(decided, plan, known.numbers(plan)))
    if as_json:
        document = {
            "plan": plan.hash,
            "calls": len(decided),
            "differences": [replaying.to_json(one, plan) for one in found],
        }
        typer.echo(json.dumps(document, ensure_ascii=False))
        return
    for one in found:
        typer.echo("\n".join(replaying.sentences(one, plan)))
    typer.echo(
        f"{len(found)} of {len(decided)} calls would be handled differently under {against}."
    )
