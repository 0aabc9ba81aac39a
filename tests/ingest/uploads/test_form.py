"""Files that people upload on a page are received at once, and followed there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import resolve, reverse
from guardian.shortcuts import assign_perm
from tom_dataproducts.models import DataProduct, PhotometryReducedDatum
from tom_observations.models import ObservationRecord

from tests.ingest.uploads import uploading
from tests.ingest.uploads.uploading import client_of
from tests.support import rows
from tom_share_worker.ingest.uploads.form import LIVE, UploadForm
from tom_share_worker.models import IngestJob

pytestmark = pytest.mark.django_db

BACK = "/targets/1/"


def send(client: Client, *files: Any, **fields: Any) -> Any:
    given = {
        "files": list(files) or [uploading.file()],
        "data_product_type": "photometry",
        "referrer": BACK,
        **fields,
    }
    return client.post(reverse("dataproducts:upload"), given)


def said(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def test_the_hosts_address_is_ours_and_outside_transactions() -> None:
    view: Any = resolve(reverse("dataproducts:upload")).func

    assert view.view_class is UploadForm
    assert view._non_atomic_requests == {"default"}


def test_a_file_is_received_and_can_be_followed(
    client: Client, account: User, target: Any
) -> None:
    answer = send(client, target=target.pk)

    assert (answer.status_code, answer["Location"]) == (302, BACK)
    job = IngestJob.objects.get()
    assert (job.user, job.origin, job.status) == (account, "form", "queued")
    assert job.data_product == DataProduct.objects.get()
    (message,) = said(answer)
    assert message.startswith("Successfully uploaded: sn-2026abc/none/night.csv")
    assert "No worker runs that processes incoming data, so it waits" in message
    assert f'<a href="{job.get_absolute_url()}">night.csv</a>' in message
    badge = reverse("tom_share_worker:ingest-job-badge", kwargs={"pk": job.pk})
    assert f'hx-get="{badge}"' in message
    assert "every 2s" in message
    assert not PhotometryReducedDatum.objects.exists()


def test_the_part_that_is_fetched_anew_shows_how_it_stands(
    client: Client, target: Any
) -> None:
    send(client, target=target.pk)
    job = IngestJob.objects.get()
    badge = reverse("tom_share_worker:ingest-job-badge", kwargs={"pk": job.pk})

    assert client.get(badge).status_code == 200
    IngestJob.objects.update(status=IngestJob.Status.DONE)
    assert client.get(badge).status_code == 286  # by which htmx stops to ask


def test_the_message_shows_on_the_page_with_htmx(client: Client, target: Any) -> None:
    page = reverse("targets:detail", kwargs={"pk": target.pk})
    send(client, target=target.pk, referrer=page)

    shown = client.get(page).content.decode()

    job = IngestJob.objects.get()
    assert f'hx-get="{job.get_absolute_url()}badge/"' in shown
    assert "htmx" in shown.partition("<body")[0]


def test_many_files_come_at_once_but_not_all_are_looked_at_all_the_time(
    client: Client, target: Any
) -> None:
    files = [uploading.file(name=f"night-{n}.csv") for n in range(LIVE + 2)]

    (message,) = said(send(client, *files, target=target.pk))

    assert IngestJob.objects.count() == DataProduct.objects.count() == LIVE + 2
    assert message.count("hx-get") == LIVE
    for job in IngestJob.objects.all():
        assert job.get_absolute_url() in message


def test_a_file_name_cannot_bring_its_own_page(client: Client, target: Any) -> None:
    odd = uploading.NamedBytes(uploading.CURVE, "<img onerror=alert(1)>&.csv")

    (message,) = said(send(client, odd, target=target.pk))

    assert "<img" not in message
    assert "onerror=alert(1)_&amp;.csv" in message


def test_a_file_of_an_observation_goes_to_its_target(
    client: Client, target: Any
) -> None:
    record = ObservationRecord.objects.create(
        target=target, facility="LCO", observation_id="1", status="x", parameters={}
    )

    (message,) = said(send(client, observation_record=record.pk))

    assert "Successfully uploaded: sn-2026abc/lco/night.csv" in message
    product = DataProduct.objects.get()
    assert (product.target_id, product.observation_record) == (target.pk, record)


def test_who_may_view_a_target_may_upload_for_it(target: Any) -> None:
    viewer = rows.person("viewer")
    assign_perm("tom_targets.view_target", viewer, target)

    send(client_of(viewer), target=target.pk)

    assert IngestJob.objects.get().user == viewer


@pytest.mark.parametrize("background", [True, False])
def test_who_may_not_view_a_target_leaves_nothing(
    background: bool, target: Any, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER = {"UPLOAD_FORM": background}
    client = client_of(rows.person("other"))

    for fields in ({"target": target.pk}, {}):
        message = said(send(client, **fields))[-1]
        assert "choose a target that you may view" in message
    uploading.assert_nothing_is_left()


def test_without_an_account_one_is_led_to_the_login(target: Any) -> None:
    answer = send(client_of(None), target=target.pk)

    assert answer.status_code == 302
    assert "/accounts/login/" in answer["Location"]
    uploading.assert_nothing_is_left()


def test_what_is_wrong_with_a_form_is_told_in_sentences(
    client: Client, target: Any
) -> None:
    """The host shows it as JSON."""
    answer = send(client, uploading.file(b""), target=target.pk)

    assert (answer.status_code, answer["Location"]) == (302, BACK)
    (message,) = said(answer)
    assert message == (
        "There was a problem uploading your file. Files: The submitted file is empty."
    )
    (message,) = said(send(client, target=target.pk, data_product_type="wrong"))[1:]
    assert "Data product type: Select a valid choice." in message
    uploading.assert_nothing_is_left()


@pytest.mark.parametrize(
    "away", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""]
)
def test_nobody_is_led_out_of_this_tom(away: str, client: Client, target: Any) -> None:
    assert send(client, target=target.pk, referrer=away)["Location"] == "/"


def test_groups_on_the_form_may_view_it(
    client: Client, account: User, target: Any, settings: Any
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False
    own, other = (Group.objects.create(name=name) for name in ("LCO", "other"))
    account.groups.add(own)
    member = rows.person("member")
    member.groups.add(own)

    send(client, target=target.pk, groups=[own.pk])
    message = said(send(client, target=target.pk, groups=[other.pk]))[-1]

    assert "problem uploading" in message
    job = IngestJob.objects.get()
    assert job.groups == [own.pk]
    assert member.has_perm("tom_dataproducts.view_dataproduct", job.data_product)


def test_a_file_that_is_too_large_does_not_keep_the_others_out(
    client: Client, target: Any, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER = {"UPLOAD_LIMIT": 500}
    large = uploading.file(b"x" * 501, "large.csv")

    first, second = said(send(client, large, uploading.file(), target=target.pk))

    assert "large.csv" in first
    assert "500 bytes" in first
    assert second.startswith("Successfully uploaded: sn-2026abc/none/night.csv")
    assert IngestJob.objects.get().file_name == "night.csv"


def test_a_storage_in_trouble_is_told_in_words(
    client: Client, target: Any, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "no-directory").write_text("a file")
    settings.MEDIA_ROOT = str(tmp_path / "no-directory")

    (message,) = said(send(client, target=target.pk))

    assert "night.csv" in message
    assert "could not store the file" in message
    assert not DataProduct.objects.exists()


def test_where_the_tom_wants_it_files_are_processed_in_the_request(
    client: Client, target: Any, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER = {"UPLOAD_FORM": False}

    (message,) = said(send(client, target=target.pk))

    assert message == "Successfully uploaded: sn-2026abc/none/night.csv"
    assert PhotometryReducedDatum.objects.count() == 3
    assert not IngestJob.objects.exists()
