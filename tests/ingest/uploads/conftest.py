"""An account, a target of its own, and a client that is logged in."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.ingest.uploads import uploading
from tests.support import rows


@pytest.fixture
def account(db: Any) -> User:
    return rows.person()


@pytest.fixture
def target(account: User) -> Any:
    return rows.target(account)


@pytest.fixture
def client(account: User) -> Client:
    return uploading.client_of(account)
