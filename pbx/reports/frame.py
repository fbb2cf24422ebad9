"""Fill in the HTML templates beside this file; each value is escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).with_name("templates")


@cache
def _templates() -> Environment:
    """Return an environment that escapes values and raises if one is missing."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def page(template: str, **values: object) -> str:
    """Return a filled-in template: one page that loads no other files."""
    return _templates().get_template(template).render(values)
