"""An id that no database can hold is an id of nothing: no page answers it with 500."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import URLPattern, reverse
from rest_framework.test import APIClient

from tests.status.conftest import browser
from tom_share_worker import urls

pytestmark = pytest.mark.django_db

LARGE = [2**63 - 1, 2**63, 10**20]
"""The largest id that a column holds, the next one, and one that is far away."""

API = [
    f"api/{name}/<int:pk>/{verb}"
    for name, verbs in {
        "shares": ("", "retry/", "cancel/", "deliveries/"),
        "deliveries": ("", "retry/"),
        "ingest-jobs": ("", "reprocess/", "cancel/"),
        "bulk-actions": ("", "cancel/"),
        "dataproducts": ("",),
        "reduceddatums": ("",),
    }.items()
    for verb in verbs
]


def routes() -> list[str]:
    """Return the addresses of this app that have an id in them."""
    own = [
        f"shares/{pattern.pattern}"
        for pattern in urls.urlpatterns
        if isinstance(pattern, URLPattern)
    ]
    found = [*own, *urls.TAKEN_OVER, *urls.PEERS, *API]
    return sorted(route for route in found if "<int:" in route)


@pytest.mark.parametrize("route", routes())
def test_it_is_not_found(route: str) -> None:
    person = User.objects.create_superuser("root")
    page, program = browser(person), APIClient()
    page.raise_request_exception = program.raise_request_exception = False
    program.force_authenticate(person)
    for number in LARGE:
        address = "/" + re.sub(r"<int:\w+>", str(number), route)
        client: Any = program if route.startswith("api/") else page
        answers = [client.get(address), client.post(address, {})]
        codes = {answer.status_code for answer in answers}
        # 405 is of verbs; the page to share a file leads back, as the host's does.
        assert codes <= ({302} if "data/<int:dp_pk>" in route else {404, 405})


@pytest.mark.parametrize(
    ("model", "column"),
    [
        ("remotetarget", "target"),
        ("remotetarget", "target__pk__gt"),
        ("attempt", "delivery"),
        ("destination", "paused_by"),
        ("bulkaction", "asked_by"),
    ],
)
def test_a_list_of_the_admin_takes_no_such_filter(model: str, column: str) -> None:
    client = browser(User.objects.create_superuser("root"))

    address = reverse(f"admin:tom_share_worker_{model}_changelist")
    answer = client.get(address, {column: 10**20})

    assert answer.status_code in (302, 400)  # not narrowed, or refused
