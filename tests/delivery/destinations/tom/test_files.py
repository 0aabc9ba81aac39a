"""A file that is not what it was when its sending began: our fault, not theirs."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files import File
from django.core.files.storage import FileSystemStorage
from tom_dataproducts.models import DataProduct

from tests.support import rows
from tests.support.misbehaviour import Behaviour, Exchange
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery import gate
from tom_share_worker.delivery.planning import planner
from tom_share_worker.delivery.sending import sender
from tom_share_worker.models import Attempt, Delivery, Destination, Failure, Share

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "SN 2026abc"
SIZE = 100_000


class BadDisk(FileSystemStorage):
    """Storage whose files can be opened and not be read."""

    def _open(self, name: str, mode: str = "rb") -> File[Any]:
        return File(_Unreadable(), name)


class _Unreadable(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError(5, "Input/output error")


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


def test_a_file_that_cannot_be_read_is_our_fault_and_ends_after_a_few_attempts(
    remote: RemoteTom, settings: Any
) -> None:
    delivery, _ = planned()
    bad_disk = {"BACKEND": f"{__name__}.{BadDisk.__name__}"}
    settings.STORAGES = settings.STORAGES | {"default": bad_disk}

    rows_seen = [sent(delivery).status for _ in range(sender.OUR_FAULT_ATTEMPTS)]

    assert rows_seen[:-1] == [Delivery.Status.QUEUED] * (sender.OUR_FAULT_ATTEMPTS - 1)
    assert rows_seen[-1] == Delivery.Status.FAILED
    assert delivery.failure == Failure.OUR_FAULT
    assert remote.store.products == []
    state = Destination.objects.get()
    assert (state.failures, state.retry_at, state.paused) == (0, None, False)
