"""What was kept long enough goes, in slices; what is under way or not seen stays."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_results.models import TaskResult

from tests.support import rows
from tests.toolkit import processed
from tom_share_worker.ingest import actions
from tom_share_worker.models import (
    Attempt,
    BulkAction,
    ConnectionTest,
    Delivery,
    IngestJob,
    RemoteTarget,
    Routine,
    Share,
)
from tom_share_worker.operating import prune, pruning

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
MONTH = 30 * DAY.total_seconds()


def share(
    days: float, status: str = "delivered", count: int = 2, **columns: Any
) -> Any:
    """Return a share that ended so many days ago, with deliveries and attempts."""
    ended = timezone.now() - days * DAY
    columns = {"user": None, "planned": True, **columns}
    made = rows.share(columns.pop("user"), status=status, ended=ended, **columns)
    first = None
    for _ in range(count):
        row = rows.delivery(made, status="delivered", ended=ended, after=first)
        first = first or row
        for number in (1, 2):
            Attempt.objects.create(
                delivery=row, number=number, started=ended, ended=ended, answer="x"
            )
    return made


def job(days: float, status: str = "done", **columns: Any) -> IngestJob:
    ended = timezone.now() - days * DAY
    return IngestJob.objects.create(
        status=status, ended=ended, next_attempt_at=ended, file_name="a.csv", **columns
    )


def pruned() -> dict[str, int]:
    """Prune what is older than a month; return what went."""
    gone, finished = prune.run(prune.Terms.of(MONTH))
    assert finished
    return dict(gone)


def test_a_share_goes_with_all_that_belongs_to_it() -> None:
    share(31)
    young = share(29)

    assert pruned() == {"attempts": 4, "deliveries": 2, "shares": 1}

    assert list(Share.objects.all()) == [young]
    assert Delivery.objects.count() == 2
    assert Attempt.objects.count() == 4


def test_what_would_go_is_counted_beforehand() -> None:
    share(31)
    share(29)
    job(31)

    told = prune.counted(prune.Terms.of(MONTH))

    assert {name: n for name, n in told.items() if n} == pruned()
    assert Share.objects.count() == 1


@pytest.mark.parametrize("status", ["queued", "sending"])
def test_a_delivery_that_is_under_way_keeps_its_share(status: str) -> None:
    made = share(99, "failed")
    late = rows.delivery(made, status=status)

    pruned()

    assert list(Share.objects.all()) == [made]
    assert list(Delivery.objects.all()) == [late]


def test_a_share_that_was_opened_again_stays_whole() -> None:
    made = share(99, "failed")
    Share.objects.update(status="running", ended=None)

    assert pruned() == {}
    assert made.deliveries.count() == 2


def test_what_its_person_has_not_seen_fail_is_kept_twice_as_long() -> None:
    owner = rows.person()
    waiting = {share(days, "failed", user=owner) for days in (31, 59)}
    waiting |= {share(31, "partly delivered", user=owner)}
    share(61, "failed", user=owner)
    share(31, "failed", user=owner, seen=timezone.now())
    share(31, "failed")  # of a person who has gone
    share(31, "delivered", user=owner)

    assert pruned()["shares"] == 4
    assert set(Share.objects.all()) == waiting


def test_jobs_go_and_their_files_and_data_stay() -> None:
    owner = rows.person()
    target = rows.target(owner)
    product = rows.product(target)
    job(31, data_product=product, target=target)
    unseen = job(31, "failed", user=owner)
    job(31, "failed", user=owner, seen=timezone.now())
    young = job(29)
    waiting = IngestJob.objects.create(next_attempt_at=timezone.now() - 99 * DAY)

    assert pruned() == {"ingest jobs": 2}

    assert set(IngestJob.objects.all()) == {unseen, young, waiting}
    product.refresh_from_db()
    with product.data.open() as file:
        assert file.read() == b"FITS"


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_to_be_read_again_at_that_moment_stays() -> None:
    product = processed.product()
    wanted = job(31, data_product=product)
    pressed = threading.Event()

    def press_reprocess() -> None:
        try:
            with transaction.atomic():
                actions.reprocess(IngestJob.objects.filter(pk=wanted.pk))
                pressed.set()
                time.sleep(0.5)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as person:
        pressing = person.submit(press_reprocess)
        assert pressed.wait(10)
        pruned()
        pressing.result()

    wanted.refresh_from_db()
    assert wanted.status == "queued"


def test_bulk_actions_and_connection_tests_go() -> None:
    now = timezone.now()
    old = {"verb": "retry", "rows": "shares"}
    BulkAction.objects.create(status="done", ended=now - 31 * DAY, **old)
    BulkAction.objects.create(status="running", **old)
    ConnectionTest.objects.create(destination="former", ended=now - 31 * DAY)
    ConnectionTest.objects.create(destination="former", ended=now - 29 * DAY)

    assert pruned() == {"bulk actions": 1, "connection tests": 1}


def test_what_is_remembered_of_other_toms_stays() -> None:
    owner = rows.person()
    target = rows.target(owner)
    RemoteTarget.objects.create(destination="partner", target=target, remote_id="7")
    share(99, target=target)

    pruned()

    assert RemoteTarget.objects.get().remote_id == "7"


def test_celerys_results_go_when_celery_lets_them_expire() -> None:
    expires = timedelta(seconds=current_app.conf.result_expires)
    ours, other = "tom_share_worker.send", "their_app.task"
    for name, age in ((ours, 2 * expires), (ours, expires / 2), (other, 2 * expires)):
        row = TaskResult.objects.create(task_id=f"{name} {age}", task_name=name)
        done = timezone.now() - age
        TaskResult.objects.filter(pk=row.pk).update(date_done=done)

    assert pruned() == {"task results": 1}

    left = TaskResult.objects.values_list("task_name", flat=True)
    assert sorted(left) == [other, ours]


def test_what_is_kept_for_ever_leaves_celerys_results_to_expire(settings: Any) -> None:
    settings.TOM_SHARE_WORKER = {"RETENTION": None}
    made = share(9999)

    gone, finished = prune.run(None)

    assert (dict(gone), finished) == ({}, True)
    assert list(Share.objects.all()) == [made]


def many(shares: int, deliveries: int, attempts: int) -> None:
    """Write shares that ended a year ago, each with so many."""
    then = timezone.now() - 365 * DAY
    made = Share.objects.bulk_create(
        Share(destination="partner", planned=True, status="failed", ended=then)
        for _ in range(shares)
    )
    batch = Delivery.objects.bulk_create(
        Delivery(
            share=of,
            position=position,
            destination="partner",
            status="failed",
            ended=then,
            next_attempt_at=then,
        )
        for of in made
        for position in range(deliveries)
    )
    Attempt.objects.bulk_create(
        (
            Attempt(delivery=of, number=number, started=then, ended=then)
            for of in batch
            for number in range(attempts)
        ),
        batch_size=5000,
    )


def test_many_rows_go_in_slices() -> None:
    many(shares=3, deliveries=700, attempts=3)

    with CaptureQueriesContext(connection) as queries:
        gone = pruned()

    assert gone == {"attempts": 6300, "deliveries": 2100, "shares": 3}
    # A slice takes the same few queries, however much hangs on its rows.
    slices = -(-6300 // 1500) + -(-2100 // 500) + 5
    assert len(queries) < 12 * slices


def test_a_sweep_prunes_for_a_moment_only_and_the_next_one_goes_on(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER = {"RETENTION": MONTH}
    monkeypatch.setattr(pruning, "SECONDS", 0.0)
    many(shares=1, deliveries=1200, attempts=0)
    pruning.tend()  # makes the row by which workers agree

    left = []
    for _ in range(8):
        pruning.tend()
        left.append(Delivery.objects.count())

    assert left[:3] == [700, 200, 0]
    assert not Share.objects.exists()
    assert Routine.last_ended(Routine.PRUNING) is not None


def test_a_limit_of_celery_beyond_the_calendar_spoils_no_sweep(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setitem(current_app.conf, "result_expires", 10**12)
    settings.TOM_SHARE_WORKER = {"RETENTION": MONTH}
    share(31)

    for _ in range(2):
        pruning.tend()

    assert not Share.objects.exists()
    assert Routine.last_ended(Routine.PRUNING) is not None


def test_it_begins_once_an_hour_and_by_one_worker_at_a_time(settings: Any) -> None:
    settings.TOM_SHARE_WORKER = {"RETENTION": MONTH}
    for _ in range(2):
        pruning.tend()
    first = share(31)

    pruning.tend()
    assert Share.objects.filter(pk=first.pk).exists()

    hour_ago = timezone.now() - timedelta(minutes=61)
    lease = timezone.now() + timedelta(minutes=1)
    Routine.objects.update(begun=hour_ago, lease_until=lease)
    pruning.tend()
    assert Share.objects.filter(pk=first.pk).exists()

    Routine.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    pruning.tend()
    assert not Share.objects.exists()
