"""Hints: Celery messages that say "look at this row", published without waiting.

A hint is never the truth; lost, doubled or late it changes nothing but time. So it
goes out from a background thread: no request, `save()` or transaction ever waits for
the broker, dead or frozen. What that thread cannot publish, the sweep makes good.
"""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
from typing import Any

from celery import current_app

from tom_share_worker import presence
from tom_share_worker.models.logged import Action, fields

logger = logging.getLogger(__name__)

PLAN = "tom_share_worker.plan"
SEND = "tom_share_worker.send"
TEST = "tom_share_worker.test_connection"
INGEST = "tom_share_worker.ingest"
BULK = "tom_share_worker.bulk"
MAIL = "tom_share_worker.mail"

QUEUE = presence.DELIVERY_QUEUE
INGEST_QUEUE = presence.INGEST_QUEUE

BACKLOG = 10_000
"""Hints kept while the broker is slow; more would only repeat what the rows say."""

FAREWELL = 1.0
"""Seconds a process that ends (a management command) waits for its last hints."""


def plan(share_pk: int) -> None:
    """Ask a worker to plan a share."""
    _publisher().put(PLAN, share_pk)


def send(delivery_pk: int) -> None:
    """Ask a worker to send a delivery."""
    _publisher().put(SEND, delivery_pk)


def test_connection(test_pk: int) -> None:
    """Ask a worker to test a connection."""
    _publisher().put(TEST, test_pk)


def ingest(job_pk: int) -> None:
    """Ask a worker to process an incoming data product."""
    _publisher().put(INGEST, job_pk, INGEST_QUEUE)


def bulk(action_pk: int) -> None:
    """Ask a worker to go through the rows of a bulk action."""
    _publisher().put(BULK, action_pk)


def mail(mail_pk: int) -> None:
    """Ask a worker to send an e-mail."""
    _publisher().put(MAIL, mail_pk)


def flush(seconds: float) -> None:
    """Wait until all hints of this process are out, but no longer than this."""
    _publisher().flush(seconds)


class _Publisher:
    """The thread that publishes, one per process, started with the first hint."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._waiting: queue.Queue[tuple[str, int, str]] = queue.Queue(BACKLOG)
        self._broken = False
        threading.Thread(target=self._run, name="share-hints", daemon=True).start()

    def put(self, task: str, pk: int, to: str = QUEUE) -> None:
        try:
            self._waiting.put_nowait((task, pk, to))
        except queue.Full:
            logger.warning(
                "The broker is too slow; the sweep will find row %s.",
                pk,
                extra=fields(Action.BROKER),
            )

    def flush(self, seconds: float) -> None:
        """Wait until everything is published, but no longer than this."""
        done = threading.Thread(target=self._waiting.join, daemon=True)
        done.start()
        done.join(seconds)

    def _run(self) -> None:
        while True:
            task, pk, to = self._waiting.get()
            try:
                current_app.send_task(task, args=[pk], queue=to, retry=False)
                self._broken = False
            except Exception as error:  # noqa: BLE001  (any broker fault is one fault)
                self._say_once(error)
            finally:
                self._waiting.task_done()

    def _say_once(self, error: Any) -> None:
        """Log the first failure of a row of them; the rows lose nothing."""
        if not self._broken:
            self._broken = True
            logger.warning(
                "The message broker cannot be reached (%s). Work waits as rows and is "
                "done when a worker sweeps.",
                type(error).__name__,
                extra=fields(Action.BROKER),
            )


_current: _Publisher | None = None
_lock = threading.Lock()


def _publisher() -> _Publisher:
    """Return this process's publisher; a forked child starts its own."""
    global _current
    with _lock:
        if _current is None or _current.pid != os.getpid():
            _current = _Publisher()
        return _current


@atexit.register
def _say_goodbye() -> None:
    if _current is not None and _current.pid == os.getpid():
        _current.flush(FAREWELL)
