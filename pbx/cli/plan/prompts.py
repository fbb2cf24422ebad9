"""`officeline prompts`: render spoken sentences, and check that each can be played."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pbx.asterisk.speech.prompts import check_prompts, load_catalog, sounds_folder
from pbx.base.errors import OfficeLineError
from pbx.cli.shared.options import AsJson

app = typer.Typer(
    help="Check and render the recorded sentences and the music on hold.", no_args_is_help=True
)

Language = Annotated[
    str, typer.Option(help="Language of the prompts; the catalog is LANGUAGE.toml.")
]
Sounds = Annotated[
    Path | None,
    typer.Option(help="Folder with catalogs and sound files (default: the one shipped)."),
]


@app.command()
def render(
    language: Language = "en",
    only: Annotated[
        str | None, typer.Option(help="Render only this prompt id, or 'music'.")
    ] = None,
    sounds: Sounds = None,
) -> None:
    """Render a language's prompts, tones and music on hold into sound files.

    Example: officeline prompts render --only greeting-closed
    """
    from pbx.asterisk.speech.prompts_render import render as render_prompts

    folder = sounds or sounds_folder()
    catalog = load_catalog(folder / f"{language}.toml")
    count = 0
    for name in render_prompts(catalog, folder, only):
        typer.echo(name, err=True)
        count += 1
    typer.echo(f"{count} rendered into {folder}.")


@app.command()
def check(
    language: Language = "en",
    own: Annotated[
        Path | None, typer.Option(help="Folder with the office's own recordings.")
    ] = None,
    sounds: Sounds = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List prompts that cannot be played and how to fix each. Exits 1 if there are any.

    Example: officeline prompts check --own var/prompts
    """
    if own is not None and not own.is_dir():
        raise OfficeLineError(f"There is no folder {own}; give the one with your recordings.")
    folder = sounds or sounds_folder()
    catalog = load_catalog(folder / f"{language}.toml")
    problems = check_prompts(catalog, folder, own)
    if as_json:
        typer.echo(json.dumps({"ok": not problems, "problems": problems}, indent=2))
    else:
        count = len(catalog.ids) + 1
        typer.echo("\n".join(problems or [f"All {count} prompts of '{language}' can be played."]))
    raise typer.Exit(1 if problems else 0)
