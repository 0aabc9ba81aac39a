"""Hook, read, store and "done": what comes of a file, and that it is all or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError
from guardian.shortcuts import get_objects_for_group
from tom_dataproducts.models import DataProduct, ReducedDatum

from tests.support import ingesting, processors
from tom_share_worker.ingest import actions
from tom_share_worker.ingest.jobs import claims, processing
from tom_share_worker.models import IngestFailure, IngestJob

pytestmark = pytest.mark.django_db

Status = IngestJob.Status

hooked: list[str] = []


def hook(product: Any) -> None:
    """The TOM's own code for uploads: it notes the file, and refuses some."""
    hooked.append(product.data.name)
    if "refuse" in Path(product.data.path).read_text():
        raise RuntimeError("the archive is closed")


@pytest.fixture(autouse=True)
def _hook(settings: Any) -> None:
    settings.HOOKS = settings.HOOKS | {"data_product_post_upload": f"{__name__}.hook"}
    hooked.clear()


def processed(job: IngestJob) -> IngestJob:
    """Claim a job, process it here, and return the row as it is then."""
    token = claims.claim(job.pk)
    assert token is not None
    processing.process(job.pk, token)
    return IngestJob.objects.get(pk=job.pk)


def test_what_a_file_holds_is_stored_with_the_word_done() -> None:
    job = processed(ingesting.job())

    assert job.status == Status.DONE
    assert job.note == "Processed: 3 data points, 3 of them new."
    assert (job.datum_count, job.new_count) == (3, 3)
    assert (job.failure, job.traceback, job.claim) == ("", "", "")
    assert job.ended is not None
    assert ingesting.degrees(job) == ingesting.DEGREES


def test_one_data_point_is_told_as_one() -> None:
    job = processed(ingesting.job(content=b"time,degree\n61000,0.5\n"))

    assert job.note == "Processed: 1 data point, 1 of them new."


@pytest.mark.parametrize(
    ("kind", "note"),
    [
        ("plain", "Processed: the file holds no data points."),
        ("image_file", "Processed: there is nothing to read in a file of this type."),
    ],
)
def test_a_file_without_data_points_is_done_and_says_why(kind: str, note: str) -> None:
    job = processed(ingesting.job(kind, content=b"time,degree\n"))

    assert (job.status, job.note) == (Status.DONE, note)


def test_the_groups_that_were_chosen_may_view_what_was_read(settings: Any) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False
    group = Group.objects.create(name="observers")

    job = processed(ingesting.job(groups=[group.pk]))

    assert job.status == Status.DONE
    seen = get_objects_for_group(group, "tom_dataproducts.view_reduceddatum")
    assert seen.count() == 3


def test_the_hook_for_uploads_runs_once_however_often_a_file_is_processed() -> None:
    job = processed(ingesting.job("refusing"))
    assert job.status == Status.FAILED
    actions.reprocess(IngestJob.objects.all())

    processed(job)

    assert len(hooked) == 1


def test_a_hook_that_fails_fails_the_job_and_runs_again_with_it() -> None:
    job = processed(ingesting.job(content=b"refuse"))

    assert (job.status, job.failure) == (Status.FAILED, IngestFailure.OUR_FAULT)
    assert "(HOOKS) failed (RuntimeError)." in job.note
    assert "archive" not in job.note  # it may be an address with a key in it
    assert "in hook" in job.traceback
    actions.reprocess(IngestJob.objects.all())
    processed(job)
    assert len(hooked) == 2


def test_a_file_that_cannot_be_read_is_kept_with_the_reason() -> None:
    job = processed(ingesting.job("refusing"))

    assert (job.status, job.failure) == (Status.FAILED, IngestFailure.UNREADABLE)
    assert job.note == "The comet is upside down."
    assert job.traceback.rstrip().endswith("The comet is upside down")
    assert job.data_product is not None
    assert Path(job.data_product.data.path).read_bytes() == ingesting.TABLE
    assert ingesting.degrees(job) == []


def test_a_row_that_is_wrong_lets_no_other_row_be_stored() -> None:
    table = ingesting.TABLE + b"62000,much\n"

    job = processed(ingesting.job(content=table))

    assert job.note == "The file has 'much' where a number is due."
    assert ingesting.degrees(job) == []


@pytest.mark.parametrize(
    ("kind", "failure", "said"),
    [
        ("leaving", IngestFailure.UNREADABLE, "SystemExit: no good."),
        ("greedy", IngestFailure.MEMORY_LIMIT, "more than 2 GB of memory"),
        ("absent", IngestFailure.BAD_CONFIGURATION, "DATA_PROCESSORS['absent']"),
    ],
)
def test_each_failure_has_its_class(kind: str, failure: str, said: str) -> None:
    job = processed(ingesting.job(kind))

    assert (job.status, job.failure) == (Status.FAILED, failure)
    assert said in job.note


def test_a_file_that_is_gone_is_told() -> None:
    job = ingesting.job()
    assert job.data_product is not None
    Path(job.data_product.data.path).unlink()

    job = processed(job)

    assert (job.status, job.failure) == (Status.FAILED, IngestFailure.FILE_MISSING)
    assert hooked == []


def test_a_job_whose_product_was_deleted_is_cancelled() -> None:
    job = ingesting.job()
    DataProduct.objects.all().delete()

    job = processed(job)

    assert (job.status, job.note) == (Status.CANCELLED, processing.PRODUCT_GONE)


@pytest.mark.django_db(transaction=True)
def test_a_job_whose_product_is_deleted_meanwhile_is_cancelled() -> None:
    job = processed(ingesting.job("deleting"))

    assert (job.status, job.note) == (Status.CANCELLED, processing.PRODUCT_GONE)
    assert not ReducedDatum.objects.exists()


def test_a_job_that_is_cancelled_meanwhile_stores_nothing() -> None:
    job = processed(ingesting.job("cancelling"))

    assert (job.status, job.note) == (Status.CANCELLED, "Cancelled by a person.")
    assert processors.notes(job.data_product)
    assert ingesting.degrees(job) == []


def test_trouble_of_the_database_is_nobodys_fault_and_raised() -> None:
    job = ingesting.job("troubled")

    with pytest.raises(OperationalError):
        processed(job)

    job.refresh_from_db()
    assert (job.status, job.note) == (Status.RUNNING, "")


def test_nothing_is_done_for_a_token_that_is_not_ours() -> None:
    job = ingesting.job()
    claims.claim(job.pk)

    processing.process(job.pk, "another")

    assert hooked == []
    assert ingesting.degrees(job) == []


def test_a_file_processed_again_replaces_what_it_gave() -> None:
    job = processed(ingesting.job())
    assert job.data_product is not None
    Path(job.data_product.data.path).write_bytes(b"time,degree\n61000.25,0.75\n")
    actions.reprocess(IngestJob.objects.all())

    job = processed(job)

    assert (job.status, job.datum_count) == (Status.DONE, 1)
    assert ingesting.degrees(job) == [0.75]


def saving_hook(product: Any) -> None:
    """Save something of its own of a file that came in."""
    ReducedDatum.objects.create(
        target=product.target, data_product=product, data_type="seeing", value={"q": 1}
    )


def test_what_the_hook_saved_stays_when_the_file_is_processed_again(
    settings: Any,
) -> None:
    settings.HOOKS = {"data_product_post_upload": f"{__name__}.saving_hook"}
    job = processed(ingesting.job())
    actions.reprocess(IngestJob.objects.all())

    job = processed(job)

    assert (job.status, job.datum_count) == (Status.DONE, 3)
    seeing = ReducedDatum.objects.filter(data_type="seeing")
    assert seeing.count() == 1
    assert ReducedDatum.objects.count() == 1 + 3
