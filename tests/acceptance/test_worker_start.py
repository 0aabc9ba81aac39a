"""How a worker starts: after the system checks, and no larger than it must be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.processes import Process, manage
from tests.support.toms import Tom

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_worker_does_not_start_where_a_system_check_fails(tom: Tom) -> None:
    tom.hurry(SLOTS="many")

    worker = Process(
        "share_worker", manage("share_worker"), tom.environment, tom.directory
    )
    tom.workers.append(worker)

    assert worker.await_end(60) != 0
    assert "tom_share_worker.E001" in worker.log()
    assert "see the system checks above" in worker.log()
    assert "runs through" not in worker.log()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_worker_does_not_hold_what_only_pages_need(tom: Tom) -> None:
    """The system checks load all pages, and with them pandas and matplotlib."""
    tom.knows()

    worker = tom.start_worker(checks=True)

    loaded = Path(f"/proc/{worker.popen.pid}/maps").read_text()
    assert "site-packages/numpy" in loaded
    assert "site-packages/pandas" not in loaded
