"""Every refusal is a problem in words, also where Django or the framework refuses."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    TooManyFieldsSent,
)
from django.db import OperationalError
from django.http import Http404, UnreadablePostError
from django.test import Client
from rest_framework import exceptions

from tests.ingest.peers.sender import problem
from tom_share_worker.ingest import problems


@pytest.mark.parametrize(
    ("error", "name", "status"),
    [
        (exceptions.NotAuthenticated(), "not-authenticated", 401),
        (exceptions.AuthenticationFailed("Expired."), "not-authenticated", 401),
        (exceptions.PermissionDenied(), "not-authenticated", 403),
        (exceptions.NotFound(), "not-found", 404),
        (exceptions.MethodNotAllowed("PUT"), "method-not-allowed", 405),
        (exceptions.UnsupportedMediaType("x/y"), "media-type", 415),
        (exceptions.Throttled(wait=3), "too-many-requests", 429),
        (exceptions.ParseError(), "malformed", 400),
        (Http404(), "not-found", 404),
        (PermissionDenied(), "not-authenticated", 403),
        (RequestDataTooBig(), "too-large", 413),
        (TooManyFieldsSent(), "malformed", 400),
        (UnreadablePostError(), "malformed", 400),
        (OperationalError("database is locked"), "unavailable", 503),
    ],
)
def test_a_refusal_becomes_a_problem(error: Exception, name: str, status: int) -> None:
    answer = problems.answer(error, {})

    assert answer is not None
    assert answer.status_code == status
    assert answer.data["status"] == status
    assert answer.data["type"] == f"urn:tom-share:problem:{name}"
    assert answer.data["detail"].endswith(".")
    assert "locked" not in answer.data["detail"]


def test_what_helps_to_go_on_is_kept() -> None:
    asked = exceptions.NotAuthenticated()
    asked.auth_header = "Token"  # type: ignore[attr-defined]
    waits = exceptions.Throttled(wait=2.2)

    for error, header, value in (
        (asked, "WWW-Authenticate", "Token"),
        (waits, "Retry-After", "3"),
        (OperationalError(), "Retry-After", "5"),
    ):
        answer = problems.answer(error, {})
        assert answer is not None
        assert answer.headers[header] == value


def test_a_fault_of_ours_is_none() -> None:
    assert problems.answer(ZeroDivisionError(), {}) is None


def test_each_kind_has_a_name_of_its_own() -> None:
    assert len({kind.name for kind in problems.KINDS}) == len(problems.KINDS)


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "options"])
@pytest.mark.parametrize(
    "address", ["datums", "ingest/7", "ingest/x/", "ingest/-1/", "more/", "openapi"]
)
def test_elsewhere_there_is_a_problem_and_no_redirect(
    method: str, address: str, client: Client, settings: Any
) -> None:
    settings.DEBUG = True
    ask = getattr(client, method)

    answer = ask(f"/api/tom-share/{address}", content_type="application/json")

    problem(answer, "not-found", 404)
