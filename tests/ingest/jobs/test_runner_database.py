"""A database that cuts everybody off while a file is read.

On PostgreSQL alone: SQLite has no sessions that end.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection

from tests.support import ingesting, processors
from tests.support.waiting import wait_until
from tom_share_worker.ingest.jobs import isolation, runner
from tom_share_worker.models import IngestJob

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nursery"),
]

END_OTHER_SESSIONS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture(autouse=True)
def _sessions() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("needs a database server with sessions: PostgreSQL")


def end_other_sessions() -> int:
    """Let the server end all sessions but ours; return how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(END_OTHER_SESSIONS)
        return len(cursor.fetchall())


def run(job: IngestJob) -> str:
    """Take a job up in a session of its own, as a thread of a worker does."""
    try:
        return runner.run(job.pk)
    finally:
        connection.close()


def test_a_file_is_stored_though_all_sessions_ended_while_it_was_read() -> None:
    job = ingesting.job("waiting")
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(run, job)
        wait_until(
            lambda: processors.notes(job.data_product), 60, "the processor to begin"
        )

        # That of the process, and that of the worker, as often as it looks.
        assert end_other_sessions() >= 1
        wait_until(end_other_sessions, 4 * isolation.LOOK_INTERVAL + 5, "a look")
        assert job.data_product is not None
        Path(f"{job.data_product.data.path}.go").touch()

        assert future.result(30).startswith("Done")
    job.refresh_from_db()
    assert (job.attempt_count, job.lost_count) == (1, 0)
    assert ingesting.degrees(job) == ingesting.DEGREES
