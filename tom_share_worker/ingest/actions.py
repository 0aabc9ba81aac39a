"""The verbs of people for ingest jobs: reprocess and cancel.

Called by the pages and the admin. Each respects the legal states: what is under way is
not begun again, what has ended is not cancelled.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from tom_share_worker.ingest.jobs import claims, dispatch
from tom_share_worker.models import IngestJob

UNDER_WAY = (IngestJob.Status.QUEUED, IngestJob.Status.RUNNING)


def reprocess(jobs: QuerySet[IngestJob]) -> int:
    """Process again what has ended and still has its product; return how many.

    What an earlier time stored of a file is replaced when this time succeeds.
    """
    count = (
        _these(jobs)
        .filter(status__in=IngestJob.ENDED, data_product__isnull=False)
        .update(
            status=IngestJob.Status.QUEUED,
            next_attempt_at=timezone.now(),
            attempt_count=0,
            lost_count=0,
            failure="",
            note="",
            traceback="",
            started=None,
            ended=None,
            seen=None,
            told=None,
            **claims.NO_CLAIM,
        )
    )
    if count:
        transaction.on_commit(dispatch.dispatch, robust=True)
    return count


def cancel(jobs: QuerySet[IngestJob]) -> int:
    """Process these no more; return how many. The files stay.

    The process of one that is running is killed within about a second; what it stores
    meanwhile is undone, as it finds its claim gone.
    """
    return (
        _these(jobs)
        .filter(status__in=UNDER_WAY)
        .update(
            status=IngestJob.Status.CANCELLED,
            ended=timezone.now(),
            note="Cancelled by a person.",
            **claims.NO_CLAIM,
        )
    )


def _these(jobs: QuerySet[IngestJob]) -> QuerySet[IngestJob]:
    """Return the same rows as a query that can be written to, however it was made."""
    return IngestJob.objects.filter(pk__in=jobs.order_by().values("pk"))
