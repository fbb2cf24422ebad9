"""office.toml: presets, the secrets file's split, the demo's clock."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pbx.base.clock import DemoClock, SystemClock
from pbx.base.errors import ConfigError
from pbx.config.plan import load

CONFIG = Path(__file__).parents[3] / "config"
PRESETS = tomllib.loads((CONFIG / "presets.toml").read_text())


def test_there_are_four_presets() -> None:
    """Four carriers are prepared as data."""
    assert set(PRESETS) == {"twilio", "telnyx", "flowroute", "voipms"}


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_fills_the_trunk(name: str, tmp_path: Path) -> None:
    """Kind and addresses come from the preset, and what the file says goes before it."""
    text = (CONFIG / "office.toml").read_text()
    head, _, rest = text.partition("[trunk]")
    tail = rest[rest.index("[network]") :]
    own = 'host = "ours.pstn.twilio.com"\n' if name == "twilio" else ""
    user = 'username = "100100"\n' if PRESETS[name]["kind"] == "registration" else ""
    (tmp_path / "office.toml").write_text(f'{head}[trunk]\npreset = "{name}"\n{own}{user}{tail}')
    trunk = load(tmp_path / "office.toml").trunk
    assert trunk.kind == PRESETS[name]["kind"]
    assert trunk.addresses == PRESETS[name]["addresses"]
    assert trunk.host == (PRESETS[name]["host"] or "ours.pstn.twilio.com")


def test_the_same_file_has_the_same_hash(tmp_path: Path) -> None:
    """A plan is named by its content."""
    text = (CONFIG / "office.toml").read_text()
    for name, content in (("a", text), ("b", text), ("c", text + "# a note\n")):
        (tmp_path / name).write_text(content)
    a, b, c = (load(tmp_path / name).plan.hash for name in "abc")
    assert a == b != c


def test_the_clock_of_an_office_cannot_be_set() -> None:
    """Only the demo lives at a time of its own choice."""
    with pytest.raises(ConfigError, match="cannot be set"):
        SystemClock().set(datetime(2026, 11, 28, tzinfo=UTC))
    clock = DemoClock(datetime(2026, 11, 24, tzinfo=UTC))
    clock.set(datetime(2026, 11, 28, tzinfo=UTC))
    assert clock.now().date().isoformat() == "2026-11-28"
