"""A worker is killed, frozen or stopped: nothing is lost, nothing doubled."""

from __future__ import annotations

import signal

import pytest

from tests.support import misbehaviour, rows
from tests.support.misbehaviour import Behaviour
from tests.support.processes import Process
from tests.support.remote_tom import RemoteTom
from tests.support.toms import (
    WAIT,
    Tom,
    assert_each_attempt_is_on_record,
    attempts_of,
)
from tests.support.waiting import wait_until
from tom_share_worker.delivery import actions
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.models import Attempt, Delivery, Share

pytestmark = pytest.mark.django_db(transaction=True)

COUNT = 20
DATA = ("POST", "/api/reduceddatums/")
TARGETS = ("POST", "/api/targets/")
FILES = ("POST", "/api/dataproducts/")
MOMENTS: dict[str, tuple[tuple[str, str], Behaviour, int]] = {
    "before the first word": (("GET", "/api/targets/"), misbehaviour.hang, 0),
    "when a target was made": (TARGETS, misbehaviour.act_then_hang, 0),
    "in the middle of the data": (DATA, misbehaviour.hang, 7),
    "when data were taken": (DATA, misbehaviour.act_then_hang, 7),
    "when a file was taken": (FILES, misbehaviour.act_then_hang, 0),
}


def start_workers(tom: Tom, count: int) -> None:
    """Start workers side by side."""
    workers = [tom.start_worker(ready=False) for _ in range(count)]
    for worker in workers:
        tom.await_ready(worker)


def at_work(tom: Tom) -> Process:
    """Return the worker that makes the one attempt under way."""
    attempt = wait_until(
        Attempt.objects.filter(ended=None).first, WAIT, "an attempt", tom.tell
    )
    name = attempt.worker.split("@")[0].removeprefix("share_worker.")
    return next(w for w in tom.workers if str(w.popen.pid) == name)


def share_everything() -> list[Share]:
    """Share a target with its data and then a file of it."""
    owner = rows.person()
    target = rows.target(owner, "SN 2026abc", "ZTF26x")
    photometry = rows.photometry(target, COUNT)
    product = rows.product(target, b"FITS" * 1000)
    data = outbox.share_target(owner, "partner", target, photometry)
    return [data, outbox.share_data_product(owner, "partner", product)]


def assert_everything_once(remote: RemoteTom) -> None:
    store = remote.store
    assert [target["name"] for target in store.targets] == ["SN 2026abc"]
    assert store.magnitudes() == rows.magnitudes(COUNT)
    assert [product["data"] for product in store.products] == [b"FITS" * 1000]


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_work_of_a_killed_worker_is_done_by_another(
    tom: Tom, partner: RemoteTom, moment: str
) -> None:
    asked, behaviour, skip = MOMENTS[moment]
    tom.hurry(READ_TIMEOUT=20, TOTAL_TIMEOUT=20, SLOTS=1)
    if asked is FILES:
        partner.store.add_target("SN 2026abc")
    rule = partner.on(*asked, behaviour, skip=skip, times=1)
    start_workers(tom, 2)
    shares = share_everything()

    rule.await_met()
    at_work(tom).kill()

    for share in shares:
        retry_until_delivered(tom, share)
    assert_everything_once(partner)
    attempts = [attempt for share in shares for attempt in attempts_of(share)]
    lost = [a for a in attempts if a.outcome == Attempt.Outcome.LOST]
    assert len(lost) == 1
    assert "worker was lost" in lost[0].note
    for share in shares:
        assert_each_attempt_is_on_record(share)


def retry_until_delivered(tom: Tom, share: Share) -> None:
    """Wait for a share; one that came before its target is sent again by a person."""
    wait_until(
        lambda: Share.objects.get(pk=share.pk).is_ended, WAIT, f"{share}", tom.tell
    )
    share.refresh_from_db()
    if share.status == Share.Status.FAILED:
        actions.retry_share(share)
    tom.await_delivered(share)


def test_a_worker_that_froze_and_wakes_up_late_changes_nothing(
    tom: Tom, partner: RemoteTom
) -> None:
    tom.hurry(READ_TIMEOUT=60, TOTAL_TIMEOUT=60)
    owner = rows.person()
    target = rows.target(owner, "SN 2026abc")
    photometry = rows.photometry(target, COUNT)
    rule = partner.on(*DATA, misbehaviour.wait_then_answer, skip=7, times=1)
    start_workers(tom, 2)
    share = outbox.share_target(owner, "partner", target, photometry)
    rule.await_met()
    frozen = at_work(tom)
    frozen.signal(signal.SIGSTOP)

    tom.await_delivered(share)
    rule.released.set()
    frozen.signal(signal.SIGCONT)
    later = outbox.share_target_data(owner, "partner", target)
    tom.await_delivered(later)

    assert partner.store.magnitudes() == rows.magnitudes(COUNT)
    tom.await_delivered(share)
    assert_each_attempt_is_on_record(share)
    outcomes = [attempt.outcome for attempt in attempts_of(share)]
    assert outcomes.count(Attempt.Outcome.LOST) == 1


def test_a_worker_that_is_stopped_hands_its_delivery_back(
    tom: Tom, partner: RemoteTom
) -> None:
    owner = rows.person()
    target = rows.target(owner, "SN 2026abc")
    rows.photometry(target, COUNT)
    partner.store.add_target("SN 2026abc")
    rule = partner.on(*DATA, misbehaviour.wait_then_answer, skip=7, times=1)
    worker = tom.start_worker()
    share = outbox.share_target_data(owner, "partner", target)
    rule.await_met()

    worker.terminate()
    wait_until(
        lambda: "shutdown" in worker.log().lower(), WAIT, "a warm stop", worker.tell
    )
    rule.released.set()

    assert worker.await_end() == 0
    row = share.deliveries.get()
    assert row.status == Delivery.Status.QUEUED
    assert (row.delivered_count, row.attempt_count) == (8, 0)
    [attempt] = attempts_of(share)
    assert attempt.outcome == Attempt.Outcome.STOPPED
    assert "another one goes on" in attempt.note

    tom.start_worker()
    tom.await_delivered(share)
    assert len(partner.asked(*DATA)) == COUNT
    assert partner.store.magnitudes() == rows.magnitudes(COUNT)
