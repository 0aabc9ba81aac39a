"""The host's REST API takes our targets and files whole, and finds them again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tom_dataproducts.models import DataProduct
from tom_targets.models import Target

from tests.support import rows
from tom_share_worker import toolkit
from tom_share_worker.delivery.destinations.tom import payloads
from tom_share_worker.delivery.parcels import TargetCard, TargetParcel

pytestmark = pytest.mark.django_db


@pytest.fixture
def there() -> Target:
    """A target at the other TOM, which this one plays."""
    return rows.target(rows.person("account"), "SN 2026abc")


@pytest.fixture
def account(there: Target) -> Client:
    client = Client()
    client.force_login(rows.person("account"))
    return client


def send(method: Any, path: str, body: Any) -> Any:
    return method(path, json.dumps(body), content_type="application/json")


def target_body(lists: tuple[str, ...] = ("Imported From Survey TOM",)) -> Any:
    owner = rows.person("owner")
    target = rows.target(owner, "AT 2026kdf", epoch=2000.0, pm_ra=-3.1, distance=78.4)
    parcel = TargetParcel(
        target=TargetCard("AT 2026kdf", ("AT 2026kdf", "ZTF26x"), 1.0, 2.0, None),
        fields=toolkit.target_fields(target),
        extras={"redshift": "0.018"},
        lists=lists,
        shared_by="astronomer",
        shared_from="Survey TOM",
    )
    body = payloads.target(parcel)
    target.delete()
    return body


def test_a_target_arrives_field_by_field(account: Client) -> None:
    body = target_body()

    answer = send(account.post, "/api/targets/", body)

    assert answer.status_code == 201, answer.content
    arrived = Target.objects.get(pk=answer.json()["id"])
    for name in ("name", "type", "ra", "dec", "epoch", "pm_ra", "distance"):
        assert getattr(arrived, name) == body[name], name
    assert (arrived.shared_by, arrived.shared_from) == ("astronomer", "Survey TOM")
    assert arrived.names == ["AT 2026kdf", "ZTF26x"]
    assert arrived.extra_fields == {"redshift": 0.018}
    (target_list,) = arrived.targetlist_set.all()
    assert target_list.name == "Imported From Survey TOM"
    assert arrived.permissions == Target().permissions


def test_an_existing_target_joins_the_lists(there: Target, account: Client) -> None:
    rows.target_list("Bulge season")
    body = {"target_lists": [{"name": "Bulge season"}, {"name": "Imported From X"}]}

    answer = send(account.patch, f"/api/targets/{there.pk}/", body)

    assert answer.status_code == 200, answer.content
    names = there.targetlist_set.values_list("name", flat=True)
    assert sorted(names) == ["Bulge season", "Imported From X"]


@pytest.mark.parametrize("query", [{"name": "ztf26"}, {"cone_search": "40.5,-1.5,0.1"}])
def test_a_target_is_found_by_part_of_a_name_and_by_place(
    query: dict[str, str], account: Client
) -> None:
    owner = rows.person("account")
    target = rows.target(owner, "AT 2026kdf", "ZTF26x", ra=40.5, dec=-1.5)

    paging = {"limit": "100", "offset": "0"}
    page = account.get("/api/targets/", query | paging).json()

    (row,) = page["results"]
    assert (row["id"], row["name"]) == (target.pk, "AT 2026kdf")
    assert [alias["name"] for alias in row["aliases"]] == ["ZTF26x"]
    assert (row["ra"], row["dec"]) == (40.5, -1.5)


def test_a_file_arrives_with_its_id(
    there: Target, account: Client, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.support.stock_urls"
    fields = {
        "target": there.pk,
        "product_id": "Survey TOM:7",
        "data_product_type": "fits_file",
        "extra_data": "a note",
    }
    answers = [
        account.post(
            "/stock/dataproducts/",
            fields | {"file": SimpleUploadedFile("image.fits", b"FITS")},
        )
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[1].json()["already_exists"] is True
    assert {answer.json()["target"] for answer in answers} == {there.pk}
    arrived = DataProduct.objects.get()
    with arrived.data.open() as file:
        assert file.read() == b"FITS"
    assert (arrived.product_id, arrived.extra_data) == ("Survey TOM:7", "a note")
