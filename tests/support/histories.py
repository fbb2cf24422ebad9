"""A past for reports whose plan never changed."""

from __future__ import annotations

from datetime import UTC, datetime

from routing.config_history import ConfigHistory, Ran
from routing.model import Plan


def always(plan: Plan) -> ConfigHistory:
    """Return a past in which this plan always ran."""
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    return ConfigHistory(plan, (Ran(first, last, plan),))
