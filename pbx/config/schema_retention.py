"""The schema of [retention] in office.toml: how long records are kept."""

from __future__ import annotations

from pydantic import BaseModel

from pbx.config.fields import CLOSED, Kept


class RetentionTable(BaseModel):
    """[retention]: how long records are kept. HIPAA requires six years; the audit never expires."""

    model_config = CLOSED

    recordings: Kept = "6 years"
    """Recorded messages of patients, and dictated notes."""
    calls: Kept = "6 years"
    """The call log, and closed messages with their histories."""
