"""A share's status, derived from its deliveries by one function, and nothing else.

Called whenever a delivery ended; the sweep repeats it for shares left open.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Count, Q, Sum
from django.utils import timezone

from tom_share_worker.models import Delivery, Failure, Share


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
    """Write the status that a share has by now.

    Two workers may do this at once. Each reads after its own delivery is written, so
    the last reader sees all; and a share that has ended is not opened again here.
    """
    share = Share.objects.filter(pk=share_pk).exclude(status__in=Share.ENDED).first()
    if share is None:
        return
    fail_followers(share.deliveries.all())
    deliveries = {
        row["status"]: row["n"]
        for row in share.deliveries.order_by().values("status").annotate(n=Count("pk"))
    }
    refused = share.deliveries.aggregate(n=Sum("refused_count"))["n"] or 0
    status = status_of(share.planned, deliveries, refused)
    columns: dict[str, object] = {"status": status}
    if status in Share.ENDED:
        columns["ended"] = timezone.now()
        if not deliveries:
            columns["note"] = (
                "There was nothing to share. " + share.note
                if share.user_id
                else "The person who asked for it no longer has an account here."
            )
    Share.objects.filter(pk=share_pk).exclude(status__in=Share.ENDED).update(**columns)


def settle_all() -> None:
    """Close the shares whose deliveries have all ended; open those with work again."""
    fail_followers(Delivery.objects.all())
    under_way = [Delivery.Status.QUEUED, Delivery.Status.SENDING]
    waiting = Delivery.objects.filter(status__in=under_way)
    # Not the cancelled ones: they end first and their deliveries a moment later.
    Share.objects.filter(
        status__in=set(Share.ENDED) - {Share.Status.CANCELLED},
        pk__in=waiting.values("share_id"),
    ).update(status=Share.Status.RUNNING, ended=None)
    open_deliveries = Q(deliveries__status__in=under_way)
    ended = (
        Share.objects.filter(planned=True)
        .exclude(status__in=Share.ENDED)
        .annotate(waiting=Count("deliveries", filter=open_deliveries))
        .filter(waiting=0)
    )
    for pk in ended.values_list("pk", flat=True):
        settle(pk)


def fail_followers(deliveries: object) -> None:
    """End the data deliveries whose target did not arrive; they would wait forever."""
    waiting = deliveries.filter(status=Delivery.Status.QUEUED)  # type: ignore[attr-defined]
    waiting.filter(after__status=Delivery.Status.CANCELLED).update(
        status=Delivery.Status.CANCELLED, ended=timezone.now()
    )
    lost = waiting.filter(after__status=Delivery.Status.FAILED)
    for failure in Failure.values:
        lost.filter(after__failure=failure).update(
            status=Delivery.Status.FAILED,
            failure=failure,
            note="Not sent, because the target itself did not arrive.",
            ended=timezone.now(),
        )
