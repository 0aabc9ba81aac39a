"""Bulk actions: one verb for all rows that match, in slices, once each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.status.conftest import permitted
from tests.status.incoming import jobs
from tests.support import rows
from tom_share_worker.models import (
    BulkAction,
    Delivery,
    Destination,
    IngestJob,
    Share,
)
from tom_share_worker.operating import bulk, verbs
from tom_share_worker.operating.vocabulary import WrongFilter

pytestmark = pytest.mark.django_db

FAILED: dict[str, Any] = {"status": "failed"}


@pytest.fixture
def operator() -> User:
    return permitted("operator", is_superuser=True)


@pytest.fixture
def owner() -> User:
    return rows.person("owner")


def failed(share: Share, count: int, **columns: Any) -> None:
    """Give a share so many failed deliveries."""
    now = timezone.now()
    first = share.deliveries.count()
    Delivery.objects.bulk_create(
        Delivery(
            share=share,
            position=first + n,
            destination=share.destination,
            kind="target",
            target_name="M31",
            next_attempt_at=now,
            ended=now,
            **{"status": "failed", "failure": "destination down", **columns},
        )
        for n in range(count)
    )


def ended_share(owner: User, status: str = "failed", **columns: Any) -> Share:
    columns = {"planned": True, "status": status, "ended": timezone.now(), **columns}
    return rows.share(owner, **columns)


def retry(user: User, **filters: Any) -> BulkAction:
    """Ask for a retry of deliveries."""
    return bulk.ask(user, "retry", "deliveries", filters)


def done(action: BulkAction) -> BulkAction:
    """Run it as a worker does, to its end."""
    bulk.run(action.pk, task_id="task-1")
    action.refresh_from_db()
    return action


def test_what_is_asked_for_is_a_row_and_nothing_else(
    operator: User, owner: User
) -> None:
    failed(ended_share(owner), 3)

    action = retry(operator, **FAILED)

    assert (action.status, action.total, action.done_count) == ("queued", 3, 0)
    assert action.described == "deliveries, failed"
    assert set(Delivery.objects.values_list("status", flat=True)) == {"failed"}


def test_all_that_match_are_retried_and_their_shares_run_again(
    operator: User, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(verbs.SLICES, ("retry", "deliveries"), small())
    shares = [ended_share(owner) for _ in range(3)]
    for share in shares:
        failed(share, 5)
    arrived = rows.delivery(shares[0], status="delivered")
    other = ended_share(owner, destination="other")
    failed(other, 2)

    action = done(retry(operator, status="failed", destination="partner"))

    assert action.status == "done"
    assert (action.total, action.done_count, action.left_count) == (15, 15, 0)
    assert action.note == "15 deliveries will be sent again."
    assert Delivery.objects.filter(destination="partner", status="queued").count() == 15
    arrived.refresh_from_db()
    assert arrived.status == "delivered"
    assert other.deliveries.filter(status="failed").count() == 2
    running = Share.objects.filter(status="running", ended=None)
    assert set(running) == set(shares)
    assert action.task_id == "task-1"
    assert action.ended is not None


def small(size: int = 4) -> verbs.Doing:
    """Return the retry of deliveries in slices of a few."""
    return verbs.Doing(verbs._retry_deliveries, size)
