"""A bulk retry of thousands of rows outlives workers that are killed in the middle."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.support import rows
from tests.support.toms import WAIT, Tom
from tests.support.waiting import wait_until
from tom_share_worker.delivery import actions
from tom_share_worker.models import BulkAction, Delivery, Share
from tom_share_worker.operating import bulk

pytestmark = pytest.mark.django_db(transaction=True)

SHARES, EACH = 100, 200
"""So many slices that a worker can be caught in the middle of them."""


def failed_overnight(owner: User) -> None:
    """Leave what a TOM that was down overnight leaves."""
    now = timezone.now()
    shares = [
        rows.share(owner, planned=True, status="failed", ended=now)
        for _ in range(SHARES)
    ]
    Delivery.objects.bulk_create(
        Delivery(
            share=share,
            position=n,
            destination="partner",
            kind="target",
            target_name="M31",
            status="failed",
            failure="destination down",
            attempt_count=12,
            next_attempt_at=now,
            ended=now,
        )
        for share in shares
        for n in range(EACH)
    )


def test_every_row_is_retried_once_though_workers_are_killed(tom: Tom) -> None:
    owner = rows.person()
    operator = rows.person("operator")
    operator.is_superuser = True
    operator.save()
    tom.knows(partner={"BASE_URL": "http://partner.invalid/", "API_TOKEN": "t"})
    # Nothing is sent, so that what is queued stays queued and can be counted.
    actions.pause("partner", operator)
    failed_overnight(owner)
    action = bulk.ask(operator, "retry", "deliveries", {"status": "failed"})

    def done() -> int:
        action.refresh_from_db()
        return action.done_count

    def await_more_than(before: int) -> None:
        wait_until(lambda: done() > before, WAIT, "the next slices", tom.tell)

    for _ in range(2):
        before = done()
        worker = tom.start_worker(ready=False)
        await_more_than(before)
        worker.kill()
        assert 0 < done() < SHARES * EACH, "it was done before it could be killed"
        queued = Delivery.objects.filter(status="queued").count()
        assert queued == action.done_count, "a slice is counted as it is done"

    tom.start_worker(ready=False)
    wait_until(lambda: done() >= 0 and action.is_ended, WAIT, "the end of it", tom.tell)

    assert action.status == BulkAction.Status.DONE
    assert action.total == action.done_count == SHARES * EACH
    assert action.left_count == 0
    assert action.note.startswith("20,000 deliveries will be sent again. What is for")
    left = Delivery.objects.exclude(status="queued", attempt_count=0, failure="")
    assert not left.exists()
    assert set(Share.objects.values_list("status", flat=True)) == {"running"}
