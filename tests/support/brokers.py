"""Real Redis-protocol servers: one for a whole run, and ones to be frozen or killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import redis

from tests.support.processes import Process
from tests.support.waiting import wait_until
from tom_share_worker import broker


class SharedBroker:
    """The server of a whole run, started by the app's own launcher."""

    def __init__(self, directory: Path) -> None:
        self._private = broker.PrivateBroker()
        self._private.directory = directory
        self._private.socket = directory / "broker.sock"
        self._private.log = directory / "broker.log"

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


@dataclass
class Broker:
    """A running server, on a socket of its own."""

    process: Process
    socket: Path

    @property
    def url(self) -> str:
        return f"redis+socket://{self.socket}"

    def hints(self) -> int:
        """Return how many hints wait there."""
        with closing(redis.Redis(unix_socket_path=str(self.socket))) as client:
            return int(client.llen("delivery"))


@contextmanager
def running(log_directory: Path) -> Iterator[Broker]:
    """Run a server for a while."""
    with TemporaryDirectory() as place:  # not tmp_path: sockets need short paths
        socket = Path(place) / "broker.sock"
        options = ["--port", "0", "--save", "", "--unixsocket", str(socket)]
        command = [broker.server_program(), *options, "--dir", place]
        process = Process("broker", command, {}, log_directory)
        try:
            wait_until(socket.exists, 10, "the broker", process.tell)
            yield Broker(process, socket)
        finally:
            process.kill()
