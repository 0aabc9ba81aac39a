"""How large the deliveries are to a TOM that takes data points in batches."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from tom_targets.models import Target

from tests.support import rows
from tom_share_worker.delivery import memory
from tom_share_worker.delivery.ledger import Ledger
from tom_share_worker.delivery.planning import packing, planner
from tom_share_worker.delivery.planning.selection import Selection
from tom_share_worker.models import Delivery, Destination, Share

pytestmark = pytest.mark.django_db

PEER = {"version": "1", "batch": 7, "body": 16_000_000, "gzip": True}


@pytest.fixture(autouse=True)
def _small_batches(settings: Any) -> None:
    settings.TOM_SHARE_WORKER = {"BATCH_SIZE": 3}
    Destination.objects.create(key="partner", peer=PEER, peer_asked=timezone.now())


@pytest.fixture
def target() -> Target:
    return rows.target(rows.person())


def counts(share: Share) -> dict[str, list[int]]:
    """Return how many data points each delivery has, by kind."""
    found: dict[str, list[int]] = {}
    for row in share.deliveries.filter(kind=Delivery.Kind.DATUMS).order_by("position"):
        kind = Ledger(row.ledger).pending()[0].kind
        found.setdefault(kind, []).append(row.datum_count)
    return found


def plan(target: Target) -> Share:
    share = rows.share(rows.person(), target=target)
    planner.plan(share.pk)
    return share


def test_a_delivery_is_as_large_as_the_other_tom_takes_in_one_request(
    target: Target,
) -> None:
    rows.photometry(target, 16)

    assert counts(plan(target)) == {"photometry": [7, 7, 2]}


def test_spectra_go_in_small_numbers_everywhere(target: Target) -> None:
    rows.every_kind(target, 8)

    assert counts(plan(target)) == {
        "photometry": [7, 1],
        "spectroscopy": [3, 3, 2],
        "astrometry": [7, 1],
        "generic": [7, 1],
    }


@pytest.mark.parametrize("peer", [{}, None], ids=["stock", "never asked"])
def test_a_stock_tom_gets_the_usual_size(target: Target, peer: Any) -> None:
    Destination.objects.update(peer=peer)
    rows.photometry(target, 7)

    assert counts(plan(target)) == {"photometry": [3, 3, 1]}


def test_one_that_failed_us_gets_the_usual_size(target: Target) -> None:
    memory.forget_peer("partner")
    rows.photometry(target, 7)

    assert counts(plan(target)) == {"photometry": [3, 3, 1]}


@pytest.mark.parametrize(
    ("kind", "batch", "size"),
    [
        ("photometry", None, 3),
        ("photometry", 1, 3),
        ("photometry", 500, 500),
        ("photometry", 1_000_000, 2000),
        ("astrometry", 1_000_000, 2000),
        ("generic", 1_000_000, 500),
        ("spectroscopy", 1_000_000, 3),
    ],
)
def test_sizes_are_bounded(kind: str, batch: int | None, size: int) -> None:
    assert packing.size(kind, batch) == size


def test_a_chunk_ends_where_it_names_enough_and_planning_goes_on_there(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "CHUNK_DATUMS", 10)
    pks = rows.photometry(target, 30)
    share = rows.share(rows.person(), target=target)

    planner._plan_chunk(share, Selection(share))
    written = share.deliveries.count()
    planner.plan(share.pk)

    assert written == 2
    found = share.deliveries.order_by("position")
    keys = [key.pk for row in found for key in Ledger(row.ledger).pending()]
    assert keys == pks
    share.refresh_from_db()
    assert share.planned


def test_a_peer_that_is_found_while_a_share_is_planned_gets_the_rest_in_large_ones(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "CHUNK", 2)
    Destination.objects.update(peer=None)
    pks = rows.photometry(target, 20)
    share = rows.share(rows.person(), target=target)

    planner._plan_chunk(share, Selection(share))
    memory.found_peer("partner", PEER)
    planner.plan(share.pk)

    assert counts(share) == {"photometry": [3, 3, 7, 7]}
    found = share.deliveries.order_by("position")
    keys = [key.pk for row in found for key in Ledger(row.ledger).pending()]
    assert keys == pks
