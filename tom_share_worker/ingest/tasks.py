"""The Celery task: it takes a row's id, looks at the row, and does what it says.

Named by `hints`; found by Celery through `tom_share_worker.tasks`.
"""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task

from tom_share_worker import hints
from tom_share_worker.ingest.jobs import runner


@shared_task(name=hints.INGEST, queue=hints.INGEST_QUEUE, bind=True)
def ingest(self: Task[Any, Any], job_pk: int) -> str:
    """Process an incoming data product."""
    request = self.request
    return runner.run(job_pk, worker=request.hostname or "", task_id=request.id or "")
