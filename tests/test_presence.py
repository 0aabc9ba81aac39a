"""Who counts as a worker: whoever hears the hints, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from celery import Celery
from celery.signals import worker_ready, worker_shutdown

from tests.support.waiting import wait_until
from tom_share_worker import presence
from tom_share_worker.models import Worker
from tom_share_worker.status import notices

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(eq=False)
class Consumer:
    """What of Celery's consumer tells whether a worker hears hints."""

    hostname: str
    connection: Any
    app: Celery


def consumer(queues: str, connection: Any = "connected") -> Any:
    """Return a worker as Celery hands it to the signal, with a real app's queues."""
    app = Celery("mytom", set_as_current=False)
    app.amqp.queues.select(queues.split(","))
    return Consumer(f"w@{queues}", connection, app)


@pytest.fixture(autouse=True)
def _own_end() -> Iterator[None]:
    presence.connect()
    yield
    worker_shutdown.send(sender=None)
    presence._ended.clear()


def test_a_worker_that_hears_hints_is_seen() -> None:
    worker_ready.send(sender=consumer("delivery"))

    wait_until(lambda: Worker.objects.exists(), 5, "a sign of life")
    assert notices.worker_note() == ""


@pytest.mark.parametrize(
    "deaf", [consumer("celery"), consumer("delivery", connection=None)]
)
def test_a_worker_that_hears_no_hints_is_not_seen(deaf: Any) -> None:
    worker_ready.send(sender=deaf)
    worker_ready.send(sender=consumer("ingest,delivery"))

    wait_until(lambda: Worker.objects.exists(), 5, "a sign of the other one")
    assert [worker.name for worker in Worker.objects.all()] == ["w@ingest,delivery"]
