"""Door for Celery, which looks for tasks here; the sweep is of all rooms."""

import time

from celery import shared_task

from tom_share_worker import hints
from tom_share_worker.delivery import sweep as delivery_sweep
from tom_share_worker.delivery.tasks import gather, plan, send, test_connection
from tom_share_worker.ingest import sweep as ingest_sweep
from tom_share_worker.ingest.tasks import ingest
from tom_share_worker.operating import routines
from tom_share_worker.operating import sweep as operating_sweep
from tom_share_worker.operating.tasks import bulk, mail

__all__ = [
    "bulk",
    "gather",
    "ingest",
    "mail",
    "plan",
    "send",
    "sweep",
    "test_connection",
]


@shared_task(
    name="tom_share_worker.sweep", queue=hints.QUEUE, ignore_result=True, expires=60
)
def sweep() -> None:
    """Find what the hints missed; for TOMs that run Celery beat."""
    begun = time.monotonic()
    try:
        delivery_sweep.sweep()
    finally:  # what fails one must not keep the others waiting
        try:
            ingest_sweep.sweep()
        finally:
            operating_sweep.sweep()
    routines.swept(begun)
