"""Destinations that answer slowly hold threads of the worker, but never all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support import misbehaviour, rows
from tests.support.remote_tom import RemoteTom
from tests.support.toms import Tom
from tests.support.waiting import wait_until
from tom_share_worker.delivery import gate
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def remotes() -> Iterator[list[RemoteTom]]:
    """Three remote TOMs; the last one is quick."""
    with ExitStack() as stack:
        yield [stack.enter_context(RemoteTom()) for _ in range(3)]


def test_a_share_with_a_quick_tom_is_planned_and_sent_while_slow_ones_are_busy(
    tom: Tom, remotes: list[RemoteTom]
) -> None:
    *slow, quick = remotes
    owner = rows.person()
    names = [f"SN 2026{n:03d}" for n in range(6)]
    targets = [rows.target(owner, name) for name in names]
    for target in targets:
        rows.photometry(target, 1)
        for remote in remotes:
            remote.store.add_target(target.name)
    for remote in slow:
        remote.on("POST", "/api/reduceddatums/", misbehaviour.wait_then_answer)
    tom.knows(first=slow[0], second=slow[1], quick=quick)
    tom.hurry(CONCURRENCY=8, READ_TIMEOUT=60, TOTAL_TIMEOUT=60)
    for key in ("first", "second", "quick"):
        gate.state(key)
        gate.found_up(key)
    tom.start_worker()

    waiting = [
        outbox.share_target_data(owner, key, target)
        for key in ("first", "second")
        for target in targets
    ]
    sending = Delivery.objects.filter(status=Delivery.Status.SENDING)
    wait_until(lambda: sending.count() >= 6, 30, "the slow TOMs to be busy", tom.tell)
    share = outbox.share_target_data(owner, "quick", targets[0])
    tom.await_delivered(share)
    assert sending.count() <= 7

    for remote in slow:
        remote.heal()
    for share in waiting:
        tom.await_delivered(share, seconds=60)
