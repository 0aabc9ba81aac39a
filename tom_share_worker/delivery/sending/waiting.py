"""When to look again at a file that the other TOM has received and still processes.

Asked by the sender. How long it takes already is read from the attempts, so that a
delivery which waits needs no column for it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Max, Min
from django.utils import timezone

from tom_share_worker.models import Attempt, Delivery

_MINUTE, _HOUR = 60.0, 3600.0

WAITS = (
    (10.0, 2.0),
    (30.0, 5.0),
    (3 * _MINUTE, 15.0),
    (20 * _MINUTE, 60.0),
    (6 * _HOUR, 5 * _MINUTE),
)
"""Up to which age how long to wait; each look is an attempt that people see."""

LONGEST_WAIT = 30 * _MINUTE

GIVE_UP_AFTER = 72 * _HOUR
"""Seconds of waiting after which nobody looks any more. The other TOM has the file, and
whoever runs it sees there that no worker processes it."""

GIVEN_UP = (
    "It had not done so after three days, so nobody here waits for it any longer: ask "
    "the people of that TOM whether their worker runs."
)


def change(delivery: Delivery) -> dict[str, Any] | None:
    """Return the columns of a delivery that waits on; None if it has waited enough."""
    age = _age(delivery)
    if age >= GIVE_UP_AFTER:
        return None
    return {
        "status": Delivery.Status.QUEUED,
        "failure": "",
        "next_attempt_at": timezone.now() + timedelta(seconds=wait(age)),
    }


def wait(age: float) -> float:
    """Return the seconds to the next look at what takes so long already."""
    return next((wait for until, wait in WAITS if age < until), LONGEST_WAIT)


def _age(delivery: Delivery) -> float:
    """Return the seconds since the other TOM was first found to have it unfinished."""
    outcome = Attempt.Outcome
    ends = delivery.attempts.filter(
        outcome__in=[outcome.DELIVERED, outcome.FAILED, outcome.CANCELLED]
    )
    last_end = ends.aggregate(n=Max("number"))["n"] or 0
    looks = delivery.attempts.filter(outcome=outcome.RECEIVED, number__gt=last_end)
    first = looks.aggregate(t=Min("ended"))["t"]
    return 0.0 if first is None else (timezone.now() - first).total_seconds()
