"""`officeline check`: list everything that is wrong with an office.toml."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pbx.cli.shared.options import AsJson, office

if TYPE_CHECKING:
    from pbx.config.findings.finding import Finding


def check(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="Configuration file to read (default: the office's).")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Check the configuration file for errors and warnings.

    Exits 1 if there is an error, 0 if there are only warnings.

    Example: officeline check config/office.toml
    """
    from pbx.config import plan
    from pbx.ops.validation import held_numbers

    known = office(context)
    path = file or known.config
    numbers = held_numbers(known.folder)
    _, found = plan.check(path, datetime.now(UTC), numbers)
    ok = all(one.severity != "error" for one in found)
    if as_json:
        shape = {"ok": ok, "findings": [_shape(one) for one in found]}
        typer.echo(json.dumps(shape, ensure_ascii=False))
    else:
        _print(path, found)
    if not ok:
        raise typer.Exit(1)


def _shape(found: Finding) -> dict[str, str | int]:
    fields = asdict(found)
    del fields["about"]  # only used internally
    return {"code": found.code, "severity": found.severity, **fields}


def _print(path: Path, found: list[Finding]) -> None:
    for one in found:
        typer.echo(one.sentence(path))
    errors = sum(one.severity == "error" for one in found)
    counts = f"{_count(errors, 'error')}, {_count(len(found) - errors, 'warning')}"
    typer.echo(f"{path}: {counts if found else 'no problems found'}.")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
