"""What waits, what is under way and what failed, in a fixed number of queries.

Called by the parts of the overview; each function is one grouped query that an index
answers, however many destinations there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q

from tom_share_worker.models import Delivery, Failure, IngestJob, Share

LATELY = timedelta(hours=24)
"""What "lately" means where failures are counted."""


@dataclass(frozen=True)
class Queue:
    """How much waits and how much is under way: for a destination, or in all."""

    due: int = 0
    later: int = 0
    under_way: int = 0
    oldest: datetime | None = None
    """Since when the oldest of what is due is due."""
    next: datetime | None = None
    """When the first of what is not due yet becomes due."""

    @property
    def depth(self) -> int:
        """Return how much has not ended."""
        return self.due + self.later + self.under_way


@dataclass(frozen=True)
class Failed:
    """How many deliveries to a destination failed for one cause."""

    destination: str
    failure: str
    count: int
    lately: int


@dataclass(frozen=True)
class Since:
    """How many of something there are, and since when the oldest waits."""

    count: int = 0
    oldest: datetime | None = None


def together(queues: Iterable[Queue]) -> Queue:
    """Add queues up."""
    all_ = list(queues)
    return Queue(
        due=sum(queue.due for queue in all_),
        later=sum(queue.later for queue in all_),
        under_way=sum(queue.under_way for queue in all_),
        oldest=min((queue.oldest for queue in all_ if queue.oldest), default=None),
        next=min((queue.next for queue in all_ if queue.next), default=None),
    )


def deliveries(now: datetime) -> dict[str, Queue]:
    """Count the deliveries that have not ended, by destination."""
    open_ = [Delivery.Status.QUEUED, Delivery.Status.SENDING]
    is_due, is_later = Q(next_attempt_at__lte=now), Q(next_attempt_at__gt=now)
    found = Delivery.objects.filter(status__in=open_).order_by()
    rows = found.values("destination", "status").annotate(
        # Not of the primary key: the index has all that is counted, and not that.
        n=Count("*"),
        due=Count("next_attempt_at", filter=is_due),
        oldest=Min("next_attempt_at", filter=is_due),
        next=Min("next_attempt_at", filter=is_later),
    )
    counted: dict[str, Queue] = {}
    for row in rows:
        if row["status"] == Delivery.Status.SENDING:
            queue = Queue(under_way=row["n"])
        else:
            queue = Queue(
                row["due"], row["n"] - row["due"], 0, row["oldest"], row["next"]
            )
        known = counted.get(row["destination"], Queue())
        counted[row["destination"]] = together([known, queue])
    return counted


def files_elsewhere() -> int:
    """Count the files that other TOMs have received and not processed yet."""
    queued = Delivery.objects.filter(status=Delivery.Status.QUEUED)
    return queued.filter(receipt__gt="").count()


def planning() -> Since:
    """Count the shares whose deliveries are still being written."""
    open_ = [Share.Status.QUEUED, Share.Status.RUNNING]
    found = Share.objects.filter(status__in=open_, planned=False).order_by()
    return Since(**found.aggregate(count=Count("*"), oldest=Min("created")))


def ingest_jobs(now: datetime) -> Queue:
    """Count the ingest jobs that have not ended."""
    queued = Q(status=IngestJob.Status.QUEUED)
    due = queued & Q(next_attempt_at__lte=now)
    later = queued & Q(next_attempt_at__gt=now)
    open_ = [IngestJob.Status.QUEUED, IngestJob.Status.RUNNING]
    found = IngestJob.objects.filter(status__in=open_).order_by()
    return Queue(
        **found.aggregate(
            due=Count("next_attempt_at", filter=due),
            later=Count("next_attempt_at", filter=later),
            under_way=Count("status", filter=Q(status=IngestJob.Status.RUNNING)),
            oldest=Min("next_attempt_at", filter=due),
            next=Min("next_attempt_at", filter=later),
        )
    )


def failed(now: datetime) -> list[Failed]:
    """Count the deliveries that failed, by destination and cause."""
    found = Delivery.objects.filter(status=Delivery.Status.FAILED).order_by()
    rows = found.values_list("destination", "failure").annotate(
        n=Count("*"), lately=Count("ended", filter=Q(ended__gte=now - LATELY))
    )
    return [Failed(*row) for row in rows]


def refused() -> dict[str, int]:
    """Count what arrived, but for data points that were refused, by destination."""
    found = Delivery.objects.filter(
        status=Delivery.Status.DELIVERED, refused_count__gt=0
    )
    return dict(found.order_by().values_list("destination").annotate(n=Count("*")))


def failed_jobs() -> dict[str, int]:
    """Count the ingest jobs that failed, by cause."""
    found = IngestJob.objects.filter(status=IngestJob.Status.FAILED).order_by()
    return dict(found.values_list("failure").annotate(n=Count("*")))


def known(failure: str) -> Failure:
    """Return a cause of the closed set; what names none is a fault of this TOM."""
    return Failure(failure) if failure in Failure.values else Failure.OUR_FAULT
