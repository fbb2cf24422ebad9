"""`officeline events`: show published MQTT events as they arrive."""

from __future__ import annotations

import json
from contextlib import aclosing, suppress
from typing import Annotated

import typer

from pbx.base.errors import ConfigError
from pbx.cli.shared.context import Context
from pbx.cli.shared.options import office

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """Make `tail` a subcommand although it is the only one."""


@app.command()
def tail(
    context: typer.Context,
    *,
    count: Annotated[
        int | None, typer.Option(min=1, help="Stop after this number of events.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="Stop after this number of seconds.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each event as one line of JSON, with its topic.")
    ] = False,
) -> None:
    """Show events from the MQTT broker as they arrive, retained ones first, until Ctrl-C.

    Example: officeline events tail --count 20
    """
    import asyncio

    asyncio.run(_tail(office(context), count, seconds, as_json=as_json))


async def _tail(place: Context, count: int | None, seconds: float | None, *, as_json: bool) -> None:
    import asyncio

    from pbx.config import secrets
    from pbx.notify.mqtt import Broker
    from pbx.notify.tail import event_line, listen

    configuration = place.configuration()
    if configuration.mqtt is None:
        raise ConfigError(
            f"{place.config} has no [mqtt] table, so nothing is published; "
            "docs/office-toml.md shows how to set a broker."
        )
    times = configuration.plan.office.times
    broker = Broker.of(configuration.mqtt, secrets.read(place.home))
    shown = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), aclosing(listen(broker)) as stream:
            async for topic, payload in stream:
                typer.echo(_json(topic, payload) if as_json else event_line(topic, payload, times))
                shown += 1
                if shown == count:
                    return


def _json(topic: str, payload: bytes) -> str:
    """Return one line of JSON; a payload that is not JSON, from another program, becomes null."""
    try:
        found = json.loads(payload)
    except ValueError:
        found = None
    return json.dumps({"topic": topic, "payload": found})
