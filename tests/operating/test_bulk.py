"""Bulk actions: one verb for all rows that match, in slices, once each."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.status.conftest import partly_refused, permitted
from tests.status.incoming import jobs
from tests.support import rows
from tom_share_worker.models import (
    BulkAction,
    Delivery,
    Destination,
    IngestJob,
    Share,
)
from tom_share_worker.operating import bulk, verbs
from tom_share_worker.operating.vocabulary import WrongFilter

pytestmark = pytest.mark.django_db

FAILED: dict[str, Any] = {"status": "failed"}


@pytest.fixture
def operator() -> User:
    return permitted("operator", is_superuser=True)


@pytest.fixture
def owner() -> User:
    return rows.person("owner")


def failed(share: Share, count: int, **columns: Any) -> None:
    """Give a share so many failed deliveries."""
    now = timezone.now()
    first = share.deliveries.count()
    Delivery.objects.bulk_create(
        Delivery(
            share=share,
            position=first + n,
            destination=share.destination,
            kind="target",
            next_attempt_at=now,
            ended=now,
            **{
                **{"status": "failed", "failure": "destination down"},
                **{"target_name": "M31", **columns},
            },
        )
        for n in range(count)
    )


def ended_share(owner: User, status: str = "failed", **columns: Any) -> Share:
    columns = {"planned": True, "status": status, "ended": timezone.now(), **columns}
    return rows.share(owner, **columns)


def retry(user: User, **filters: Any) -> BulkAction:
    """Ask for a retry of deliveries."""
    return bulk.ask(user, "retry", "deliveries", filters)


def done(action: BulkAction) -> BulkAction:
    """Run it as a worker does, to its end."""
    bulk.run(action.pk, task_id="task-1")
    action.refresh_from_db()
    return action


def test_what_is_asked_for_is_a_row_and_nothing_else(
    operator: User, owner: User
) -> None:
    failed(ended_share(owner), 3)

    action = retry(operator, **FAILED)

    assert (action.status, action.total, action.done_count) == ("queued", 3, 0)
    assert action.described == "deliveries, failed"
    assert set(Delivery.objects.values_list("status", flat=True)) == {"failed"}


def test_all_that_match_are_retried_and_their_shares_run_again(
    operator: User, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(verbs.SLICES, ("retry", "deliveries"), small())
    shares = [ended_share(owner) for _ in range(3)]
    for share in shares:
        failed(share, 5)
    arrived = rows.delivery(shares[0], status="delivered")
    other = ended_share(owner, destination="other")
    failed(other, 2)

    action = done(retry(operator, status="failed", destination="partner"))

    assert action.status == "done"
    assert (action.total, action.done_count, action.left_count) == (15, 15, 0)
    assert action.note == "15 deliveries will be sent again."
    assert Delivery.objects.filter(destination="partner", status="queued").count() == 15
    arrived.refresh_from_db()
    assert arrived.status == "delivered"
    assert other.deliveries.filter(status="failed").count() == 2
    running = Share.objects.filter(status="running", ended=None)
    assert set(running) == set(shares)
    assert action.task_id == "task-1"
    assert action.ended is not None


def small(size: int = 4) -> verbs.Doing:
    """Return the retry of deliveries in slices of a few."""
    fits = verbs.SLICES["retry", "deliveries"].fits
    return verbs.Doing(verbs._retry_deliveries, fits, size)


def test_what_came_later_is_left_alone(operator: User, owner: User) -> None:
    share = ended_share(owner)
    failed(share, 2)
    action = retry(operator, **FAILED)
    failed(share, 1)

    assert done(action).done_count == 2
    assert Delivery.objects.filter(status="failed").count() == 1


def test_what_arrived_meanwhile_is_left_alone_and_told(
    operator: User, owner: User
) -> None:
    share = ended_share(owner, destination="partner")
    failed(share, 5)
    action = retry(operator, destination="partner")
    some = share.deliveries.values_list("pk", flat=True)[:2]
    Delivery.objects.filter(pk__in=list(some)).update(status="delivered")

    action = done(action)

    assert (action.done_count, action.left_count) == (3, 2)
    assert action.note == (
        "3 deliveries will be sent again. 2 were left alone, as they had arrived, or "
        "were under way."
    )


def test_what_is_for_a_paused_destination_waits_and_the_note_says_so(
    operator: User, owner: User
) -> None:
    Destination.objects.create(
        key="partner", paused=True, paused_by_person=True, paused_by=operator
    )
    failed(ended_share(owner), 2)
    failed(ended_share(owner, destination="other"), 1)

    action = done(retry(operator, **FAILED))

    assert action.note == (
        "3 deliveries will be sent again. What is for partner waits until partner is "
        "resumed."
    )
    assert Destination.objects.get(key="partner").paused
    assert Delivery.objects.filter(status="queued").count() == 3


def test_a_back_off_is_lifted(operator: User, owner: User) -> None:
    later = timezone.now() + timedelta(hours=1)
    Destination.objects.create(key="partner", failures=3, retry_at=later)
    failed(ended_share(owner), 2)

    done(retry(operator, **FAILED))

    assert Destination.objects.get(key="partner").retry_at is None


def test_refused_data_within_what_arrived_is_sent_again(
    operator: User, owner: User
) -> None:
    delivery = partly_refused(ended_share(owner), refused=2, delivered=3)

    action = done(retry(operator, failure="refused data"))

    delivery.refresh_from_db()
    assert action.done_count == 1
    assert (delivery.status, delivery.refused_count) == ("queued", 0)
    assert delivery.delivered_count == 3


@pytest.mark.parametrize("verb", ["retry", "cancel"])
def test_shares_are_acted_on_as_one_by_one(
    verb: str, operator: User, owner: User
) -> None:
    ended = ended_share(owner)
    failed(ended, 2)
    unplanned = rows.share(owner, status="cancelled", ended=timezone.now(), note="?")
    empty = ended_share(owner, note="There was nothing to share.")
    delivered = ended_share(owner, status="delivered")
    rows.delivery(delivered, status="delivered")
    running = rows.share(owner, planned=True, status="running")
    rows.delivery(running)
    planning = rows.share(owner)

    action = done(bulk.ask(operator, verb, "shares", {}))

    stands = dict(Share.objects.values_list("pk", "status"))
    if verb == "retry":
        assert action.done_count == 4
        assert stands == {
            **{ended.pk: "running", unplanned.pk: "queued", empty.pk: "queued"},
            **{delivered.pk: "delivered", running.pk: "running", planning.pk: "queued"},
        }
        assert not Share.objects.get(pk=empty.pk).planned
        assert Delivery.objects.filter(status="queued").count() == 3
    else:
        assert action.done_count == 2
        assert action.note == (
            "2 shares cancelled. 4 were left alone, as they had ended already."
        )
        assert stands[running.pk] == stands[planning.pk] == "cancelled"
        assert stands[ended.pk] == "failed"


def test_cancelled_deliveries_end_their_shares_and_what_waits_for_them(
    operator: User, owner: User
) -> None:
    share = rows.share(owner, planned=True, status="running")
    target = rows.delivery(share)
    follower = rows.delivery(share, after=target, kind="data points")
    other = rows.share(owner, planned=True, status="running")
    rows.delivery(other, status="delivered")
    rows.delivery(other)

    action = done(bulk.ask(operator, "cancel", "deliveries", {"kind": "target"}))

    assert action.done_count == 2
    follower.refresh_from_db()
    assert follower.status == "cancelled"
    assert dict(Share.objects.values_list("pk", "status")) == {
        **{share.pk: "cancelled", other.pk: "partly delivered"},
    }


def test_ingest_jobs_are_reprocessed_and_cancelled(operator: User, owner: User) -> None:
    jobs.job(owner, **jobs.FAILED)
    jobs.job(owner, **jobs.FAILED)
    jobs.job(owner, **jobs.DONE)

    action = done(bulk.ask(operator, "reprocess", "ingest jobs", FAILED))

    assert action.note == "2 ingest jobs will be processed again."
    assert IngestJob.objects.filter(status="queued").count() == 2
    action = done(bulk.ask(operator, "cancel", "ingest jobs", {}))
    assert action.done_count == 2
    assert action.left_count == 1


@pytest.mark.django_db(transaction=True)
def test_one_that_is_cancelled_stops_after_its_slice(
    operator: User, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed(ended_share(owner), 8)
    action = retry(operator, **FAILED)

    def and_then_cancelled(pks: list[int], user: Any) -> int:
        transaction.on_commit(partial(bulk.cancel, action, operator))
        return verbs._retry_deliveries(pks, user)

    fits = verbs.SLICES["retry", "deliveries"].fits
    monkeypatch.setitem(
        verbs.SLICES, ("retry", "deliveries"), verbs.Doing(and_then_cancelled, fits, 4)
    )

    said = bulk.run(action.pk)

    action.refresh_from_db()
    assert "cancelled" in said
    assert (action.status, action.done_count) == ("cancelled", 4)
    assert Delivery.objects.filter(status="queued").count() == 4
    assert not bulk.cancel(action, operator)


def test_a_slice_that_fails_is_tried_again_and_nothing_is_done_twice(
    operator: User, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed(ended_share(owner), 8)
    action = retry(operator, **FAILED)
    known = verbs.SLICES["retry", "deliveries"]
    seen: list[list[int]] = []

    def failing(pks: list[int], user: Any) -> int:
        seen.append(pks)
        count = verbs._retry_deliveries(pks, user)
        if len(seen) == 2:
            raise RuntimeError("The disk is full.")
        return count

    monkeypatch.setitem(
        verbs.SLICES, ("retry", "deliveries"), verbs.Doing(failing, known.fits, 4)
    )

    with pytest.raises(RuntimeError):
        bulk.run(action.pk)
    action.refresh_from_db()
    assert (action.status, action.done_count) == ("running", 4)
    assert "RuntimeError" in action.note
    assert action.failing_since is not None
    assert Delivery.objects.filter(status="queued").count() == 4

    action = done(action)
    assert (action.status, action.done_count, action.left_count) == ("done", 8, 0)
    assert action.failing_since is None
    assert seen[1] == seen[2]
    assert len({pk for pks in seen for pk in pks}) == 8


def test_one_that_fails_for_an_hour_has_failed(
    operator: User, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed(ended_share(owner), 1)
    action = retry(operator, **FAILED)

    def failing(pks: list[int], user: Any) -> int:
        raise RuntimeError

    fits = verbs.SLICES["retry", "deliveries"].fits
    monkeypatch.setitem(
        verbs.SLICES, ("retry", "deliveries"), verbs.Doing(failing, fits)
    )
    long_ago = timezone.now() - timedelta(hours=2)
    BulkAction.objects.update(failing_since=long_ago)

    with pytest.raises(RuntimeError):
        bulk.run(action.pk)

    action.refresh_from_db()
    assert action.status == "failed"
    assert "ask for it anew" in action.note


def test_one_worker_has_it_at_a_time_and_another_goes_on_when_it_is_lost(
    operator: User, owner: User
) -> None:
    failed(ended_share(owner), 2)
    action = retry(operator, **FAILED)
    soon = timezone.now() + timedelta(seconds=10)
    BulkAction.objects.update(status="running", claim="another", lease_until=soon)

    assert "another worker has it" in bulk.run(action.pk)
    assert not Delivery.objects.filter(status="queued").exists()

    BulkAction.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert done(action).done_count == 2


def test_a_person_without_an_account_has_nothing_done(
    operator: User, owner: User
) -> None:
    failed(ended_share(owner), 1)
    mine = retry(owner, **FAILED)
    closed = retry(operator, **FAILED)
    operator.is_active = False
    operator.save()
    owner.delete()

    for action in (mine, closed):
        assert done(action).status == "failed"
        assert "no account" in action.note
    assert not Delivery.objects.filter(status="queued").exists()


def test_permissions_count_when_it_is_done(owner: User) -> None:
    target = rows.target(owner, "SN 2026abc")
    share = ended_share(owner, target=target)
    failed(share, 2, target_id=target.pk)
    operator = permitted("clerk", "operate")
    target.give_user_access(operator)
    action = retry(operator, **FAILED)
    assert action.total == 2
    operator.user_permissions.clear()

    action = done(action)

    assert action.done_count == 0
    assert not Delivery.objects.filter(status="queued").exists()


@pytest.mark.parametrize(
    ("verb", "rows_", "filters", "name"),
    [
        ("reprocess", "deliveries", {}, "verb"),
        ("retry", "ingest jobs", {}, "verb"),
        ("retry", "deliveries", {"state": "failed"}, "state"),
        ("retry", "deliveries", {"status": "ill"}, "status"),
        ("retry", "shares", {"share": 1}, "share"),
        ("retry", "deliveries", {"ended_since": "soon"}, "ended_since"),
    ],
)
def test_nonsense_is_refused_in_words(
    operator: User, verb: str, rows_: str, filters: dict[str, Any], name: str
) -> None:
    with pytest.raises(WrongFilter) as refusal:
        bulk.ask(operator, verb, rows_, filters)

    assert refusal.value.name == name
    assert not BulkAction.objects.exists()


def test_an_empty_selection_is_no_rows(operator: User, owner: User) -> None:
    failed(ended_share(owner), 1)

    assert retry(operator, ids=[]).total == 0


def test_what_is_heavy_is_done_in_short_transactions(
    operator: User, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verbs, "HEAVIEST", 10)
    shares = [ended_share(owner) for _ in range(4)]
    for share, count in zip(shares, (4, 4, 4, 30), strict=True):
        failed(share, count)
    failed(shares[0], 3, status="delivered", failure="", refused_count=1, datum_count=9)
    pks = [share.pk for share in shares]

    by_share = verbs.SLICES["retry", "shares"]
    found = Share.objects.filter(pk__in=pks)
    assert by_share.first(found) == pks[:1]
    assert by_share.first(found.filter(pk__gt=pks[0])) == pks[1:3]
    assert by_share.first(found.filter(pk__gt=pks[2])) == pks[3:]
    by_delivery = verbs.SLICES["retry", "deliveries"]
    heavy = shares[0].deliveries.all()
    assert len(by_delivery.first(heavy)) == 4
    assert len(by_delivery.first(heavy.filter(datum_count=9))) == 1

    action = done(bulk.ask(operator, "retry", "shares", {}))
    assert (action.done_count, action.left_count) == (4, 0)
    assert Delivery.objects.filter(status="queued").count() == 45


def test_ten_times_the_shares_take_as_many_queries(operator: User, owner: User) -> None:
    def queries(shares: int) -> int:
        Share.objects.all().delete()
        for _ in range(shares):
            failed(ended_share(owner), 4)
        retried = retry(operator, **FAILED)
        with CaptureQueriesContext(connection) as asked:
            done(retried)
            cancelled = bulk.ask(operator, "cancel", "deliveries", {})
            done(cancelled)
            done(bulk.ask(operator, "retry", "shares", {}))
        assert cancelled.total == 4 * shares
        return len(asked)

    queries(2)  # fills caches of content types
    assert queries(3) == queries(30)
