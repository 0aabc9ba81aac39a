"""The state of a destination: open, backing off, or paused. It belongs to the
destination and not to a delivery, so that a dead TOM delays nobody else.

Read by dispatch and claims, written by the sender and by people (`actions`).
"""

from __future__ import annotations

import logging
import random
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from tom_share_worker import conf
from tom_share_worker.delivery.destinations import pace
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.models import Delivery, Destination, Failure, Worker
from tom_share_worker.models.logged import Action, fields
from tom_share_worker.models.worker import SEEN_RECENTLY
from tom_share_worker.retry import Schedule

logger = logging.getLogger(__name__)


def state(key: str) -> Destination:
    """Return the row of a destination, made at first use."""
    return Destination.objects.get_or_create(key=key)[0]


TRUST = timedelta(minutes=10)
"""How long one good answer vouches for a destination. Shorter: each burst begins with
a single delivery; longer: more workers wait at once for one that has died meanwhile."""

ANSWER_NOTED = timedelta(minutes=1)
"""Good answers are noted no more often than this, to spare the row."""


def slots(destination: Destination, now: datetime) -> int:
    """Return how many deliveries may be under way there at a time.

    One that was found down, or has not answered for a while, gets a single one as a
    probe: if it hangs, no second worker waits for it in vain.
    """
    answered = destination.answered
    if destination.failures or answered is None or answered < now - TRUST:
        return 1
    try:
        own = pace.slots(conf.destination(destination.key))
    except ConfigurationError:
        # The sender meets the same error and puts it in words on the delivery.
        return 1
    return max(1, min(own, _room(destination.key, now)))


def _room(key: str, now: datetime) -> int:
    """Return how many threads of all workers a destination may hold at a time.

    A quarter of them is kept for planning, and for destinations that have nothing under
    way: else four that answer slowly would hold every thread, and delay all others.
    """
    workers = Worker.objects.filter(
        delivers=True, seen__gte=now - SEEN_RECENTLY
    ).count()
    threads = max(1, workers) * conf.settings().CONCURRENCY
    under_way = Delivery.objects.filter(status=Delivery.Status.SENDING)
    return threads - threads // 4 - under_way.exclude(destination=key).count()


def is_open(destination: Destination, now: datetime) -> bool:
    """True if a delivery may go there now."""
    return not destination.paused and (
        destination.retry_at is None or destination.retry_at <= now
    )


def schedule() -> Schedule:
    """Return the retry schedule of this TOM's settings."""
    own = conf.settings()
    return Schedule(own.RETRY_SCHEDULE, own.RETRY_JITTER, own.RETRY_AFTER_LIMIT)


def found_down(key: str, seen: int, note: str, retry_after: float | None) -> None:
    """Back off. Several failures that began in the same state count once.

    Otherwise four deliveries under way when a TOM goes down would count as four looks
    at it, and the wait would grow by four steps at once.
    """
    now = timezone.now()
    until = schedule().back_off(
        seen + 1,
        now,
        random.random(),  # noqa: S311  (spreads retries; nothing secret)
        conf.settings().BACKOFF_LIMIT,
        retry_after,
    )
    moved = Destination.objects.filter(key=key, failures=seen).update(
        failures=seen + 1, retry_at=until, note=note, changed=now
    )
    if moved:
        again = f"was found down; the next try is at {until:%H:%M:%S} UTC"
        _tell(key, "down", again, note, logging.INFO if seen else logging.WARNING)


def found_up(key: str, seen: int = 0) -> None:
    """Open again: the destination answered, and was not found down since we began."""
    now = timezone.now()
    Destination.objects.filter(
        Q(answered=None) | Q(answered__lt=now - ANSWER_NOTED), key=key
    ).update(answered=now)
    reopened = Destination.objects.filter(
        key=key, failures=seen, failures__gt=0
    ).update(failures=0, retry_at=None, answered=now, note="", changed=now)
    if reopened:
        _tell(key, "open", "answers again")
        # What waited long because it was down need not wait any longer.
        Delivery.objects.filter(
            destination=key,
            status=Delivery.Status.QUEUED,
            failure=Failure.DESTINATION_DOWN,
            next_attempt_at__gt=now,
        ).update(next_attempt_at=now)


def pause(key: str, note: str, by: Any = None) -> bool:
    """Let nothing go there until somebody resumes it; False if it is paused already."""
    state(key)
    paused = Destination.objects.filter(key=key, paused=False).update(
        paused=True,
        paused_by=by,
        paused_by_person=by is not None,
        note=note,
        told=None,
        changed=timezone.now(),
    )
    if paused:
        level = logging.WARNING if by is None else logging.INFO
        _tell(key, "paused", "is paused", note, level)
    return bool(paused)


def resume(key: str) -> None:
    """Let deliveries go there again, at once."""
    Destination.objects.filter(key=key).update(
        paused=False,
        paused_by=None,
        paused_by_person=False,
        retry_at=None,
        note="",
        changed=timezone.now(),
    )
    _tell(key, "open", "is open again, as a person wants it")


def _tell(
    key: str, outcome: str, said: str, note: str = "", level: int = logging.INFO
) -> None:
    """Log that the state of a destination has changed, and why."""
    logger.log(
        level,
        "%s %s.%s",
        *(conf.display_name(key), said, f" {' '.join(note.split())}".rstrip()),
        extra=fields(Action.DESTINATION, destination=key, outcome=outcome),
    )
