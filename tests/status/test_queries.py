"""A page makes as many queries for 300 rows as for a few, whoever looks at it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache

from tests.benchmarks import addresses, crowd, looks, people

FEW = {
    **{"targets": 5, "shares": 3, "deliveries": 7, "attempts": 200, "jobs": 3},
    "results": 10,
}
MANY = {
    **{"targets": 60, "shares": 100, "deliveries": 300, "attempts": 9000, "jobs": 300},
    "results": 300,
}

SPARED = 8
"""Queries that few rows spare: what is looked up once for causes and choices that only
more rows have. One for each row would be some forty more."""

HOSTS = (
    "a page of the host alone",
    "target page of the host",
    "share page of a target",
)
"""Pages that are not, or not only, this app's."""


@pytest.fixture(autouse=True)
def _destinations(settings: Any) -> None:
    settings.DATA_SHARING = {
        key: {"BASE_URL": f"http://{key}.invalid/", "API_TOKEN": "not-a-token"}
        for key in people.PARTNERS
    }


def queries(big: int) -> dict[tuple[str, str], int]:
    """Return how many queries each page takes for each person who may see it."""
    found = {}
    clients = looks.browsers()
    for person in ("requester", "operator", "superuser"):
        client, pages = clients[person], addresses.everyone(big)
        if person == "operator":
            pages += addresses.of_admin(client)
        for page in pages:
            cache.clear()
            seen = looks.look(client, page, person, times=0)
            if seen.status in (200, 286):
                found[person, page.name] = seen.queries
    return found


@pytest.mark.django_db
@pytest.mark.timeout(300)
def test_more_rows_take_no_more_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "CHOICES", 1)
    few = queries(crowd.fill(FEW)["big"])
    many = queries(crowd.fill(MANY)["big"])

    grown = {
        " sees ".join(page): (number, many[page])
        for page, number in few.items()
        if page in many and many[page] > number + SPARED and page[1] not in HOSTS
    }
    assert grown == {}
    assert len(few) > 150
