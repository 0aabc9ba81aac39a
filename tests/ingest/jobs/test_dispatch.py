"""Which jobs are hinted at, and how many."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from tests.support import ingesting
from tom_share_worker.ingest.jobs import claims, dispatch
from tom_share_worker.models import IngestJob, Worker

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _two_places(settings: Any) -> None:
    settings.TOM_SHARE_WORKER = {"INGEST_CONCURRENCY": 2}


def hinted() -> list[int]:
    """Return the ids of the jobs that a worker was told of."""
    jobs = IngestJob.objects.exclude(hinted_at=None).order_by("pk")
    return list(jobs.values_list("pk", flat=True))


def test_the_oldest_are_hinted_at_as_many_as_a_worker_has_places_for() -> None:
    now = timezone.now()
    ages = (1, 3, 2)
    jobs = [ingesting.job(next_attempt_at=now - timedelta(hours=n)) for n in ages]

    assert dispatch.dispatch() == 2

    assert hinted() == [jobs[1].pk, jobs[2].pk]


def test_a_hint_is_not_repeated_while_it_may_be_under_way() -> None:
    ingesting.job()

    assert dispatch.dispatch() == 1
    assert dispatch.dispatch() == 0


@pytest.mark.parametrize("hours", [-1, 1], ids=["lost", "clock set back"])
def test_a_hint_that_was_lost_is_repeated(hours: int) -> None:
    ingesting.job(hinted_at=timezone.now() + timedelta(hours=hours))

    assert dispatch.dispatch() == 1


def test_places_that_are_taken_get_no_hint() -> None:
    claims.claim(ingesting.job().pk)
    for _ in range(3):
        ingesting.job()

    assert dispatch.dispatch() == 1


def test_a_job_whose_worker_is_gone_takes_no_place() -> None:
    for _ in range(2):
        claims.claim(ingesting.job().pk)
    IngestJob.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    ingesting.job()

    assert dispatch.dispatch() == 1


def test_each_living_worker_has_places_of_its_own() -> None:
    now, long_ago = timezone.now(), timezone.now() - timedelta(hours=1)
    for name, seen, ingests in (
        ("one", now, True),
        ("another", now, True),
        ("gone", long_ago, True),
        ("delivers only", now, False),
    ):
        Worker.objects.create(name=name, started=now, seen=seen, ingests=ingests)
    for _ in range(6):
        ingesting.job()

    assert dispatch.dispatch() == 4


def test_what_is_not_due_is_not_hinted_at() -> None:
    ingesting.job(next_attempt_at=timezone.now() + timedelta(hours=1))
    ingesting.job(status=IngestJob.Status.DONE)

    assert dispatch.dispatch() == 0
    assert hinted() == []


@pytest.mark.django_db(transaction=True)
def test_several_that_dispatch_at_once_hint_at_each_once(settings: Any) -> None:
    settings.TOM_SHARE_WORKER = {"INGEST_CONCURRENCY": 10}
    for _ in range(5):
        ingesting.job()

    def look(_: int) -> int:
        try:
            return dispatch.dispatch()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(look, range(4))) == 5
