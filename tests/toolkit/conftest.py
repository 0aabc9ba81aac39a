"""Fixtures of the tests of the host's insides."""

from __future__ import annotations

from typing import Any

import pytest

from tests.toolkit.processed import MADE, Made


@pytest.fixture
def made(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The processor that yields what it is given, for all photometry."""
    settings.DATA_PROCESSORS = {"photometry": MADE}

    def give(*some: Any, override: str = "") -> None:
        monkeypatch.setattr(Made, "rows", some)
        monkeypatch.setattr(Made, "override", override)

    return give
