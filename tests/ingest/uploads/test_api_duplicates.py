"""What is here already, by its product id, is not taken again; nobody learns more."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from guardian.shortcuts import assign_perm
from tom_dataproducts.models import DataProduct

from tests.ingest.uploads import uploading
from tests.ingest.uploads.uploading import CURVE, STOCK, client_of, upload
from tests.support import rows
from tom_share_worker.models import IngestJob


@pytest.mark.django_db
def test_the_second_time_it_is_said_to_be_here(client: Client, target: Any) -> None:
    first = upload(client, target, product_id="night-1").json()

    answer = upload(client, target, product_id=" night-1 ")

    assert answer.status_code == 200
    found = answer.json()
    assert found["already_exists"] is True
    assert found["message"] == "Data product already exists. Skipping upload."
    assert found["sha256"] == hashlib.sha256(CURVE).hexdigest()
    for field in ("id", "target", "data", "ingest", "product_id"):
        assert found[field] == first[field]
    assert DataProduct.objects.count() == IngestJob.objects.count() == 1
    assert len(uploading.kept_files()) == 1


@pytest.mark.django_db
def test_the_body_is_the_hosts_field_by_field(
    client: Client, target: Any, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.support.stock_urls"
    product = rows.product(target)

    ours = upload(client, target, product_id=product.product_id).json()
    stock = upload(client, target, to=STOCK, product_id=product.product_id).json()

    assert ours == stock | {"sha256": "", "ingest": None}


@pytest.mark.django_db
def test_even_a_wrong_upload_of_what_is_here_is_said_to_be_here(
    client: Client, target: Any
) -> None:
    upload(client, target, product_id="night-1")

    answer = upload(client, 99999, product_id="night-1", data_product_type="wrong")

    assert answer.status_code == 200
    assert answer.json()["target"] == target.pk


@pytest.mark.django_db
@pytest.mark.parametrize("only_targets", [True, False])
def test_who_may_not_view_it_learns_only_that_the_id_is_taken(
    only_targets: bool, client: Client, target: Any, settings: Any
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = only_targets
    other = rows.person("other")
    upload(client, target, product_id="night-1", extra_data="secret")

    answer = upload(
        client_of(other), rows.target(other, "SN 2026oth"), product_id="night-1"
    )

    assert answer.status_code == 400
    (text,) = answer.json()["product_id"]
    assert "already exists" in text
    assert set(answer.json()) == {"product_id"}
    assert "secret" not in answer.content.decode()
    assert len(uploading.kept_files()) == 1


@pytest.mark.django_db
def test_who_may_view_only_the_product_is_told_that_it_is_here(
    client: Client, target: Any
) -> None:
    viewer = rows.person("viewer")
    assign_perm("tom_targets.view_target", viewer, target)
    upload(client, target, product_id="night-1")

    assert upload(client_of(viewer), target, product_id="night-1").status_code == 200


@pytest.mark.django_db
def test_what_comes_by_another_request_between_two_looks_is_said_to_be_here(
    client: Client, target: Any
) -> None:
    came: list[Any] = []

    def meanwhile(execute: Any, sql: str, *args: Any) -> Any:
        if "product_id" in sql and sql.startswith("SELECT %s") and not came:
            came.append(None)
            came.append(rows.product(target, name="night-1"))
        return execute(sql, *args)

    with connection.execute_wrapper(meanwhile):
        answer = upload(client, target, product_id="night-1")

    assert answer.status_code == 200, answer.content
    assert answer.json()["id"] == came[1].pk
    assert DataProduct.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_with_the_same_product_id_one_is_kept(
    account: User, target: Any
) -> None:
    found: list[Any] = []
    start = threading.Barrier(5)

    def send() -> None:
        client = client_of(account)
        start.wait()
        try:
            found.append(upload(client, target, product_id="night-1"))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    said = [answer.content.decode()[:300] for answer in found]
    assert sorted(answer.status_code for answer in found) == [200] * 4 + [202], said
    assert len({answer.json()["id"] for answer in found}) == 1
    assert DataProduct.objects.count() == IngestJob.objects.count() == 1
    assert len(uploading.kept_files()) == 1
