"""Answers that come after the processing: for those who wait, and for some accounts."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client
from tom_dataproducts.models import DataProduct, PhotometryReducedDatum

from tests.ingest.uploads import uploading
from tests.ingest.uploads.uploading import STOCK, upload
from tests.support import storages
from tests.support.waiting import wait_until
from tom_share_worker.ingest.jobs import claims, processing
from tom_share_worker.ingest.uploads import waiting
from tom_share_worker.models import IngestJob
from tom_share_worker.toolkit import processing as toolkit

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def a_worker() -> Iterator[None]:
    """Process the first job that comes, as a worker does."""

    def work() -> None:
        try:
            wait_until(IngestJob.objects.exists, 20, "a job")
            pk = IngestJob.objects.get().pk
            token = claims.claim(pk, "a worker", "")
            assert token
            processing.process(pk, token)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def test_who_waits_gets_the_hosts_answer(client: Client, target: Any) -> None:
    with a_worker():
        answer = upload(client, target, headers={"Prefer": "wait=20"})

    assert answer.status_code == 201, answer.content
    assert answer["Preference-Applied"] == "wait=20"
    body = answer.json()
    assert body["message"] == "Data product successfully uploaded."
    assert body["ingest"]["status"] == "done"
    assert PhotometryReducedDatum.objects.count() == 3


def test_who_waits_is_told_why_it_failed_and_the_file_stays(
    client: Client, target: Any
) -> None:
    with a_worker():
        answer = upload(
            client,
            target,
            file=uploading.file(b"no light curve"),
            headers={"Prefer": "respond-async, wait=20"},
        )

    assert answer.status_code == 422, answer.content
    body, job = answer.json(), IngestJob.objects.get()
    assert body["detail"] == job.note
    assert job.note
    assert body["ingest"]["status"] == "failed"
    assert body["id"] == DataProduct.objects.get().pk
    assert len(uploading.kept_files()) == 1


def test_who_waits_in_vain_is_told_where_to_follow_it(
    client: Client, target: Any
) -> None:
    began = time.monotonic()

    answer = upload(client, target, headers={"Prefer": "wait=1"})

    assert 0.9 < time.monotonic() - began < 10
    assert answer.status_code == 202
    assert answer["Preference-Applied"] == "wait=1"
    assert answer["Location"].endswith(f"/ingest/{IngestJob.objects.get().pk}/")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=10", 10),
        ("respond-async, wait=10", 10),
        ('Wait="7"; x=y', 7),
        ("wait=0", 0),
        ("wait=86400", waiting.LONGEST),
        ("wait=999999999", waiting.LONGEST),
        ("", None),
        ("wait", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("await=3", None),
        ("wait=٣", None),
    ],
)
def test_how_long_a_client_wants_to_wait(header: str, seconds: int | None) -> None:
    assert waiting.preferred(header) == seconds


@pytest.mark.parametrize("whose", [True, ("astronomer",)])
def test_some_accounts_get_the_hosts_answer_after_the_processing(
    whose: Any, client: Client, target: Any, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.support.stock_urls"
    settings.TOM_SHARE_WORKER = {"PROCESS_IN_REQUEST": whose}
    stock = upload(client, target, to=STOCK)
    assert PhotometryReducedDatum.objects.count() == 3
    DataProduct.objects.get().delete()

    answer = upload(client, target)

    assert answer.status_code == 201, answer.content
    ours, expected = answer.json(), stock.json()
    assert set(ours) == set(expected)
    for field in expected.keys() - {"id", "data"}:
        assert ours[field] == expected[field], field
    assert PhotometryReducedDatum.objects.count() == 3
    job = IngestJob.objects.get()
    assert (job.status, job.new_count) == (IngestJob.Status.DONE, 3)


def test_other_accounts_do_not_wait(client: Client, target: Any, settings: Any) -> None:
    settings.TOM_SHARE_WORKER = {"PROCESS_IN_REQUEST": ["pipeline"]}

    assert upload(client, target).status_code == 202


def test_what_fails_in_the_request_is_answered_as_by_the_host_and_is_gone(
    client: Client, account: User, target: Any, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.support.stock_urls"
    settings.TOM_SHARE_WORKER = {"PROCESS_IN_REQUEST": [account.username]}
    bad = {"data_product_type": "spectroscopy", "product_id": "night-1"}

    answer = upload(client, target, **bad)

    assert answer.status_code == 500
    uploading.assert_nothing_is_left()
    assert answer.json() == upload(client, target, to=STOCK, **bad).json()


def test_what_the_database_fails_in_the_request_is_kept_and_tried_again(
    client: Client, target: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TOM_SHARE_WORKER = {"PROCESS_IN_REQUEST": True}

    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(toolkit, "store", fail)
        answer = upload(client, target)

    assert answer.status_code == 202, answer.content
    job = IngestJob.objects.get()
    assert answer["Location"].endswith(f"/ingest/{job.pk}/")
    assert (job.status, job.claim) == (IngestJob.Status.QUEUED, "")
    IngestJob.objects.update(next_attempt_at=job.created)
    token = claims.claim(job.pk)
    assert token
    processing.process(job.pk, token)
    assert PhotometryReducedDatum.objects.count() == 3


def test_what_the_storage_fails_in_the_request_is_kept_and_tried_again(
    client: Client, target: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TOM_SHARE_WORKER = {"PROCESS_IN_REQUEST": True}
    bucket = storages.made(monkeypatch)
    bucket.fail_once_it_has_a_file("exists")

    answer = upload(client, target)

    assert answer.status_code == 202, answer.content
    job = IngestJob.objects.get()
    assert answer["Location"].endswith(f"/ingest/{job.pk}/")
    assert (job.status, job.claim) == (IngestJob.Status.QUEUED, "")
    told = client.get(answer["Location"]).json()
    assert "storage for files failed (ConnectionError); it is" in told["message"]
    bucket.come_back()
    IngestJob.objects.update(next_attempt_at=job.created)
    token = claims.claim(job.pk)
    assert token
    processing.process(job.pk, token)
    assert PhotometryReducedDatum.objects.count() == 3
