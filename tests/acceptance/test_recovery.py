"""A TOM that was away gets its backlog at its own pace, however much has waited."""

from __future__ import annotations

import pytest

from tests.support import rows
from tests.support.remote_tom import RemoteTom
from tests.support.toms import WAIT, Tom
from tests.support.waiting import wait_until
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.models import Destination, Share

pytestmark = pytest.mark.django_db(transaction=True)

RATE = 40
SHARES = 30


def most_in_a_second(remote: RemoteTom) -> int:
    """Return how many requests the fullest second at the remote held."""
    times = sorted(request.time for request in remote.requests)
    return max(sum(begin <= time < begin + 1 for time in times) for begin in times)


def test_after_an_outage_the_rate_is_kept_over_all_workers(
    tom: Tom, remote: RemoteTom
) -> None:
    owner = rows.person()
    targets = [rows.target(owner, f"SN 2026{n:03d}") for n in range(SHARES)]
    for target in targets:
        remote.store.add_target(target.name)
        rows.photometry(target, 3)
    tom.knows(partner=remote.entry(MAX_PER_SECOND=RATE, SLOTS=4))
    remote.refuse()
    for _ in range(2):
        tom.start_worker()
    shares = [outbox.share_target_data(owner, "partner", t) for t in targets]
    wait_until(
        lambda: Destination.objects.filter(failures__gte=2).exists(),
        WAIT,
        "the destination to be found down",
        tom.tell,
    )
    assert remote.requests == []

    remote.listen()
    for share in shares:
        tom.await_status(share, Share.Status.DELIVERED, seconds=60)

    assert len(remote.store.datums) == 3 * SHARES
    # Two workers with four slots: one that reckons alone would double the rate. One
    # request more than the rate fits into a second of which both ends hold one, and
    # another may be late on its way.
    assert most_in_a_second(remote) <= RATE + 4
