"""The longest a request may take as a whole: a watch that cuts the connection.

The read time-out of `requests` starts anew with each byte, so a server that trickles
would hold a worker for ever. Used by `http` around every request.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from tom_share_worker import conf


class Deadline:
    """Cuts the connection of its thread when the time is up."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.passed = False
        self.connection: HTTPConnection | None = None
        self.sock: Any = None

    def cut(self) -> None:
        self.passed = True
        # The connection forgets its socket when the answer says "Connection: close".
        sock = self.sock or getattr(self.connection, "sock", None)
        if sock is not None:
            try:
                sock.shutdown(2)
            except OSError:
                # Closed already: the request has ended by itself in this moment.
                return


_local = threading.local()


@contextmanager
def deadline(seconds: float) -> Iterator[Deadline]:
    """Cut the request made in this block, in this thread, after so many seconds."""
    current = Deadline(seconds)
    _local.deadline = current
    ticket = _watch.add(time.monotonic() + seconds, current)
    try:
        yield current
    finally:
        _watch.remove(ticket)
        _local.deadline = None


class _Watch:
    """The one thread that looks at all deadlines of this process, twice a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deadlines: dict[int, tuple[float, Deadline]] = {}
        self._next = 0
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()

    def add(self, when: float, deadline: Deadline) -> int:
        with self._lock:
            # A forked child has the object but not the thread.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._run, name="share-deadlines", daemon=True
                )
                self._thread.start()
            self._next += 1
            self._deadlines[self._next] = (when, deadline)
        self._wake.set()
        return self._next

    def remove(self, ticket: int) -> None:
        with self._lock:
            self._deadlines.pop(ticket, None)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            time.sleep(0.5)
            with self._lock:
                now = time.monotonic()
                late = [d for when, d in self._deadlines.values() if when <= now]
                if not self._deadlines:
                    self._wake.clear()
            for current in late:
                current.cut()


_watch = _Watch()


class _WatchedConnection(HTTPConnection):
    """Tells the deadline of its thread which connection to cut."""

    def connect(self) -> None:
        super().connect()
        _be_patient(self)

    def request(self, *args: Any, **kwargs: Any) -> None:
        _tell_deadline(self)
        super().request(*args, **kwargs)
        _tell_socket(self)


class _WatchedTLSConnection(HTTPSConnection):
    """The same over TLS."""

    def connect(self) -> None:
        super().connect()
        _be_patient(self)

    def request(self, *args: Any, **kwargs: Any) -> None:
        _tell_deadline(self)
        super().request(*args, **kwargs)
        _tell_socket(self)


def _tell_deadline(connection: HTTPConnection) -> None:
    current = getattr(_local, "deadline", None)
    if current is not None:
        current.connection = connection


def _be_patient(connection: HTTPConnection) -> None:
    # urllib3 would go on with the time limit of connecting while it sends the body.
    if connection.sock is not None:
        connection.sock.settimeout(conf.settings().READ_TIMEOUT)


def _tell_socket(connection: HTTPConnection) -> None:
    current = getattr(_local, "deadline", None)
    if current is not None:
        current.sock = connection.sock


class _WatchedPool(HTTPConnectionPool):
    ConnectionCls = _WatchedConnection


class _WatchedTLSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTLSConnection


def watch_pools(manager: Any) -> None:
    """Make all connections of a urllib3 pool manager watched ones."""
    manager.pool_classes_by_scheme = {"http": _WatchedPool, "https": _WatchedTLSPool}
