"""A data product, its job and its file come together, or nothing of them is left."""

from __future__ import annotations

import hashlib
import io
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.contrib.messages import get_messages
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models.signals import post_save
from django.urls import reverse
from tom_dataproducts.models import DataProduct

from tests.ingest.uploads import uploading
from tests.ingest.uploads.uploading import CURVE, client_of, upload
from tests.support import rows
from tom_share_worker import hints
from tom_share_worker.ingest.uploads import inbox, storing
from tom_share_worker.ingest.uploads.refusals import (
    AlreadyHere,
    NotStored,
    UploadRefused,
)
from tom_share_worker.models import IngestJob
from tom_share_worker.toolkit import receiving

pytestmark = pytest.mark.django_db(transaction=True)

FORM = IngestJob.Origin.FORM


def new(target: Any, file: Any = None, **columns: Any) -> Any:
    return receiving.new_product(
        target=target,
        data=file or uploading.file(),
        data_product_type="photometry",
        **columns,
    )


@contextmanager
def database_away() -> Iterator[None]:
    """Let the database be nowhere to be found."""
    connection.close()
    place = "NAME" if connection.vendor == "sqlite" else "HOST"
    known = connection.settings_dict[place]
    connection.settings_dict[place] = "/nowhere/at/all"
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict[place] = known


@contextmanager
def jobs_away() -> Iterator[None]:
    """Let the database fail between the two rows."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tom_share_worker_ingestjob RENAME TO away")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO tom_share_worker_ingestjob")


@contextmanager
def disk_full_after(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_was_not_reckoned_is_reckoned_from_the_file(
    account: User, target: Any
) -> None:
    job = inbox.receive(new(target), user=account, origin=FORM)

    job.refresh_from_db()
    assert (job.size, job.sha256) == (len(CURVE), hashlib.sha256(CURVE).hexdigest())
    assert (job.origin, job.user, job.status) == (FORM, account, "queued")
    assert job.data_product == DataProduct.objects.get()
    assert job.hinted_at is not None


def test_a_worker_is_told_once_all_is_committed(account: User, target: Any) -> None:
    with transaction.atomic():
        job = inbox.receive(new(target), user=account, origin=FORM)
        entries: list[Any] = connection.run_on_commit
        ((_, hint, robust),) = entries

    assert hint.func is hints.ingest
    assert hint.args == (job.pk,)
    assert robust  # whatever becomes of it, the upload is answered


def test_nobody_is_told_of_a_job_that_the_caller_runs(
    account: User, target: Any
) -> None:
    with transaction.atomic():
        job = inbox.receive(new(target), user=account, origin=FORM, running_as="me")
        assert connection.run_on_commit == []

    job.refresh_from_db()
    assert (job.status, job.claim, job.attempt_count) == ("running", "me", 1)
    assert job.lease_until is not None
    assert job.started is not None


def test_programs_may_receive_for_nobody(target: Any) -> None:
    for user in (None, AnonymousUser()):
        job = inbox.receive(
            new(target, ContentFile(CURVE, "a.csv")), user=user, origin=FORM
        )
        assert job.user is None


def test_groups_may_view_it_at_once(account: User, target: Any, settings: Any) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False
    group = Group.objects.create(name="LCO")
    member = rows.person("member")
    member.groups.add(group)

    job = inbox.receive(new(target), user=account, origin=FORM, groups=[group.pk])

    assert job.groups == [group.pk]
    assert member.has_perm("tom_dataproducts.view_dataproduct", job.data_product)


def test_without_a_database_nothing_is_left(account: User, target: Any) -> None:
    with database_away(), pytest.raises(DatabaseError):
        inbox.receive(new(target), user=account, origin=FORM)

    uploading.assert_nothing_is_left()


def test_without_the_second_row_there_is_no_first_and_no_file(
    account: User, target: Any
) -> None:
    with jobs_away(), pytest.raises(DatabaseError):
        inbox.receive(new(target), user=account, origin=FORM)

    uploading.assert_nothing_is_left()


def test_when_the_commit_fails_nothing_is_left(account: User, target: Any) -> None:
    product = new(target)
    type(target).objects.filter(pk=target.pk).delete()

    with pytest.raises(IntegrityError):
        inbox.receive(product, user=account, origin=FORM)

    uploading.assert_nothing_is_left()


def test_what_is_committed_keeps_its_file_whatever_fails_afterwards(
    account: User, target: Any
) -> None:
    def fail() -> None:
        raise OSError("a program of this TOM that runs after each commit")

    def on_save(**_: Any) -> None:
        transaction.on_commit(fail)

    post_save.connect(on_save, sender=DataProduct)
    try:
        with pytest.raises(OSError, match="after each commit"):
            inbox.receive(new(target), user=account, origin=FORM)
    finally:
        post_save.disconnect(on_save, sender=DataProduct)

    product = DataProduct.objects.get()
    assert uploading.content_of(product) == CURVE
    assert IngestJob.objects.get().data_product == product


def test_the_second_with_a_product_id_leaves_nothing(
    account: User, target: Any
) -> None:
    inbox.receive(new(target, product_id="one"), user=account, origin=FORM)

    with pytest.raises(AlreadyHere):
        inbox.receive(new(target, product_id="one"), user=account, origin=FORM)

    assert DataProduct.objects.count() == IngestJob.objects.count() == 1
    assert len(uploading.kept_files()) == 1


def test_without_a_place_for_files_nothing_is_left(
    account: User, target: Any, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "no-directory").write_text("a file")
    settings.MEDIA_ROOT = str(tmp_path / "no-directory")

    with pytest.raises(NotStored, match="ask an administrator"):
        inbox.receive(new(target), user=account, origin=FORM)

    assert not DataProduct.objects.exists()
    assert not IngestJob.objects.exists()


def test_of_a_file_that_does_not_fit_on_the_disk_nothing_is_left(
    account: User, target: Any
) -> None:
    large = uploading.file(b"x" * 60_000_000)

    with disk_full_after(50_000_000), pytest.raises(NotStored):
        inbox.receive(new(target, large), user=account, origin=FORM)

    uploading.assert_nothing_is_left()


def test_a_full_disk_takes_no_file_of_somebody_else_along(
    account: User, target: Any
) -> None:
    storage = receiving.FILE_FIELD.storage
    path = storage.save("sn-2026abc/none/night.csv", ContentFile(CURVE))

    storing._take_out_part(storage, path, len(CURVE))

    assert uploading.kept_files() == [path]


def test_a_target_without_room_for_files_leaves_nothing(account: User) -> None:
    target = rows.target(account, "x" * 95)

    with pytest.raises(UploadRefused, match="no room for its name"):
        inbox.receive(new(target), user=account, origin=FORM)

    uploading.assert_nothing_is_left()


@pytest.mark.parametrize("length", [70, 80, 84, 86, 89])
def test_a_long_name_of_a_target_shortens_that_of_the_file(
    length: int, account: User
) -> None:
    target = rows.target(account, "x" * length)

    for _ in range(2 if length < 84 else 1):
        product = new(target, uploading.file(name="light-curve-of-a-night.csv"))
        inbox.receive(product, user=account, origin=FORM)

    for path in uploading.kept_files():
        assert len(path) <= 100
        assert path.endswith(".csv")


def test_a_large_file_is_moved_into_its_place(account: User, target: Any) -> None:
    large = TemporaryUploadedFile("large.fits", "text/html", 0, None)
    large.write(b"x" * 3_000_000)
    large.size = 3_000_000
    large.seek(0)

    job = inbox.receive(new(target, large), user=account, origin=FORM)

    assert job.size == 3_000_000
    assert job.sha256 == hashlib.sha256(b"x" * 3_000_000).hexdigest()
    assert not Path(large.temporary_file_path()).exists()
    large.close()


def test_what_is_withdrawn_leaves_no_file_but_the_story(
    account: User, target: Any
) -> None:
    job = inbox.receive(new(target), user=account, origin=FORM)
    product = DataProduct.objects.get()
    product.thumbnail.save("night_tb.jpg", io.BytesIO(b"JPEG"))

    inbox.withdraw(product)

    job.refresh_from_db()
    assert job.data_product is None
    assert uploading.kept_files() == []


def test_by_the_api_a_database_in_trouble_is_told_in_words(
    account: User, target: Any
) -> None:
    client = client_of(account)

    with jobs_away():
        answer = upload(client, target)

    assert answer.status_code == 503
    assert "Try again later" in answer.json()["detail"]
    uploading.assert_nothing_is_left()


def test_on_the_form_a_database_in_trouble_is_told_in_words(
    account: User, target: Any
) -> None:
    client = client_of(account)
    form = {"files": uploading.file(), "target": target.pk, "referrer": "/"}

    with jobs_away():
        answer = client.post(
            reverse("dataproducts:upload"), form | {"data_product_type": "photometry"}
        )

    (message,) = map(str, get_messages(answer.wsgi_request))
    assert "night.csv" in message
    assert "could not store the file" in message
    uploading.assert_nothing_is_left()


def test_by_the_api_a_storage_in_trouble_is_told_in_words(
    account: User, target: Any, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "no-directory").write_text("a file")
    settings.MEDIA_ROOT = str(tmp_path / "no-directory")

    answer = upload(client_of(account), target)

    assert answer.status_code == 503
    assert "could not store the file" in answer.json()["detail"]
    assert not DataProduct.objects.exists()
