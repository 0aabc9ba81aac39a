"""Deletes what has ended and was kept long enough, so that the database stays small.

Called by the sweep, a second at a time, and by the command `shares prune`. What is
under way is never touched, nor are data, files, and what is remembered of other TOMs:
sending needs none of what goes here. Each slice is a short transaction of its own.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from celery import current_app
from django.apps import apps
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from tom_share_worker.models import (
    Attempt,
    BulkAction,
    ConnectionTest,
    Delivery,
    IngestJob,
    Share,
)
from tom_share_worker.operating.times import count

SHARES = 200
"""Shares looked at in one slice; most have few deliveries."""

DELIVERIES = 500
ROWS = 2000
"""Rows deleted in one slice. Larger: others wait longer for the same rows."""

LONGEST = 100 * 365 * 24 * 3600.0
"""Seconds after which no row is left; more would lead before the calendar."""

TASKS = "tom_share_worker."
"""How the names of our Celery tasks begin."""

Kept = QuerySet[Any]


@dataclass(frozen=True)
class Terms:
    """What is old enough: what ended before `before`.

    What failed and its person has not seen yet stays until `unseen_before`.
    """

    before: datetime
    unseen_before: datetime

    @classmethod
    def of(cls, retention: float) -> Terms:
        """Reckon from now; what nobody has seen is kept twice as long."""
        now = timezone.now()
        length = timedelta(seconds=min(retention, LONGEST))
        return cls(now - length, now - 2 * length)

    def old(self, *unseen: str) -> Q:
        """Return the condition for what has ended; `unseen` are statuses to be seen."""
        shown = ~Q(status__in=unseen) | Q(user=None) | Q(seen__isnull=False)
        return Q(ended__lt=self.before) & (shown | Q(ended__lt=self.unseen_before))


def shares(terms: Terms) -> QuerySet[Share]:
    """Return the shares to delete, with their deliveries and attempts."""
    unseen = (Share.Status.FAILED, Share.Status.PARTLY)
    return Share.objects.filter(terms.old(*unseen), status__in=Share.ENDED)


def _jobs(terms: Terms) -> Kept:
    old = terms.old(IngestJob.Status.FAILED)
    return IngestJob.objects.filter(old, status__in=IngestJob.ENDED)


def _bulk_actions(terms: Terms) -> Kept:
    return BulkAction.objects.filter(
        status__in=BulkAction.ENDED, ended__lt=terms.before
    )


def _tests(terms: Terms) -> Kept:
    return ConnectionTest.objects.filter(ended__lt=terms.before)


def task_results() -> Kept:
    """Return what Celery itself lets expire, but only where its beat runs."""
    # Asked for here: where its app is missing, a system check tells so, if we load.
    results: Kept = apps.get_model("django_celery_results", "TaskResult").objects.all()
    length = current_app.conf.result_expires
    if not length:
        return results.none()
    if isinstance(length, timedelta):
        length = length.total_seconds()
    before = timezone.now() - timedelta(seconds=min(length, LONGEST))
    return results.filter(date_done__lt=before, task_name__startswith=TASKS)


OTHERS: dict[str, Callable[[Terms], Kept]] = {
    "ingest jobs": _jobs,
    "bulk actions": _bulk_actions,
    "connection tests": _tests,
}
"""What has nothing that hangs on it."""


def counted(terms: Terms) -> dict[str, int]:
    """Return how many rows would be deleted, by what they are."""
    old = shares(terms)
    deliveries = Delivery.objects.filter(share__in=old.values("pk"))
    attempts = Attempt.objects.filter(delivery__share__in=old.values("pk"))
    found: dict[str, Kept] = {
        "attempts": attempts,
        "deliveries": deliveries,
        "shares": old,
        **{name: rows(terms) for name, rows in OTHERS.items()},
        "task results": task_results(),
    }
    return {name: rows.count() for name, rows in found.items()}


def told(rows: Mapping[str, int]) -> str:
    """Say how many of what, or nothing."""
    singular = {"deliveries": "delivery"}
    said = [
        count(number, singular.get(name, name.removesuffix("s")), name)
        for name, number in rows.items()
        if number
    ]
    return ", ".join(said) or "nothing"


def run(terms: Terms | None, seconds: float | None = None) -> tuple[Counter[str], bool]:
    """Delete slice by slice; return how much, and whether nothing is left.

    Without terms only what Celery lets expire; with `seconds`, no longer than that.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    gone: Counter[str] = Counter()
    for slice_ in _slices(terms):
        while True:
            found = slice_()
            gone.update(found)
            if not found:
                break
            if deadline is not None and time.monotonic() > deadline:
                return gone, False
    return gone, True


def _slices(terms: Terms | None) -> list[Callable[[], dict[str, int]]]:
    """Return what deletes a slice of each, and tells what it was; nothing when done."""
    found: list[Callable[[], dict[str, int]]] = []
    if terms is not None:
        found = [partial(_share_slice, terms)]
        found += [
            partial(_slice, name, partial(rows, terms)) for name, rows in OTHERS.items()
        ]
    return [*found, partial(_slice, "task results", task_results)]


def _slice(name: str, rows: Callable[[], Kept]) -> dict[str, int]:
    number = _delete(rows(), ROWS)
    return {name: number} if number else {}


def _share_slice(terms: Terms) -> dict[str, int]:
    """Delete attempts, or where there are none deliveries, or where there are none …

    From the leaves on, as Django would load all that hangs on a share, maybe a million
    rows. The rows are locked as long as they are looked at: somebody may press Retry.
    """
    with transaction.atomic():
        old = list(shares(terms).order_by("pk").values_list("pk", flat=True)[:SHARES])
        deliveries = _ended(old)
        if number := _delete(Attempt.objects.filter(delivery__in=deliveries), ROWS):
            return {"attempts": number}
        if number := _delete(Delivery.objects.filter(pk__in=deliveries), DELIVERIES):
            return {"deliveries": number}
        empty = shares(terms).filter(pk__in=old).filter(~_has_deliveries())
        number = _delete(empty.select_for_update(), SHARES)
        return {"shares": number} if number else {}


def _ended(shares: list[int]) -> list[int]:
    """Return some deliveries of these shares that are not under way, locked.

    In the order of an index, as a share may have 100,000 of them.
    """
    if not shares:
        return []
    first_to_last = Q(share_id__gte=shares[0], share_id__lte=shares[-1])
    rows = Delivery.objects.filter(first_to_last, share__in=shares).exclude(
        status__in=[Delivery.Status.QUEUED, Delivery.Status.SENDING]
    )
    locked = rows.order_by("share_id", "position").select_for_update()
    return list(locked.values_list("pk", flat=True)[:DELIVERIES])


def _has_deliveries() -> Exists:
    return Exists(Delivery.objects.filter(share=OuterRef("pk")))


def _delete(rows: Kept, limit: int) -> int:
    """Delete so many at most, without loading what they hold; return how many.

    Only what still is so: somebody may press Reprocess between the two queries.
    """
    pks = list(rows.order_by("pk").values_list("pk", flat=True)[:limit])
    if pks:
        rows.filter(pk__in=pks).only("pk").delete()
    return len(pks)
