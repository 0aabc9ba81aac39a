"""Only those may delete data by the API who may change it; to look is not enough."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from guardian.shortcuts import assign_perm
from tom_dataproducts.models import DataProduct, PhotometryReducedDatum, ReducedDatum

from tests.ingest.uploads import uploading
from tests.ingest.uploads.uploading import API, client_of, upload
from tests.support import rows
from tom_share_worker.models import IngestJob

pytestmark = pytest.mark.django_db

DATUMS = "/api/reduceddatums/"


@pytest.fixture
def viewer(target: Any) -> User:
    person = rows.person("viewer")
    assign_perm("tom_targets.view_target", person, target)
    return person


def test_a_product_goes_with_its_data_and_its_file(
    client: Client, target: Any, django_capture_on_commit_callbacks: Any
) -> None:
    upload(client, target)
    product = DataProduct.objects.get()
    PhotometryReducedDatum.objects.create(
        target=target, data_product=product, timestamp=rows.NIGHT, bandpass="r"
    )

    with django_capture_on_commit_callbacks(execute=True):
        answer = client.delete(f"{API}{product.pk}/")

    assert answer.status_code == 204
    assert not DataProduct.objects.exists()
    assert not PhotometryReducedDatum.objects.exists()
    assert uploading.kept_files() == []
    assert IngestJob.objects.get().data_product is None


def test_who_may_only_view_a_product_may_not_delete_it(
    viewer: User, target: Any
) -> None:
    product = rows.product(target)

    assert client_of(viewer).delete(f"{API}{product.pk}/").status_code == 403

    assert DataProduct.objects.exists()
    assert len(uploading.kept_files()) == 1


@pytest.mark.parametrize("path", [API, DATUMS])
def test_nobody_deletes_without_an_account(path: str, target: Any) -> None:
    product = rows.product(target)
    (pk,) = rows.photometry(target, 1)

    for row in (product.pk, pk):
        assert client_of(None).delete(f"{path}{row}/").status_code == 401

    assert DataProduct.objects.exists()
    assert PhotometryReducedDatum.objects.exists()


def test_who_may_change_its_target_may_delete_a_data_point(
    client: Client, target: Any
) -> None:
    (pk,) = rows.photometry(target, 1)

    assert client.delete(f"{DATUMS}{pk}/").status_code == 204

    assert not PhotometryReducedDatum.objects.exists()


def test_who_may_only_view_a_data_point_may_not_delete_it(
    viewer: User, target: Any
) -> None:
    (pk,) = rows.photometry(target, 1)

    assert client_of(viewer).delete(f"{DATUMS}{pk}/").status_code == 403

    assert PhotometryReducedDatum.objects.exists()


def test_a_data_point_one_may_not_view_does_not_exist(target: Any) -> None:
    (pk,) = rows.photometry(target, 1)

    for wrong in (pk, pk + 1000, "abc", 10**30):
        answer = client_of(rows.person("other")).delete(f"{DATUMS}{wrong}/")
        assert answer.status_code == 404

    assert PhotometryReducedDatum.objects.exists()


def test_a_data_point_of_somebody_else_with_the_same_id_is_left_alone(
    client: Client, target: Any
) -> None:
    theirs = rows.target(rows.person("other"), "SN 2026oth")
    datum = ReducedDatum.objects.create(target=theirs, data_type="x", value={"q": 1})
    PhotometryReducedDatum.objects.create(
        pk=datum.pk, target=target, timestamp=rows.NIGHT, bandpass="r"
    )

    assert client.delete(f"{DATUMS}{datum.pk}/").status_code == 204

    assert ReducedDatum.objects.exists()
    assert not PhotometryReducedDatum.objects.exists()


def test_a_data_point_is_added_as_at_the_host_but_not_anonymously(
    client: Client, target: Any, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.support.stock_urls"
    body = {
        "target": target.pk,
        "data_type": "photometry",
        "timestamp": "2012-02-12T01:40:47Z",
        "value": {"magnitude": 15.582, "filter": "r", "error": 0.005},
    }

    def post(to: str, account: Client = client) -> Any:
        return account.post(to, body, content_type="application/json")

    assert post(DATUMS, client_of(None)).status_code == 401
    assert not PhotometryReducedDatum.objects.exists()
    ours = post(DATUMS)
    PhotometryReducedDatum.objects.get().delete()
    stock = post("/stock/reduceddatums/")
    assert ours.status_code == stock.status_code == 201
    assert ours.json() == stock.json()
    again = post(DATUMS)
    assert again.status_code == 200
    assert again.json() == post("/stock/reduceddatums/").json()
    assert again.json()["already_exists"] is True
    assert client.get(DATUMS).json() == client.get("/stock/reduceddatums/").json()
