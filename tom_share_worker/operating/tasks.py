"""The Celery tasks of this room; found by Celery through `tom_share_worker.tasks`."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task

from tom_share_worker import hints
from tom_share_worker.operating import bulk as bulk_actions
from tom_share_worker.operating.mail import sending


@shared_task(name=hints.BULK, queue=hints.QUEUE, bind=True)
def bulk(self: Task[Any, Any], action_pk: int) -> str:
    """Go through the rows of a bulk action."""
    return bulk_actions.run(action_pk, task_id=self.request.id or "")


@shared_task(name=hints.MAIL, queue=hints.QUEUE)
def mail(mail_pk: int) -> str:
    """Send an e-mail about what failed."""
    return sending.run(mail_pk)
