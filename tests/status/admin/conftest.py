"""The browsers of an admin's kinds of people, and how they use its lists."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.status.conftest import browser, permitted


@pytest.fixture
def client(db: None) -> Client:
    """The browser of a superuser."""
    return browser(permitted("admin", is_staff=True, is_superuser=True))


def changelist(model: str, **filters: Any) -> str:
    """Return the address of a list."""
    return reverse(f"admin:tom_share_worker_{model}_changelist", query=filters or None)


def page(model: str, pk: int, name: str = "change") -> str:
    """Return the address of a row's page."""
    return reverse(f"admin:tom_share_worker_{model}_{name}", args=[pk])
