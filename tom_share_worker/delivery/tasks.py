"""The Celery tasks: each takes a row's id, looks at the row, and does what it says.

Named by `hints`; found by Celery through `tom_share_worker.tasks`.
"""

from __future__ import annotations

import logging
from typing import Any

from celery import Task, shared_task
from django.utils import timezone

from tom_share_worker import hints
from tom_share_worker.delivery import sweep as sweeping
from tom_share_worker.delivery.planning import planner
from tom_share_worker.delivery.sending import connection, sender
from tom_share_worker.models.logged import Action, fields, seconds

logger = logging.getLogger(__name__)


@shared_task(name=hints.PLAN, queue=hints.QUEUE, bind=True)
def plan(self: Task[Any, Any], share_pk: int) -> str:
    """Turn a share into deliveries."""
    begun = timezone.now()
    said = "Share %s could not be prepared; it is tried again."
    level, outcome = logging.WARNING, "failed"
    try:
        done = planner.plan(share_pk, task_id=self.request.id or "")
        said, level, outcome = f"Share %s: {done}", logging.INFO, "done"
    finally:
        took = seconds(begun)
        about = fields(Action.PLAN, share=share_pk, outcome=outcome, duration=took)
        logger.log(level, said, share_pk, extra=about)
    return done


@shared_task(name=hints.SEND, queue=hints.QUEUE, bind=True)
def send(self: Task[Any, Any], delivery_pk: int) -> str:
    """Try a delivery."""
    request = self.request
    return sender.send(
        delivery_pk, worker=request.hostname or "", task_id=request.id or ""
    )


@shared_task(name=hints.TEST, queue=hints.QUEUE)
def test_connection(test_pk: int) -> str:
    """Test a connection."""
    return connection.make(test_pk)


@shared_task(
    name="tom_share_worker.gather", queue=hints.QUEUE, ignore_result=True, expires=5
)
def gather() -> None:
    """Share what was saved, follow files; each second, where Celery beat runs."""
    sweeping.glance()
