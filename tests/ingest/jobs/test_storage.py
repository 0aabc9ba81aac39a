"""A storage for files that fails: a job waits for it, and for nothing that is gone."""

from __future__ import annotations

import errno
import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.support import ingesting, storages
from tests.support.storages import Bucket
from tom_share_worker.ingest import actions
from tom_share_worker.ingest.jobs import claims, processing
from tom_share_worker.models import IngestFailure, IngestJob

pytestmark = pytest.mark.django_db

Status = IngestJob.Status

hooked: list[str] = []

TROUBLES = [
    storages.AWAY,
    TimeoutError("timed out"),
    OSError(errno.EIO, "Input/output error"),
    storages.EndpointError("key=secret"),
]


def hook(product: Any) -> None:
    """The TOM's own code for uploads."""
    hooked.append(product.data.name)


@pytest.fixture(autouse=True)
def bucket(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    settings.HOOKS = settings.HOOKS | {"data_product_post_upload": f"{__name__}.hook"}
    hooked.clear()
    return storages.made(monkeypatch)


def processed(job: IngestJob) -> IngestJob:
    """Claim a job, process it here, and return the row as it is then."""
    IngestJob.objects.filter(pk=job.pk).update(next_attempt_at=job.created)
    token = claims.claim(job.pk)
    assert token is not None
    processing.process(job.pk, token)
    return IngestJob.objects.get(pk=job.pk)


@pytest.mark.parametrize("asked", ["exists", "open", "read"])
@pytest.mark.parametrize("error", TROUBLES, ids=lambda error: type(error).__name__)
def test_a_job_waits_for_a_storage_that_is_away(
    bucket: Bucket, asked: str, error: Exception
) -> None:
    job = ingesting.job()
    bucket.fail(asked, error=error)

    job = processed(job)

    assert (job.status, job.claim, job.failure) == (Status.QUEUED, "", "")
    assert job.next_attempt_at > timezone.now()
    assert type(error).__name__ in job.traceback
    assert re.fullmatch(
        rf"This TOM's storage for files failed \({type(error).__name__}\); it is tried "
        r"again soon after \d\d:\d\d:\d\d UTC\.",
        job.note,
    )


@pytest.mark.parametrize("asked", ["exists", "open", "read"])
def test_when_it_is_back_the_file_is_read_and_the_hook_has_run_once(
    bucket: Bucket, asked: str
) -> None:
    job = ingesting.job()
    bucket.fail(asked)
    first, second = processed(job), processed(job)
    bucket.come_back()

    job = processed(job)

    assert (first.status, second.status) == (Status.QUEUED, Status.QUEUED)
    assert (job.status, job.failure, job.traceback) == (Status.DONE, "", "")
    assert ingesting.degrees(job) == ingesting.DEGREES
    assert len(hooked) == 1


def test_each_wait_is_longer_than_the_one_before(bucket: Bucket) -> None:
    job = ingesting.job()
    bucket.fail("open")

    waits = []
    for _ in range(claims.TRIES - 1):
        began = timezone.now()
        waits.append(processed(job).next_attempt_at - began)

    assert waits == sorted(waits)
    assert waits[0] < timedelta(seconds=10)
    assert timedelta(minutes=15) < sum(waits, timedelta()) < timedelta(minutes=20)


def test_a_storage_that_never_comes_back_fails_the_job_and_says_what_to_do(
    bucket: Bucket,
) -> None:
    job = ingesting.job(attempt_count=claims.TRIES - 1)
    bucket.fail("open")

    job = processed(job)

    assert (job.status, job.failure) == (Status.FAILED, IngestFailure.OUR_FAULT)
    assert job.ended is not None
    assert job.note == (
        "This TOM's storage for files failed (ConnectionError), at the last of 10 "
        "tries, too. Press Reprocess when it works again."
    )
    assert "ConnectionError" in job.traceback
    bucket.come_back()
    actions.reprocess(IngestJob.objects.all())
    assert processed(job).status == Status.DONE


@pytest.mark.parametrize("asked", ["exists", "open"])
def test_a_file_that_is_gone_is_not_waited_for(bucket: Bucket, asked: str) -> None:
    job = ingesting.job()
    if asked == "exists":
        bucket.kept.clear()
    else:  # it went after we looked
        bucket.fail("open", error=FileNotFoundError())

    job = processed(job)

    assert (job.status, job.failure) == (Status.FAILED, IngestFailure.FILE_MISSING)
    assert job.note == "The file is not in this TOM's storage."


def test_a_job_that_is_cancelled_while_it_waits_stays_so(bucket: Bucket) -> None:
    job = ingesting.job()
    bucket.fail("exists")
    processed(job)

    assert actions.cancel(IngestJob.objects.all()) == 1

    job.refresh_from_db()
    assert (job.status, job.note) == (Status.CANCELLED, "Cancelled by a person.")
