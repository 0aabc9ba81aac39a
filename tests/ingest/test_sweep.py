"""What the hints missed: lapsed leases, jobs that are due, what is over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from tom_dataproducts.models import DataProduct

from tests.support import ingesting, rows
from tom_share_worker.ingest import sweep
from tom_share_worker.ingest.jobs import claims, dispatch
from tom_share_worker.models import IngestFailure, IngestJob, ReceivedBatch

pytestmark = pytest.mark.django_db

Status = IngestJob.Status


def lost(**columns: Any) -> IngestJob:
    """Return a job whose worker was lost in the middle."""
    job = ingesting.job(**columns)
    claims.claim(job.pk)
    long_ago = timezone.now() - timedelta(seconds=1)
    IngestJob.objects.filter(pk=job.pk).update(lease_until=long_ago)
    return IngestJob.objects.get(pk=job.pk)


def test_a_lapsed_lease_gives_the_job_back_and_hints_at_it() -> None:
    job = lost()

    sweep.sweep()

    job.refresh_from_db()
    assert (job.status, job.claim, job.lease_until) == (Status.QUEUED, "", None)
    assert (job.attempt_count, job.lost_count) == (1, 1)
    assert job.hinted_at is not None
    assert "is read again" in job.note


@pytest.mark.parametrize(("lost_count", "goes_first"), [(0, True), (1, False)])
def test_a_file_that_was_interrupted_once_goes_before_those_that_came_later(
    lost_count: int, goes_first: bool
) -> None:
    came = timezone.now() - timedelta(hours=2)
    first = lost(next_attempt_at=came, lost_count=lost_count)
    for minute in range(1, 5):
        ingesting.job(next_attempt_at=came + timedelta(minutes=minute))

    assert sweep.release_lapsed(timezone.now()) == 1
    assert dispatch.dispatch() < 5

    first.refresh_from_db()
    assert (first.hinted_at is not None) == goes_first


def test_a_file_that_kills_its_workers_is_set_aside() -> None:
    job = lost(lost_count=claims.LOST_LIMIT - 1)

    sweep.sweep()

    job.refresh_from_db()
    assert (job.status, job.failure) == (Status.FAILED, IngestFailure.WORKER_LOST)


def test_a_lease_that_holds_is_left_alone() -> None:
    claims.claim(ingesting.job().pk)

    assert sweep.release_lapsed(timezone.now()) == 0


def test_a_worker_that_renewed_in_this_moment_keeps_its_claim() -> None:
    job = lost()
    until = timezone.now() + timedelta(minutes=1)
    IngestJob.objects.update(lease_until=until)

    assert sweep.release_lapsed(timezone.now()) == 0

    job.refresh_from_db()
    assert job.status == Status.RUNNING


@pytest.mark.django_db(transaction=True)
def test_sweeps_at_once_count_a_lost_worker_once() -> None:
    jobs = [lost() for _ in range(3)]

    def release(_: int) -> int:
        try:
            return sweep.release_lapsed(timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(release, range(4))) == 3

    for job in jobs:
        job.refresh_from_db()
        assert job.lost_count == 1


def test_what_waits_for_a_deleted_product_is_cancelled() -> None:
    job = ingesting.job()
    DataProduct.objects.all().delete()

    sweep.sweep()

    job.refresh_from_db()
    assert job.status == Status.CANCELLED
    assert job.ended is not None
    assert "was deleted" in job.note


def test_batches_of_other_toms_are_forgotten_after_a_day() -> None:
    now, owner = timezone.now(), rows.person()
    for hours in (1, 25):
        begun = now - timedelta(hours=hours)
        ReceivedBatch.objects.create(
            user=owner, key=str(hours), digest="", token="", begun=begun
        )

    sweep.sweep()

    assert ReceivedBatch.objects.get().key == "1"
