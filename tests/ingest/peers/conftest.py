"""Fixtures of the tests of the addresses for other TOMs."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from tom_targets.models import Target

from tests.ingest.peers.sender import Sender
from tests.support import rows


@pytest.fixture(autouse=True)
def _uncounted_requests() -> None:
    """Forget the requests of other tests."""
    cache.clear()


@pytest.fixture
def sender(db: Any) -> Sender:
    """Another TOM with an account here."""
    return Sender(rows.person("network"))


@pytest.fixture
def target(sender: Sender) -> Target:
    """A target that the other TOM may change."""
    assert sender.account is not None
    return rows.target(sender.account)
