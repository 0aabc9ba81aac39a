"""Door for Celery, which looks for tasks here."""

from tom_share_worker.delivery.tasks import plan, send, sweep

__all__ = ["plan", "send", "sweep"]
