"""docs/night.md shows the transition tables as they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from routing import follow_up, shift_start
from tests.support import night

DOCUMENT = Path(__file__).parents[2] / "docs" / "night.md"


def test_the_drawing_is_not_stale() -> None:
    """A change of a table is seen in the document; OFFICELINE_GOLDEN=write renews it."""
    text = DOCUMENT.read_text(encoding="utf-8")
    fresh = night.renewed(text)
    if os.environ.get("OFFICELINE_GOLDEN") == "write":
        DOCUMENT.write_text(fresh, encoding="utf-8")
        pytest.fail("the drawing was written anew: look at it and run again")
    assert text == fresh


def test_every_state_and_event_is_drawn() -> None:
    """Each is a word of the drawing, and what nothing follows is an end."""
    text = night.drawn()
    words = {*follow_up.STATES, *follow_up.EVENTS, *shift_start.STATES, *shift_start.EVENTS}
    assert [word for word in sorted(words) if word not in text] == []
    ends = [line.split()[0] for line in text.splitlines() if line.endswith("--> [*]")]
    assert ends == ["closed", "confirmed", "over", "missed"]


def test_another_table_is_another_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail."""
    before = night.drawn()
    monkeypatch.setattr(follow_up, "AFTER", {**follow_up.AFTER, ("closed", "joined"): "open"})
    assert night.drawn() != before
    assert "closed --> [*]" not in night.drawn()
