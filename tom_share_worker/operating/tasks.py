"""The Celery task of this room; found by Celery through `tom_share_worker.tasks`."""

from __future__ import annotations

from celery import shared_task

from tom_share_worker import hints
from tom_share_worker.operating import bulk as bulk_actions


@shared_task(name=hints.BULK, queue=hints.QUEUE)
def bulk(action_pk: int) -> str:
    """Go through the rows of a bulk action."""
    return bulk_actions.run(action_pk)
