"""The right of one worker to one delivery, and the lease that keeps it.

A claim is a conditional UPDATE whose count is checked. Its lease is short, so that the
work of a killed worker runs again soon; a thread renews it while the worker lives.
"""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from tom_share_worker import conf
from tom_share_worker.delivery import dispatch, gate
from tom_share_worker.models import Delivery, Destination

logger = logging.getLogger(__name__)


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
            lease_until=lease_end(now),
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


def lease_end(now: datetime) -> datetime:
    """Return when a claim taken or renewed now lapses."""
    return now + timedelta(seconds=conf.settings().LEASE)


@contextmanager
def kept(token: str) -> Iterator[None]:
    """Renew the lease of a claim as long as this block runs."""
    keeper = _keeper()
    keeper.add(token)
    try:
        yield
    finally:
        keeper.remove(token)


class _Keeper:
    """The thread that renews this process's leases; it dies with the process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._tokens: set[str] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        threading.Thread(target=self._run, name="share-leases", daemon=True).start()

    def add(self, token: str) -> None:
        with self._lock:
            self._tokens.add(token)
        self._wake.set()

    def remove(self, token: str) -> None:
        with self._lock:
            self._tokens.discard(token)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            # Three chances within a lease: one slow moment of the database is no loss.
            threading.Event().wait(conf.settings().LEASE / 3)
            with self._lock:
                tokens = list(self._tokens)
                if not tokens:
                    self._wake.clear()
            if tokens:
                self._renew(tokens)

    def _renew(self, tokens: list[str]) -> None:
        try:
            Delivery.objects.filter(
                claim__in=tokens, status=Delivery.Status.SENDING
            ).update(lease_until=lease_end(timezone.now()))
        except DatabaseError:
            logger.warning("Leases could not be renewed; trying again.", exc_info=True)
        finally:
            connection.close()


_current: _Keeper | None = None
_lock = threading.Lock()


def _keeper() -> _Keeper:
    """Return this process's keeper; a forked child starts its own."""
    global _current
    with _lock:
        if _current is None or _current.pid != os.getpid():
            _current = _Keeper()
        return _current
