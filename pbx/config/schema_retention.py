"""The shape of [retention] in office.toml: how long what happened is kept."""

from __future__ import annotations

from pydantic import BaseModel

from pbx.config.fields import CLOSED, Kept


class RetentionTable(BaseModel):
    """[retention]: HIPAA asks for six years; the audit is kept for good."""

    model_config = CLOSED

    recordings: Kept = "6 years"
    """Of patients, and dictated notes."""
    calls: Kept = "6 years"
    """The log of calls, and closed messages with their histories."""
