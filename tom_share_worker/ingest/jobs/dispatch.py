"""Which ingest jobs are due, and the hint that tells a worker of them.

Called when a job has ended, when a person asks for one again, and by the sweep. It
decides by rows alone, so calling it too often does no harm.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from tom_share_worker import conf, hints
from tom_share_worker.models import IngestJob, Worker
from tom_share_worker.models.worker import SEEN_RECENTLY

HINT_LIFETIME = timedelta(seconds=8)
"""After so long without a claim a hint counts as lost. Shorter than the sweep's
interval, so that the next sweep repeats it; longer than a worker needs to react."""


def due(now: datetime) -> QuerySet[IngestJob]:
    """Return the jobs that may be taken up now."""
    return IngestJob.objects.filter(
        status=IngestJob.Status.QUEUED, next_attempt_at__lte=now
    )


def dispatch() -> int:
    """Hint at as many due jobs as workers have room for; return how many."""
    now = timezone.now()
    heard = (now - HINT_LIFETIME, now + HINT_LIFETIME)
    # A clock that was set back leaves hints of the future; they count as lost, too.
    unheard = Q(hinted_at=None) | ~Q(hinted_at__range=heard)
    busy = IngestJob.objects.filter(
        Q(status=IngestJob.Status.RUNNING, lease_until__gte=now)
        | Q(status=IngestJob.Status.QUEUED, hinted_at__range=heard)
    ).count()
    free = _room(now) - busy
    if free <= 0:
        return 0
    waiting = due(now).filter(unheard).order_by("next_attempt_at", "pk")
    hinted = 0
    for pk in waiting.values_list("pk", flat=True)[:free]:
        # Nothing updated: another process has hinted at this row meanwhile.
        if IngestJob.objects.filter(unheard, pk=pk).update(hinted_at=now) == 1:
            hints.ingest(pk)
            hinted += 1
    return hinted


def _room(now: datetime) -> int:
    """Return how many jobs all workers together may process at a time.

    Never nothing, as a worker may have come whose sign we do not see yet; but not many
    where none is, or hints that nobody takes would fill the broker.
    """
    workers = Worker.objects.filter(ingests=True, seen__gte=now - SEEN_RECENTLY)
    return max(1, workers.count()) * conf.settings().INGEST_CONCURRENCY
