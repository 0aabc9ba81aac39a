"""What the hints missed: lapsed leases, work that is due, shares left open."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from tests.support import rows
from tom_share_worker.delivery import gate, sweep
from tom_share_worker.delivery.sending import claims
from tom_share_worker.models import Attempt, Delivery, Failure, Share

pytestmark = pytest.mark.django_db

ENTRY = {"BASE_URL": "http://127.0.0.1:9/", "API_TOKEN": "t"}


@pytest.fixture(autouse=True)
def share(settings: Any) -> Share:
    """A planned share to a destination that answered a moment ago."""
    settings.DATA_SHARING = {"partner": ENTRY}
    owner = rows.person()
    gate.state("partner")
    gate.found_up("partner")
    return rows.share(
        owner, target=rows.target(owner), planned=True, status=Share.Status.RUNNING
    )


def lost(share: Share, **columns: Any) -> Delivery:
    """Return a delivery whose worker was lost in the middle of its first attempt."""
    delivery = rows.delivery(share, **columns)
    assert claims.claim(delivery.pk) is not None
    long_ago = timezone.now() - timedelta(seconds=1)
    Delivery.objects.filter(pk=delivery.pk).update(lease_until=long_ago)
    delivery.refresh_from_db()
    return delivery


def test_a_lapsed_lease_gives_the_delivery_back(share: Share) -> None:
    delivery = lost(share)

    assert sweep.release_lapsed(timezone.now()) == 1

    delivery.refresh_from_db()
    assert delivery.status == Delivery.Status.QUEUED
    assert (delivery.claim, delivery.lease_until) == ("", None)
    assert (delivery.attempt_count, delivery.lost_count) == (1, 1)
    assert delivery.next_attempt_at <= timezone.now()
    attempt = delivery.attempts.get()
    assert attempt.outcome == Attempt.Outcome.LOST
    assert attempt.ended is not None
    assert "another one goes on" in attempt.note


@pytest.mark.parametrize(("lost_count", "goes_first"), [(0, True), (1, False)])
def test_what_was_interrupted_once_goes_before_what_was_asked_for_later(
    share: Share, lost_count: int, goes_first: bool
) -> None:
    asked = timezone.now() - timedelta(hours=2)
    first = lost(share, next_attempt_at=asked, lost_count=lost_count)
    for minute in range(1, 9):
        rows.delivery(share, next_attempt_at=asked + timedelta(minutes=minute))

    sweep.sweep()

    hinted = Delivery.objects.exclude(hinted_at=None)
    assert (first in hinted) == goes_first
    assert hinted.count() < 9


def test_a_delivery_that_kills_its_workers_is_set_aside(share: Share) -> None:
    delivery = lost(share, lost_count=sweep.LOST_LIMIT - 1)

    sweep.sweep()

    delivery.refresh_from_db()
    assert delivery.status == Delivery.Status.FAILED
    assert delivery.failure == Failure.OUR_FAULT
    assert "lost 3 times" in delivery.note
    share.refresh_from_db()
    assert share.status == Share.Status.FAILED


def test_a_lease_that_holds_is_left_alone(share: Share) -> None:
    delivery = rows.delivery(share)
    claims.claim(delivery.pk)

    assert sweep.release_lapsed(timezone.now()) == 0


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_count_a_lost_worker_once(share: Share) -> None:
    deliveries = [lost(share) for _ in range(3)]

    def release(_: int) -> int:
        try:
            return sweep.release_lapsed(timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(release, range(4))) == 3

    for delivery in deliveries:
        delivery.refresh_from_db()
        assert (delivery.lost_count, delivery.attempt_count) == (1, 1)


def test_a_worker_that_renewed_in_this_moment_keeps_its_claim(share: Share) -> None:
    delivery = lost(share)
    Delivery.objects.filter(pk=delivery.pk).update(
        lease_until=timezone.now() + timedelta(minutes=1)
    )

    assert sweep._release(delivery, timezone.now()) is False

    delivery.refresh_from_db()
    assert delivery.status == Delivery.Status.SENDING


def test_due_work_is_hinted_at_and_an_ended_share_is_closed(share: Share) -> None:
    waiting = rows.delivery(share)
    other = rows.share(share.user, target=share.target, planned=True)
    rows.delivery(other, status=Delivery.Status.DELIVERED)

    sweep.sweep()

    waiting.refresh_from_db()
    assert waiting.hinted_at is not None
    other.refresh_from_db()
    assert other.status == Share.Status.DELIVERED
    assert other.ended is not None


def test_a_share_that_nobody_planned_does_not_stop_the_sweep(share: Share) -> None:
    forgotten = rows.share(share.user, target=share.target)
    waiting = rows.delivery(share)

    sweep.sweep()

    waiting.refresh_from_db()
    assert waiting.hinted_at is not None
    forgotten.refresh_from_db()
    assert forgotten.status == Share.Status.QUEUED


def test_an_attempt_is_ended_whose_delivery_was_cancelled_before_its_worker_died(
    share: Share, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER = {"UPLOAD_TIMEOUT": 60}
    delivery = lost(share)
    Delivery.objects.filter(pk=delivery.pk).update(status=Delivery.Status.CANCELLED)
    an_hour_ago = timezone.now() - timedelta(hours=1)
    Attempt.objects.filter(delivery=delivery).update(started=an_hour_ago)

    sweep.sweep()

    attempt = delivery.attempts.get()
    assert attempt.ended is not None
    assert attempt.outcome == Attempt.Outcome.LOST


def test_a_file_that_is_followed_is_looked_at_again_between_two_sweeps(
    share: Share,
) -> None:
    """The other TOM needs moments to process it, and the sweep comes each ten seconds.

    What is due for another reason waits for the sweep.
    """
    followed = rows.delivery(
        share, receipt="http://127.0.0.1:9/api/tom-share/ingest/7/"
    )
    rows.delivery(share, next_attempt_at=timezone.now() + timedelta(seconds=9))

    sweep.glance()

    hinted = Delivery.objects.exclude(hinted_at=None)
    assert list(hinted.values_list("pk", flat=True)) == [followed.pk]


def test_nothing_is_dispatched_between_two_sweeps_where_no_file_is_followed(
    share: Share,
) -> None:
    rows.delivery(share)

    sweep.glance()

    assert not Delivery.objects.exclude(hinted_at=None).exists()
