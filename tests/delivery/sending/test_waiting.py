"""A file that the other TOM still processes: looked after, without end or attempts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from tests.support import misbehaviour, rows
from tests.support.remote_peer import RECEIPT, Peer
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery import actions
from tom_share_worker.delivery.destinations.tom import receipts
from tom_share_worker.delivery.planning import planner
from tom_share_worker.delivery.sending import sender, waiting
from tom_share_worker.models import Attempt, Delivery, Destination, Failure, Share

pytestmark = pytest.mark.django_db(transaction=True)

POSTS = ("POST", "/api/dataproducts/")
NAME = "SN 2026abc"
DONE: dict[str, Any] = {"status": "done", "datums": 37, "new": 35}


@pytest.fixture(autouse=True)
def peer(settings: Any, remote: RemoteTom, monkeypatch: pytest.MonkeyPatch) -> Peer:
    settings.DATA_SHARING = {"partner": remote.entry()}
    settings.TOM_SHARE_WORKER = {"RETRY_SCHEDULE": [0] * 5}
    monkeypatch.setattr(receipts, "QUEUE_PATIENCE", 0.1)
    remote.store.add_target(NAME)
    return remote.speak()


@pytest.fixture
def share() -> Share:
    """A planned share of a data product."""
    owner = rows.person()
    product = rows.product(rows.target(owner, NAME))
    made = rows.share(
        owner,
        kind=Share.Kind.DATA_PRODUCT,
        target=product.target,
        data_product=product,
    )
    planner.plan(made.pk)
    return made


def send(share: Share) -> Delivery:
    """Try a share's one delivery at once, whenever it is due."""
    Destination.objects.update(retry_at=None)
    Delivery.objects.filter(status=Delivery.Status.QUEUED).update(
        next_attempt_at=timezone.now()
    )
    sender.send(share.deliveries.get().pk)
    return share.deliveries.get()


def let_pass(seconds: float) -> None:
    """Let so much time have passed since the attempts that were made."""
    for attempt in Attempt.objects.all():
        assert attempt.ended is not None
        Attempt.objects.filter(pk=attempt.pk).update(
            started=attempt.started - timedelta(seconds=seconds),
            ended=attempt.ended - timedelta(seconds=seconds),
        )


def test_a_file_that_waits_there_waits_here_and_counts_no_attempt(
    remote: RemoteTom, share: Share, peer: Peer
) -> None:
    row = send(share)

    assert (row.status, row.attempt_count, row.failure) == ("queued", 0, "")
    assert row.note == "Remote TOM received the file; it is being processed there."
    assert row.receipt == f"{remote.url}api/tom-share/ingest/7/"
    assert timezone.now() < row.next_attempt_at < timezone.now() + timedelta(seconds=3)
    [attempt] = row.attempts.all()
    assert attempt.outcome == Attempt.Outcome.RECEIVED
    assert Destination.objects.get().failures == 0
    share.refresh_from_db()
    assert share.status == Share.Status.RUNNING

    peer.process(**DONE)
    row = send(share)

    assert row.status == Delivery.Status.DELIVERED
    assert row.note == (
        "Remote TOM received the file; processed: 37 data points, 35 of them new."
    )
    assert len(remote.asked(*POSTS)) == 1
    share.refresh_from_db()
    assert share.status == Share.Status.DELIVERED


def test_the_receipt_is_on_record_before_anything_else_happens(
    remote: RemoteTom, share: Share
) -> None:
    seen: list[str] = []

    def look(exchange: misbehaviour.Exchange) -> None:
        seen.append(share.deliveries.get().receipt)
        connection.close()
        exchange.send(exchange.act())

    remote.on(*RECEIPT, look)

    send(share)

    assert seen[0] == f"{remote.url}api/tom-share/ingest/7/"


def test_who_goes_on_after_a_kill_asks_and_does_not_send_again(
    remote: RemoteTom, share: Share, peer: Peer
) -> None:
    Delivery.objects.update(receipt=f"{remote.url}api/tom-share/ingest/7/")
    peer.jobs[7] = {"id": 7, "data_product": 1, **DONE}

    row = send(share)

    assert row.status == Delivery.Status.DELIVERED
    assert not remote.asked(*POSTS)


def test_the_looks_become_rarer_and_are_few() -> None:
    at, looks, last = 0.0, 0, 0.0
    while at < waiting.GIVE_UP_AFTER:
        wait = waiting.wait(at)
        assert last <= wait <= max(2, at)
        at, looks, last = at + wait, looks + 1, wait

    assert waiting.wait(0) == 2
    assert waiting.wait(3600) == 300
    assert looks < 300


def test_the_wait_follows_from_how_long_it_takes_already(share: Share) -> None:
    send(share)
    let_pass(3600)

    row = send(share)

    wait = (row.next_attempt_at - timezone.now()).total_seconds()
    assert 290 < wait <= 300
    assert row.attempt_count == 0


def test_after_three_days_nobody_waits_for_it_any_longer(share: Share) -> None:
    send(share)
    let_pass(73 * 3600)

    row = send(share)

    assert row.status == Delivery.Status.DELIVERED
    assert "received the file" in row.note
    assert "ask the people of that TOM" in row.note
    assert row.attempts.last().outcome == Attempt.Outcome.DELIVERED  # type: ignore[union-attr]


def test_what_could_not_be_read_is_asked_for_again_by_a_retry(
    remote: RemoteTom, share: Share, peer: Peer
) -> None:
    peer.becomes = {"status": "failed", "message": "Line 3 has no magnitude."}
    row = send(share)
    assert (row.status, row.failure) == ("failed", Failure.REFUSED_DATA)
    assert "Line 3 has no magnitude" in row.note

    peer.process(**DONE)
    assert actions.retry_share(share)
    row = send(share)

    assert row.status == Delivery.Status.DELIVERED
    assert len(remote.asked(*POSTS)) == 1


def test_a_wait_that_begins_anew_is_short_again(share: Share, peer: Peer) -> None:
    send(share)
    let_pass(3600)
    peer.process("failed")
    assert send(share).status == Delivery.Status.FAILED
    peer.process("queued")
    actions.retry_share(share)

    row = send(share)

    assert (row.next_attempt_at - timezone.now()).total_seconds() <= 2


def test_a_receipt_that_is_unknown_by_now_is_replaced_by_a_new_upload(
    remote: RemoteTom, share: Share, peer: Peer
) -> None:
    send(share)
    peer.jobs.clear()
    remote.store.products.clear()
    peer.becomes = DONE

    row = send(share)

    assert row.status == Delivery.Status.DELIVERED
    assert len(remote.asked(*POSTS)) == 2
    assert len(remote.store.products) == 1


def test_trouble_while_it_waits_is_trouble_like_any_other(
    remote: RemoteTom, share: Share
) -> None:
    receipt = send(share).receipt
    remote.on(*RECEIPT, misbehaviour.html(503))

    row = send(share)

    assert (row.status, row.failure) == ("queued", Failure.DESTINATION_DOWN)
    assert (row.attempt_count, row.receipt) == (1, receipt)
    assert Destination.objects.get().failures == 1


def test_a_receipt_too_long_for_its_column_is_not_kept(
    remote: RemoteTom, share: Share, peer: Peer
) -> None:
    peer.location = f"{remote.url}api/tom-share/ingest/{'7' * 500}/"

    row = send(share)

    assert row.receipt == ""
    assert row.failure != Failure.OUR_FAULT
