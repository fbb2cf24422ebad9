"""`officeline engine`: show, download and run the office's Asterisk."""

from __future__ import annotations

import json

import typer

from pbx.cli.shared.options import AsJson, office

app = typer.Typer(no_args_is_help=True)


@app.command()
def fetch() -> None:
    """Download a private Asterisk into the cache folder, unless a suitable one is there.

    Example: officeline engine fetch
    """
    from pbx.asterisk.engine.fetch import fetch as bring

    found = bring(lambda line: typer.echo(line, err=True))
    where = "private" if found.private else "installed"
    typer.echo(f"Asterisk {found.version} ({where}) is ready.")


@app.command()
def run(context: typer.Context) -> None:
    """Run only the office's Asterisk, until Ctrl-C.

    Run 'officeline serve' beside it.

    Example: officeline engine run
    """
    import asyncio

    from pbx.service import supervisor

    known = office(context)
    asyncio.run(supervisor.up(known.config, known.home, typer.echo, alone=True))


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Show which Asterisk would run. Exits 1 if there is none.

    Example: officeline engine status --json
    """
    from pbx.asterisk.engine import runtime

    found = runtime.find_asterisk()
    if as_json:
        shape = {
            "found": found is not None,
            "version": found.version if found else None,
            "private": found.private if found else None,
            "modules": str(found.modules) if found else None,
            "cache": str(runtime.cache_folder()),
        }
        typer.echo(json.dumps(shape))
    elif found:
        kind = "a private one" if found.private else "the installed one"
        typer.echo(f"Asterisk {found.version}, {kind}: {found.command[-1]}")
    else:
        typer.echo("No Asterisk 22.10 or newer was found; run 'officeline engine fetch'.")
    if found is None:
        raise typer.Exit(1)
