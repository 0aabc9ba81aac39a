"""Workers are killed while they send to a TOM that runs this app: nothing is twice."""

from __future__ import annotations

import time

import pytest

from tests.acceptance.test_kills import (
    at_work,
    retry_until_delivered,
    start_workers,
)
from tests.support import misbehaviour, rows
from tests.support.misbehaviour import Behaviour
from tests.support.remote_peer import ASK, BATCH, RECEIPT, Peer
from tests.support.remote_tom import RemoteTom
from tests.support.toms import (
    WAIT,
    Tom,
    assert_each_attempt_is_on_record,
    attempts_of,
)
from tests.support.waiting import wait_until
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.models import Attempt, Delivery, Share

pytestmark = pytest.mark.django_db(transaction=True)

COUNT = 500
NAME = "SN 2026abc"
FILES = ("POST", "/api/dataproducts/")
MOMENTS: dict[str, tuple[tuple[str, str], Behaviour, int]] = {
    "while it asks": (ASK, misbehaviour.hang, 0),
    "when a batch was sent": (BATCH, misbehaviour.hang, 1),
    "when a batch was stored": (BATCH, misbehaviour.act_then_hang, 1),
    "when a file was taken": (FILES, misbehaviour.act_then_hang, 0),
    "while the file is processed": (RECEIPT, misbehaviour.hang, 0),
}


@pytest.fixture
def peer(partner: RemoteTom) -> Peer:
    partner.store.add_target(NAME)
    return partner.speak(batch=150)


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_work_of_a_killed_worker_is_done_by_another_and_is_there_once(
    tom: Tom, partner: RemoteTom, peer: Peer, moment: str
) -> None:
    (method, path), behaviour, skip = MOMENTS[moment]
    tom.hurry(READ_TIMEOUT=20, TOTAL_TIMEOUT=20, SLOTS=1, BATCH_SIZE=200)
    exact = path == ASK[1]
    rule = partner.on(method, path, behaviour, skip=skip, times=1, exact=exact)
    start_workers(tom, 2)
    owner = rows.person()
    target = rows.target(owner, NAME)
    rows.photometry(target, COUNT)
    peer.becomes = {"status": "running"}
    product = rows.product(target, b"FITS" * 1000)
    shares = [
        outbox.share_target_data(owner, "partner", target),
        outbox.share_data_product(owner, "partner", product),
    ]

    rule.await_met()
    at_work(tom).kill()
    await_received(tom, shares[1])
    peer.process("done", datums=37, new=35)

    for share in shares:
        retry_until_delivered(tom, share)
        assert_each_attempt_is_on_record(share)
    assert partner.store.magnitudes() == rows.magnitudes(COUNT)
    assert [product["data"] for product in partner.store.products] == [b"FITS" * 1000]
    assert "37 data points, 35 of them new" in shares[1].deliveries.get().note
    attempts = [attempt for share in shares for attempt in attempts_of(share)]
    lost = [a for a in attempts if a.outcome == Attempt.Outcome.LOST]
    assert len(lost) == 1
    if path == RECEIPT[1]:
        assert len(partner.asked(*FILES)) == 1


def await_received(tom: Tom, share: Share) -> None:
    """Wait until the other TOM has the file and it is known here."""
    wait_until(
        Delivery.objects.filter(share=share).exclude(receipt="").exists,
        WAIT,
        "a receipt",
        tom.tell,
    )


def test_a_backlog_that_waited_for_a_dead_peer_goes_in_few_requests(
    tom: Tom, partner: RemoteTom, peer: Peer
) -> None:
    peer.batch = 2000
    tom.start_worker()
    owner = rows.person()
    target = rows.target(owner, NAME)
    rows.photometry(target, 5)
    tom.await_delivered(outbox.share_target_data(owner, "partner", target))
    partner.refuse()
    rows.photometry(target, COUNT, first=17)
    share = outbox.share_target_data(owner, "partner", target)
    wait_until(lambda: attempts_of(share), WAIT, "an attempt", tom.tell)
    time.sleep(1)
    met = len(partner.asked(*BATCH))

    partner.listen()
    tom.await_delivered(share)

    assert len(partner.asked(*BATCH)) - met == 1
    assert len(partner.store.datums) == COUNT + 5
