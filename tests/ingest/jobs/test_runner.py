"""A job in a process of its own: done, broken down, too long, too large, cancelled."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.support import ingesting, processors
from tests.support.waiting import wait_until
from tom_share_worker import presence
from tom_share_worker.ingest import actions
from tom_share_worker.ingest.jobs import keeper, runner
from tom_share_worker.models import IngestFailure, IngestJob

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nursery"),
]

Status = IngestJob.Status

START = 60.0
"""Seconds for a nursery to come to life, on a busy machine."""


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """The threads of a worker."""
    with ThreadPoolExecutor(4) as running:
        yield running


@pytest.fixture
def _stopping() -> Iterator[None]:
    yield
    presence.stopping.clear()


def run(job: IngestJob) -> str:
    """Take a job up, as the task does in a thread of a worker."""
    try:
        return runner.run(job.pk, "share_worker@test", "task")
    finally:
        connection.close()


def ended(job: IngestJob) -> IngestJob:
    """Take a job up and return the row as it is then."""
    run(job)
    return IngestJob.objects.get(pk=job.pk)


def begun(job: IngestJob, lines: int = 1) -> list[int]:
    """Wait until a processor has begun; return the last numbers that it left."""
    left: list[list[int]] = wait_until(
        lambda: processors.notes(job.data_product)[lines - 1 :],
        START,
        "the processor to begin",
    )
    return left[-1]


def running(pid: int) -> bool:
    with suppress(FileNotFoundError):
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        return state != "Z"
    return False


def test_a_file_is_read_in_a_process_of_its_own() -> None:
    job = ingesting.job()

    assert run(job) == "Done: Processed: 3 data points, 3 of them new."

    assert ingesting.degrees(job) == ingesting.DEGREES
    [[pid]] = processors.notes(job.data_product)
    assert pid != os.getpid()
    assert not running(pid)
    job.refresh_from_db()
    assert (job.worker, job.task_id) == ("share_worker@test", "task")


def test_what_celery_keeps_and_logs_of_it_tells_nothing_of_the_file() -> None:
    job = ingesting.job("refusing")

    said = run(job)

    job.refresh_from_db()
    assert job.note == "The comet is upside down."
    assert said == f"Failed: {job.failure}"


def test_many_at_once_are_all_done_each_once(
    pool: ThreadPoolExecutor, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER |= {"INGEST_CONCURRENCY": 4}
    jobs = [ingesting.job() for _ in range(12)]

    said = list(pool.map(run, jobs * 2))

    assert len([words for words in said if words.startswith("Done")]) == 12
    for job in jobs:
        assert ingesting.degrees(job) == ingesting.DEGREES
        assert len(processors.notes(job.data_product)) == 1


def test_a_file_that_breaks_its_process_down_is_set_aside_after_three() -> None:
    job = ingesting.job("crashing")

    assert ended(job).status == Status.QUEUED
    for _ in range(2):
        IngestJob.objects.update(next_attempt_at=job.next_attempt_at)
        run(job)

    job.refresh_from_db()
    assert (job.status, job.failure) == (Status.FAILED, IngestFailure.WORKER_LOST)
    assert (job.lost_count, job.attempt_count) == (3, 3)
    assert ended(ingesting.job()).status == Status.DONE


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_takes_too_long_is_ended_with_what_it_started(settings: Any) -> None:
    settings.TOM_SHARE_WORKER |= {"INGEST_TIME_LIMIT": 1}

    job = ended(ingesting.job("endless"))

    assert (job.status, job.failure) == (Status.FAILED, IngestFailure.TIME_LIMIT)
    assert job.note == "Reading it took longer than 1 second."
    _, [pid, program] = processors.notes(job.data_product)
    wait_until(lambda: not running(pid), 5, "the process to end")
    wait_until(lambda: not running(program), 5, "its program to end")


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
@pytest.mark.parametrize("kind", ["hungry", "greedy"])
def test_what_needs_too_much_memory_is_ended(settings: Any, kind: str) -> None:
    settings.TOM_SHARE_WORKER |= {"INGEST_MEMORY_LIMIT": 200_000_000}

    job = ended(ingesting.job(kind))

    assert (job.status, job.failure) == (Status.FAILED, IngestFailure.MEMORY_LIMIT)
    assert "more than" in job.note


def test_what_is_cancelled_while_it_runs_is_ended_in_a_moment(
    pool: ThreadPoolExecutor,
) -> None:
    job = ingesting.job("waiting")
    future = pool.submit(run, job)
    [pid] = begun(job)

    assert actions.cancel(IngestJob.objects.all()) == 1
    begin = time.monotonic()
    future.result()

    assert time.monotonic() - begin < 4
    assert not running(pid)
    job.refresh_from_db()
    assert (job.status, job.note) == (Status.CANCELLED, "Cancelled by a person.")


@pytest.mark.usefixtures("_stopping")
def test_a_worker_that_stops_hands_its_job_back_in_seconds(
    pool: ThreadPoolExecutor,
) -> None:
    job = ingesting.job("waiting")
    future = pool.submit(run, job)
    [pid] = begun(job)

    presence.stopping.set()
    begin = time.monotonic()
    future.result()

    assert time.monotonic() - begin < 5
    assert not running(pid)
    job.refresh_from_db()
    assert (job.status, job.attempt_count, job.lost_count) == (Status.QUEUED, 0, 0)


@pytest.mark.usefixtures("_stopping")
def test_a_worker_that_stops_lets_a_job_end_that_is_about_to(
    pool: ThreadPoolExecutor,
) -> None:
    job = ingesting.job("waiting")
    future = pool.submit(run, job)
    begun(job)

    presence.stopping.set()
    _let_go(job)

    assert future.result().startswith("Done")


@pytest.mark.usefixtures("_stopping")
def test_a_worker_that_stops_begins_nothing() -> None:
    job = ingesting.job()
    presence.stopping.set()

    assert run(job) == "Nothing done: this worker is about to stop."

    assert IngestJob.objects.get().status == Status.QUEUED


def _let_go(job: IngestJob) -> None:
    assert job.data_product is not None
    Path(f"{job.data_product.data.path}.go").touch()


def test_a_worker_takes_no_more_than_it_may(
    pool: ThreadPoolExecutor, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER |= {"INGEST_CONCURRENCY": 1}
    first, second = ingesting.job("waiting"), ingesting.job()
    future: Future[str] = pool.submit(run, first)
    begun(first)
    IngestJob.objects.filter(pk=second.pk).update(hinted_at=second.next_attempt_at)

    assert "INGEST_CONCURRENCY" in run(second)

    second.refresh_from_db()
    assert (second.status, second.hinted_at) == (Status.QUEUED, None)
    _let_go(first)
    assert future.result().startswith("Done")
    second.refresh_from_db()
    assert second.hinted_at is not None
    assert ended(second).status == Status.DONE


def test_a_job_that_the_database_failed_is_tried_again_uncounted_as_lost() -> None:
    job = ended(ingesting.job("troubled"))

    assert (job.status, job.attempt_count, job.lost_count) == (Status.QUEUED, 1, 0)
    assert "database failed" in job.note


@pytest.mark.skipif(sys.platform != "linux", reason="the fault is one of Linux's")
def test_a_disk_that_fails_for_a_while_is_waited_for_and_the_file_read_then() -> None:
    job = ingesting.job()
    assert job.data_product is not None
    path = Path(job.data_product.data.path)
    path.unlink()
    path.symlink_to("/proc/self/mem")  # to read its beginning is an I/O error

    waits = ended(job)

    assert (waits.status, waits.attempt_count, waits.lost_count) == (
        Status.QUEUED,
        1,
        0,
    )
    assert "storage for files failed (OSError); it is tried again" in waits.note
    path.unlink()
    path.write_bytes(ingesting.TABLE)
    IngestJob.objects.update(next_attempt_at=job.next_attempt_at)
    assert ended(job).status == Status.DONE
    assert ingesting.degrees(job) == ingesting.DEGREES


def nursery_pid() -> int:
    nursery = keeper._current
    assert nursery is not None
    assert nursery._process is not None
    return nursery._process.pid


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's word is Linux's")
def test_a_nursery_that_is_lost_takes_its_jobs_along_and_is_started_again(
    pool: ThreadPoolExecutor,
) -> None:
    job = ingesting.job("waiting")
    future = pool.submit(run, job)
    [pid] = begun(job)

    os.kill(nursery_pid(), signal.SIGKILL)

    future.result()
    wait_until(lambda: not running(pid), 5, "the process to end")
    job.refresh_from_db()
    assert (job.status, job.lost_count) == (Status.QUEUED, 1)
    assert ended(ingesting.job()).status == Status.DONE


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_signals_to_all_are_left_to_the_worker(pool: ThreadPoolExecutor) -> None:
    """As systemd stops a service: each of its processes gets the signal."""
    job = ingesting.job("waiting")
    future = pool.submit(run, job)
    [pid] = begun(job)

    for each in (nursery_pid(), pid):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(each, number)
    _let_go(job)

    assert future.result().startswith("Done")
    assert running(nursery_pid())


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_nursery_has_one_thread_and_no_connection_to_the_database() -> None:
    run(ingesting.job())
    place = Path(f"/proc/{nursery_pid()}")

    assert "\nThreads:\t1\n" in (place / "status").read_text()
    files = [os.readlink(file) for file in (place / "fd").iterdir()]
    assert not [file for file in files if "sqlite" in file]
    assert len([file for file in files if "socket" in file]) == 1


def test_a_nursery_ends_when_it_is_told() -> None:
    run(ingesting.job())
    pid = nursery_pid()

    keeper.stop()

    assert not running(pid)


def test_threads_that_come_first_at_once_start_one_nursery(
    pool: ThreadPoolExecutor, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER |= {"INGEST_CONCURRENCY": 4}
    keeper.stop()
    barrier = threading.Barrier(4)

    def first(job: IngestJob) -> int:
        barrier.wait()
        run(job)
        return nursery_pid()

    assert len(set(pool.map(first, [ingesting.job() for _ in range(4)]))) == 1
