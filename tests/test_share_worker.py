"""`manage.py share_worker`: what it runs, what it refuses, and how it ends."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from celery import current_app
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.support.processes import Process, manage
from tests.support.toms import database_url
from tests.support.waiting import wait_until
from tom_share_worker import tasks
from tom_share_worker.delivery import sweep
from tom_share_worker.delivery.continuous import gathering as continuous
from tom_share_worker.ingest import sweep as ingest_sweep
from tom_share_worker.management.commands import share_worker


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines that Celery was given instead of running a worker."""
    calls: list[list[str]] = []
    monkeypatch.setattr(current_app, "worker_main", calls.append)
    return calls


@pytest.fixture
def _no_broker_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL")


def test_it_works_on_both_queues_with_the_set_concurrency(
    started: list[list[str]], settings: Settings
) -> None:
    settings.TOM_SHARE_WORKER = {"CONCURRENCY": 3}
    said = StringIO()

    call_command("share_worker", without_sweep=True, stdout=said)

    (arguments,) = started
    assert {"--pool=threads", "--concurrency=3", "--queues=delivery,ingest"} <= set(
        arguments
    )
    assert "through the configured broker, up to 3 deliveries" in said.getvalue()


def test_options_win_over_settings(started: list[list[str]]) -> None:
    call_command(
        "share_worker",
        concurrency=2,
        queues="ingest",
        loglevel="WARNING",
        without_sweep=True,
        stdout=StringIO(),
    )

    (arguments,) = started
    assert {"--concurrency=2", "--queues=ingest", "--loglevel=WARNING"} <= set(
        arguments
    )


@pytest.mark.usefixtures("_no_broker_set")
def test_without_debug_it_asks_for_a_broker_and_gives_the_line(
    settings: Settings,
) -> None:
    settings.DEBUG = False

    with pytest.raises(CommandError, match=r"TOM_SHARE_WORKER = \{'BROKER_URL'"):
        call_command("share_worker")


@pytest.mark.usefixtures("_no_broker_set")
def test_without_any_server_program_it_says_what_to_install(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEBUG = True
    settings.BASE_DIR = "/srv/a/tom/without/redis"
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(CommandError, match="No Redis server was found"):
        call_command("share_worker")


def test_a_wrong_setting_is_refused_with_the_line_to_fix(settings: Settings) -> None:
    settings.TOM_SHARE_WORKER = {"CONCURRENCY": 0}

    with pytest.raises(CommandError, match=r"TOM_SHARE_WORKER\['CONCURRENCY'\]"):
        call_command("share_worker")


def test_a_sweep_that_fails_is_followed_by_the_next(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TOM_SHARE_WORKER = {"SWEEP_INTERVAL": 0.01}
    third = threading.Event()
    count = iter(range(1, 1000))

    def failing() -> None:
        if next(count) == 3:
            third.set()
        raise RuntimeError("the database is away")

    monkeypatch.setattr(sweep, "sweep", failing)
    sweeper = share_worker.Sweeper()

    sweeper.start()

    assert third.wait(10)
    sweeper.stop()
    assert not sweeper.is_alive()


@pytest.mark.filterwarnings("ignore:[^$]*'queue' task attribute is deprecated")
def test_a_sweep_of_one_room_that_fails_keeps_no_other_waiting(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the worker nor in the task that beat sends."""
    settings.TOM_SHARE_WORKER = {"SWEEP_INTERVAL": 60}
    swept = threading.Event()

    def failing() -> None:
        raise RuntimeError("a destination is odd")

    monkeypatch.setattr(sweep, "sweep", failing)
    monkeypatch.setattr(ingest_sweep, "sweep", swept.set)
    sweeper = share_worker.Sweeper()

    sweeper.start()

    assert swept.wait(10)
    sweeper.stop()
    swept.clear()
    with pytest.raises(RuntimeError):
        tasks.sweep()
    assert swept.is_set()


def test_saved_data_is_looked_for_in_between(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And goes on being looked for where that fails."""
    settings.TOM_SHARE_WORKER = {"SWEEP_INTERVAL": 60}
    second = threading.Event()
    count = iter(range(1, 1000))

    def failing() -> None:
        if next(count) == 2:
            second.set()
        raise RuntimeError("the database is away")

    monkeypatch.setattr(sweep, "sweep", lambda: None)
    monkeypatch.setattr(continuous, "gather", failing)
    monkeypatch.setattr(share_worker, "GLANCE_INTERVAL", 0.01)
    sweeper = share_worker.Sweeper()

    sweeper.start()

    assert second.wait(10)
    sweeper.stop()


@pytest.fixture
def worker(transactional_db: None, tmp_path: Path) -> Iterator[Process]:
    """A real one, of a TOM that has no broker."""
    with TemporaryDirectory() as short:  # the broker's socket needs a short path
        environment = {
            "DATABASE_URL": database_url(),
            "REDIS_URL": "",
            "TMPDIR": short,
            "TOM_DATA_DIR": str(tmp_path),
            "TOM_DEBUG": "1",
            "TOM_LOG_LEVEL": "INFO",
        }
        process = Process("worker", manage("share_worker"), environment, tmp_path)
        wait_until(lambda: "ready." in process.log(), 40, "a worker", process.tell)
        yield process
        process.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_a_signal_and_takes_its_broker_along(
    worker: Process, number: int
) -> None:
    (server,) = children(worker.popen.pid)

    worker.popen.send_signal(number)

    assert worker.await_end() == 0
    assert not running(server)
    assert "Traceback" not in worker.log(), worker.log()


def children(pid: int) -> list[int]:
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in told.split()]


def running(pid: int) -> bool:
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return told.rsplit(")", 1)[1].split()[0] != "Z"  # a zombie has ended
