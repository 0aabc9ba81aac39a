"""The verbs of people: reprocess and cancel, and to what they apply."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from tom_dataproducts.models import DataProduct

from tests.support import ingesting
from tom_share_worker.ingest import actions
from tom_share_worker.ingest.jobs import claims
from tom_share_worker.models import IngestFailure, IngestJob

pytestmark = pytest.mark.django_db

Status = IngestJob.Status


def one_of_each() -> dict[str, IngestJob]:
    """Return a job in each state."""
    jobs = {}
    for status in Status:
        columns: dict[str, Any] = {"status": status}
        if status in IngestJob.ENDED:
            columns["ended"] = timezone.now()
        if status == Status.RUNNING:
            columns |= {"claim": "token", "lease_until": timezone.now()}
        jobs[str(status)] = ingesting.job(**columns)
    return jobs


def states(jobs: dict[str, IngestJob]) -> dict[str, str]:
    for job in jobs.values():
        job.refresh_from_db()
    return {before: job.status for before, job in jobs.items()}


def test_what_has_ended_is_processed_again_and_nothing_else() -> None:
    jobs = one_of_each()

    assert actions.reprocess(IngestJob.objects.all()) == 3

    assert states(jobs) == {
        "queued": "queued",
        "running": "running",
        "done": "queued",
        "failed": "queued",
        "cancelled": "queued",
    }


def test_what_is_processed_again_begins_anew() -> None:
    job = ingesting.job(
        status=Status.FAILED,
        failure=IngestFailure.WORKER_LOST,
        note="It was lost.",
        traceback="there",
        attempt_count=3,
        lost_count=3,
        started=timezone.now(),
        ended=timezone.now(),
        hook_ran=True,
    )

    actions.reprocess(IngestJob.objects.all())

    job.refresh_from_db()
    assert (job.failure, job.note, job.traceback) == ("", "", "")
    assert (job.attempt_count, job.lost_count) == (0, 0)
    assert (job.started, job.ended, job.claim) == (None, None, "")
    assert job.hook_ran
    assert claims.claim(job.pk) is not None


def test_a_file_that_is_gone_is_not_processed_again() -> None:
    ingesting.job(status=Status.FAILED)
    DataProduct.objects.all().delete()

    assert actions.reprocess(IngestJob.objects.all()) == 0


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_told_at_once() -> None:
    job = ingesting.job(status=Status.FAILED)

    actions.reprocess(IngestJob.objects.all())

    job.refresh_from_db()
    assert job.hinted_at is not None


def test_what_has_not_ended_is_cancelled_and_nothing_else() -> None:
    jobs = one_of_each()

    assert actions.cancel(IngestJob.objects.all()) == 2

    assert states(jobs) == {
        "queued": "cancelled",
        "running": "cancelled",
        "done": "done",
        "failed": "failed",
        "cancelled": "cancelled",
    }
    for before in ("queued", "running"):
        job = jobs[before]
        assert (job.claim, job.lease_until) == ("", None)
        assert job.ended is not None
        assert job.note == "Cancelled by a person."
        assert job.data_product is not None


def test_a_choice_of_rows_is_taken_as_it_was_made() -> None:
    jobs = one_of_each()

    assert actions.cancel(IngestJob.objects.filter(pk=jobs["queued"].pk)) == 1
    assert (
        actions.reprocess(
            IngestJob.objects.filter(status=Status.FAILED).order_by("-pk").distinct()
        )
        == 1
    )

    assert states(jobs)["failed"] == "queued"
