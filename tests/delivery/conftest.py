"""What tests of the share forms have in common: a sky to share, and its owner."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.delivery.asking import clicks
from tests.delivery.asking.clicks import Sky


@pytest.fixture
def sky(db: None) -> Sky:
    """A target with data, in a list, and the person who may see it."""
    return clicks.sky()


@pytest.fixture
def browser(sky: Sky) -> Client:
    """The browser of that person, logged in."""
    client = Client()
    client.force_login(sky.owner)
    return client
