"""Bulk actions: one verb for all rows that match a filter, in the background."""

from __future__ import annotations

from tom_share_worker import hints
from tom_share_worker.models import BulkAction


def run(action_pk: int) -> str:
    """Go through the rows of a bulk action."""
    raise NotImplementedError


def hint_waiting() -> None:
    """Ask for what waits."""
    waiting = BulkAction.objects.exclude(status__in=BulkAction.ENDED)
    for pk in waiting.values_list("pk", flat=True):
        hints.bulk(pk)
