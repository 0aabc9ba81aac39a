"""What a bulk action does with a slice of rows; each verb is one of the rooms below.

Called by `bulk`, within the transaction of a slice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    Case,
    Count,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from tom_share_worker.delivery import actions as sharing
from tom_share_worker.delivery import closing
from tom_share_worker.ingest import actions as receiving
from tom_share_worker.models import BulkAction, Delivery, IngestJob, Share
from tom_share_worker.models.retrying import RETRYABLE

Verb = BulkAction.Verb
Rows = BulkAction.Rows

SLICE = 1000
"""Rows done at a time. Larger: longer transactions; smaller: more of them."""

SHARES = 100
"""Shares done at a time: each may have thousands of deliveries."""

HEAVIEST = 20_000
"""Deliveries, or data points of their ledgers, written at a time, unless one row has
more. Larger: with SQLite nobody else writes for seconds meanwhile."""

_ONE = Value(1)
_DELIVERIES = Coalesce(
    Subquery(
        Delivery.objects.filter(share=OuterRef("pk"))
        .order_by()
        .values("share")
        .annotate(n=Count("pk"))
        .values("n")
    ),
    0,
)
_LEDGER = Case(When(refused_count__gt=0, then=F("datum_count")), default=1)
"""What is refused is reopened one by one; other ledgers are not looked at."""


@dataclass(frozen=True)
class Doing:
    """What is done with rows by their ids, and how many of them at a time.

    `act` gets the ids and who asked for it, and returns how many rows it changed;
    `fits` is the condition on rows that are in a state for it, and `weight` tells how
    much is written for each.
    """

    act: Callable[[list[int], Any], int]
    fits: Q
    size: int = SLICE
    weight: Any = _ONE

    def first(self, rows: QuerySet[Any]) -> list[int]:
        """Return the ids of the first of these rows: as many as are done at a time."""
        weighed = rows.order_by("pk").annotate(weight=self.weight)
        pks: list[int] = []
        left = HEAVIEST
        for pk, weight in weighed.values_list("pk", "weight")[: self.size]:
            left -= weight
            if pks and left < 0:
                break
            pks.append(pk)
        return pks


def _retry_deliveries(pks: list[int], user: Any) -> int:
    return sharing.retry(Delivery.objects.filter(pk__in=pks))


def _cancel_deliveries(pks: list[int], user: Any) -> int:
    return sharing.cancel(Delivery.objects.filter(pk__in=pks))


def _retry_shares(pks: list[int], user: Any) -> int:
    return sharing.retry_shares(pks, user)


def _cancel_shares(pks: list[int], user: Any) -> int:
    return sharing.cancel_shares(pks, user)


def _reprocess(pks: list[int], user: Any) -> int:
    return receiving.reprocess(IngestJob.objects.filter(pk__in=pks))


def _cancel_jobs(pks: list[int], user: Any) -> int:
    return receiving.cancel(IngestJob.objects.filter(pk__in=pks))


_GOING = ~Q(status__in=Share.ENDED)
_UNDER_WAY = Q(status__in=closing.UNDER_WAY)

SLICES: dict[tuple[str, str], Doing] = {
    (Verb.RETRY, Rows.DELIVERIES): Doing(
        _retry_deliveries, sharing.WAITING | RETRYABLE, weight=_LEDGER
    ),
    (Verb.CANCEL, Rows.DELIVERIES): Doing(_cancel_deliveries, _UNDER_WAY),
    (Verb.RETRY, Rows.SHARES): Doing(
        _retry_shares, ~Q(status=Share.Status.DELIVERED), SHARES, _DELIVERIES
    ),
    (Verb.CANCEL, Rows.SHARES): Doing(_cancel_shares, _GOING, SHARES, _DELIVERIES),
    (Verb.REPROCESS, Rows.INGEST_JOBS): Doing(
        _reprocess, Q(status__in=IngestJob.ENDED, data_product__isnull=False)
    ),
    (Verb.CANCEL, Rows.INGEST_JOBS): Doing(
        _cancel_jobs, Q(status__in=receiving.UNDER_WAY)
    ),
}
"""Which verbs there are for which rows."""
