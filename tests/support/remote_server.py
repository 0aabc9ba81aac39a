"""A scriptable server: real, threaded HTTP/1.1, with troubles on command.

What it says when it behaves is its kind's own: `remote_tom` and `remote_hermes` build
on it. Tests script troubles by method and path with `on`, and read from `requests` what
was asked.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from typing import Any, ClassVar, Self

from tests.support.misbehaviour import Behaviour
from tests.support.remote_http import Handler, Request
from tests.support.waiting import wait_until


class Rule:
    """One scripted trouble: which requests it meets, and how many of them."""

    def __init__(
        self,
        method: str,
        path: str,
        behave: Behaviour,
        skip: int,
        times: int | None,
        exact: bool,
    ) -> None:
        self.method, self.path, self.behave = method, path, behave
        self._exact = exact
        self.released = threading.Event()
        self.met = 0
        self._skip, self._times = skip, times

    def takes(self, request: Request) -> bool:
        """True if this request is one for the rule; counts it."""
        if self.method not in ("*", request.method):
            return False
        if not request.path.startswith(self.path) or self._times == 0:
            return False
        if self._exact and request.path != self.path:
            return False
        if self._skip > 0:
            self._skip -= 1
            return False
        if self._times is not None:
            self._times -= 1
        self.met += 1
        return True

    def await_met(self, times: int = 1, seconds: float = 15) -> None:
        """Wait until the rule has met so many requests."""
        wait_until(
            lambda: self.met >= times,
            seconds,
            f"{times} times {self.method} {self.path} at the remote (met {self.met})",
        )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    remote: RemoteServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that are killed leave broken pipes behind."""


class RemoteServer:
    """A server in this process. Use as a context manager."""

    handler: ClassVar[type[Handler]]
    """What answers its requests."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.concurrent = 0
        self.lock = threading.Lock()
        self._rules: list[Rule] = []
        self._sockets: set[socket.socket] = set()
        self._server: _Server | None = None
        self.port = 0
        self.listen()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    # --- the server -------------------------------------------------------------

    def listen(self) -> None:
        """Accept connections, on the same port as before if there was one."""
        server = _Server(("127.0.0.1", self.port), self.handler)
        server.remote = self
        self.port = server.server_address[1]
        self._server = server
        threading.Thread(
            target=server.serve_forever, args=(0.02,), name="remote", daemon=True
        ).start()

    def refuse(self) -> None:
        """Go down: cut all connections and refuse new ones, until `listen`."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
        self.cut_all()

    def cut_all(self) -> None:
        """Cut every connection that is open now."""
        for sock in self.open_sockets():
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def open_sockets(self) -> list[socket.socket]:
        """Return the connections that are open now."""
        with self.lock:
            return list(self._sockets)

    def await_no_sockets(self) -> None:
        """Wait until all connections have ended."""
        wait_until(lambda: not self.open_sockets(), 5, "all connections to end")

    @contextlib.contextmanager
    def connection(self, sock: socket.socket) -> Iterator[None]:
        """Know a connection as long as it is open."""
        with self.lock:
            self._sockets.add(sock)
        try:
            yield
        finally:
            with self.lock:
                self._sockets.discard(sock)

    def close(self) -> None:
        """Release whatever hangs and go down for good."""
        self.heal()
        self.refuse()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- the script -------------------------------------------------------------

    def on(
        self,
        method: str,
        path: str,
        behave: Behaviour,
        *,
        skip: int = 0,
        times: int | None = None,
        exact: bool = False,
    ) -> Rule:
        """Misbehave on such requests, after `skip` of them, so many `times` or always.

        Paths that begin so are meant, or with `exact` this one only. The rule set last
        is asked first.
        """
        rule = Rule(method, path, behave, skip, times, exact)
        with self.lock:
            self._rules.insert(0, rule)
        return rule

    def rule_for(self, request: Request) -> Rule | None:
        """Return the first rule that takes this request."""
        with self.lock:
            return next((rule for rule in self._rules if rule.takes(request)), None)

    def heal(self) -> None:
        """Behave from now on, and release whatever hangs."""
        with self.lock:
            rules, self._rules = self._rules, []
        for rule in rules:
            rule.released.set()

    # --- what was asked ---------------------------------------------------------

    def asked(self, method: str, path: str) -> list[Request]:
        """Return the requests of this method to paths that begin so."""
        with self.lock:
            return [
                r
                for r in self.requests
                if r.method == method and r.path.startswith(path)
            ]

    def bodies(self, path: str) -> list[Any]:
        """Return the JSON that was posted to this path."""
        return [json.loads(request.body) for request in self.asked("POST", path)]
