"""What holds for every test here: as for those of `tests/pbx`."""

from __future__ import annotations

from tests.pbx.conftest import logs_as_before

__all__ = ["logs_as_before"]
