"""The TOM under test, as its web process sees it: rows here, workers elsewhere.

Its database is that of the running test, shared with worker processes by address; what
else they need to know goes to them in the environment.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.db import connection

from tests.support.processes import MANAGE, ROOT, Process, manage
from tests.support.remote_tom import RemoteTom
from tests.support.waiting import wait_until
from tom_share_worker.models import Attempt, Delivery, IngestJob, Share, Worker

QUICK: dict[str, Any] = {
    "CONCURRENCY": 8,
    "CONNECT_TIMEOUT": 1,
    "READ_TIMEOUT": 1.5,
    "TOTAL_TIMEOUT": 2.5,
    "UPLOAD_TIMEOUT": 5,
    "LEASE": 3,
    "SWEEP_INTERVAL": 0.5,
    "RETRY_SCHEDULE": [0.5] * 100,
    "RETRY_JITTER": 0,
    "BACKOFF_LIMIT": 0.5,
}
"""The settings of a TOM in a hurry: what takes minutes in life takes seconds here."""

WAIT = 30.0
"""Seconds for something to happen that takes a few of them, on a busy machine."""


def database_url() -> str:
    """Return the address of the test's database, as the demo settings take it."""
    known = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite://{quote(str(known['NAME']))}"
    return f"postgresql://{known['USER']}@/{known['NAME']}?host={known['HOST']}"


class Tom:
    """A TOM with the app, its settings, and the workers that a test gives it."""

    def __init__(self, directory: Path, settings: Any, broker_url: str) -> None:
        self.directory = directory
        self.broker_url = broker_url
        self.workers: list[Process] = []
        self.processors: dict[str, str] = {}
        self.log_level = "INFO"
        self._settings = settings
        settings.TOM_SHARE_WORKER = dict(QUICK)
        settings.DATA_SHARING = {}

    def knows(self, **remotes: RemoteTom | dict[str, Any]) -> None:
        """Put destinations into DATA_SHARING; before the workers start."""
        self._settings.DATA_SHARING = {
            key: remote.entry(DISPLAY_NAME=f"{key.title()} TOM")
            if isinstance(remote, RemoteTom)
            else remote
            for key, remote in remotes.items()
        }

    def hurry(self, **changes: Any) -> None:
        """Change settings of the app; before the workers start."""
        self._settings.TOM_SHARE_WORKER = self._settings.TOM_SHARE_WORKER | changes

    @property
    def environment(self) -> dict[str, str]:
        """Return what a process of this TOM needs to know."""
        return {
            "DATABASE_URL": database_url(),
            "TOM_DATA_DIR": str(self.directory),
            "TOM_DATA_SHARING": json.dumps(self._settings.DATA_SHARING),
            "TOM_SHARE_WORKER": json.dumps(self._settings.TOM_SHARE_WORKER),
            "TOM_DATA_PROCESSORS": json.dumps(self.processors),
            "PYTHONPATH": str(ROOT),  # where processors of the tests are
            "TOM_NAME": "Survey TOM",
            "TOM_LOG_LEVEL": self.log_level,
            "REDIS_URL": self.broker_url,
        }

    def start_worker(self, *, ready: bool = True, checks: bool = False) -> Process:
        """Start a worker; wait until it has begun to work.

        Mostly without the system checks, which take half of its start and are the
        same each time.
        """
        options = [] if checks else ["--skip-checks"]
        command = manage("share_worker", *options)
        worker = Process("share_worker", command, self.environment, self.directory)
        self.workers.append(worker)
        if ready:
            self.await_ready(worker)
        return worker

    def start_celery(self, name: str, *arguments: str) -> Process:
        """Start a program of Celery itself, in place of `share_worker`."""
        command = [sys.executable, "-m", "celery", "-A", "tom_share_worker", *arguments]
        path = os.pathsep.join([str(MANAGE.parent), str(ROOT)])
        env = {"DJANGO_SETTINGS_MODULE": "demo_tom.settings", "PYTHONPATH": path}
        process = Process(name, command, self.environment | env, self.directory)
        self.workers.append(process)
        return process

    def await_ready(self, worker: Process) -> None:
        """Wait until a worker has signed its row."""
        name = f"share_worker.{worker.popen.pid}@"

        def signed() -> bool:
            assert worker.alive, worker.tell()
            return Worker.objects.filter(name__startswith=name).exists()

        wait_until(signed, WAIT, "the worker to begin", worker.tell)

    def close(self) -> None:
        """Kill the workers that still run."""
        for worker in self.workers:
            worker.kill()

    def tell(self) -> str:
        """Return how everything stands, for a failure."""
        lines = [
            f"{share.pk} {share}: {share.status}, planned={share.planned}, {share.note}"
            for share in Share.objects.all()[:5]
        ]
        lines += [
            f"  {row.pk} {row}: {row.status} attempts={row.attempt_count} "
            f"lost={row.lost_count} hinted={row.hinted_at} lease={row.lease_until} "
            f"next={row.next_attempt_at} {row.note}"
            for row in Delivery.objects.exclude(status="delivered")[:12]
        ]
        lines += [
            f"    {row.delivery_id}/{row.number} {row.outcome}: {row.note}"
            for row in Attempt.objects.order_by("-pk")[:12]
        ]
        lines += [
            f"  {job.pk} {job}: {job.status} attempts={job.attempt_count} "
            f"lost={job.lost_count} hinted={job.hinted_at} lease={job.lease_until} "
            f"next={job.next_attempt_at} {job.note}"
            for job in IngestJob.objects.exclude(status="done")[:12]
        ]
        return "\n".join([*lines, *(worker.tell() for worker in self.workers)])

    def await_status(self, share: Share, status: str, seconds: float = WAIT) -> None:
        """Wait until a share has this status."""
        wait_until(
            lambda: Share.objects.filter(pk=share.pk, status=status).exists(),
            seconds,
            f"'{share}' to be {status}",
            self.tell,
        )

    def await_delivered(self, share: Share, seconds: float = WAIT) -> None:
        """Wait until all of a share has arrived."""
        self.await_status(share, Share.Status.DELIVERED, seconds)


def attempts_of(share: Share) -> list[Attempt]:
    """Return all attempts at a share's deliveries, in the order they were made."""
    return list(Attempt.objects.filter(delivery__share=share).order_by("pk"))


def assert_each_attempt_is_on_record(share: Share) -> None:
    """Check that every attempt has a beginning, an end, an outcome and words."""
    found = attempts_of(share)
    assert found
    for attempt in found:
        assert attempt.started is not None
        assert attempt.ended is not None, attempt
        assert attempt.outcome, attempt
        assert attempt.note, attempt
    for row in share.deliveries.all():
        numbers = [attempt.number for attempt in row.attempts.all()]
        assert numbers == list(range(1, len(numbers) + 1))
