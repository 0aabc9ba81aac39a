"""A file that is not what it was when its sending began: our fault, not theirs."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from requests import ReadTimeout
from tom_dataproducts.models import DataProduct

from tests.support import rows, storages
from tests.support.misbehaviour import Behaviour, Exchange
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery import gate
from tom_share_worker.delivery.planning import planner
from tom_share_worker.delivery.sending import sender
from tom_share_worker.models import Attempt, Delivery, Destination, Failure, Share

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "SN 2026abc"
SIZE = 100_000


@pytest.fixture(autouse=True)
def _remote(settings: Any, remote: RemoteTom) -> None:
    settings.DATA_SHARING = {"partner": remote.entry()}
    settings.TOM_SHARE_WORKER = {"READ_TIMEOUT": 2, "RETRY_SCHEDULE": [0, 0, 0, 0, 0]}
    remote.store.add_target(NAME)


def planned() -> tuple[Delivery, DataProduct]:
    """Return the delivery of a product, and the product."""
    owner = rows.person()
    product = rows.product(rows.target(owner, NAME), b"A" * SIZE)
    share = rows.share(
        owner,
        kind=Share.Kind.DATA_PRODUCT,
        target=product.target,
        data_product=product,
    )
    planner.plan(share.pk)
    return share.deliveries.get(), product


def sent(delivery: Delivery) -> Delivery:
    """Try a delivery once; return its row."""
    sender.send(delivery.pk)
    delivery.refresh_from_db()
    return delivery


def meanwhile(happens: Callable[[Path], None], path: Path) -> Behaviour:
    """Answer well, but let something happen to a file before the answer.

    The sender looks for the target after it has taken the file's size and before it
    opens the file.
    """

    def behave(exchange: Exchange) -> None:
        happens(path)
        exchange.send(exchange.act())

    return behave


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"B" * 500)


def grow_much(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"B" * SIZE)


def shrink(path: Path) -> None:
    os.truncate(path, SIZE // 2)


def become_empty(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.parametrize("happens", [grow, grow_much, shrink, become_empty])
def test_a_file_that_changes_while_it_is_sent_is_our_fault(
    remote: RemoteTom, happens: Callable[[Path], None]
) -> None:
    delivery, product = planned()
    path = Path(product.data.path)
    remote.on("GET", "/api/targets/", meanwhile(happens, path), times=1)

    row = sent(delivery)

    assert (row.status, row.failure) == (Delivery.Status.QUEUED, Failure.OUR_FAULT)
    assert row.attempts.get().outcome == Attempt.Outcome.TRY_AGAIN
    state = Destination.objects.get()
    assert state.failures == 0
    assert gate.is_open(state, row.next_attempt_at)


@pytest.mark.parametrize("happens", [grow, shrink, become_empty])
def test_of_a_file_that_changed_the_other_side_keeps_nothing(
    remote: RemoteTom, happens: Callable[[Path], None]
) -> None:
    delivery, product = planned()
    path = Path(product.data.path)
    remote.on("GET", "/api/targets/", meanwhile(happens, path), times=1)

    sent(delivery)

    remote.await_no_sockets()
    assert remote.store.products == []


@pytest.mark.parametrize("happens", [grow, shrink])
def test_the_next_attempt_sends_the_file_as_it_is_by_then(
    remote: RemoteTom, happens: Callable[[Path], None]
) -> None:
    delivery, product = planned()
    path = Path(product.data.path)
    remote.on("GET", "/api/targets/", meanwhile(happens, path), times=1)
    sent(delivery)
    remote.await_no_sockets()

    row = sent(delivery)

    assert row.status == Delivery.Status.DELIVERED
    assert [known["data"] for known in remote.store.products] == [path.read_bytes()]


TROUBLES = [
    storages.AWAY,
    OSError(errno.EIO, "Input/output error"),
    storages.EndpointError("key=secret"),
    ReadTimeout("of the storage, whose library speaks by HTTP, too"),
]


@pytest.mark.parametrize("asked", ["size", "open", "read"])
@pytest.mark.parametrize("error", TROUBLES, ids=lambda error: type(error).__name__)
def test_a_file_is_sent_when_the_storage_that_was_away_is_back(
    asked: str, error: Exception, remote: RemoteTom, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = storages.made(monkeypatch)
    delivery, _ = planned()
    bucket.fail(asked, error=error)

    row = sent(delivery)

    assert (row.status, row.failure) == (Delivery.Status.QUEUED, Failure.OUR_FAULT)
    said = f"This TOM's storage for files failed ({type(error).__name__})."
    assert (row.note, row.attempts.get().note) == (said, said)
    state = Destination.objects.get()
    assert (state.failures, state.retry_at, state.paused) == (0, None, False)
    if asked == "read":  # the connection was cut in the middle of the file
        remote.await_no_sockets()
    assert remote.store.products == []
    bucket.come_back()
    assert sent(delivery).status == Delivery.Status.DELIVERED
    assert [known["data"] for known in remote.store.products] == [b"A" * SIZE]


def test_a_storage_that_stays_away_is_tried_to_the_end_of_the_schedule(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = storages.made(monkeypatch)
    delivery, _ = planned()
    bucket.fail("read")

    tries = len(settings.TOM_SHARE_WORKER["RETRY_SCHEDULE"]) + 1
    seen = [sent(delivery).status for _ in range(tries)]

    assert seen == [*["queued"] * (tries - 1), "failed"]
    assert delivery.failure == Failure.OUR_FAULT


@pytest.mark.parametrize("asked", ["size", "open"])
def test_a_file_that_is_missing_ends_the_delivery(
    asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = storages.made(monkeypatch)
    delivery, product = planned()
    bucket.fail(asked, error=FileNotFoundError())

    row = sent(delivery)

    assert (row.status, row.failure) == (Delivery.Status.FAILED, Failure.OUR_FAULT)
    assert row.note == (
        f"The file of the data product {product} is missing from this TOM."
    )
