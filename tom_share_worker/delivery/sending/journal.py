"""What is said of an attempt that has ended: its outcome in a word, and in the log.

Called by the sender.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from tom_share_worker import conf
from tom_share_worker.delivery.outcomes import (
    Blocked,
    Delivered,
    Interrupted,
    Outcome,
    Received,
    Refused,
    TryAgain,
)
from tom_share_worker.models import Attempt, Delivery
from tom_share_worker.models.logged import Action, fields, seconds

logger = logging.getLogger(__name__)

_WORDS: list[tuple[type, str]] = [
    (Delivered, Attempt.Outcome.DELIVERED),
    (Refused, Attempt.Outcome.FAILED),
    (TryAgain, Attempt.Outcome.TRY_AGAIN),
    (Blocked, Attempt.Outcome.WAITING),
    (Received, Attempt.Outcome.RECEIVED),
    (Interrupted, Attempt.Outcome.STOPPED),
]


def word(outcome: Outcome, change: Mapping[str, Any]) -> str:
    """Return the outcome of an attempt that changes its delivery so."""
    if change["status"] == Delivery.Status.FAILED:
        return Attempt.Outcome.FAILED
    if change["status"] == Delivery.Status.DELIVERED:
        return Attempt.Outcome.DELIVERED
    return next(word for kind, word in _WORDS if isinstance(outcome, kind))


def tell(delivery: Delivery, attempt: Attempt, ended: str, outcome: Outcome) -> None:
    """Log that an attempt has ended; what failed for good is a warning."""
    failure = getattr(outcome, "failure", "")
    duration = seconds(attempt.started)
    known = fields(
        *(Action.ATTEMPT, delivery, attempt),
        outcome=ended,
        failure=failure,
        duration=duration,
    )
    said = f"{ended} ({failure})" if failure else ended
    logger.log(
        logging.WARNING if ended == Attempt.Outcome.FAILED else logging.INFO,
        "Attempt %s at delivery %s to %s: %s, after %.2f s.",
        *(attempt.number, delivery.pk, conf.display_name(delivery.destination)),
        *(said, duration or 0),
        extra=known,
    )
