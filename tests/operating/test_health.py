"""Health tells in sentences what does not work, and is quiet about what does."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.support import rows
from tom_share_worker import tasks
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.models import Destination, IngestJob, Routine, Share, Worker
from tom_share_worker.operating import health, routines

pytestmark = pytest.mark.django_db

SECOND, MINUTE, HOUR = (
    timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours")
)


@pytest.fixture(autouse=True)
def _destinations(settings: Any) -> None:
    settings.DATA_SHARING = {
        key: {
            "DISPLAY_NAME": f"{key.title()} TOM",
            "BASE_URL": f"http://{key}.invalid/",
            "API_TOKEN": "not-a-token",
        }
        for key in ("partner", "survey")
    }


def worker(seen: timedelta = timedelta(0), **does: bool) -> Worker:
    """Return a worker that was seen so long ago."""
    now = timezone.now()
    does = {"delivers": True, "ingests": True, **does}
    name = f"celery@{Worker.objects.count()}"
    return Worker.objects.create(name=name, started=now - HOUR, seen=now - seen, **does)


def swept(ago: timedelta = timedelta(0)) -> None:
    """Let the last sweep have ended so long ago."""
    ended = timezone.now() - ago
    Routine.objects.update_or_create(name=Routine.SWEEP, defaults={"ended": ended})


@pytest.fixture
def _well() -> None:
    worker()
    swept()


def destination(
    key: str = "partner", changed: timedelta = HOUR, **columns: Any
) -> None:
    """Let a destination stand so since then."""
    Destination.objects.update_or_create(key=key, defaults=columns)
    Destination.objects.filter(key=key).update(changed=timezone.now() - changed)


def due(since: timedelta, to: str = "partner", **columns: Any) -> Any:
    """Return a delivery that is due since then."""
    share = rows.share(None, destination=to, planned=True, status="running")
    return rows.delivery(share, next_attempt_at=timezone.now() - since, **columns)


def job(since: timedelta, **columns: Any) -> IngestJob:
    """Return an ingest job that is due since then."""
    return IngestJob.objects.create(
        next_attempt_at=timezone.now() - since, file_name="lc.csv", **columns
    )


def said(verdict: health.Verdict) -> str:
    """Return what is said of all that stands so."""
    found = health.look()
    return " ".join(c.sentence for c in found.checks if c.status == verdict)


def down() -> str:
    return said(health.Verdict.DOWN)


def degraded() -> str:
    return said(health.Verdict.DEGRADED)


@pytest.mark.usefixtures("_well")
def test_all_is_well_where_a_worker_lives_and_somebody_sweeps() -> None:
    destination()
    due(SECOND)

    found = health.look()

    assert found.status == health.Verdict.OK
    assert {check.status for check in found.checks} == {health.Verdict.OK}


def test_a_tom_that_never_had_a_worker_is_told_how_to_start_one() -> None:
    swept()

    assert "No worker that sends deliveries has ever been seen." in down()
    assert "manage.py share_worker" in down()


def test_a_worker_that_is_gone_is_told_with_its_last_sign() -> None:
    worker(seen=5 * MINUTE)
    swept()

    assert "(5 minutes ago)" in down()


def test_a_tom_without_uploads_may_do_without_a_worker_for_them() -> None:
    worker(ingests=False)
    swept()

    assert health.look().status == health.Verdict.OK


def test_the_loss_of_the_worker_for_uploads_is_told_before_one_comes() -> None:
    worker(ingests=False)
    worker(seen=HOUR, delivers=False)
    swept()

    assert "No worker that processes incoming files has been seen" in degraded()


def test_an_upload_that_no_worker_is_there_for_is_told() -> None:
    worker(ingests=False)
    swept()
    job(SECOND)

    assert "Uploaded files wait." in down()


@pytest.mark.usefixtures("_well")
@pytest.mark.parametrize("ago", [None, 2 * MINUTE])
def test_a_sweep_that_is_late_is_told(ago: timedelta | None) -> None:
    Routine.objects.all().delete()
    if ago:
        swept(ago)

    assert "No sweep for missed work has" in down()


@pytest.mark.usefixtures("_well")
def test_a_slow_sweep_is_not_late(settings: Any) -> None:
    settings.TOM_SHARE_WORKER = {"SWEEP_INTERVAL": 100}
    swept(4 * MINUTE)

    assert health.look().status == health.Verdict.OK


@pytest.mark.usefixtures("_well")
def test_what_is_due_and_does_not_move_is_told() -> None:
    destination(changed=20 * MINUTE)
    due(HOUR)

    assert "Deliveries to Partner TOM are due since" in down()
    assert "(20 minutes)" in down()


@pytest.mark.usefixtures("_well")
def test_a_long_queue_of_which_something_goes_is_well() -> None:
    destination(changed=MINUTE)
    due(5 * HOUR)

    assert health.look().status == health.Verdict.OK


@pytest.mark.usefixtures("_well")
@pytest.mark.parametrize(
    "columns",
    [
        {"paused": True, "paused_by_person": True},
        {"failures": 3, "retry_at": timedelta(minutes=5), "answered": -timedelta(0)},
        {"failures": 3, "retry_at": -timedelta(seconds=5), "answered": -timedelta(0)},
    ],
    ids=["paused", "backing off", "about to be tried again"],
)
def test_what_waits_for_a_closed_destination_is_no_fault_of_the_workers(
    columns: dict[str, Any],
) -> None:
    now = timezone.now()
    for name, value in columns.items():
        if isinstance(value, timedelta):
            columns = columns | {name: now + value}
    destination(changed=HOUR, **columns)
    due(2 * HOUR)

    assert health.look().status == health.Verdict.OK


@pytest.mark.usefixtures("_well")
def test_what_waits_for_its_target_is_not_due() -> None:
    destination()
    first = due(HOUR)
    first.status = "sending"
    first.save()
    due(HOUR, after=first)

    assert health.look().status == health.Verdict.OK


@pytest.mark.usefixtures("_well")
def test_one_destination_that_does_not_move_is_told_among_others_that_do() -> None:
    for key in ("partner", "survey"):
        due(HOUR, to=key)
    destination("partner", changed=SECOND)
    destination("survey", changed=HOUR)

    assert "Survey TOM" in down()
    assert "Partner TOM" not in down()


@pytest.mark.usefixtures("_well")
def test_a_destination_that_was_taken_out_of_the_settings_is_past() -> None:
    destination("former", paused=True, failures=3)
    due(HOUR, to="former")

    assert health.look().status == health.Verdict.OK


@pytest.mark.usefixtures("_well")
def test_refused_credentials_need_a_person() -> None:
    destination(paused=True)

    assert "our account there was refused" in degraded()


@pytest.mark.usefixtures("_well")
@pytest.mark.parametrize("ago", [None, 2 * HOUR])
def test_a_destination_that_is_down_for_long_needs_a_person(
    ago: timedelta | None,
) -> None:
    answered = timezone.now() - ago if ago else None
    destination(failures=9, answered=answered)

    silent = "has not answered since" if ago else "has never answered."
    assert f"Partner TOM {silent}" in degraded()


@pytest.mark.usefixtures("_well")
@pytest.mark.parametrize("ago", [None, 100 * HOUR], ids=["new", "idle for days"])
def test_one_that_was_found_down_a_moment_ago_is_most_often_back_by_itself(
    ago: timedelta | None,
) -> None:
    answered = timezone.now() - ago if ago else None
    destination(failures=2, answered=answered, changed=SECOND)

    assert health.look().status == health.Verdict.OK


@pytest.mark.usefixtures("_well")
def test_what_waits_while_a_large_file_is_sent_is_well() -> None:
    destination(changed=40 * MINUTE)
    lease = timezone.now() + 10 * SECOND
    due(HOUR, status="sending", lease_until=lease)
    due(HOUR)

    assert health.look().status == health.Verdict.OK


@pytest.mark.usefixtures("_well")
def test_files_that_nobody_processes_are_told() -> None:
    job(HOUR)

    assert "An incoming file waits since" in down()


@pytest.mark.usefixtures("_well")
@pytest.mark.parametrize(
    "other", [{"status": "running"}, {"status": "done", "ended": MINUTE}]
)
def test_files_that_wait_their_turn_are_well(other: dict[str, Any]) -> None:
    job(HOUR)
    if "ended" in other:
        other = other | {"ended": timezone.now() - other["ended"]}
    job(HOUR, **other)

    assert health.look().status == health.Verdict.OK


@pytest.mark.usefixtures("_well")
def test_a_share_that_nobody_prepares_is_told_by_its_number_only() -> None:
    share = rows.share(None, subject="Secret object")
    Share.objects.update(created=timezone.now() - HOUR)

    assert f"Share {share.pk} waits since" in degraded()
    assert "Secret" not in degraded()


def test_a_wrong_setting_is_what_is_wrong(settings: Any) -> None:
    settings.TOM_SHARE_WORKER = {"RETENTION": 5}

    assert "TOM_SHARE_WORKER['RETENTION'] must be" in down()


@pytest.mark.usefixtures("_well")
def test_looking_takes_five_queries_however_much_there_is(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for key in ("partner", "survey"):
        destination(key)
        for _ in range(5):
            due(HOUR, to=key)
    for _ in range(3):
        job(HOUR)
        worker()

    with django_assert_num_queries(5):
        health.look()


def test_a_sweep_leaves_its_mark_and_hurries_nobody(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    routines.swept(time.monotonic())
    first = Routine.last_ended(Routine.SWEEP)

    routines.swept(time.monotonic())
    assert Routine.last_ended(Routine.SWEEP) == first

    swept(MINUTE)
    with django_assert_num_queries(1):
        routines.swept(time.monotonic())
    last = Routine.last_ended(Routine.SWEEP)
    assert first is not None
    assert last is not None
    assert last > first


def test_a_mark_of_the_future_is_corrected() -> None:
    swept(-HOUR)

    routines.swept(time.monotonic())

    last = Routine.last_ended(Routine.SWEEP)
    assert last is not None
    assert last <= timezone.now()


# Celery names a queue with each task, and deprecates that.
@pytest.mark.filterwarnings("ignore:[^$]*'queue' task attribute is deprecated")
def test_a_sweep_that_fails_in_one_room_leaves_no_mark(settings: Any) -> None:
    tasks.sweep()
    assert Routine.last_ended(Routine.SWEEP) is not None
    swept(HOUR)
    settings.TOM_SHARE_WORKER = {"UPLOAD_TIMEOUT": "an hour"}

    with pytest.raises(ConfigurationError):
        tasks.sweep()

    last = Routine.last_ended(Routine.SWEEP)
    assert last is not None
    assert last < timezone.now() - 30 * MINUTE
