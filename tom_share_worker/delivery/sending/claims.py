"""The right of one worker to one delivery.

A claim is a conditional UPDATE whose count is checked; `leases` keeps it. The attempt
is written with it, so that there is one for each claim, wherever its worker dies.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from tom_share_worker import leases
from tom_share_worker.delivery import dispatch, gate
from tom_share_worker.models import Attempt, Delivery, Destination


@dataclass(frozen=True)
class Claim:
    """A delivery that is ours, its attempt, and what was known of its destination."""

    delivery: Delivery
    token: str
    attempt: Attempt
    seen_failures: int


def claim(delivery_pk: int, worker: str = "", task_id: str = "") -> Claim | None:
    """Take a delivery, or return None where there is nothing to take.

    1. Touch the destination's row: this lines up all who claim there, so that the
       slots are counted by one at a time (no count is right while others change it).
    2. Is it open, is a slot free?
    3. Take the row if it still is due, and begin the attempt.
    """
    key = (
        Delivery.objects.filter(pk=delivery_pk)
        .values_list("destination", flat=True)
        .first()
    )
    if key is None:
        return None
    gate.state(key)
    token = uuid.uuid4().hex
    with transaction.atomic():
        now = timezone.now()
        Destination.objects.filter(key=key).update(changed=now)
        state = Destination.objects.get(key=key)
        if not _has_room(state, now):
            # Its hint is used up: whatever frees the slot must hint anew.
            Delivery.objects.filter(pk=delivery_pk).update(hinted_at=None)
            return None
        if not _take(delivery_pk, token, now):
            # Another worker took it first, or it is no longer due.
            return None
        attempt = _begin(delivery_pk, token, worker, task_id, now)
    delivery = Delivery.objects.select_related("share").get(pk=delivery_pk)
    return Claim(delivery, token, attempt, state.failures)


def _has_room(state: Destination, now: datetime) -> bool:
    """True if a destination is open and has a free slot."""
    if not gate.is_open(state, now):
        return False
    sending = Delivery.objects.filter(
        destination=state.key, status=Delivery.Status.SENDING
    )
    return sending.count() < gate.slots(state, now)


def _take(delivery_pk: int, token: str, now: datetime) -> bool:
    taken = Delivery.objects.filter(
        pk__in=dispatch.due(now).filter(pk=delivery_pk).values("pk"),
        status=Delivery.Status.QUEUED,
    ).update(
        status=Delivery.Status.SENDING,
        claim=token,
        hinted_at=None,
        lease_until=leases.end(now),
    )
    return taken == 1


def _begin(
    delivery_pk: int, token: str, worker: str, task_id: str, now: datetime
) -> Attempt:
    """Write the attempt of a claim; its number is ours, as the delivery is."""
    earlier = Attempt.objects.filter(delivery=delivery_pk)
    return Attempt.objects.create(
        delivery_id=delivery_pk,
        number=(earlier.aggregate(n=Max("number"))["n"] or 0) + 1,
        claim=token,
        worker=worker,
        task_id=task_id,
        started=now,
    )


def ours(claim: Claim) -> QuerySet[Delivery]:
    """Return the row of a claim, or nothing once the claim is gone."""
    return Delivery.objects.filter(
        pk=claim.delivery.pk, claim=claim.token, status=Delivery.Status.SENDING
    )
