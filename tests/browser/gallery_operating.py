"""The operator's side of the gallery: incoming files, destinations, a bulk action.

Called by `gallery`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from tests.support import rows
from tom_share_worker.delivery import findings
from tom_share_worker.delivery.findings import Finding, Found
from tom_share_worker.models import (
    BulkAction,
    ConnectionTest,
    Destination,
    IngestFailure,
    IngestJob,
    Worker,
)

CSV = b"time,magnitude,filter\n2026-03-01,15.0,r\n"


def jobs(astronomer: User, target: Any) -> IngestJob:
    """Make files that wait, are read, were read and were not; return one of these."""
    for number, status in enumerate(IngestJob.Status.values):
        name = f"night-{number}.csv"
        ended = timezone.now() if status in IngestJob.ENDED else None
        failed = status == IngestJob.Status.FAILED
        IngestJob.objects.create(
            user=astronomer,
            data_product=rows.product(target, CSV, name),
            target=target,
            target_name=target.name,
            file_name=name,
            data_product_type="photometry",
            size=len(CSV),
            next_attempt_at=timezone.now(),
            status=status,
            started=ended,
            ended=ended,
            failure=IngestFailure.UNREADABLE if failed else "",
            note="Line 3 has no magnitude" if failed else "",
            traceback="Traceback: ValueError in csv.py" if failed else "",
        )
    return IngestJob.objects.get(status="failed")


def destinations(operator: User) -> ConnectionTest:
    """Pause one destination, have another down, and test the third."""
    now = timezone.now()
    Worker.objects.create(name="share_worker.7@survey", started=now, seen=now)
    Destination.objects.create(
        key="archive",
        paused=True,
        paused_by_person=True,
        paused_by=operator,
        note="They move to another machine until Monday.",
    )
    Destination.objects.create(
        key="network",
        failures=3,
        retry_at=now + timedelta(hours=1),
        answered=now - timedelta(hours=8),
        note="It does not answer.",
    )
    found = [
        Finding("Can it be reached?", Found.OK, "It answers."),
        Finding("Does it know our account?", Found.TROUBLE, "It refuses the token."),
        Finding("Do the clocks agree?", Found.NOTE, "They differ by 40 s."),
        Finding("May we write?", Found.UNKNOWN, "This was not tried."),
    ]
    return ConnectionTest.objects.create(
        destination="partner",
        asked_by=operator,
        started=now,
        ended=now,
        findings=findings.rows(found),
    )


def bulk_action(operator: User) -> BulkAction:
    """Make one that is half through."""
    return BulkAction.objects.create(
        verb="retry",
        rows="deliveries",
        filters={"status": ["failed"], "destination": ["partner"]},
        described="failed deliveries to Partner TOM",
        asked_by=operator,
        status="running",
        total=10_000,
        done_count=4_000,
        left_count=12,
    )
