"""A share's status, derived from its deliveries by one function, and nothing else.

Called whenever a delivery ended; the sweep repeats it for shares left open.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet, Sum
from django.utils import timezone

from tom_share_worker.models import Delivery, Share
from tom_share_worker.models.logged import Action, fields

logger = logging.getLogger(__name__)

UNDER_WAY = (Delivery.Status.QUEUED, Delivery.Status.SENDING)
"""Statuses of deliveries that have not ended."""

SETTLED = 500
"""Shares whose status is written at a time."""

NEWS: dict[str, object] = {"seen": None, "told": None}
"""A share that ended is news, whatever its person saw of an earlier end."""


def status_of(planned: bool, deliveries: Mapping[str, int], refused: int) -> str:
    """Return the status of a share.

    `deliveries` counts them by status; `refused` counts the data points refused within
    delivered ones, which make a share partly delivered only.
    """
    total = sum(deliveries.values())
    failed = deliveries.get(Delivery.Status.FAILED, 0)
    delivered = deliveries.get(Delivery.Status.DELIVERED, 0)
    cancelled = deliveries.get(Delivery.Status.CANCELLED, 0)
    if not planned or failed + delivered + cancelled < total:
        return Share.Status.RUNNING if total else Share.Status.QUEUED
    if delivered and (failed or cancelled or refused):
        return Share.Status.PARTLY
    if delivered:
        return Share.Status.DELIVERED
    if failed or not total:
        return Share.Status.FAILED
    return Share.Status.CANCELLED


def settle(share_pk: int) -> None:
    """Write the status of a share once nothing of it is under way.

    Two workers may do this at once. Each looks after its own delivery is written, so
    the last one sees that all have ended. Called after each delivery, it must not read
    them all unless it is the last.
    """
    share = Share.objects.filter(pk=share_pk, planned=True).first()
    if share is None:
        return
    if share.deliveries.filter(status__in=UNDER_WAY).exists():
        return
    deliveries = {
        row["status"]: row["n"]
        for row in share.deliveries.order_by().values("status").annotate(n=Count("pk"))
    }
    refused = share.deliveries.aggregate(n=Sum("refused_count"))["n"] or 0
    columns: dict[str, object] = {
        "status": status_of(share.planned, deliveries, refused),
        "ended": timezone.now(),
        **NEWS,
    }
    if not deliveries:
        columns["note"] = _why_nothing(share)
    others = Share.objects.filter(pk=share_pk).exclude(status=columns["status"])
    if others.update(**columns):
        about = {"share": share_pk, "destination": share.destination}
        _tell(f"Share {share_pk}", str(columns["status"]), about)


def settle_many(share_pks: Collection[int]) -> None:
    """Write the statuses of shares of which nothing is under way, in a few queries."""
    under_way = Delivery.objects.filter(share=OuterRef("pk"), status__in=UNDER_WAY)
    shares = Share.objects.filter(~Exists(under_way), pk__in=share_pks, planned=True)
    counts: dict[int, dict[str, int]] = {
        pk: {} for pk in shares.values_list("pk", flat=True)
    }
    refused: dict[int, int] = defaultdict(int)
    rows = Delivery.objects.filter(share_id__in=counts).order_by()
    for row in rows.values("share_id", "status").annotate(
        n=Count("pk"), refused=Sum("refused_count")
    ):
        counts[row["share_id"]][row["status"]] = row["n"]
        refused[row["share_id"]] += row["refused"] or 0
    alike: dict[str, list[int]] = defaultdict(list)
    for pk, deliveries in counts.items():
        if deliveries:
            alike[status_of(True, deliveries, refused[pk])].append(pk)
        else:
            settle(pk)  # says why there is nothing
    for status, pks in alike.items():
        others = Share.objects.filter(pk__in=pks).exclude(status=status)
        if count := others.update(status=status, ended=timezone.now(), **NEWS):
            _tell(f"{count:,} shares", status, {"count": count})


def _tell(which: str, status: str, about: dict[str, Any]) -> None:
    """Log that shares have ended."""
    known = fields(Action.SHARE, outcome=status, **about)
    logger.info("%s ended: %s.", which, status, extra=known)


def _why_nothing(share: Share) -> str:
    if not share.user_id:
        return "The person who asked for it no longer has an account here."
    if share.note:
        return f"Nothing was shared. {share.note}"
    return "There was nothing to share."


def settle_all() -> None:
    """Close the shares whose deliveries have all ended; open those with work again."""
    end_followers(Delivery.objects.all())
    waiting = Delivery.objects.filter(status__in=UNDER_WAY)
    # Not the cancelled ones: they end first and their deliveries a moment later. Nor
    # what was not planned to its end: opened, its planning would begin again.
    Share.objects.filter(
        status__in=set(Share.ENDED) - {Share.Status.CANCELLED},
        planned=True,
        pk__in=waiting.values("share_id"),
    ).update(status=Share.Status.RUNNING, ended=None)
    open_shares = Share.objects.filter(planned=True).exclude(status__in=Share.ENDED)
    over = open_shares.exclude(Exists(waiting.filter(share=OuterRef("pk"))))
    pks = list(over.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(pks), SETTLED):
        settle_many(pks[start : start + SETTLED])


def end_followers(deliveries: QuerySet[Delivery]) -> None:
    """End what waits for one of these, a target that did not arrive, in vain."""
    ended = deliveries.filter(
        status__in=[Delivery.Status.FAILED, Delivery.Status.CANCELLED],
        followers__status=Delivery.Status.QUEUED,
    )
    # Thousands may have ended, and only in a few ways.
    for status, failure in ended.order_by().values_list("status", "failure").distinct():
        alike = deliveries.order_by().filter(status=status, failure=failure)
        Delivery.objects.filter(
            after__in=alike.values("pk"), status=Delivery.Status.QUEUED
        ).update(
            status=status,
            failure=failure if status == Delivery.Status.FAILED else "",
            note="Not sent, because the target itself did not arrive.",
            ended=timezone.now(),
        )
