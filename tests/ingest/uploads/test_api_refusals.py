"""What the host refuses is refused in its words, and nothing of it is left."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from guardian.shortcuts import assign_perm
from tom_dataproducts.models import DataProduct

from tests.ingest.uploads import uploading
from tests.ingest.uploads.uploading import API, CURVE, STOCK, client_of, upload
from tests.support import rows
from tom_share_worker.ingest.uploads import answers

pytestmark = pytest.mark.django_db

LIMIT = 1000


def test_too_many_uploads_of_an_account_have_to_wait(
    client: Client, target: Any, settings: Any
) -> None:
    cache.clear()  # what other tests have counted
    settings.TOM_SHARE_WORKER = {"RATE_LIMIT": "1/min"}
    assert upload(client, target, product_id="a").status_code == 202

    refused = upload(client, target, product_id="b")

    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 60
    assert DataProduct.objects.count() == 1
    assert client.get(API).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"data_product_type": "invalid"},
        {"data_product_type": ""},
        {"data_product_type": None},
        {"target": "99999"},
        {"target": "abc"},
        {"target": None},
        {"product_id": "x" * 300},
        {"file": uploading.file(b"")},
    ],
    ids=str,
)
def test_a_wrong_field_is_told_as_by_the_host(
    wrong: dict[str, Any], client: Client, target: Any, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.support.stock_urls"
    ours = upload(client, target, **wrong)
    if "file" in wrong:
        wrong["file"].seek(0)
    stock = upload(client, target, to=STOCK, **wrong)

    assert ours.status_code == stock.status_code == 400
    assert ours.json() == stock.json()
    uploading.assert_nothing_is_left()


def test_a_product_id_with_nul_is_told_in_words(client: Client, target: Any) -> None:
    answer = upload(client, target, product_id="a\0b")

    assert answer.status_code == 400
    assert "Null characters are not allowed" in answer.json()["product_id"][0]
    uploading.assert_nothing_is_left()


def test_an_upload_without_a_file_is_told_in_words(client: Client, target: Any) -> None:
    for fields in ({"file": None}, {"file": "no file but text"}):
        answer = upload(client, target, **fields)

        assert answer.status_code == 400
        assert answer.json() == {"file": [answers.NO_FILE]}
    uploading.assert_nothing_is_left()


def test_json_is_no_upload(client: Client, target: Any) -> None:
    body = json.dumps({"target": target.pk})

    answer = client.post(API, body, content_type="application/json")

    assert answer.status_code == 415
    uploading.assert_nothing_is_left()


def test_an_anonymous_upload_leaves_nothing(target: Any) -> None:
    answer = upload(client_of(None), target)

    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/json"
    assert answer["WWW-Authenticate"]
    uploading.assert_nothing_is_left()


def test_who_may_only_view_a_target_leaves_nothing(target: Any) -> None:
    viewer = rows.person("viewer")
    assign_perm("tom_targets.view_target", viewer, target)
    public = rows.target(rows.person("other"), "SN 2026pub", permissions="OPEN")

    for seen in (target, public):
        answer = upload(client_of(viewer), seen)

        assert answer.status_code == 400
        assert "Invalid pk" in answer.json()["target"][0]
    uploading.assert_nothing_is_left()


def test_where_there_is_no_target_at_all_the_answer_is_the_same(client: Client) -> None:
    answer = upload(client, 1)

    assert answer.status_code == 400
    assert answer.json() == {"target": ['Invalid pk "1" - object does not exist.']}


@pytest.mark.parametrize("first", [True, False])
def test_a_digest_that_fits_is_accepted(
    first: bool, client: Client, target: Any
) -> None:
    digest = {"sha256": hashlib.sha256(CURVE).hexdigest().upper()}
    common = {"target": target.pk, "data_product_type": "photometry"}
    fields = {**digest, "file": uploading.file()}
    if not first:
        fields = dict(reversed(fields.items()))

    assert client.post(API, {**common, **fields}).status_code == 202


def test_a_digest_that_does_not_fit_leaves_nothing(client: Client, target: Any) -> None:
    answer = upload(client, target, sha256=hashlib.sha256(b"other").hexdigest())

    assert answer.status_code == 400
    # By this field a sender knows that the file was damaged, and sends it again.
    (text,) = answer.json()["sha256"]
    assert "SHA-256" in text
    assert "send it again" in text
    uploading.assert_nothing_is_left()


@pytest.mark.parametrize("wrong", ["abc", "z" * 64, "0" * 65])
def test_what_is_no_digest_is_told_in_words(
    wrong: str, client: Client, target: Any
) -> None:
    answer = upload(client, target, sha256=wrong)

    assert answer.status_code == 400
    assert "64 characters" in answer.json()["sha256"][0]
    uploading.assert_nothing_is_left()


def test_a_file_of_the_largest_size_is_accepted(
    client: Client, target: Any, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER = {"UPLOAD_LIMIT": LIMIT}

    assert upload(client, target, file=uploading.file(b"x" * LIMIT)).status_code == 202


@pytest.mark.parametrize("size", [LIMIT + 1, 3_000_000], ids=["a bit", "much"])
def test_a_file_that_is_too_large_leaves_nothing(
    size: int, client: Client, target: Any, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER = {"UPLOAD_LIMIT": LIMIT}

    answer = upload(client, target, file=uploading.file(b"x" * size))

    assert answer.status_code == 413
    assert "1,000 bytes" in answer.json()["detail"]
    uploading.assert_nothing_is_left()


def test_what_announces_to_be_too_large_is_not_read(
    client: Client, target: Any, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER = {"UPLOAD_LIMIT": LIMIT}

    answer = client.post(
        API, b"x", content_type="multipart/form-data; boundary=b", CONTENT_LENGTH=2**40
    )

    assert answer.status_code == 413


def body(target: Any, *, end: str = "\r\n--b--\r\n") -> bytes:
    parts = {"target": str(target.pk), "data_product_type": "photometry"}
    text = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts.items()
    )
    text += (
        '--b\r\nContent-Disposition: form-data; name="file"; filename="n.csv"\r\n\r\n'
    )
    return text.encode() + CURVE + end.encode()


def post(client: Client, content: bytes) -> Any:
    return client.post(API, content, content_type="multipart/form-data; boundary=b")


@pytest.mark.parametrize(
    "end",
    [
        *("", "\r\n--b", "\r\n--b\r\n", "\r\n--b-"),
        '\r\n--b\r\nContent-Disposition: form-data; name="sha256"\r\n\r\nabc',
    ],
)
def test_a_body_that_does_not_end_leaves_nothing(
    end: str, client: Client, target: Any
) -> None:
    answer = post(client, body(target, end=end))

    assert answer.status_code == 400, answer.content
    uploading.assert_nothing_is_left()


@pytest.mark.parametrize("end", ["\r\n--b--", "\r\n--b--\r\n", "\r\n--b--\r\nmore"])
def test_a_body_that_ends_is_accepted(end: str, client: Client, target: Any) -> None:
    assert post(client, body(target, end=end)).status_code == 202


def test_who_may_not_log_in_is_told_so(target: Any, account: User) -> None:
    answer = upload(
        client_of(None), target, headers={"Authorization": "Token not-a-token"}
    )

    assert answer.status_code == 401
    uploading.assert_nothing_is_left()
