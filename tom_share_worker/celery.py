"""Door for Celery: the app of a TOM that has none of its own.

`apps` imports this only where no other Celery app stands; a TOM with its own keeps it,
and adds the sweep to its beat schedule (`docs/settings.md` has the lines).
"""

from __future__ import annotations

from typing import Any

from celery import Celery

from tom_share_worker import broker, conf


def configuration() -> dict[str, Any]:
    """Return what Celery must know; times are in seconds."""
    own = conf.settings()
    # Without a broker set, the private one; where that does not run, publishing
    # fails at once and the rows wait.
    address = conf.broker_url() or broker.private_url()
    return {
        # All three, or else a CELERY_BROKER_URL of the environment would win.
        "broker_url": address,
        "broker_read_url": address,
        "broker_write_url": address,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            # A frozen Redis must not hold a publisher for ever.
            "socket_timeout": 10.0,
            "socket_connect_timeout": 3.0,
            "socket_keepalive": True,
            # A hint that was not acknowledged is worth nothing an hour later.
            "visibility_timeout": 3600,
        },
        "result_backend": "django-db",
        "result_extended": True,
        "result_expires": 7 * 24 * 3600,
        "task_default_queue": "delivery",
        "task_ignore_result": False,
        "task_send_sent_event": False,
        # One hint at a time and thread: what waits stays visible to other workers.
        "worker_prefetch_multiplier": 1,
        # Said only to keep Celery from a page of warning whenever the broker is lost;
        # hints are acknowledged before they run, so nothing is cancelled.
        "worker_cancel_long_running_tasks_on_connection_loss": True,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "beat_schedule": {
            "tom_share_worker.sweep": {
                "task": "tom_share_worker.sweep",
                "schedule": own.SWEEP_INTERVAL,
            },
            "tom_share_worker.gather": {
                "task": "tom_share_worker.gather",
                "schedule": 1.0,
            },
        },
        "timezone": "UTC",
        "enable_utc": True,
    }


class ShareCelery(Celery):
    """Reads the settings when Celery first needs them, not when Django starts.

    A wrong one must reach `manage.py check` as a message, not end it with a traceback.
    """

    def on_configure(self) -> None:  # type: ignore[override]  # a method or a signal
        self.config_from_object(configuration())


app = ShareCelery(broker.OUR_APP, set_as_current=True)
app.set_default()
app.autodiscover_tasks(["tom_share_worker"])
