"""The frame of every page that we write: one file that loads nothing, light and dark, printable."""

from __future__ import annotations

from html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2126; --paper: #fff; --faint: #5b6570; --rule: #c3c9d0;
  --bar: #2f6690; --norm: #b3261e; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --paper: #16191d; --faint: #9aa3ad;
  --rule: #434a53; --bar: #7fb2dc; --norm: #ff8a80; --bad: #ff8a80; } }
@media print { :root { color-scheme: light; --ink: #000; --paper: #fff; --faint: #333;
  --rule: #777; --bar: #555; --norm: #000; --bad: #000; } @page { margin: 14mm; }
  body { margin: 0; font-size: 11px; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .3rem 0; }
.faint, dt, th { color: var(--faint); font-weight: 400; }
.scroll { overflow-x: auto; /* what is hidden at the right casts a shadow */
  background: linear-gradient(to left, var(--paper) 40%, transparent) right / 40px 100% no-repeat
    local, linear-gradient(to left, var(--rule), transparent) right / 12px 100% no-repeat scroll; }
@media print { .scroll { overflow: visible; background: none; } }
.bad { color: var(--bad); font-weight: 700; }
"""


def page(title: str, body: str, style: str = "") -> str:
    """Write a page: `title` is text, `body` is HTML, `style` is what the page has of its own."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}{style}</style>
</head>
<body>
<h1>{escape(title)}</h1>
{body}
</body>
</html>
"""
