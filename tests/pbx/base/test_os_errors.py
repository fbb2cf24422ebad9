"""What the machine refuses is said as it is: which file, why, and what helps against that."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pbx.base.os_errors import database_sentence, os_sentence, unlikely
from tests.pbx.cli.test_every_command import Shell, one_sentence, own, place, state
from tests.support.offices import ROOT, entered_by_all

NOBODY = 65534
__all__ = ["own", "place"]  # fixtures of all commands


def write(path: Path) -> None:
    """Write a word and have it on the disk."""
    with path.open("w") as file:
        file.write("word")
        file.flush()


@pytest.mark.parametrize(
    ("make", "name", "said"),
    [
        (None, "a/b/c.csv", "(No such file or directory: there is no {0}/a); check how"),
        (None, "", "(Is a directory); name a file in that folder"),
        (lambda at: (at / "a").touch(), "a/b.csv", "(Not a directory: {0}/a); name a folder"),
        (lambda at: (at / "a").symlink_to("a"), "a", "(Too many levels of symbolic links); fix"),
        (None, "x" * 300, "(File name too long: {0}); choose a shorter name"),
    ],
)
def test_each_reason_has_its_own_help(
    tmp_path: Path, make: Callable[[Path], object] | None, name: str, said: str
) -> None:
    """Played for real; the sentence names the place that was refused, once."""
    if make is not None:
        make(tmp_path)
    path = tmp_path / name
    with pytest.raises(OSError) as caught:  # noqa: PT011  # which one is what we look at
        write(path)
    reported = os_sentence(
        f"{path} cannot be written", caught.value, path, otherwise="name another"
    )
    assert reported.startswith(f"{path} cannot be written {said.format(tmp_path)}"), reported
    assert reported.endswith(", or name another.")


@pytest.mark.parametrize(
    ("number", "help_"),
    [
        (errno.ENOSPC, "free some space on its disk ('df -h {0}' and 'df -i {0}' show its use)."),
        (errno.EDQUOT, "free some space, or ask an administrator to raise its disk quota."),
        (errno.EROFS, "its disk is mounted read-only: check 'dmesg' for disk errors."),
        (errno.EIO, "its disk has an error: check 'dmesg', and save the files on the disk."),
        (errno.ENOTSUP, "check the machine's log."),
    ],
)
def test_a_disk_is_named_for_what_a_disk_does(tmp_path: Path, number: int, help_: str) -> None:
    """And for nothing else: a permission used to be "look at its disk"."""
    error = OSError(number, os.strerror(number), str(tmp_path))
    reported = os_sentence("It cannot be written", error)
    reason = f"It cannot be written ({os.strerror(number)}: {tmp_path}); "
    assert reported == reason + help_.format(tmp_path)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_permission_is_named_with_who_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The owner, and how the command is given as them; root and the owner are told other things."""
    path = tmp_path / "secrets.json"
    path.touch()
    error = OSError(number, os.strerror(number), str(path))
    owner = tmp_path.owner()
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    sudo = "sudo" if owner == "root" else f"sudo, as in 'sudo -u {owner} officeline ...'"
    assert os_sentence("It cannot be read", error) == (
        f"It cannot be read ({os.strerror(number)}: {path} belongs to {owner}); "
        f"run the command with {sudo}."
    )
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "not even root may" in os_sentence("It cannot be read", error)
    if os.getuid() == 0:
        os.chown(path, NOBODY, -1)
        monkeypatch.setattr(os, "geteuid", lambda: 1)
        assert "as in 'sudo -u nobody officeline ...'" in os_sentence("It cannot be read", error)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid)
    if path.stat().st_uid:
        assert f"allow it with 'chmod u+rwX {path}'" in os_sentence("It cannot be read", error)


def test_an_error_that_nobody_expected_names_its_file(tmp_path: Path) -> None:
    """As the command's last resort says it."""
    with pytest.raises(OSError) as caught:  # noqa: PT011
        write(tmp_path)
    assert unlikely(caught.value) == (
        f"{tmp_path} is refused (Is a directory); name a file in that folder."
    )
    assert unlikely(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))).startswith(
        "The command cannot go on (No space left on device); free some space on its disk"
    )
    assert "reader of the output" in unlikely(BrokenPipeError(errno.EPIPE, "Broken pipe"))


def test_no_other_module_makes_a_sentence_of_its_own() -> None:
    """A reason in brackets without what helps against it is how a permission became a disk."""
    files = [*(ROOT / "pbx").rglob("*.py"), ROOT / "cli.py"]
    found = {path.name for path in files if "({error.strerror" in path.read_text(encoding="utf-8")}
    assert found == {"doctor_machine.py"}  # which says in its own column what helps


def test_a_read_only_disk_is_no_permission() -> None:
    """The kernel's own file system is one, where it is mounted so."""
    reported = database_sentence("cannot be written", Path("/proc/x.db"), Path("/proc"))
    assert "The database /proc/x.db cannot be written (" in reported


REFUSED = (
    "hours close", "people mobile lee 2125550111", "people list", "calls list", "apply", "rollback",
    "oncall take osei", "calls live --once", "inbox list", "secrets status", "history", "hours now",
    "people add kim --name Kim", "patients flag P1042 vip", "audit verify", "patients list",
    "oncall gaps", "secrets rekey --yes", "report morning", "reconcile", "retention --dry-run",
)  # fmt: skip


@pytest.fixture
def theirs(own: Shell) -> Iterator[Shell]:
    """Give commands to a copy of that office where everybody can stand; the home is root's."""
    with tempfile.TemporaryDirectory(prefix="officeline-theirs-") as name:
        own.place = shutil.copytree(own.place, Path(name) / "office")
        for folder in (Path(name), own.place):
            folder.chmod(0o755)
        yield own


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Be a user who may nothing here."""
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("line", REFUSED)
def test_whoever_forgot_sudo_is_reported_so(theirs: Shell, tmp_path: Path, line: str) -> None:
    """In another user's home: the sentence names the owner and sudo, and is not about a disk."""
    office = theirs.place
    theirs.place = shutil.copytree(office, tmp_path / "before")
    theirs(*line.split())  # what is imported late is now: nobody cannot read Python's own folder
    theirs.place = office
    before = state(office)
    with as_nobody():
        code, out, err = theirs(*line.split())
    assert (code, out) == (2, ""), err
    last = one_sentence(err)
    wanted = r"\(Permission denied: /\S+ belongs to root\); run the command with sudo"
    assert re.search(wanted, last), last
    assert "disk" not in last
    assert state(office) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(not entered_by_all(ROOT), reason="in this checkout our own files are refused")
def test_the_file_itself_may_be_forbidden(theirs: Shell) -> None:
    """It is named as it is: neither missing nor wrong."""
    theirs("check")
    config = theirs.place / "office.toml"
    config.chmod(0o600)
    shutil.rmtree(theirs.place / "home")
    with as_nobody():
        code, out, err = theirs("check")
    assert (code, out) == (2, "")
    assert err == (
        f"{config} cannot be read (Permission denied: {config} belongs to root); "
        "run the command with sudo.\n"
    )
