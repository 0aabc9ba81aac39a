"""Fixtures of the acceptance tests: a broker for the session, a TOM for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.conftest import BROKER_DIRECTORY, BROKER_URL
from tests.support.remote_tom import RemoteTom
from tests.support.stock_tom import StockTom
from tests.support.toms import Tom
from tom_share_worker.broker import PrivateBroker


class Broker:
    """A real Redis-protocol server, started by the app's own launcher."""

    def __init__(self) -> None:
        self._private = PrivateBroker()
        self._private.directory = BROKER_DIRECTORY
        self._private.socket = BROKER_DIRECTORY / "broker.sock"
        self._private.log = BROKER_DIRECTORY / "broker.log"

    def start(self) -> None:
        """Start it; from now on it is kept running."""
        self._private.start()

    def stop(self) -> None:
        """Stop it and everything it holds."""
        self._private.stop()

    def client(self) -> redis.Redis:
        """Return a connection of our own."""
        return redis.Redis(unix_socket_path=str(self._private.socket))

    def pid(self) -> int:
        """Return the process id of the server."""
        with self.client() as client:
            number: int = client.info()["process_id"]
            return number


@pytest.fixture(scope="session")
def _session_broker() -> Iterator[Broker]:
    running = Broker()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def broker(_session_broker: Broker) -> Broker:
    """A running broker that holds nothing of earlier tests."""
    with _session_broker.client() as client:
        client.flushall()
    return _session_broker


@pytest.fixture
def tom(
    transactional_db: None, broker: Broker, tmp_path: Path, settings: Any
) -> Iterator[Tom]:
    """The TOM under test; its workers end before the database is flushed."""
    made = Tom(tmp_path, settings, BROKER_URL)
    yield made
    made.close()


@pytest.fixture
def partner(tom: Tom, remote: RemoteTom) -> RemoteTom:
    """A remote TOM that the TOM under test knows as "partner"."""
    tom.knows(partner=remote)
    return remote


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StockTom]:
    """A running TOM Toolkit without this app, for all tests of a module."""
    made = StockTom(tmp_path_factory.mktemp("stock"))
    try:
        made.start()
        yield made
    finally:
        made.close()
