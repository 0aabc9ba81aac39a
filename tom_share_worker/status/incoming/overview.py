"""How an incoming data product stands: whose it is to see, and what is said of it.

Called by the pages, the admin and the REST API; decides nothing and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, QuerySet
from django.utils import timezone

from tom_share_worker import toolkit
from tom_share_worker.models import IngestFailure, IngestJob
from tom_share_worker.status import words

Status = IngestJob.Status

_WAYS = {
    IngestJob.Origin.API: "by the REST API",
    IngestJob.Origin.FORM: "on a page of this TOM",
    IngestJob.Origin.TOM: "from another TOM",
}

REPLACED = "What was read from this file before is replaced."
"""What a person is told before a file that was read is read again."""

MAY_NOT_ACT = "You may see this incoming data, but not reprocess or cancel it."

ENDED_ALREADY = "Its processing has ended already, so nothing was cancelled."


def by_status(jobs: QuerySet[IngestJob]) -> dict[str, int]:
    """Count jobs by how they stand."""
    counts = dict.fromkeys(Status.values, 0)
    found = jobs.order_by().values_list("status").annotate(n=Count("pk"))
    return counts | dict(found)


def viewable(user: Any, targets: Iterable[int | None]) -> set[int]:
    """Return those of these targets that a person may view."""
    pks = {pk for pk in targets if pk is not None}
    if not pks:
        return set()
    return set(toolkit.viewable_targets(user, pks).values_list("pk", flat=True))


def person(job: IngestJob) -> str:
    """Say whose account it came with."""
    if job.user is None:
        return "a person who no longer has an account here"
    return job.user.get_username()


def way(job: IngestJob) -> str:
    """Say by which way it came."""
    return _WAYS[IngestJob.Origin(job.origin)]


def counted(job: IngestJob) -> str:
    """Say in a few words how much was read from it, and how much of that was new."""
    if job.status != Status.DONE:
        return "—"
    if not job.datum_count:
        return "none"
    return f"{job.new_count:,} of {job.datum_count:,} new"


def sentence(job: IngestJob) -> str:
    """Say in a sentence how it stands; of what has ended, what its worker noted."""
    now = timezone.now()
    if job.status == Status.QUEUED:
        if job.next_attempt_at <= now:
            return "It waits for a worker."
        wait = words.span(job.next_attempt_at - now)
        return f"It is tried again in {wait} ({words.clock(job.next_attempt_at, now)})."
    if job.status == Status.RUNNING:
        since = f", since {words.clock(job.started, now)}" if job.started else ""
        return f"It is being processed{since}."
    noted = words.sentence(job.note) or _ENDS[Status(job.status)]
    if job.status == Status.CANCELLED and job.data_product_id is not None:
        return f"{noted} The file was kept."
    return noted


_ENDS = {
    Status.DONE: "It is processed.",
    Status.FAILED: "It could not be processed.",
    Status.CANCELLED: "It was cancelled.",
}
"""What is said where nothing was noted."""


def notes(job: IngestJob) -> list[str]:
    """Say what else is worth knowing: what happened before, and what is still here."""
    said = [] if job.is_ended else [words.sentence(job.note)]
    if job.status != Status.DONE and job.datum_count:
        points = words.count(job.datum_count, "data point")
        said.append(f"What was read from it before is still here: {points}.")
    return [note for note in said if note]


def failure(job: IngestJob) -> str:
    """Name why it failed, or nothing where it did not."""
    return str(IngestFailure(job.failure).label) if job.failure else ""


def reprocessable(job: IngestJob) -> bool:
    """True if it can be processed again: it has ended, and its file is known."""
    return job.is_ended and job.data_product_id is not None


def replaced(job: IngestJob) -> str:
    """Warn of what processing it again replaces, or say nothing where that is nothing.

    What the file gave before stays as it is until it was read anew without an error.
    """
    return REPLACED if reprocessable(job) and job.datum_count else ""


def why_not_again(job: IngestJob) -> str:
    """Say why a job was not processed again."""
    if job.data_product_id is None:
        return "Its data product was deleted, so there is nothing to process again."
    return "It is queued or being processed already, so it was not begun again."
