"""What a TOM tells of itself before anyone has an account there."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

import tom_share_worker
from tests.ingest.peers.sender import Sender, problem

pytestmark = pytest.mark.django_db
HERE = "/api/tom-share/"


def test_everyone_is_told_what_is_taken(settings: Any) -> None:
    settings.TOM_NAME = "Bulge TOM"
    settings.TOM_SHARE_WORKER = {"BATCH_LIMIT": 500, "UPLOAD_LIMIT": 10**9}

    answer = Sender(None).get(HERE)

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer.json() == {
        "app": "tom_share_worker",
        "version": tom_share_worker.__version__,
        "versions": [1],
        "tom_name": "Bulge TOM",
        "limits": {"batch": 500, "body": 16_000_000, "upload": 10**9},
        "supports": ["datums", "gzip", "ingest", "sha256"],
    }


def test_an_upload_of_any_size_is_told_as_no_limit() -> None:
    assert Sender(None).get(HERE).json()["limits"]["upload"] is None


def test_a_wrong_token_is_told_no_less() -> None:
    answer = Client().get(HERE, headers={"Authorization": "Token wrong"})

    assert answer.status_code == 200


def test_whatever_form_is_asked_for_the_answer_is_json() -> None:
    answer = Client().get(f"{HERE}?format=xml", headers={"Accept": "text/html"})

    assert answer["Content-Type"] == "application/json"


def test_there_is_nothing_to_post() -> None:
    answer = Client().post(HERE, {}, content_type="application/json")

    problem(answer, "method-not-allowed", 405)


def test_a_locked_tom_tells_nobody_anything(settings: Any) -> None:
    settings.AUTH_STRATEGY = "LOCKED"

    assert Client().get(HERE).status_code == 403


def test_a_locked_tom_can_open_its_api_to_accounts(
    settings: Any, sender: Sender
) -> None:
    settings.AUTH_STRATEGY = "LOCKED"
    settings.OPEN_URLS = ["/api/*"]

    assert sender.get(HERE).status_code == 200
    problem(sender.get("/api/tom-share/ingest/1/"), "not-found", 404)
