"""Rows and a TOM that runs this app: what is remembered, repeated, and how large."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone
from tom_dataproducts.models import PhotometryReducedDatum

from tests.support import misbehaviour, rows
from tests.support.remote_peer import ASK, BATCH, Peer
from tests.support.remote_tom import RemoteTom
from tom_share_worker import presence
from tom_share_worker.delivery import actions, memory, sweep
from tom_share_worker.delivery.ledger import Fate
from tom_share_worker.delivery.planning import planner
from tom_share_worker.delivery.sending import claims, progress, sender
from tom_share_worker.delivery.sending import connection as testing
from tom_share_worker.models import (
    Attempt,
    ConnectionTest,
    Delivery,
    Destination,
    Share,
)

pytestmark = pytest.mark.django_db(transaction=True)

SINGLY = ("POST", "/api/reduceddatums/")
NAME = "SN 2026abc"
COUNT = 30


@pytest.fixture(autouse=True)
def peer(settings: Any, remote: RemoteTom) -> Peer:
    settings.DATA_SHARING = {"partner": remote.entry()}
    settings.TOM_SHARE_WORKER = {"READ_TIMEOUT": 0.4, "BATCH_SIZE": 10}
    settings.TOM_SHARE_WORKER |= {"RETRY_SCHEDULE": [0] * 5}
    remote.store.add_target(NAME)
    return remote.speak()


def share(count: int = COUNT) -> Share:
    """Return a planned share of a target with so many data points."""
    owner = rows.person()
    target = rows.target(owner, NAME)
    rows.photometry(target, count)
    made = rows.share(owner, target=target)
    planner.plan(made.pk)
    return made


def again(of: Share) -> Share:
    """Return another planned share of the same."""
    made = rows.share(of.user, target=of.target)
    planner.plan(made.pk)
    return made


def send(of: Share) -> list[str]:
    """Try all deliveries of a share once, as workers do; return how they stand."""
    Destination.objects.update(retry_at=None)
    for delivery in of.deliveries.all():
        sender.send(delivery.pk)
    return list(of.deliveries.values_list("status", flat=True))


def state() -> Destination:
    return Destination.objects.get(key="partner")


def remembered_for(days: float) -> None:
    Destination.objects.update(peer_asked=timezone.now() - timedelta(days=days))


def test_a_peer_is_asked_once_a_day(remote: RemoteTom) -> None:
    send(first := share())
    assert state().peer["batch"] == 2000
    assert len(remote.asked(*ASK)) == 1

    remembered_for(0.9)
    send(again(first))
    assert len(remote.asked(*ASK)) == 1

    remembered_for(1.1)
    send(again(first))
    assert len(remote.asked(*ASK)) == 2
    assert not remote.asked(*SINGLY)


def test_a_stock_tom_is_remembered_as_one_until_somebody_tests_the_connection(
    remote: RemoteTom,
) -> None:
    remote.peer = None
    send(first := share())
    remote.speak()
    send(again(first))
    assert len(remote.asked(*ASK)) == 1
    assert not remote.asked(*BATCH)

    test = ConnectionTest.objects.create(destination="partner")
    assert testing.make(test.pk) == "all well"
    send(again(first))

    assert len(remote.asked(*BATCH)) >= 1
    assert len(remote.store.datums) == COUNT


def test_once_a_peer_is_known_a_delivery_is_as_large_as_it_takes(
    remote: RemoteTom,
) -> None:
    first = share()
    assert first.deliveries.count() == COUNT / 10
    send(first)

    second = again(first)
    assert [row.datum_count for row in second.deliveries.all()] == [COUNT]
    send(second)

    assert second.deliveries.get().already_there_count == COUNT
    assert len(remote.store.datums) == COUNT


def test_a_surprise_is_remembered_for_minutes_and_the_data_go_as_to_a_stock_tom(
    remote: RemoteTom,
) -> None:
    send(first := share(3))
    PhotometryReducedDatum.objects.update(bandpass="g")
    large = again(first)
    remote.peer = None

    assert send(large) == ["delivered"]
    assert len(remote.asked(*SINGLY)) == 3
    assert state().peer == {}

    remote.speak()
    later = memory.PEER_FAILED_FOR + timedelta(seconds=1)
    Destination.objects.update(peer_asked=F("peer_asked") - later)
    send(again(first))
    assert len(remote.asked(*ASK)) == 2
    assert state().peer["batch"] == 2000


def test_a_dead_peer_is_down_and_nothing_of_it_is_forgotten(remote: RemoteTom) -> None:
    send(first := share(3))
    known = state().peer
    remote.refuse()

    assert send(again(first)) == ["queued"]

    assert (state().failures, state().peer) == (1, known)


# Once and only once.


def unguarded(of: Share) -> None:
    """Leave the data of a share without what a constraint would know them by."""
    PhotometryReducedDatum.objects.filter(target=of.target).update(
        brightness=None, exposure_time=30.0
    )


def keys(remote: RemoteTom) -> list[str]:
    return [request.headers["Idempotency-Key"] for request in remote.asked(*BATCH)]


def test_a_lost_answer_is_had_with_the_same_key_and_doubles_nothing(
    remote: RemoteTom, peer: Peer
) -> None:
    unguarded(made := share(10))
    remote.on(*BATCH, misbehaviour.act_then_hang, times=1)

    assert send(made) == ["queued"]
    assert send(made) == ["delivered"]

    row = made.deliveries.get()
    assert (row.delivered_count, row.already_there_count) == (10, 0)
    assert len(remote.store.datums) == 10
    assert len(keys(remote)) == 2
    assert len(set(keys(remote))) == 1


def test_a_worker_that_was_killed_in_the_middle_doubles_nothing(
    remote: RemoteTom,
) -> None:
    unguarded(made := share(10))
    claimed = claims.claim(made.deliveries.get().pk)
    assert claimed is not None
    # It sends, and dies before it writes down what came of it.
    sender._try(claimed.delivery, progress.Progress(claimed))
    lapsed = timezone.now() - timedelta(seconds=1)
    Delivery.objects.update(lease_until=lapsed)
    assert sweep.release_lapsed(timezone.now()) == 1

    assert send(made) == ["delivered"]

    claimed.attempt.refresh_from_db()
    assert claimed.attempt.outcome == Attempt.Outcome.LOST
    assert made.deliveries.get().delivered_count == 10
    assert len(remote.store.datums) == 10
    assert len(set(keys(remote))) == 1


@pytest.mark.parametrize("status", [409, 503, 504, 500])
def test_an_answer_that_is_none_keeps_the_key(remote: RemoteTom, status: int) -> None:
    unguarded(made := share(10))

    def act_and_be_unclear(exchange: misbehaviour.Exchange) -> None:
        exchange.act()
        exchange.send(misbehaviour.Reply.of(status, {"detail": "Later."}))

    remote.on(*BATCH, act_and_be_unclear, times=1)

    assert send(made) == ["queued"]
    assert send(made) == ["delivered"]
    assert len(set(keys(remote))) == 1
    assert len(remote.store.datums) == 10


def test_a_retry_after_refusals_is_judged_anew(remote: RemoteTom) -> None:
    made = share(3)
    PhotometryReducedDatum.objects.update(bandpass="refused")
    assert send(made) == ["failed"]
    met = len(remote.asked(*BATCH))

    actions.retry_share(made)
    assert send(made) == ["failed"]
    # The same data as before, so that only the key can tell that it is no repeat.
    assert len(set(keys(remote))) == 2 * met

    PhotometryReducedDatum.objects.update(bandpass="r")
    actions.retry_share(made)
    assert send(made) == ["delivered"]
    assert len(remote.store.datums) == 3


def test_the_same_data_shared_again_are_judged_anew(remote: RemoteTom) -> None:
    send(first := share(3))
    remote.store.datums.clear()

    second = again(first)
    send(second)

    assert second.deliveries.get().delivered_count == 3
    assert len(remote.store.datums) == 3


def test_what_is_cancelled_between_two_requests_keeps_what_went(
    remote: RemoteTom, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer.batch = 4
    monkeypatch.setattr(progress, "CHECKPOINT", 0.0)
    made = share(10)

    def cancel(exchange: misbehaviour.Exchange) -> None:
        actions.cancel_share(made)
        connection.close()
        exchange.send(exchange.act())

    remote.on(*BATCH, cancel, times=1)

    assert send(made) == ["cancelled"]
    assert made.deliveries.get().delivered_count == len(remote.store.datums) == 4


def test_a_worker_that_stops_hands_back_what_is_left(
    remote: RemoteTom, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer.batch = 4
    made = share(10)

    def stop(exchange: misbehaviour.Exchange) -> None:
        presence.stopping.set()
        exchange.send(exchange.act())

    remote.on(*BATCH, stop, times=1)
    try:
        assert send(made) == ["queued"]
    finally:
        presence.stopping.clear()

    assert made.deliveries.get().delivered_count == 4
    assert send(made) == ["delivered"]
    assert len(remote.store.datums) == 10


# What a delivery writes while it works.


def test_a_ledger_in_which_nothing_changed_is_not_written_again(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(progress, "CHECKPOINT", 0.0)
    claimed = claims.claim(share(10).deliveries.get().pk)
    assert claimed is not None
    report = progress.Progress(claimed)

    with django_assert_num_queries(1) as asked:
        assert report.keep_going()
    assert "UPDATE" not in asked.captured_queries[0]["sql"]

    report.settle(report.ledger.pending()[0], Fate.DELIVERED)
    with django_assert_num_queries(1) as asked:
        assert report.keep_going()
    assert "UPDATE" in asked.captured_queries[0]["sql"]
    assert Delivery.objects.get().delivered_count == 1

    Delivery.objects.update(claim="")
    assert not report.keep_going()
