"""The right of one worker to one delivery."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from tests.support import rows
from tests.support.processes import manage
from tests.support.toms import database_url
from tests.support.waiting import wait_until
from tom_share_worker import leases
from tom_share_worker.delivery import gate, sweep
from tom_share_worker.delivery.sending import claims
from tom_share_worker.models import Attempt, Delivery, Destination, Share

pytestmark = pytest.mark.django_db

ENTRY = {"BASE_URL": "http://127.0.0.1:9/", "API_TOKEN": "t", "SLOTS": 2}


@pytest.fixture(autouse=True)
def share(settings: Any) -> Share:
    """A share to a destination with two slots that answered a moment ago."""
    settings.DATA_SHARING = {"partner": ENTRY, "other": ENTRY}
    owner = rows.person()
    made = rows.share(owner, target=rows.target(owner))
    for key in settings.DATA_SHARING:
        gate.state(key)
        gate.found_up(key)
    return made


def change(delivery: Delivery, **columns: Any) -> Delivery:
    Delivery.objects.filter(pk=delivery.pk).update(**columns)
    return delivery


def test_a_claim_is_written_with_its_lease(share: Share) -> None:
    delivery = rows.delivery(share)

    claim = claims.claim(delivery.pk)

    assert claim is not None
    delivery.refresh_from_db()
    assert delivery.status == Delivery.Status.SENDING
    assert delivery.claim == claim.token
    assert delivery.lease_until is not None
    assert delivery.lease_until > timezone.now()


def test_the_attempt_is_written_with_the_claim(share: Share) -> None:
    delivery = rows.delivery(share)
    Attempt.objects.create(delivery=delivery, number=4, started=timezone.now())

    claim = claims.claim(delivery.pk, "share_worker@here", "abc")

    assert claim is not None
    attempt = delivery.attempts.get(claim=claim.token)
    assert attempt == claim.attempt
    assert (attempt.number, attempt.worker, attempt.task_id) == (
        5,
        "share_worker@here",
        "abc",
    )
    assert (attempt.ended, attempt.outcome) == (None, "")


KILLED_AFTER_ITS_CLAIM = """
import os, signal
from tom_share_worker.delivery.sending import claims
assert claims.claim({pk}, worker="share_worker.7@there")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_as_soon_as_it_has_a_claim_leaves_an_attempt_on_record(
    share: Share, tmp_path: Path
) -> None:
    delivery = rows.delivery(share)

    killed = subprocess.run(
        manage("shell", "-c", KILLED_AFTER_ITS_CLAIM.format(pk=delivery.pk)),
        env=os.environ
        | {"DATABASE_URL": database_url(), "TOM_DATA_DIR": str(tmp_path)},
        check=False,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL
    assert sweep.release_lapsed(timezone.now() + timedelta(minutes=1)) == 1

    delivery.refresh_from_db()
    assert (delivery.status, delivery.claim) == (Delivery.Status.QUEUED, "")
    assert (delivery.attempt_count, delivery.lost_count) == (1, 1)
    attempt = delivery.attempts.get()
    assert (attempt.number, attempt.outcome) == (1, Attempt.Outcome.LOST)
    assert attempt.worker == "share_worker.7@there"
    assert attempt.ended is not None
    assert "worker was lost" in attempt.note


def test_what_is_taken_is_not_taken_again(share: Share) -> None:
    delivery = rows.delivery(share)

    assert claims.claim(delivery.pk) is not None
    assert claims.claim(delivery.pk) is None


@pytest.mark.django_db(transaction=True)
def test_of_many_threads_one_wins(share: Share) -> None:
    deliveries = [rows.delivery(share) for _ in range(2)]
    barrier = threading.Barrier(6)

    def claim(n: int) -> Any:
        barrier.wait()
        try:
            return claims.claim(deliveries[n % 2].pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        won = [claim for claim in pool.map(claim, range(6)) if claim is not None]

    assert {claim.delivery.pk for claim in won} == {row.pk for row in deliveries}
    assert len(won) == 2


@pytest.mark.django_db(transaction=True)
def test_threads_that_claim_at_once_never_take_more_than_the_slots(
    share: Share,
) -> None:
    deliveries = [rows.delivery(share) for _ in range(8)]
    barrier = threading.Barrier(8)

    def claim(n: int) -> Any:
        barrier.wait()
        try:
            return claims.claim(deliveries[n].pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        won = [claim for claim in pool.map(claim, range(8)) if claim is not None]

    assert len(won) == 2
    assert Delivery.objects.filter(status=Delivery.Status.SENDING).count() == 2


def test_slots_of_one_destination_are_not_taken_by_another(share: Share) -> None:
    for _ in range(2):
        claims.claim(rows.delivery(share).pk)

    assert claims.claim(rows.delivery(share).pk) is None
    assert claims.claim(rows.delivery(share, destination="other").pk) is not None


def test_a_hint_that_found_no_slot_may_be_given_again(share: Share) -> None:
    for _ in range(2):
        claims.claim(rows.delivery(share).pk)
    third = rows.delivery(share, hinted_at=timezone.now())

    assert claims.claim(third.pk) is None

    third.refresh_from_db()
    assert third.hinted_at is None


@pytest.mark.parametrize(
    "columns",
    [{"paused": True}, {"retry_at": timezone.now() + timedelta(hours=1)}],
    ids=["paused", "backing off"],
)
def test_nothing_goes_to_a_destination_that_is_not_open(
    share: Share, columns: dict[str, Any]
) -> None:
    Destination.objects.filter(key="partner").update(**columns)

    assert claims.claim(rows.delivery(share).pk) is None


@pytest.mark.parametrize("columns", [{"failures": 3}, {"answered": None}], ids=str)
def test_one_that_is_not_known_to_be_up_gets_a_single_probe(
    share: Share, columns: dict[str, Any]
) -> None:
    Destination.objects.filter(key="partner").update(**columns)

    assert claims.claim(rows.delivery(share).pk) is not None
    assert claims.claim(rows.delivery(share).pk) is None


@pytest.mark.parametrize(
    "columns",
    [
        {"status": Delivery.Status.DELIVERED},
        {"status": Delivery.Status.FAILED},
        {"status": Delivery.Status.CANCELLED},
        {"next_attempt_at": timezone.now() + timedelta(hours=1)},
    ],
    ids=["delivered", "failed", "cancelled", "not due"],
)
def test_what_is_not_due_cannot_be_taken(share: Share, columns: dict[str, Any]) -> None:
    delivery = change(rows.delivery(share), **columns)

    assert claims.claim(delivery.pk) is None


def test_data_cannot_be_taken_before_their_target_arrived(share: Share) -> None:
    target = rows.delivery(share)
    data = rows.delivery(share, after=target, photometry=[1])

    assert claims.claim(data.pk) is None
    change(target, status=Delivery.Status.DELIVERED)
    assert claims.claim(data.pk) is not None


def test_a_delivery_that_is_gone_cannot_be_taken() -> None:
    assert claims.claim(999_999) is None


@pytest.mark.django_db(transaction=True)
def test_a_lease_is_renewed_as_long_as_the_work_lasts(
    share: Share, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER = {"LEASE": 0.6}
    delivery = rows.delivery(share)
    claim = claims.claim(delivery.pk)
    assert claim is not None
    delivery.refresh_from_db()
    first = delivery.lease_until
    assert first is not None

    def lease() -> Any:
        delivery.refresh_from_db()
        return delivery.lease_until

    with leases.kept(Delivery, claim.token):
        wait_until(lambda: lease() > first, 5, "the lease to be renewed")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("trouble", [OperationalError, InterfaceError])
def test_a_lease_is_renewed_after_the_database_failed(
    trouble: type[Exception],
    share: Share,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.TOM_SHARE_WORKER = {"LEASE": 0.6}
    claim = claims.claim(rows.delivery(share).pk)
    assert claim is not None
    troubles = [trouble("the connection was cut")]
    later = leases.end

    def end(now: Any) -> Any:
        if troubles and threading.current_thread().name == "share-leases":
            raise troubles.pop()
        return later(now)

    monkeypatch.setattr(leases, "end", end)

    def is_renewed() -> bool:
        lease = Delivery.objects.get(pk=claim.delivery.pk).lease_until
        return not troubles and lease is not None and lease > timezone.now()

    with leases.kept(Delivery, claim.token):
        wait_until(lambda: not troubles, 5, "the database to fail")
        time.sleep(0.6)
        wait_until(is_renewed, 5, "the lease to be renewed")
