"""What is due and still waits: since when, and whether anything of it moves.

Asked by `health` and `metrics`. Each function is one query that stops at the first row
it finds, however long the queue is.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q, Subquery

from tom_share_worker import conf
from tom_share_worker.delivery import dispatch, gate
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.ingest.jobs import dispatch as ingest
from tom_share_worker.models import Delivery, Destination, IngestJob, Share


class Queue(NamedTuple):
    """What is due for one destination."""

    destination: Destination
    oldest: datetime | None
    """Since when the oldest of it may go; None where nothing is due."""

    moves: bool
    """A worker sends something there now, maybe a large file for an hour."""

    def moved(self) -> datetime:
        """Return when a worker last took something up, or might have at the latest.

        While it backed off, nobody was to take anything.
        """
        return max(filter(None, (self.destination.changed, self.destination.retry_at)))

    def stuck_since(self, now: datetime) -> datetime | None:
        """Return since when something waits of which nothing moves, or None."""
        if self.oldest is None or self.moves or not gate.is_open(self.destination, now):
            return None
        return max(self.oldest, self.moved())


def destinations(now: datetime) -> list[Queue]:
    """Return the queues of the destinations in DATA_SHARING."""
    waiting = dispatch.due(now).filter(destination=OuterRef("key"))
    first = waiting.order_by("next_attempt_at").values("next_attempt_at")[:1]
    moving = Delivery.objects.filter(
        destination=OuterRef("key"),
        status=Delivery.Status.SENDING,
        lease_until__gte=now,
    )
    rows = Destination.objects.annotate(oldest=Subquery(first), moves=Exists(moving))
    return [Queue(row, row.oldest, row.moves) for row in rows if _is_known(row.key)]


def _is_known(key: str) -> bool:
    """True for what may be shared with; what was taken out of the settings is past."""
    try:
        return key in conf.choices()
    except ConfigurationError:
        return True


class Jobs(NamedTuple):
    """What is due of incoming files."""

    oldest: datetime
    moves: bool
    """One is processed now, or was lately."""


def jobs(now: datetime, lately: datetime) -> Jobs | None:
    """Return since when the oldest job waits and whether others move; None: none."""
    moving = IngestJob.objects.filter(
        Q(status=IngestJob.Status.RUNNING) | Q(ended__gte=lately)
    )
    first = ingest.due(now).annotate(moves=Exists(moving)).order_by("next_attempt_at")
    row = first.values_list("next_attempt_at", "moves").first()
    return Jobs(*row) if row else None


def unplanned(before: datetime) -> Share | None:
    """Return a share that was asked for before then and that nobody has planned."""
    waiting = Share.objects.filter(status=Share.Status.QUEUED, planned=False)
    return waiting.filter(created__lt=before).defer("selection").first()
