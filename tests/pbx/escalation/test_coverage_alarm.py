"""An empty shift is told days before, in the log of the running line."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from structlog.testing import capture_logs

from pbx.config.plan import load
from pbx.escalation.coverage_alarm import DAYS, CoverageAlarm
from routing.model import Override

ROOT = Path(__file__).parents[3]
PLAN = load(ROOT / "config/office.toml").plan
NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)


def test_an_empty_shift_is_reported_once_a_day() -> None:
    """Dr. Osei falls ill and is taken out: told at once, the next day again, until it is fixed."""
    day = timedelta(days=1)
    ill = Override(1, "doctors", "remove", None, "osei", NOW + day, NOW + 2 * day, "ill")
    empty = replace(PLAN, overrides=(ill,))
    alarm = CoverageAlarm()
    with capture_logs() as logs:
        assert alarm.look(PLAN, NOW) is None
        assert alarm.look(empty, NOW) is not None
        assert alarm.look(empty, NOW + timedelta(hours=23)) is None
        assert alarm.look(empty, NOW + day) is not None
        assert alarm.look(PLAN, NOW + day) is None
    assert [(one["event"], one["log_level"], one["schedule"]) for one in logs] == [
        ("schedule.gap", "error", "doctors"),
        ("schedule.gap", "error", "doctors"),
    ]
    assert logs[0]["start"] == "2026-11-25T10:00:00-05:00"


def test_what_is_far_away_is_no_alarm_yet() -> None:
    """A gap past the horizon waits."""
    far = NOW + timedelta(days=DAYS + 1)
    away = Override(1, "doctors", "remove", None, "lee", far, far + timedelta(days=9), "away")
    plan = replace(PLAN, overrides=(away,))
    assert CoverageAlarm().look(plan, NOW) is None
    assert CoverageAlarm().look(plan, NOW + timedelta(days=2)) is not None
