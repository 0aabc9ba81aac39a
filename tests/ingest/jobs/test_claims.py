"""The right of one worker to one ingest job, and how a claimed row moves on."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from tests.support import ingesting
from tom_share_worker.ingest.jobs import claims
from tom_share_worker.models import IngestFailure, IngestJob

pytestmark = pytest.mark.django_db

Status = IngestJob.Status


def claimed(**columns: Any) -> tuple[IngestJob, str]:
    """Return a job that is ours, and the token."""
    job = ingesting.job(**columns)
    token = claims.claim(job.pk)
    assert token is not None
    job.refresh_from_db()
    return job, token


def test_a_claim_is_written_with_its_lease_and_who_has_it() -> None:
    job = ingesting.job(hinted_at=timezone.now())

    token = claims.claim(job.pk, worker="share_worker@here", task_id="abc")

    job.refresh_from_db()
    assert (job.status, job.claim) == (Status.RUNNING, token)
    assert job.lease_until is not None
    assert job.lease_until > timezone.now()
    assert job.started is not None
    assert job.hinted_at is None
    assert (job.worker, job.task_id) == ("share_worker@here", "abc")
    assert job.attempt_count == 1


def test_what_is_taken_is_not_taken_again() -> None:
    job, _ = claimed()

    assert claims.claim(job.pk) is None


@pytest.mark.django_db(transaction=True)
def test_of_many_threads_one_wins() -> None:
    jobs = [ingesting.job() for _ in range(2)]
    barrier = threading.Barrier(6)

    def claim(n: int) -> str | None:
        barrier.wait()
        try:
            return claims.claim(jobs[n % 2].pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        won = [token for token in pool.map(claim, range(6)) if token is not None]

    assert sorted(won) == sorted(IngestJob.objects.values_list("claim", flat=True))
    assert len(won) == 2


@pytest.mark.parametrize(
    "columns",
    [
        {"status": Status.DONE},
        {"status": Status.FAILED},
        {"status": Status.CANCELLED},
        {"next_attempt_at": timezone.now() + timedelta(hours=1)},
    ],
    ids=["done", "failed", "cancelled", "not due"],
)
def test_what_is_not_due_cannot_be_taken(columns: dict[str, Any]) -> None:
    job = ingesting.job(**columns)

    assert claims.claim(job.pk) is None


def test_a_job_that_is_handed_back_counts_as_not_begun() -> None:
    job, token = claimed()
    came = job.next_attempt_at

    assert claims.hand_back(job.pk, token)

    job.refresh_from_db()
    assert (job.status, job.attempt_count, job.lost_count) == (Status.QUEUED, 0, 0)
    assert (job.claim, job.lease_until) == ("", None)
    assert job.next_attempt_at == came  # its place in the queue
    assert "another one goes on" in job.note


def test_a_job_whose_process_is_lost_waits_a_moment() -> None:
    job, token = claimed()

    assert claims.lose(job, token)

    job.refresh_from_db()
    assert (job.status, job.attempt_count, job.lost_count) == (Status.QUEUED, 1, 1)
    assert timedelta() < job.next_attempt_at - timezone.now() < timedelta(seconds=10)
    assert f"again soon after {job.next_attempt_at:%H:%M:%S} UTC." in job.note


def test_one_whose_process_is_lost_again_waits_for_memory_to_be_free() -> None:
    job, token = claimed(lost_count=1, traceback="Of trouble that it met before.")

    assert claims.lose(job, token)

    job.refresh_from_db()
    assert (job.status, job.lost_count, job.traceback) == (Status.QUEUED, 2, "")
    assert timedelta(seconds=50) < job.next_attempt_at - timezone.now()
    assert f"again soon after {job.next_attempt_at:%H:%M:%S} UTC." in job.note


def test_one_that_is_lost_with_its_worker_keeps_its_place_the_first_time() -> None:
    job, token = claimed()
    came = job.next_attempt_at

    assert claims.lose(job, token, worker=True)

    job.refresh_from_db()
    assert (job.status, job.next_attempt_at) == (Status.QUEUED, came)
    assert job.note.endswith("; it is read again.")


def test_one_that_is_lost_with_its_worker_again_is_read_within_half_a_minute() -> None:
    job, token = claimed(lost_count=1)

    assert claims.lose(job, token, worker=True)

    job.refresh_from_db()
    assert job.status == Status.QUEUED
    # Its lease took most of that time to lapse.
    assert timedelta() < job.next_attempt_at - timezone.now() < timedelta(seconds=5)


def test_the_third_lost_process_sets_the_file_aside() -> None:
    job, token = claimed(lost_count=2)

    assert claims.lose(job, token)

    job.refresh_from_db()
    assert (job.status, job.failure) == (Status.FAILED, IngestFailure.WORKER_LOST)
    assert job.ended is not None
    assert "lost 3 times" in job.note


def test_a_lost_process_counts_once_whoever_finds_it() -> None:
    job, token = claimed()
    same = IngestJob.objects.get(pk=job.pk)

    assert claims.lose(job, token)
    assert not claims.lose(same, token)

    job.refresh_from_db()
    assert job.lost_count == 1


def test_trouble_of_the_database_is_waited_out_longer_and_longer() -> None:
    job, token = claimed(attempt_count=4)

    assert claims.postpone(job, token)

    job.refresh_from_db()
    assert (job.status, job.attempt_count, job.lost_count) == (Status.QUEUED, 5, 0)
    wait = job.next_attempt_at - timezone.now()
    assert timedelta(seconds=30) < wait <= timedelta(seconds=32)


def test_trouble_of_the_database_is_waited_out_no_more_after_many_tries() -> None:
    job, token = claimed(attempt_count=claims.TRIES - 1)

    assert claims.postpone(job, token)

    job.refresh_from_db()
    assert (job.status, job.failure) == (Status.FAILED, IngestFailure.OUR_FAULT)
    assert "database failed" in job.note
    assert "the last of 10 tries, too. Press Reprocess" in job.note


def test_nothing_is_written_for_a_claim_that_is_gone() -> None:
    job, token = claimed()
    IngestJob.objects.filter(pk=job.pk).update(status=Status.CANCELLED, note="Mine.")

    assert not claims.end(job.pk, token, Status.FAILED, "Theirs.")
    assert not claims.hand_back(job.pk, token)
    assert not claims.postpone(job, token)
    assert not claims.lose(job, token)

    job.refresh_from_db()
    assert (job.status, job.note) == (Status.CANCELLED, "Mine.")
