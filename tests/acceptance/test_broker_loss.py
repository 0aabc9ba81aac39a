"""The broker is killed, emptied or was never there: the rows are the promise."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.support import misbehaviour, rows
from tests.support.brokers import SharedBroker
from tests.support.remote_tom import RemoteTom
from tests.support.toms import (
    QUICK,
    WAIT,
    Tom,
    assert_each_attempt_is_on_record,
)
from tests.support.waiting import wait_until
from tom_share_worker import hints
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.models import Share, Worker

pytestmark = pytest.mark.django_db(transaction=True)


def test_shares_made_without_a_broker_wait_as_rows_until_one_is_there(
    tom: Tom, partner: RemoteTom, broker: SharedBroker
) -> None:
    owner = rows.person()
    target = rows.target(owner, "SN 2026abc")
    photometry = rows.photometry(target, 5)
    broker.stop()
    begin = time.monotonic()

    share = outbox.share_target(owner, "partner", target, photometry)

    assert time.monotonic() - begin < 1
    share.refresh_from_db()
    assert share.status == Share.Status.QUEUED
    broker.start()
    tom.start_worker()
    tom.await_delivered(share)
    assert partner.store.magnitudes() == rows.magnitudes(5)


def test_a_broker_that_is_killed_and_emptied_loses_nothing(
    tom: Tom, partner: RemoteTom, broker: SharedBroker
) -> None:
    owner = rows.person()
    targets = [rows.target(owner, f"SN 2026-{n:02d}") for n in range(30)]
    for n, target in enumerate(targets):
        rows.photometry(target, 2, first=15.0 + n / 10)
    survey = rows.target_list("Survey", *targets)
    slow = partner.on("POST", "/api/targets/", misbehaviour.wait_then_answer, times=1)
    tom.start_worker()
    share = outbox.share_target_list(owner, "partner", survey, None, True)
    slow.await_met()
    first = broker.pid()

    os.kill(first, signal.SIGKILL)
    during = outbox.share_target_data(owner, "partner", targets[0])
    slow.released.set()

    tom.await_delivered(share)
    tom.await_delivered(during)
    wait_until(lambda: broker.pid() != first, WAIT, "another broker")
    assert len(partner.store.targets) == 30
    assert len(partner.store.datums) == 60
    assert_each_attempt_is_on_record(share)


def test_hints_that_are_lost_are_made_good_by_the_sweep(
    tom: Tom, partner: RemoteTom, broker: SharedBroker
) -> None:
    owner = rows.person()
    target = rows.target(owner, "SN 2026abc")
    photometry = rows.photometry(target, 5)
    shares = [
        outbox.share_target(owner, "partner", target, photometry) for _ in range(3)
    ]
    with broker.client() as client:
        # One may be lost already, on a connection to a broker of an earlier test.
        wait_until(lambda: client.llen("delivery") >= 2, WAIT, "hints")
        hints.flush(WAIT)
        client.flushall()

    tom.start_worker()

    for share in shares:
        tom.await_delivered(share)
    assert partner.store.magnitudes() == rows.magnitudes(5)
    assert len(partner.store.targets) == 1


def test_hints_that_come_many_times_are_worked_on_once(
    tom: Tom, partner: RemoteTom
) -> None:
    owner = rows.person()
    target = rows.target(owner, "SN 2026abc")
    photometry = rows.photometry(target, 40)
    share = outbox.share_target(owner, "partner", target, photometry)
    for _ in range(20):
        hints.plan(share.pk)

    tom.start_worker()
    tom.await_delivered(share)
    for pk in share.deliveries.values_list("pk", flat=True):
        for _ in range(20):
            hints.send(pk)
    last = outbox.share_target(owner, "partner", target)
    tom.await_delivered(last)

    assert len(partner.asked("POST", "/api/reduceddatums/")) == 40
    assert share.deliveries.count() == 2


def test_two_workers_that_sweep_all_the_time_send_nothing_twice(
    tom: Tom, partner: RemoteTom
) -> None:
    owner = rows.person()
    targets = [rows.target(owner, f"SN 2026-{n:02d}") for n in range(30)]
    for target in targets:
        rows.photometry(target, 3)
    survey = rows.target_list("Survey", *targets)
    tom.hurry(SWEEP_INTERVAL=0.05)
    for worker in [tom.start_worker(ready=False) for _ in range(2)]:
        tom.await_ready(worker)

    share = outbox.share_target_list(owner, "partner", survey, None, True)

    tom.await_delivered(share)
    assert len(partner.store.targets) == 30
    assert len(partner.asked("POST", "/api/targets/")) == 30
    assert len(partner.asked("POST", "/api/reduceddatums/")) == 90
    assert share.deliveries.count() == 60
    assert all(row.attempts.count() == 1 for row in share.deliveries.all())
    assert max(request.concurrent for request in partner.requests) <= 4


def test_a_worker_that_hears_no_hints_gives_no_sign_of_life(
    tom: Tom, broker: SharedBroker
) -> None:
    worker = tom.start_worker()
    broker.stop()
    wait_until(
        lambda: "Connection to broker lost" in worker.log(),
        WAIT,
        "the worker to miss its broker",
        worker.tell,
    )
    time.sleep(2)  # a sign may have been under way
    last = Worker.last_seen()

    time.sleep(2 * QUICK["LEASE"])

    assert Worker.last_seen() == last
    broker.start()
    wait_until(
        lambda: Worker.last_seen() != last, WAIT, "a new sign of life", worker.tell
    )
