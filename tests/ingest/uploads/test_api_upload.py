"""An upload is answered at once: the host's own body, and where to follow the rest."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import resolve, reverse
from tom_dataproducts.models import DataProduct, PhotometryReducedDatum
from tom_observations.models import ObservationRecord

from tests.ingest.uploads import uploading
from tests.ingest.uploads.uploading import API, CURVE, STOCK, upload
from tests.support import rows
from tom_share_worker.ingest.uploads import api
from tom_share_worker.models import IngestJob

pytestmark = pytest.mark.django_db


def observation(target: Any) -> ObservationRecord:
    return ObservationRecord.objects.create(
        target=target, facility="LCO", observation_id="1", status="done", parameters={}
    )


def test_an_upload_is_received_and_waits_to_be_processed(
    client: Client, account: User, target: Any
) -> None:
    answer = upload(client, target, product_id="night-1", extra_data="seeing 1.2")

    assert answer.status_code == 202, answer.content
    product, job = DataProduct.objects.get(), IngestJob.objects.get()
    assert (product.product_id, product.extra_data) == ("night-1", "seeing 1.2")
    assert product.target_id == job.target_id == target.pk
    assert uploading.content_of(product) == CURVE
    assert job.data_product == product
    assert (job.user, job.origin) == (account, IngestJob.Origin.API)
    assert (job.status, job.claim) == (IngestJob.Status.QUEUED, "")
    assert (job.file_name, job.data_product_type) == ("night.csv", "photometry")
    assert job.target_name == target.name
    assert job.size == len(CURVE)
    assert job.sha256 == hashlib.sha256(CURVE).hexdigest()
    assert not PhotometryReducedDatum.objects.exists()


@pytest.mark.parametrize("address", [API, "/api/dataproducts.json"])
def test_the_answer_says_where_to_follow_it(
    address: str, client: Client, target: Any
) -> None:
    answer = upload(client, target, to=address)

    job = IngestJob.objects.get()
    url = f"http://testserver/api/tom-share/ingest/{job.pk}/"
    assert answer["Location"] == url
    assert answer.json()["ingest"] == {"id": job.pk, "status": "queued", "url": url}
    assert "being processed" in answer.json()["message"]
    followed = client.get(url).json()
    assert (followed["id"], followed["status"]) == (job.pk, "queued")


def test_the_answer_has_the_hosts_body_field_by_field(
    client: Client, target: Any, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.support.stock_urls"
    fields = {"product_id": "night-1", "extra_data": "of ours"}
    stock = upload(client, target, to=STOCK, **fields)
    assert stock.status_code == 201, stock.content
    DataProduct.objects.get().delete()
    (left,) = uploading.kept_files()

    ours = upload(client, target, **fields)

    expected, found = stock.json(), ours.json()
    assert expected.pop("message") == "Data product successfully uploaded."
    assert found.pop("message").startswith("Data product successfully uploaded.")
    assert set(found) == {*expected, "ingest"}
    for field in expected.keys() - {"id", "data"}:
        assert found[field] == expected[field], field
    assert expected["data"] == f"http://testserver/data/{left}"
    assert found["data"].startswith("http://testserver/data/sn-2026abc/none/night")


def test_an_empty_product_id_is_none(client: Client, target: Any) -> None:
    for _ in range(2):
        answer = upload(client, target, product_id="")
        assert answer.status_code == 202
        assert answer.json()["product_id"] is None


@pytest.mark.parametrize("kind", ["fits_file", "image_file", "spectroscopy"])
def test_every_type_of_data_product_gets_a_job(
    kind: str, client: Client, target: Any
) -> None:
    answer = upload(client, target, data_product_type=kind)

    assert answer.status_code == 202
    assert IngestJob.objects.get().data_product_type == kind


def test_a_product_of_an_observation_is_received(client: Client, target: Any) -> None:
    record = observation(target)

    answer = upload(client, target, observation_record=record.pk)

    assert answer.status_code == 202
    assert answer.json()["observation_record"] == record.pk
    assert DataProduct.objects.get().data.name == "sn-2026abc/lco/night.csv"


def test_an_observation_of_a_target_one_may_not_change_is_no_observation(
    client: Client, target: Any
) -> None:
    record = observation(rows.target(rows.person("other"), "SN 2026oth"))

    answer = upload(client, target, observation_record=record.pk)

    assert answer.status_code == 400
    text = f'Invalid pk "{record.pk}" - object does not exist.'
    assert answer.json() == {"observation_record": [text]}
    uploading.assert_nothing_is_left()


def test_another_tom_is_known_by_its_header(client: Client, target: Any) -> None:
    upload(client, target, headers={"Tom-Share-Version": "1"})

    assert IngestJob.objects.get().origin == IngestJob.Origin.TOM


def test_what_the_client_says_of_the_contents_does_not_count(
    client: Client, target: Any
) -> None:
    page = uploading.file(name="night.csv", kind="text/html; charset=utf-7")

    assert upload(client, target, file=page).status_code == 202

    assert uploading.content_of(DataProduct.objects.get()) == CURVE


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("SN 2026abc (r).csv", "SN_2026abc_r.csv"),
        (".htaccess", "file.htaccess"),
        ("((.csv", "file.csv"),
        ("night\u202evsc.exe", "nightvsc.exe"),
        ("../../../night.csv", "night.csv"),
        ("nul.csv", "_nul.csv"),
    ],
)
def test_an_odd_file_name_does_no_harm(
    name: str, kept: str, client: Client, target: Any
) -> None:
    answer = upload(client, target, file=uploading.NamedBytes(CURVE, name))

    assert answer.status_code == 202, answer.content
    assert uploading.kept_files() == [f"sn-2026abc/none/{kept}"]


def test_an_overlong_file_name_is_shortened_and_can_come_twice(
    client: Client, target: Any
) -> None:
    name = "2026.03.01." + "long." * 60 + "csv"

    for _ in range(2):
        answer = upload(client, target, file=uploading.NamedBytes(CURVE, name))
        assert answer.status_code == 202, answer.content

    paths = uploading.kept_files()
    assert len(paths) == 2
    assert all(len(path) <= 100 and path.endswith(".csv") for path in paths)


def test_a_target_whose_name_leaves_no_room_for_files_is_told_in_words(
    client: Client, account: User
) -> None:
    target = rows.target(account, "x" * 99)

    answer = upload(client, target)

    assert answer.status_code == 400
    (text,) = answer.json()["file"]
    assert "no room" in text
    assert "DATA_PRODUCT_PATH" in text
    uploading.assert_nothing_is_left()


def test_our_viewset_is_served_under_the_hosts_name_outside_transactions() -> None:
    assert reverse("api:dataproducts-list") == API
    view: Any = resolve(API).func

    assert view.cls is api.DataProducts
    assert view._non_atomic_requests == {"default"}


def test_the_list_is_the_hosts(client: Client, target: Any, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.support.stock_urls"
    rows.product(target)
    rows.product(rows.target(rows.person("other"), "SN 2026oth"), name="other.fits")

    for query in ("", "?product_id=image.fits", f"?target={target.pk}", "?name=none"):
        ours, stock = client.get(API + query).json(), client.get(STOCK + query).json()
        assert ours == stock
    assert len(client.get(API).json()["results"]) == 1
