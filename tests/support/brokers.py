"""A real Redis-protocol server for one test, to be frozen or killed."""

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
