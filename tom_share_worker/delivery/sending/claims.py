"""The right of one worker to one delivery.

A claim is a conditional UPDATE whose count is checked; `leases` keeps it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from tom_share_worker import leases
from tom_share_worker.delivery import dispatch, gate
from tom_share_worker.models import Delivery, Destination


@dataclass(frozen=True)
class Claim:
    """A delivery that is ours, and what we knew of its destination then."""

    delivery: Delivery
    token: str
    seen_failures: int


def claim(delivery_pk: int) -> Claim | None:
    """Take a delivery, or return None where there is nothing to take.

    1. Touch the destination's row: this lines up all who claim there, so that the
       slots are counted by one at a time (no count is right while others change it).
    2. Is it open, is a slot free?
    3. Take the row if it still is due.
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
        sending = Delivery.objects.filter(
            destination=key, status=Delivery.Status.SENDING
        )
        if not gate.is_open(state, now) or sending.count() >= gate.slots(state, now):
            # Its hint is used up: whatever frees the slot must hint anew.
            Delivery.objects.filter(pk=delivery_pk).update(hinted_at=None)
            return None
        taken = Delivery.objects.filter(
            pk__in=dispatch.due(now).filter(pk=delivery_pk).values("pk"),
            status=Delivery.Status.QUEUED,
        ).update(
            status=Delivery.Status.SENDING,
            claim=token,
            hinted_at=None,
            lease_until=leases.end(now),
        )
    if taken != 1:
        # Another worker took it first, or it is no longer due.
        return None
    delivery = Delivery.objects.select_related("share").get(pk=delivery_pk)
    return Claim(delivery, token, state.failures)


def ours(claim: Claim) -> QuerySet[Delivery]:
    """Return the row of a claim, or nothing once the claim is gone."""
    return Delivery.objects.filter(
        pk=claim.delivery.pk, claim=claim.token, status=Delivery.Status.SENDING
    )
