"""What is read of Asterisk's events is kept of them."""

from __future__ import annotations

import re

from dialplan import manager
from tests.support.office_up import ROOT

READERS = ("pbx/service/daemon.py", "pbx/calls/record/recorder.py", "pbx/escalation/dialer.py")


def test_every_field_that_is_read_is_kept() -> None:
    """One that is not kept would be read as empty for ever."""
    text = "".join((ROOT / one).read_text(encoding="utf-8") for one in READERS)
    read = set(re.findall(r'event\.fields(?:\.get\(|\[)"(\w+)"', text))
    assert "Turn" in read
    assert read <= set(manager.FIELDS)
