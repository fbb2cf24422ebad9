"""Fetching a private Asterisk: whose signatures count, and what is said where it cannot be."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import stat
from pathlib import Path

import pytest

from pbx.asterisk.engine import fetch, runtime
from pbx.base.errors import EngineError

ROOT = Path(__file__).parents[3]
KEYS = ROOT / "config" / "keys"
# What mmdebstrap and the apt inside it said, on Ubuntu 24.04 and on Debian 12
UNKNOWN_KEY = """I: running apt-get update...
W: GPG error: http://mirror.example/debian forky InRelease: The following signatures couldn't be \
verified because the public key is not available: NO_PUBKEY 6ED0E7B82643E131
E: The repository 'http://mirror.example/debian forky InRelease' is not signed.
E: apt-get update --error-on=any failed
E: mmdebstrap failed to run"""
NO_NETWORK = """E: Failed to fetch http://mirror.example/InRelease  Temporary failure resolving it
E: Some index files failed to download.
E: apt-get update --error-on=any failed
E: mmdebstrap failed to run"""
STALE = "E: Release file for http://mirror.example/InRelease is expired (invalid since 22d 3h)."
GONE = "E: Unable to locate package asterisk\nE: mmdebstrap failed to run"


def mmdebstrap(folder: Path, monkeypatch: pytest.MonkeyPatch, *answers: str) -> Path:
    """Put a program in the place of mmdebstrap that says these, one a call; return its record."""
    program, record = folder / "bin" / "mmdebstrap", folder / "called"
    program.parent.mkdir()
    for number, answer in enumerate(answers):
        (folder / f"answer-{number}").write_text(answer)
    program.write_text(
        f'#!/bin/sh\necho "$@" >>{record}\n'
        f"cat {folder}/answer-$(($(wc -l <{record}) - 1)) >&2\nexit 25\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("OFFICELINE_CACHE", str(folder / "cache"))
    monkeypatch.setattr(runtime, "find_asterisk", lambda: None)
    return record


def refused(said: list[str] | None = None) -> str:
    """Fetch in vain, and return the sentence that says why; nothing is left of it."""
    with pytest.raises(EngineError) as caught:
        fetch.fetch((said if said is not None else []).append)
    assert [one.name for one in runtime.cache_folder().iterdir()] == ["fetch.lock"]
    return str(caught.value)


def fingerprint(key: Path) -> str:
    """Compute the fingerprint of an armored key (RFC 4880, 12.2, version 4)."""
    body = key.read_text().split("\n\n", 1)[1].split("\n=")[0]
    packets = base64.b64decode(body)
    assert packets[0] & 0x7F in {0x18 | 0x01, 0x19}  # an old packet, with two bytes of length
    length = int.from_bytes(packets[1:3], "big")
    packet = packets[3 : 3 + length]
    return hashlib.sha1(b"\x99" + packets[1:3] + packet).hexdigest().upper()  # noqa: S324


def test_the_keys_are_those_that_their_page_names() -> None:
    """Whoever reviews a change of a key sees its fingerprint change beside it."""
    reported = re.findall(r"`(\S+\.asc)` \| ([0-9A-F]{40})", (KEYS / "README.md").read_text())
    assert dict(reported) == {key.name: fingerprint(key) for key in KEYS.glob("*.asc")}
    assert len(reported) == 2


def test_an_unknown_key_is_not_the_networks_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names the key and what to do about it; nothing unsigned is unpacked."""
    record = mmdebstrap(tmp_path, monkeypatch, UNKNOWN_KEY)
    assert refused() == (
        "Debian's suite forky is not signed by a key that OfficeLine or this machine knows "
        "(6ED0E7B82643E131), so nothing of it was used. The network is not the cause: update "
        "OfficeLine, or install Debian's newest package debian-archive-keyring."
    )
    assert "--keyring=" in record.read_text()


def test_a_network_that_is_away_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last line that says something is what people read."""
    mmdebstrap(tmp_path, monkeypatch, NO_NETWORK)
    assert "check the network" in refused()


def test_a_stale_mirror_is_asked_again_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the date is forgiven: the keys are named again."""
    record = mmdebstrap(tmp_path, monkeypatch, STALE, UNKNOWN_KEY)
    said: list[str] = []
    refused(said)
    assert any("has expired" in one for one in said)
    _, again = record.read_text().splitlines()
    assert "Check-Valid-Until" in again
    assert "--keyring=" in again


def test_a_suite_without_asterisk_leads_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The day forky has none, sid is asked; after that a sentence says it."""
    record = mmdebstrap(tmp_path, monkeypatch, GONE, GONE)
    assert refused().startswith("Debian carries no Asterisk in forky or sid any more;")
    assert [line.split()[-2] for line in record.read_text().splitlines()] == ["forky", "sid"]
