"""Find an office's file and home from options or from the current folder.

The example that ships with OfficeLine is used only if it is given explicitly (docs/adr/0036).
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
# Where the file may be, seen from the current folder: as 'init' creates it, as 'restore' creates
# it, and as restored into the home that 'init' would create
BESIDE = (Path("config", FILE), Path(FILE), Path("var", FILE))


def find_config(home: Path | None) -> Path | None:
    """Return the file of a given home, this folder or this machine; None if there is none."""
    for path in _candidates(home):
        if _is_there(path) and not is_example(path):
            return path
    # a folder that we may not read counts as having the file, so that opening it shows the error
    installed = (SYSTEM_CONFIG, SYSTEM_HOME / FILE)
    return next((path for path in installed if _is_there(path, unseen=True)), None)


def home_of(config: Path) -> Path:
    """Return the home of an office's file: the same folder if restored, or else a folder beside it.

    The file in /etc/officeline has the system's home.
    """
    folder = config.parent
    if _is_there(folder / DATABASE):
        return folder
    if config == SYSTEM_CONFIG:
        return SYSTEM_HOME
    return (folder.parent if folder.name == "config" else folder) / "var"


def is_example(config: Path) -> bool:
    """Tell whether a file is the example practice, of this installation or of any checkout."""
    folder = config.resolve().parent
    top = folder.parent
    is_checkout = (top / "pyproject.toml").is_file() and (top / "pbx").is_dir()
    return folder == data_folder("config").resolve() or (folder.name == "config" and is_checkout)


def no_file(home: Path | None) -> ConfigError:
    """Return the error that no office was found, and how to give one."""
    here = _here()
    if home is not None:
        return ConfigError(
            f"No {FILE} was found for the home {home}: it is not in that folder, not in "
            f"{home.parent / 'config'} and not at {SYSTEM_CONFIG}; give it with --config FILE."
        )
    why = ""
    if here is not None and _is_there(here / BESIDE[0]):
        why = f" ({here / BESIDE[0]} is the example, which must be given explicitly)"
    return ConfigError(
        f"There is no office in {here or 'the current folder, which is gone'}{why}, "
        f"or at {SYSTEM_CONFIG}. Go to the folder where you ran 'officeline init', or give the "
        "office with --config FILE or --home DIR, or in OFFICELINE_CONFIG or OFFICELINE_HOME."
    )


def whole(path: Path) -> Path:
    """Return an absolute path; symbolic links are resolved only in a path with "..", if needed."""
    return path.resolve() if ".." in path.parts else path.absolute()


def _candidates(home: Path | None) -> Iterator[Path]:
    """List where the file may be; a folder is skipped if its office has another home."""
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
    """Tell whether a file exists; `unseen` is the answer if we may not read the folder.

    With sudo -u, the current folder may belong to somebody else.
    """
    try:
        os.stat(path)  # noqa: PTH116  # Path.exists() hides what we may not see
    except PermissionError:
        return unseen
    except OSError:
        return False
    return path.is_file()
