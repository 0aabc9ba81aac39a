"""Fixtures of all tests. Which database they use, and why.

Tests use the test database that pytest-django makes, on SQLite a real file, on
PostgreSQL (`python -m tests.postgres pytest`) a database of a private server. Worker
processes get its address in DATABASE_URL, and tests with workers are marked
`django_db(transaction=True)`: their rows are really committed, so a test speaks to the
database as the TOM's web process does, without a helper process, on both alike. What
such a test leaves is flushed after it, which costs less than a fresh copy.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from celery import current_app

from tests.support.brokers import SharedBroker
from tests.support.remote_tom import RemoteTom

if TYPE_CHECKING:
    from tests.support.toms import Tom

BROKER_DIRECTORY = Path(tempfile.mkdtemp(prefix="tsw-"))
BROKER_URL = f"redis+socket://{BROKER_DIRECTORY / 'broker.sock'}"
"""Where the tests' broker listens, when one runs: one address for this whole run."""


def pytest_configure() -> None:
    """Let hints of this process go where the tests' broker is, if any."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # In the background of a script; the processes of tests would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["REDIS_URL"] = BROKER_URL
    current_app.conf.update(broker_url=BROKER_URL)


def pytest_unconfigure() -> None:
    """Remove what the broker wrote."""
    shutil.rmtree(BROKER_DIRECTORY, ignore_errors=True)


@pytest.fixture(autouse=True)
def _own_files(settings: Any, tmp_path: Path) -> None:
    """Keep uploaded files of a test in a directory of its own."""
    settings.MEDIA_ROOT = str(tmp_path / "media")


@pytest.fixture
def remote() -> Iterator[RemoteTom]:
    """A remote TOM that behaves until told otherwise."""
    with RemoteTom() as running:
        yield running


@pytest.fixture(scope="session")
def _session_broker() -> Iterator[SharedBroker]:
    running = SharedBroker(BROKER_DIRECTORY)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def broker(_session_broker: SharedBroker) -> SharedBroker:
    """A running broker that holds nothing of earlier tests."""
    with _session_broker.client() as client:
        client.flushall()
    return _session_broker


@pytest.fixture
def tom(
    transactional_db: None, broker: SharedBroker, tmp_path: Path, settings: Any
) -> Iterator[Tom]:
    """The TOM under test; its workers end before the database is flushed."""
    from tests.support.toms import Tom  # models, which Django has loaded by now

    made = Tom(tmp_path, settings, BROKER_URL)
    yield made
    made.close()


@pytest.fixture
def partner(tom: Tom, remote: RemoteTom) -> RemoteTom:
    """A remote TOM that the TOM under test knows as "partner"."""
    tom.knows(partner=remote)
    return remote
