"""Takes up one ingest job: claim, process of its own, record; on one screen.

Called by the task with the id that a hint named. What the process could not write
itself, because it is gone, is written here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError, connection

from tom_share_worker import conf, leases, presence
from tom_share_worker.ingest.jobs import claims, dispatch, isolation, reasons
from tom_share_worker.ingest.jobs.isolation import Ending
from tom_share_worker.models import IngestFailure, IngestJob
from tom_share_worker.models.logged import Action, fields, seconds

logger = logging.getLogger(__name__)

FAILED = IngestJob.Status.FAILED

_running = 0
_lock = threading.Lock()


def run(job_pk: int, worker: str = "", task_id: str = "") -> str:
    """Process a job, if it is to be had; say in words what came of it."""
    if presence.stopping.is_set():
        _use_up_hint(job_pk)
        return "Nothing done: this worker is about to stop."
    with _place() as free:
        if not free:
            _use_up_hint(job_pk)
            return (
                "Nothing done: this worker processes as many files as it may "
                "(INGEST_CONCURRENCY); this one is next when another has ended."
            )
        token = claims.claim(job_pk, worker, task_id)
        if token is None:
            return "Nothing to do: not due, or taken by another worker."
        said = _process(job_pk, token)
    dispatch.dispatch()
    return said


def _use_up_hint(job_pk: int) -> None:
    """Let whoever looks next hint anew."""
    IngestJob.objects.filter(pk=job_pk).update(hinted_at=None)


@contextmanager
def _place() -> Iterator[bool]:
    """Take one of the places of this worker process; False where all are taken."""
    global _running
    with _lock:
        free = _running < conf.settings().INGEST_CONCURRENCY
        _running += free
    try:
        yield free
    finally:
        with _lock:
            _running -= free


def _process(job_pk: int, token: str) -> str:
    """Let a process of its own do it, and write what that could not."""
    with leases.kept(IngestJob, token):
        ending = isolation.run(job_pk, token, lambda: _is_ours(job_pk, token))
        if ending is not Ending.RECORDED:
            logger.info(
                "Ingest job %s: %s.",
                *(job_pk, ending.value),
                extra=fields(Action.INGEST, ingest_job=job_pk, outcome=ending.value),
            )
        _insist(lambda: _record(job_pk, token, ending))
    job = IngestJob.objects.filter(pk=job_pk).first()
    if job is not None:
        _tell(job)
    return _said(job) if job else "The job is gone."


def _said(job: IngestJob) -> str:
    """Say how it stands where Celery keeps and logs it: without the note of a failure,
    which may tell of the file to people who may not view its target.
    """
    said = job.note if job.status == IngestJob.Status.DONE else job.failure
    return ": ".join(filter(None, (str(job.get_status_display()), said)))


def _tell(job: IngestJob) -> None:
    """Log how a job has ended, or that it waits again."""
    failed = job.status == IngestJob.Status.FAILED
    logger.log(
        logging.WARNING if failed else logging.INFO,
        "Ingest job %s: %s.",
        *(job.pk, f"{job.status} ({job.failure})" if job.failure else job.status),
        extra=fields(
            *(Action.INGEST, job),
            outcome=job.status,
            failure=job.failure,
            duration=seconds(job.started),
        ),
    )


def _is_ours(job_pk: int, token: str) -> bool:
    try:
        return claims.ours(job_pk, token).exists()
    except (OperationalError, InterfaceError):
        # A database that is being restarted takes no job away.
        connection.close()
        return True


def _insist(act: Callable[[], None]) -> None:
    """Write to the database, once more a second later where that failed."""
    try:
        act()
    except (OperationalError, InterfaceError):
        connection.close()
        time.sleep(1)
        act()


def _record(job_pk: int, token: str, ending: Ending) -> None:
    """Move the row on, unless the process or a person has; each ending leads to one."""
    job = claims.ours(job_pk, token).first()
    if job is None:
        return
    limits = conf.settings()
    match ending:
        case Ending.DATABASE:
            claims.postpone(job, token)
        case Ending.STOPPED:
            claims.hand_back(job_pk, token)
        case Ending.TIME:
            note = f"Reading it took longer than {_duration(limits.INGEST_TIME_LIMIT)}."
            claims.end(job_pk, token, FAILED, note, failure=IngestFailure.TIME_LIMIT)
        case Ending.MEMORY:
            note = reasons.memory_note(limits.INGEST_MEMORY_LIMIT)
            claims.end(job_pk, token, FAILED, note, failure=IngestFailure.MEMORY_LIMIT)
        case _:
            claims.lose(job, token)


def _duration(seconds: float) -> str:
    if seconds >= 120 and seconds % 60 == 0:
        return f"{seconds / 60:g} minutes"
    return "1 second" if seconds == 1 else f"{seconds:g} seconds"
