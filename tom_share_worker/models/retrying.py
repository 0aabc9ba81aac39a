"""What a person may retry: asked by the verbs, the pages and the API alike.

As a condition for queries, and as functions of the columns, which pages have counted
for thousands of deliveries without loading them.
"""

from __future__ import annotations

from django.db.models import Q

from tom_share_worker.models.delivery import Delivery

Status = Delivery.Status

RETRYABLE = Q(status__in=[Status.FAILED, Status.CANCELLED]) | Q(
    status=Status.DELIVERED, refused_count__gt=0
)
"""What a person may send again: all that did not arrive, wholly or in part."""


def has_failed(status: str, refused: int) -> bool:
    """True if something of it did not arrive, for a cause that can be told."""
    return status == Status.FAILED or (status == Status.DELIVERED and refused > 0)


def needs_retry(
    status: str, failure: str, refused: int, *, refuses_us: bool = False
) -> bool:
    """True if a person has a reason to press Retry.

    For what may be sent again, and for what waits after a failed attempt. What waits
    for its first attempt could be retried as well, but needs no help, unless its
    destination is paused as it `refuses_us`: a Retry opens it.
    """
    if status == Status.QUEUED:
        return refuses_us or failure != ""
    return status == Status.CANCELLED or has_failed(status, refused)
