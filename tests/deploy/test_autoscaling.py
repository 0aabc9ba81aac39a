"""The questions by which KEDA scales workers, asked of a real PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from tests.deploy import files
from tests.support import rows
from tom_share_worker.models import Delivery, Destination, IngestJob

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        "connection.vendor != 'postgresql'",
        reason="KEDA asks PostgreSQL",
    ),
]


def asked(name: str) -> int:
    """Return what the database answers to the question of a ScaledObject."""
    (scaled,) = (
        document
        for document in files.documents("autoscaling")
        if document["metadata"]["name"] == name
    )
    (trigger,) = scaled["spec"]["triggers"]
    with connection.cursor() as cursor:
        cursor.execute(trigger["metadata"]["query"])
        ((answer,),) = cursor.fetchall()
    return int(answer)


def deliveries(destination: str, count: int, **columns: Any) -> None:
    share = rows.share(rows.person(), destination=destination)
    columns = {"next_attempt_at": before(), **columns}
    for n in range(count):
        rows.delivery(share, destination=destination, position=n, **columns)


def before() -> datetime:
    """Return a moment before this test, as now() of a transaction is its beginning."""
    return timezone.now() - timedelta(minutes=1)


def test_nothing_to_do_is_zero() -> None:
    assert asked("tom-delivery") == asked("tom-ingest") == 0


def test_a_destination_counts_for_as_much_as_it_takes_at_a_time() -> None:
    deliveries("partner", 30)
    deliveries("archive", 2)
    deliveries("survey", 1, status=Delivery.Status.SENDING)

    assert asked("tom-delivery") == 4 + 2 + 1


def test_what_cannot_go_now_needs_no_worker() -> None:
    later = timezone.now() + timedelta(hours=1)
    Destination.objects.create(key="paused", paused=True)
    Destination.objects.create(key="away", retry_at=later)
    Destination.objects.create(key="back", retry_at=before())
    for key in ("paused", "away", "back"):
        deliveries(key, 3)
    deliveries("partner", 3, next_attempt_at=later)
    deliveries("partner", 3, status=Delivery.Status.FAILED)

    assert asked("tom-delivery") == 3


def test_files_count_that_wait_or_are_read() -> None:
    now = before()
    for status, due in (
        (IngestJob.Status.QUEUED, now),
        (IngestJob.Status.RUNNING, now),
        (IngestJob.Status.QUEUED, now + timedelta(hours=1)),
        (IngestJob.Status.DONE, now),
    ):
        IngestJob.objects.create(status=status, next_attempt_at=due)

    assert asked("tom-ingest") == 2
