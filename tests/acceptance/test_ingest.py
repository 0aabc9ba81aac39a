"""Files that came in, processed by real workers: killed, stopped, starved, cut off."""

from __future__ import annotations

import random
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from django.utils import timezone
from tom_dataproducts.models import DataProduct, PhotometryReducedDatum

from tests.support import ingesting, processors
from tests.support.brokers import SharedBroker
from tests.support.processes import Process
from tests.support.toms import Tom
from tests.support.waiting import wait_until
from tom_share_worker import hints
from tom_share_worker.ingest import actions
from tom_share_worker.models import IngestFailure, IngestJob, Worker

pytestmark = pytest.mark.django_db(transaction=True)

Status = IngestJob.Status

WAIT = 90.0
"""Seconds for files to be processed, with all that a process must load first."""

PHOTOMETRY = (
    b"time,magnitude,filter,error\n61000.25,15.5,r,0.01\n61000.5,15.25,r,0.01\n"
)


@pytest.fixture(autouse=True)
def _reader(tom: Tom) -> None:
    tom.processors = processors.PROCESSORS
    tom.hurry(INGEST_CONCURRENCY=2)


def upload(kind: str = "plain", content: bytes = ingesting.TABLE) -> IngestJob:
    """Leave what an upload leaves: rows, and a hint at them."""
    job = ingesting.job(kind, content)
    hints.ingest(job.pk)
    return job


def await_ended(tom: Tom, *jobs: IngestJob) -> None:
    """Wait until these have ended."""
    pks = [job.pk for job in jobs]
    left = IngestJob.objects.filter(pk__in=pks).exclude(status__in=IngestJob.ENDED)
    # What was lost twice waits for a minute, in which nothing more is to be seen.
    resting = left.filter(status=Status.QUEUED, lost_count=2)

    def over() -> bool:
        now = timezone.now()
        if resting.filter(next_attempt_at__gt=now).exists():
            resting.update(next_attempt_at=now)
        return not left.exists()

    wait_until(over, WAIT, "the jobs to end", tom.tell)
    for job in jobs:
        job.refresh_from_db()


def await_begun(tom: Tom, job: IngestJob, lines: int = 1) -> list[int]:
    """Wait until its processor has begun; return the last numbers that it left."""
    left: list[list[int]] = wait_until(
        lambda: processors.notes(job.data_product)[lines - 1 :],
        WAIT,
        "the processor to begin",
        tom.tell,
    )
    return left[-1]


def family(worker: Process) -> list[int]:
    """Return the ids of all processes below a worker."""
    found, look = [], [worker.popen.pid]
    while look:
        for task in Path(f"/proc/{look.pop()}/task").iterdir():
            with suppress(FileNotFoundError):
                below = [int(pid) for pid in (task / "children").read_text().split()]
                found += below
                look += below
    return found


def await_gone(pids: list[int], worker: Process) -> None:
    """Wait until none of these processes is there."""
    wait_until(lambda: not any(map(running, pids)), 5, "processes to end", worker.tell)


def running(pid: int) -> bool:
    with suppress(FileNotFoundError):
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        return state != "Z"
    return False


def test_files_are_processed_by_the_worker_of_a_small_tom(tom: Tom) -> None:
    tom.start_worker()
    plain, photometry = upload(), upload("photometry", PHOTOMETRY)
    picture = upload("image_file", b"JPEG")

    await_ended(tom, plain, photometry, picture)

    assert plain.note == photometry.note.replace("2", "3")
    assert ingesting.degrees(plain) == ingesting.DEGREES
    assert photometry.note == "Processed: 2 data points, 2 of them new."
    stored = PhotometryReducedDatum.objects.filter(
        data_product=photometry.data_product
    ).order_by("timestamp")
    assert [datum.brightness for datum in stored] == [15.5, 15.25]
    assert picture.note.startswith("Processed: there is nothing to read")
    assert plain.worker.startswith("share_worker.")
    assert plain.task_id
    assert Worker.last_seen(ingests=True) is not None


def test_workers_killed_at_any_moment_lose_no_file_and_double_none(tom: Tom) -> None:
    chance = random.Random(20260301)
    expected = {}
    for n in range(20):
        points = [n + k / 16 for k in range(chance.randrange(1, 400))]
        table = "".join(f"{61000 + k / 1024},{p}\n" for k, p in enumerate(points))
        kind = "plain" if n % 4 else "slow"
        expected[upload(kind, f"time,degree\n{table}".encode())] = points
    workers = [tom.start_worker(), tom.start_worker()]

    for _ in range(5):
        at_work = IngestJob.objects.filter(status=Status.RUNNING)
        wait_until(at_work.exists, WAIT, "a file to be taken up", tom.tell)
        time.sleep(chance.uniform(0, 1.5))
        workers.pop(chance.randrange(2)).kill()
        workers.append(tom.start_worker(ready=False))
    await_ended(tom, *expected)
    assert any(job.lost_count for job in expected)
    for _ in range(3):  # killed three times, a file is set aside
        if not actions.reprocess(IngestJob.objects.filter(status=Status.FAILED)):
            break
        await_ended(tom, *expected)

    for job, points in expected.items():
        assert job.status == Status.DONE, tom.tell()
        assert ingesting.degrees(job) == points
        assert job.note == (
            f"Processed: {len(points)} data point{'s' * (len(points) > 1)}, "
            f"{len(points)} of them new."
        )


def test_a_file_that_breaks_processes_down_stops_nobody_else(tom: Tom) -> None:
    worker = tom.start_worker()
    crashing = upload("crashing")
    others = [upload() for _ in range(4)]

    await_ended(tom, crashing, *others)

    assert (crashing.status, crashing.lost_count) == (Status.FAILED, 3)
    assert crashing.failure == IngestFailure.WORKER_LOST
    assert len(processors.notes(crashing.data_product)) == 3
    assert {job.status for job in others} == {Status.DONE}
    assert worker.alive


def test_limits_of_time_and_memory_hold_in_a_worker_with_threads(tom: Tom) -> None:
    tom.hurry(INGEST_TIME_LIMIT=3, INGEST_MEMORY_LIMIT=200_000_000)
    worker = tom.start_worker()
    endless, hungry, other = upload("endless"), upload("hungry"), upload()

    await_ended(tom, endless, hungry, other)

    assert endless.failure == IngestFailure.TIME_LIMIT
    assert "longer than 3 seconds" in endless.note
    assert hungry.failure == IngestFailure.MEMORY_LIMIT
    assert "more than 200 MB" in hungry.note
    assert other.status == Status.DONE
    assert worker.alive
    if sys.platform == "linux":
        _, [pid, program] = processors.notes(endless.data_product)
        # The system takes a moment to end what was killed.
        wait_until(lambda: not running(pid), 10, "its process to end")
        wait_until(lambda: not running(program), 10, "its program to end")


@pytest.mark.parametrize("pool", ["prefork", "solo"])
def test_a_plain_celery_worker_of_any_pool_processes_files(tom: Tom, pool: str) -> None:
    queues = ["--queues=ingest", f"--pool={pool}", "--concurrency=2"]
    tom.hurry(INGEST_MEMORY_LIMIT=200_000_000)
    tom.start_celery("worker", "worker", *queues)
    jobs = [upload() for _ in range(3)]
    hungry = upload("hungry")

    await_ended(tom, *jobs, hungry)

    assert {job.status for job in jobs} == {Status.DONE}
    assert hungry.failure == IngestFailure.MEMORY_LIMIT


def test_files_that_came_while_the_broker_was_gone_are_found_by_the_sweep(
    tom: Tom, broker: SharedBroker
) -> None:
    broker.stop()
    jobs = [upload() for _ in range(3)]
    broker.start()

    tom.start_worker()

    await_ended(tom, *jobs)
    assert {job.status for job in jobs} == {Status.DONE}


def test_a_file_that_failed_is_processed_again_when_its_cause_is_mended(
    tom: Tom,
) -> None:
    tom.start_worker()
    job = upload("refusing")
    await_ended(tom, job)
    assert (job.failure, job.note) == (
        IngestFailure.UNREADABLE,
        "The comet is upside down.",
    )
    assert job.data_product is not None
    Path(f"{job.data_product.data.path}.mended").touch()

    assert actions.reprocess(IngestJob.objects.all()) == 1

    await_ended(tom, job)
    assert (job.status, job.failure) == (Status.DONE, "")
    assert ingesting.degrees(job) == ingesting.DEGREES


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_is_cancelled_in_the_middle_ends_there(tom: Tom) -> None:
    tom.start_worker()
    job = upload("waiting")
    [pid] = await_begun(tom, job)

    assert actions.cancel(IngestJob.objects.all()) == 1

    wait_until(lambda: not running(pid), 5, "the process to end", tom.tell)
    job.refresh_from_db()
    assert (job.status, job.note) == (Status.CANCELLED, "Cancelled by a person.")
    other = upload()
    await_ended(tom, other)
    assert other.status == Status.DONE


def test_a_product_deleted_in_the_middle_leaves_nothing(tom: Tom) -> None:
    tom.start_worker()
    job = upload("waiting")
    await_begun(tom, job)
    product = job.data_product
    assert product is not None
    path = product.data.path

    DataProduct.objects.get(pk=product.pk).delete()
    Path(f"{path}.go").touch()
    Path(path).write_bytes(ingesting.TABLE)  # the host removes it with the product

    await_ended(tom, job)
    assert job.status == Status.CANCELLED
    assert ingesting.degrees(job) == []


def test_two_workers_told_of_it_many_times_process_a_file_once(tom: Tom) -> None:
    tom.hurry(SWEEP_INTERVAL=0.05)
    workers = [tom.start_worker(ready=False) for _ in range(2)]
    for worker in workers:
        tom.await_ready(worker)

    jobs = [upload("slow") for _ in range(8)]
    for job in jobs * 10:
        hints.ingest(job.pk)

    await_ended(tom, *jobs)
    for job in jobs:
        assert job.status == Status.DONE
        assert len(processors.notes(job.data_product)) == 1
        assert ingesting.degrees(job) == ingesting.DEGREES


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_stopped_hands_its_job_back_and_leaves_no_process(
    tom: Tom, number: int
) -> None:
    worker = tom.start_worker()
    job = upload("waiting")
    await_begun(tom, job)
    below = family(worker)
    assert len(below) == 2  # the nursery and its child

    worker.signal(number)

    assert worker.await_end(15) == 0
    await_gone(below, worker)
    job.refresh_from_db()
    assert (job.status, job.attempt_count, job.lost_count) == (Status.QUEUED, 0, 0)
    assert "another one goes on" in job.note
    assert "Traceback" not in worker.log(), worker.log()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_worker_that_is_killed_leaves_no_process(tom: Tom) -> None:
    worker = tom.start_worker()
    job = upload("endless")
    [_, program] = await_begun(tom, job, lines=2)
    below = [pid for pid in family(worker) if pid != program]

    worker.popen.kill()
    worker.popen.wait()

    await_gone(below, worker)
