"""A file with keys of before: each finding names what the key is called now."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.config import plan
from pbx.config.findings.renamed import NOW_CALLED
from tests.support.offices import EXAMPLE, NOW

OLD = {new: old for old, new in NOW_CALLED.items()}


@pytest.mark.parametrize(
    ("new", "old", "where", "fix"),
    [
        ("[schedule.doctors]", f"[{OLD['schedule']}.doctors]",
         OLD["schedule"], "It is now called 'schedule'."),
        ("[escalation.urgent]", f"[{OLD['escalation']}.urgent]",
         OLD["escalation"], "It is now called 'escalation'."),
        ('do = { escalation = "urgent" }', f'do = {{ {OLD["escalation"]} = "urgent" }}',
         f"rules.1.do.{OLD['escalation']}", "It is now called 'escalation'."),
        ("[escalation.urgent]", f"[escalation.urgent]\n{OLD['follow_up']} = {{}}",
         f"escalation.urgent.{OLD['follow_up']}", "It is now called 'follow_up'."),
        ("[escalation.urgent]", f'[escalation.urgent]\n{OLD["schedule"]} = "doctors"',
         f"escalation.urgent.{OLD['schedule']}", "It is now called 'schedule'."),
        ('role = "physician"', f'role = "physician"\nmode = "{OLD["follow_up"]}"',
         "people.lee.mode", "It is now called 'follow_up'."),
        ('name = "main"', 'name = "main"\nschedule = "office"',
         "lines.1.schedule", "It is now called 'office_hours'."),
        ("[hours]", '[schedule.lab]\nmon-fri = ["07:00-10:00"]\n\n[hours]',
         "schedule.lab.mon-fri", "Office hours of single lines are now in [office_hours.lab]."),
    ],
)  # fmt: skip
def test_an_old_key_is_told_its_new_name(
    tmp_path: Path, new: str, old: str, where: str, fix: str
) -> None:
    """What is called otherwise now is an error, and its fix says how."""
    assert new in EXAMPLE
    path = tmp_path / "office.toml"
    path.write_text(EXAMPLE.replace(new, old, 1), encoding="utf-8")
    made, findings = plan.check(path, NOW)
    assert made is None
    (one,) = [one for one in findings if one.where == where]
    assert (one.severity, one.fix) == ("error", fix)
