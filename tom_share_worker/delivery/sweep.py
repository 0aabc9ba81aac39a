"""The periodic look that finds what the hints missed.

Run every few seconds by `share_worker`, or by Celery beat; running it twice at once
does no harm, as every step is a conditional UPDATE or asks for what is already asked.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from tom_share_worker import conf, hints
from tom_share_worker.delivery import closing, dispatch
from tom_share_worker.delivery.continuous import gathering as continuous
from tom_share_worker.delivery.sending import connection
from tom_share_worker.models import Attempt, Delivery, Failure, Share
from tom_share_worker.models.logged import Action, fields

logger = logging.getLogger(__name__)

LOST_LIMIT = 3
"""A delivery that killed its worker so often is set aside instead of killing on."""


def sweep() -> None:
    """Give back lapsed leases, gather, plan, close, and hint at what is due."""
    release_lapsed(timezone.now())
    _end_orphaned_attempts(timezone.now())
    connection.tend()
    continuous.drop_orphans()
    continuous.gather()
    for pk in _unplanned():
        hints.plan(pk)
    closing.settle_all()
    dispatch.dispatch_all()


def glance() -> None:
    """Look, each second, for what waits for moments: saved data, followed files."""
    continuous.gather()
    dispatch.dispatch_followed()


def _unplanned() -> list[int]:
    waiting = Share.objects.filter(planned=False).exclude(status__in=Share.ENDED)
    return list(waiting.order_by("pk").values_list("pk", flat=True)[:100])


def _end_orphaned_attempts(now: datetime) -> None:
    """End attempts at deliveries that were cancelled and whose worker then died."""
    longest = timedelta(seconds=conf.settings().UPLOAD_TIMEOUT)
    Attempt.objects.filter(ended=None, started__lt=now - longest).exclude(
        delivery__status=Delivery.Status.SENDING
    ).update(
        ended=now, outcome=Attempt.Outcome.LOST, note="The worker was lost after it."
    )


def release_lapsed(now: datetime) -> int:
    """Return deliveries whose worker is gone to the queue; say how many.

    At first to their place in it; what was lost before may be what ends its workers,
    and lets the others go first.
    """
    lapsed = Delivery.objects.filter(
        status=Delivery.Status.SENDING, lease_until__lt=now
    )
    return sum(_release(delivery, now) for delivery in lapsed)


def _release(delivery: Delivery, now: datetime) -> bool:
    note = "The worker was lost in the middle; another one goes on."
    columns: dict[str, object] = {"status": Delivery.Status.QUEUED}
    if delivery.lost_count:
        columns["next_attempt_at"] = now
    if delivery.lost_count + 1 >= LOST_LIMIT:
        note = (
            f"The worker was lost {LOST_LIMIT} times in the middle of this, so it was "
            f"set aside."
        )
        columns = {
            "status": Delivery.Status.FAILED,
            "failure": Failure.OUR_FAULT,
            "ended": now,
        }
    with transaction.atomic():
        # Nothing updated: the worker was only slow; it renewed or ended its claim.
        if (
            Delivery.objects.filter(
                pk=delivery.pk,
                claim=delivery.claim,
                status=Delivery.Status.SENDING,
                lease_until__lt=now,
            ).update(
                claim="",
                lease_until=None,
                hinted_at=None,
                attempt_count=F("attempt_count") + 1,
                lost_count=F("lost_count") + 1,
                note=note,
                **columns,
            )
            != 1
        ):
            return False
        Attempt.objects.filter(
            delivery=delivery, claim=delivery.claim, ended=None
        ).update(ended=now, outcome=Attempt.Outcome.LOST, note=note)
    logger.warning(
        "Delivery %s to %s: %s",
        *(delivery.pk, delivery.destination_name, note),
        extra=fields(
            *(Action.ATTEMPT, delivery),
            outcome=Attempt.Outcome.LOST,
            failure=columns.get("failure"),
        ),
    )
    return True
