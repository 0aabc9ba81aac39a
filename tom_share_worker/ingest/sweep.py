"""The periodic look for ingest jobs that the hints missed, and for what is over.

Run every few seconds by `share_worker`, or by Celery beat; running it twice at once
does no harm, as every step is a conditional UPDATE or asks for what is already asked.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from tom_share_worker.ingest.jobs import claims, dispatch
from tom_share_worker.ingest.jobs.processing import PRODUCT_GONE
from tom_share_worker.models import IngestJob, ReceivedBatch

KEEP_BATCHES = timedelta(days=1)
"""How long a repeat of another TOM's request gets the same answer."""


def sweep() -> None:
    """Give back lapsed leases, end what lost its product, hint at what is due."""
    now = timezone.now()
    release_lapsed(now)
    _end_without_product(now)
    ReceivedBatch.objects.filter(begun__lt=now - KEEP_BATCHES).delete()
    dispatch.dispatch()


def release_lapsed(now: datetime) -> int:
    """Return jobs whose worker is gone to the queue; say how many.

    At first to their place in it; what was lost before may be what ends its workers,
    and lets the others go first.
    """
    lapsed = Q(lease_until__lt=now)
    jobs = IngestJob.objects.filter(lapsed, status=IngestJob.Status.RUNNING)
    # Not moved: the worker was only slow; it renewed or ended its claim.
    return sum(claims.lose(job, job.claim, worker=True, when=lapsed) for job in jobs)


def _end_without_product(now: datetime) -> None:
    IngestJob.objects.filter(status=IngestJob.Status.QUEUED, data_product=None).update(
        status=IngestJob.Status.CANCELLED, ended=now, note=PRODUCT_GONE
    )
