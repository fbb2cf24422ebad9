"""Where an office is: its file and its home, as named, or as found from the current folder.

The example practice that ships with OfficeLine is never found, only named (docs/adr/0036).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pbx.base.errors import ConfigError
from pbx.base.paths import data_folder

SYSTEM_CONFIG = Path("/etc/officeline/office.toml")
SYSTEM_HOME = Path("/var/lib/officeline")
FILE = "office.toml"
DATABASE = "officeline.db"
# Where the file of an office stands, from the folder that people work in: as 'init' makes it, as
# 'restore' leaves it, and restored into the home that 'init' would have made
BESIDE = (Path("config", FILE), Path(FILE), Path("var", FILE))


def find_config(home: Path | None) -> Path | None:
    """Find the office's file: that of a named home, this folder's, the machine's; None if none."""
    for path in _candidates(home):
        if _is_there(path) and not is_example(path):
            return path
    # where we may not look something is: whoever reads it is told so
    installed = (SYSTEM_CONFIG, SYSTEM_HOME / FILE)
    return next((path for path in installed if _is_there(path, unseen=True)), None)


def home_of(config: Path) -> Path:
    """Say where the home of an office's file is: restored ones are together, others side by side.

    The file of the machine has the machine's home.
    """
    folder = config.parent
    if _is_there(folder / DATABASE):
        return folder
    if config == SYSTEM_CONFIG:
        return SYSTEM_HOME
    return (folder.parent if folder.name == "config" else folder) / "var"


def is_example(config: Path) -> bool:
    """Tell whether a file is the example practice, be it of this OfficeLine or of any checkout."""
    folder = config.resolve().parent
    top = folder.parent
    is_checkout = (top / "pyproject.toml").is_file() and (top / "pbx").is_dir()
    return folder == data_folder("config").resolve() or (folder.name == "config" and is_checkout)


def no_file(home: Path | None) -> ConfigError:
    """Say that no office's file was found, and how to name one."""
    here = _here()
    if home is not None:
        return ConfigError(
            f"No {FILE} was found for the home {home}: it is not in that folder, not in "
            f"{home.parent / 'config'} and not at {SYSTEM_CONFIG}; name it with --config FILE."
        )
    why = ""
    if here is not None and _is_there(here / BESIDE[0]):
        why = f" ({here / BESIDE[0]} is the example, which is used only when named)"
    return ConfigError(
        f"There is no office in {here or 'the current folder, which is gone'}{why}, "
        f"nor at {SYSTEM_CONFIG}. Go to the folder in which 'officeline init' made yours, or name "
        "it with --config FILE or --home DIR, or in OFFICELINE_CONFIG or OFFICELINE_HOME."
    )


def whole(path: Path) -> Path:
    """Write a path out from the root; only one that goes up has its links followed."""
    return path.resolve() if ".." in path.parts else path.absolute()


def _candidates(home: Path | None) -> Iterator[Path]:
    """List where the file may be; an office with a home elsewhere is not this folder's."""
    here = _here()
    if home is not None:
        yield home / FILE
        yield home.parent / "config" / FILE
        if home == SYSTEM_HOME:
            yield SYSTEM_CONFIG
        if _is_there(home / DATABASE) and here not in home.resolve().parents:
            return
    if here is not None:
        yield from (here / path for path in BESIDE)


def _here() -> Path | None:
    """Return the current folder; None if it was removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def _is_there(path: Path, *, unseen: bool = False) -> bool:
    """Tell whether a file is there; `unseen` is the answer where we may not look.

    With sudo -u, the current folder may be somebody else's.
    """
    try:
        os.stat(path)  # noqa: PTH116  # Path.exists() hides what we may not see
    except PermissionError:
        return unseen
    except OSError:
        return False
    return path.is_file()
