"""A worker's signs of life, and the word that it should stop.

Connected to Celery's signals when the app is ready; a worker signs its `Worker` row as
long as it runs, so that pages can say when nobody is there to send.
"""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import Any

from celery.signals import worker_ready, worker_shutdown, worker_shutting_down
from django.db import DatabaseError, connection
from django.utils import timezone

from tom_share_worker import conf
from tom_share_worker.models import Worker
from tom_share_worker.models.logged import Action, fields

logger = logging.getLogger(__name__)

DELIVERY_QUEUE = "delivery"
"""Where hints at deliveries travel; who does not listen there sends nothing."""

INGEST_QUEUE = "ingest"
"""Where hints at ingest jobs travel; who does not listen there processes nothing."""

FAREWELL = 5.0
"""Seconds a worker that ends waits for a sign under way to be written."""

FORGET_AFTER = timedelta(days=7)
"""Workers not seen for so long are dropped from the list."""

stopping = threading.Event()
"""Set when this process was asked to stop: work under way ends at its next pause."""

_ended = threading.Event()
_signing: list[threading.Thread] = []


def connect() -> None:
    """Listen to the worker's beginning and end; does nothing in other processes."""
    worker_ready.connect(_begin, dispatch_uid="tom_share_worker")
    worker_shutting_down.connect(_stop, dispatch_uid="tom_share_worker")
    worker_shutdown.connect(_end, dispatch_uid="tom_share_worker")


def _begin(sender: Any, **_: Any) -> None:
    signing = threading.Thread(
        target=_keep_signing, args=[sender], name="share-presence", daemon=True
    )
    signing.start()
    _signing.append(signing)


def _stop(**_: Any) -> None:
    stopping.set()


def _end(**_: Any) -> None:
    _ended.set()
    while _signing:
        _signing.pop().join(FAREWELL)


def _queues(consumer: Any) -> dict[str, bool]:
    """Return as columns which of our queues a worker hears; none if it hears none."""
    heard = consumer.app.amqp.queues.consume_from
    columns = {"delivers": DELIVERY_QUEUE in heard, "ingests": INGEST_QUEUE in heard}
    return columns if any(columns.values()) else {}


def _keep_signing(consumer: Any) -> None:
    started = timezone.now()
    while not _ended.is_set():
        try:
            now = timezone.now()
            # Celery drops the connection while the broker is away: no hint arrives
            # then, and a worker that hears none is none, as far as people can tell.
            if consumer.connection is not None and (heard := _queues(consumer)):
                Worker.objects.update_or_create(
                    name=consumer.hostname,
                    defaults={"seen": now, "started": started, **heard},
                )
            Worker.objects.filter(seen__lt=now - FORGET_AFTER).delete()
        except DatabaseError:
            logger.warning(
                "This worker could not sign; trying again.",
                exc_info=True,
                extra=fields(Action.SIGN),
            )
        finally:
            connection.close()
        # By default four signs fit into the time until it counts as gone.
        _ended.wait(conf.settings().LEASE / 2)
