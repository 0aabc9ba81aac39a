"""Two things that happen at once: none undoes what the other has found out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from tests.support import misbehaviour, rows
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery import actions, closing, dispatch, gate, sweep
from tom_share_worker.delivery.planning import planner
from tom_share_worker.delivery.sending import sender
from tom_share_worker.models import Delivery, Destination, Share

pytestmark = pytest.mark.django_db(transaction=True)

DATA = ("POST", "/api/reduceddatums/")
WISH = 6 * 3600
"""Seconds for which the remote wants to be left alone."""


@pytest.fixture(autouse=True)
def _remote(settings: Any, remote: RemoteTom) -> None:
    """A destination with two slots that answered a moment ago."""
    settings.DATA_SHARING = {"partner": remote.entry(SLOTS=2)}
    settings.TOM_SHARE_WORKER = {"READ_TIMEOUT": 10}
    gate.state("partner")
    gate.found_up("partner")


def planned(name: str, remote: RemoteTom) -> Delivery:
    """Return a delivery of one data point of a target that the remote has."""
    owner = rows.person()
    target = rows.target(owner, name)
    rows.photometry(target, 1)
    remote.store.add_target(name)
    share = rows.share(owner, target=target)
    planner.plan(share.pk)
    return share.deliveries.get()


def send_as_another_worker(delivery: Delivery) -> str:
    try:
        return sender.send(delivery.pk)
    finally:
        connection.close()


def test_a_success_that_began_before_a_wish_to_wait_does_not_void_it(
    remote: RemoteTom,
) -> None:
    slow, turned_away = planned("SN A", remote), planned("SN B", remote)
    slowly = remote.on(*DATA, misbehaviour.wait_then_answer, times=1)

    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(send_as_another_worker, slow)
        try:
            slowly.await_met()
            remote.on(*DATA, misbehaviour.later(429, WISH), times=1)
            sender.send(turned_away.pk)
        finally:
            slowly.released.set()
        assert under_way.result(timeout=15).startswith("Delivered")

    almost_then = timezone.now() + timedelta(seconds=WISH - 60)
    turned_away.refresh_from_db()
    assert turned_away.status == Delivery.Status.QUEUED
    assert turned_away.next_attempt_at > almost_then
    state = Destination.objects.get()
    assert state.failures == 1
    assert state.retry_at is not None
    assert state.retry_at > almost_then


def test_a_success_that_began_after_the_trouble_opens_the_destination(
    remote: RemoteTom,
) -> None:
    waiting, probe = planned("SN A", remote), planned("SN B", remote)
    remote.on(*DATA, misbehaviour.html(503), times=1)
    sender.send(waiting.pk)
    Destination.objects.update(retry_at=None)  # its back-off has passed

    sender.send(probe.pk)

    state = Destination.objects.get()
    assert (state.failures, state.retry_at) == (0, None)
    waiting.refresh_from_db()
    assert waiting.next_attempt_at <= timezone.now()


def test_a_share_retried_in_the_moment_it_is_closed_ends_with_what_came_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner = rows.person()
    share = rows.share(
        owner, target=rows.target(owner), planned=True, status=Share.Status.RUNNING
    )
    rows.delivery(share, status=Delivery.Status.FAILED, ended=timezone.now())
    status_of = closing.status_of

    def status_then_retry(*counts: Any) -> str:
        monkeypatch.setattr(closing, "status_of", status_of)
        status = status_of(*counts)
        actions.retry(share.deliveries.all())
        return status

    # A person presses Retry between the look at the deliveries and the writing of the
    # share: only from inside can a test be there in this moment.
    monkeypatch.setattr(closing, "status_of", status_then_retry)
    closing.settle(share.pk)
    share.deliveries.update(status=Delivery.Status.DELIVERED, ended=timezone.now())

    closing.settle(share.pk)
    sweep.sweep()

    share.refresh_from_db()
    assert share.status == Share.Status.DELIVERED


def test_hints_of_a_clock_that_was_set_back_do_not_hold_the_queue() -> None:
    owner = rows.person()
    share = rows.share(
        owner, target=rows.target(owner), planned=True, status=Share.Status.RUNNING
    )
    in_an_hour = timezone.now() + timedelta(hours=1)
    for _ in range(3):
        rows.delivery(share, hinted_at=in_an_hour)

    hinted = dispatch.dispatch("partner")

    assert hinted == 2
    assert share.deliveries.filter(hinted_at__lt=in_an_hour).count() == 2
