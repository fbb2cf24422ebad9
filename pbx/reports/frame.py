"""Every page that we write: a template beside this file, filled in with each value escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).with_name("templates")


@cache
def _templates() -> Environment:
    """Load templates so that a value is text, never HTML, and a missing one is an error."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def page(template: str, **values: object) -> str:
    """Fill in a template; the result is one file that loads nothing."""
    return _templates().get_template(template).render(values)
