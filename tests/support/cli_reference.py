"""docs/cli.md out of the command itself: every command with its help, arguments and options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from cli import app

HEAD = """# The command line

Written by a test out of the command's own help, and compared with it by the same test.

Every reading command takes `--json`: one document on stdout, nothing else. Exit codes: 0 done or
holds; 1 the answer is no; 2 bad input or environment, with one sentence on stderr; 130 interrupted.
Type times as "11/28/2026 2:10 AM", "2026-11-28 02:10" or "tomorrow 6pm", in the office's time zone.
People read "Sat, Nov 28, 2026, 2:10 AM EST", in tables "Nov 28, 2:10 AM", and both can be typed
back; JSON and CSV have ISO 8601. Phone numbers are printed masked to the last four; `--reveal`
prints them whole, and is audited.
"""


def reference() -> str:
    """Write the whole page."""
    root: Any = get_command(app)  # click's own types are untyped where typer wraps them
    options = _table(one for one in root.params if one.name in {"config", "home"})
    whole = [HEAD, "## Options of every command\n", *options]
    for name, command in _commands(root, ""):
        whole += _described(name, command)
    return "\n".join(whole).rstrip() + "\n"


def _commands(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    """List the commands in the order of the help, those of a group after its name."""
    for word in sorted(group.commands):
        command, name = group.commands[word], f"{before} {word}".strip()
        yield name, command
        if hasattr(command, "commands"):
            yield from _commands(command, name)


def _described(name: str, command: Any) -> list[str]:
    text, _, example = (command.help or "").partition("Example: ")
    about = " ".join(text.split())
    if hasattr(command, "commands"):
        return [f"## {name}\n", f"{about}\n"]
    depth = "###" if " " in name else "##"
    lines = [f"{depth} {name}\n", f"{about}\n"]
    if example:
        lines += [f"```sh\n{example.strip()}\n```\n"]
    return [*lines, *_table(command.params)]


def _table(parameters: Any) -> list[str]:
    """Write what can be given to a command; nothing for a command without any."""
    rows = [_row(one) for one in parameters if not one.hidden] if parameters else []
    if not rows:
        return []
    return ["| | |\n|---|---|", *rows, ""]


def _row(parameter: Any) -> str:
    words = [*parameter.opts, *parameter.secondary_opts]
    if parameter.param_type_name == "argument":
        words = [parameter.name.upper()]
    value = "" if parameter.param_type_name == "argument" or parameter.is_flag else " VALUE"
    shown = ", ".join(f"`{word}{value}`" for word in words)
    notes = [" ".join((getattr(parameter, "help", None) or "").replace("|", "\\|").split())]
    if parameter.required:
        notes.append("Required.")
    if parameter.envvar:
        notes.append(f"Also `{parameter.envvar}`.")
    return f"| {shown} | {' '.join(note for note in notes if note)} |".replace("|  |", "| |")
