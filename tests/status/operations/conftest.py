"""People who may see the overview, and rows for it to count."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.status.conftest import browser, permitted
from tests.support import rows
from tom_share_worker.models import Delivery, Share


def address(part: str = "changelist") -> str:
    """Return an address of the overview."""
    return reverse(f"admin:tom_share_worker_taskstatus_{part}")


@pytest.fixture
def viewer(db: None) -> User:
    """Somebody who may look, and press nothing."""
    return permitted("viewer", "view_share", "view_delivery", is_staff=True)


@pytest.fixture
def operator(db: None) -> User:
    """Somebody who may act for others, and is no superuser."""
    return permitted("operator", "operate", is_staff=True)


@pytest.fixture
def client(db: None) -> Client:
    """The browser of a superuser."""
    return browser(permitted("admin", is_staff=True, is_superuser=True))


def text(client: Client, url: str = "", **asked: Any) -> str:
    """Return what a page says, without its tags and with single blanks."""
    answer = client.get(url or address(), asked)
    assert answer.status_code == 200, answer
    return plain(answer.content.decode())


def plain(page: str) -> str:
    """Return the words of a page."""
    body = re.sub(r"<script.*?</script>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def ago(**length: float) -> datetime:
    """Return the time so long ago."""
    return timezone.now() - timedelta(**length)


def failed(share: Share, count: int, cause: str, **columns: Any) -> list[Delivery]:
    """Return so many deliveries that failed for a cause, an hour ago."""
    columns = {"status": "failed", "failure": cause, "ended": ago(hours=1), **columns}
    return [rows.delivery(share, **columns) for _ in range(count)]
