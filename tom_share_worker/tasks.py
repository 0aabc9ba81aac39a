"""Door for Celery, which looks for tasks here."""

from tom_share_worker.delivery.tasks import gather, plan, send, sweep, test_connection

__all__ = ["gather", "plan", "send", "sweep", "test_connection"]
