"""The right of one worker to one ingest job, and every way a claimed row moves on.

Each is a conditional UPDATE whose count is checked; `leases` keeps the claim. Only
"done" is written elsewhere, by `processing`, together with the data.
"""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from tom_share_worker import leases
from tom_share_worker.ingest.jobs import dispatch
from tom_share_worker.models import IngestFailure, IngestJob
from tom_share_worker.models.logged import Action, fields

logger = logging.getLogger(__name__)

LOST_PAUSES = (timedelta(seconds=3), timedelta(minutes=1))
"""Waits after a lost process, the first and the second one: a machine whose memory is
full gets time to come round. Shorter: such a minute sets aside all that comes in it;
longer: people wait longer to hear that a file breaks down whatever reads it."""

LOST_LIMIT = len(LOST_PAUSES) + 1
"""A file whose process was lost so often is set aside instead of killing on."""

TRIES = 10
"""How often a job is taken up while database or storage fail it, before people must
look. With pauses of two seconds, four, eight and so on that is a quarter of an hour."""

DATABASE_FAILED = "This TOM's database failed in the middle of this"

NO_CLAIM: dict[str, Any] = {"claim": "", "lease_until": None, "hinted_at": None}
"""The columns of a job that nobody has."""


def claim(job_pk: int, worker: str = "", task_id: str = "") -> str | None:
    """Take a job that is due; return the token, or None where nothing is to be had."""
    now = timezone.now()
    token = uuid.uuid4().hex
    taken = (
        dispatch.due(now)
        .filter(pk=job_pk)
        .update(
            status=IngestJob.Status.RUNNING,
            claim=token,
            hinted_at=None,
            lease_until=leases.end(now),
            started=now,
            attempt_count=F("attempt_count") + 1,
            worker=worker[:200],
            task_id=task_id[:255],
        )
    )
    # Nothing updated: another worker took it first, or it is no longer due.
    return token if taken == 1 else None


def ours(job_pk: int, token: str) -> QuerySet[IngestJob]:
    """Return the row of a claim, or nothing once the claim is gone."""
    return IngestJob.objects.filter(
        pk=job_pk, claim=token, status=IngestJob.Status.RUNNING
    )


def end(
    job_pk: int,
    token: str,
    status: IngestJob.Status,
    note: str,
    *,
    failure: IngestFailure | None = None,
    traceback: str = "",
) -> bool:
    """End a job; False if the claim was gone, so that nothing was written."""
    columns = {"status": status, "note": note, "traceback": traceback}
    return (
        ours(job_pk, token).update(
            failure=failure or "", ended=timezone.now(), **NO_CLAIM, **columns
        )
        == 1
    )


def hand_back(job_pk: int, token: str) -> bool:
    """Return a job to its place in the queue because its worker stops.

    It counts as not begun.
    """
    return (
        ours(job_pk, token).update(
            attempt_count=F("attempt_count") - 1,
            note="The worker was stopped in the middle; another one goes on.",
            **_queued(),
        )
        == 1
    )


def postpone(
    job: IngestJob, token: str, trouble: str = DATABASE_FAILED, traceback: str = ""
) -> bool:
    """Try a job later that met trouble which passes; give up after many tries.

    `trouble` says what failed: the beginning of a sentence.
    """
    if job.attempt_count >= TRIES:
        note = (
            f"{trouble}, at the last of {TRIES} tries, too. Press Reprocess when it "
            f"works again."
        )
        return end(
            *(job.pk, token, IngestJob.Status.FAILED, note),
            failure=IngestFailure.OUR_FAULT,
            traceback=traceback,
        )
    later = timezone.now() + timedelta(seconds=2**job.attempt_count)
    note = f"{trouble}; it is tried again soon after {_clock(later)}."
    columns = _queued(later) | {"note": note, "traceback": traceback}
    return ours(job.pk, token).update(**columns) == 1


def lose(
    job: IngestJob, token: str, *, worker: bool = False, when: Q | None = None
) -> bool:
    """Count a lost process: back to the queue after a pause, or set aside after three.

    One that was lost with its worker waited for its lease to lapse already: the first
    time it gets its place in the queue again, before what came later, and then a short
    pause. `when` narrows what the row must be by now for it.
    """
    if job.lost_count + 1 >= LOST_LIMIT:
        note, columns = _set_aside()
    else:
        note, columns = _read_again(_pause(job.lost_count, worker))
    row = ours(job.pk, token).filter(when or Q(), lost_count=job.lost_count)
    moved = row.update(lost_count=F("lost_count") + 1, note=note, **columns) == 1
    if moved:
        logger.warning(
            "Ingest job %s: %s",
            *(job.pk, note),
            extra=fields(Action.INGEST, job, failure=columns.get("failure")),
        )
    return moved


def _pause(lost_before: int, worker: bool) -> timedelta | None:
    if worker:
        return LOST_PAUSES[0] if lost_before else None
    return LOST_PAUSES[lost_before]


def _read_again(pause: timedelta | None) -> tuple[str, dict[str, Any]]:
    """Return note and columns of a job that is read again, after a pause if any."""
    note = "The process that read the file was lost in the middle; it is read again"
    if pause is None:
        return f"{note}.", _queued()
    then = timezone.now() + pause
    return f"{note} soon after {_clock(then)}.", _queued(then)


def _set_aside() -> tuple[str, dict[str, Any]]:
    """Return note and columns of a job that lost its process once too often."""
    note = (
        f"The process that read the file was lost {LOST_LIMIT} times in the middle of "
        f"it, so the file was set aside."
    )
    return note, {
        "status": IngestJob.Status.FAILED,
        "failure": IngestFailure.WORKER_LOST,
        "ended": timezone.now(),
        "traceback": "",
        **NO_CLAIM,
    }


def _clock(time: datetime) -> str:
    return f"{time:%H:%M:%S} UTC"


def _queued(when: datetime | None = None) -> dict[str, Any]:
    """Return the columns of a job that waits, until then or where it waited before."""
    columns = {"status": IngestJob.Status.QUEUED, "traceback": "", **NO_CLAIM}
    return columns if when is None else columns | {"next_attempt_at": when}
