"""One request to a server run by others: bounded in every way, never redirected.

Knows nothing of TOMs and decides nothing; it returns an `Answer` or raises
`Unreachable` with a sentence. A session is kept alive per thread and server.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from tom_share_worker import __version__, conf

USER_AGENT = f"tom_share_worker/{__version__}"

EXCERPT = 2000
"""Characters of an answer that are kept for people; a traceback page has far more."""

_CHUNK = 65536


@dataclass(frozen=True)
class Answer:
    """What the server said. `headers` finds names in any case."""

    request: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Return the body as JSON, or None where it is none or calls itself none."""
        if "json" not in self.headers.get("Content-Type", ""):
            return None
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def text(self) -> str:
        """Return the beginning of the body for people to read."""
        return self.body[: 4 * EXCERPT].decode("utf-8", "replace")[:EXCERPT]


class Unreachable(Exception):  # noqa: N818  (a fact about the other side)
    """No whole answer came; the text says why. It may have acted all the same."""


class Client:
    """Requests to one server, with the time limits of this TOM's settings."""

    def __init__(self, base_url: str, verify: bool | str) -> None:
        self.base_url = base_url
        self.verify = verify

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        stream: IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        authorization: str = "",
    ) -> Answer:
        """Make one request; `body` goes as JSON, `stream` as it is."""
        own = conf.settings()
        url = self.base_url + path
        request = requests.Request(
            method,
            url,
            params=params,
            json=body,
            data=stream,
            headers={"Accept": "application/json", "User-Agent": USER_AGENT}
            | dict(headers or {}),
            auth=_Authorization(authorization),
        )
        limit = own.UPLOAD_TIMEOUT if stream is not None else own.TOTAL_TIMEOUT
        session = _session(self.base_url)
        with _deadline(limit) as deadline:
            try:
                return self._exchange(session, request, own)
            except requests.RequestException as error:
                session.close()
                raise Unreachable(_why(error, deadline, own)) from error

    def _exchange(
        self, session: requests.Session, request: requests.Request, own: conf.Settings
    ) -> Answer:
        prepared = session.prepare_request(request)
        environment = session.merge_environment_settings(
            prepared.url, {}, True, self.verify, None
        )
        # Redirects are answers to judge: followed, a POST would turn into a GET that
        # looks like success, and the account would go to a server nobody configured.
        with session.send(
            prepared,
            timeout=(own.CONNECT_TIMEOUT, own.READ_TIMEOUT),
            allow_redirects=False,
            **environment,
        ) as response:
            body = bytearray()
            for chunk in response.iter_content(_CHUNK):
                body += chunk
                if len(body) > own.ANSWER_LIMIT:
                    raise requests.exceptions.ContentDecodingError(
                        f"more than {own.ANSWER_LIMIT} bytes"
                    )
            return Answer(
                f"{request.method} {prepared.url}",
                response.status_code,
                response.headers,
                bytes(body),
            )


class _Authorization(AuthBase):
    """Sets the header itself: left to requests, a .netrc file would replace it."""

    def __init__(self, value: str) -> None:
        self.value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.value:
            request.headers["Authorization"] = self.value
        return request


def _why(error: requests.RequestException, deadline: _Deadline, own: Any) -> str:
    """Put the failure of a request into words."""
    if deadline.passed:
        return f"it did not finish its answer within {deadline.seconds:g} seconds"
    if isinstance(error, requests.ConnectTimeout):
        return f"it did not accept a connection within {own.CONNECT_TIMEOUT:g} seconds"
    if isinstance(error, requests.Timeout):
        return f"it was silent for {own.READ_TIMEOUT:g} seconds"
    if isinstance(error, requests.exceptions.SSLError):
        return "its TLS certificate was not accepted, or TLS failed"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy of this TOM did not let the request through"
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return "its answer was too long or could not be decoded"
    reason = repr(error).lower()
    if "timed out" in reason:
        return f"it was silent for {own.READ_TIMEOUT:g} seconds"
    if "refused" in reason:
        return "the connection was refused"
    if "resolve" in reason or "getaddrinfo" in reason:
        return "its host name is not known to the network"
    return "the connection was cut before the answer was complete"


class _Deadline:
    """Cuts the connection of its thread when the time is up.

    The read time-out of `requests` starts anew with each byte, so a server that
    trickles would never end.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.passed = False
        self.connection: HTTPConnection | None = None

    def cut(self) -> None:
        self.passed = True
        sock = getattr(self.connection, "sock", None)
        if sock is not None:
            try:
                sock.shutdown(2)
            except OSError:
                # Closed already: the request has ended by itself in this moment.
                return


_local = threading.local()


@contextmanager
def _deadline(seconds: float) -> Iterator[_Deadline]:
    deadline = _Deadline(seconds)
    _local.deadline = deadline
    ticket = _watch.add(time.monotonic() + seconds, deadline)
    try:
        yield deadline
    finally:
        _watch.remove(ticket)
        _local.deadline = None


class _Watch:
    """The one thread that looks at all deadlines of this process, twice a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deadlines: dict[int, tuple[float, _Deadline]] = {}
        self._next = 0
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()

    def add(self, when: float, deadline: _Deadline) -> int:
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
            for deadline in late:
                deadline.cut()


_watch = _Watch()


class _WatchedConnection(HTTPConnection):
    """Tells the deadline of its thread which connection to cut."""

    def request(self, *args: Any, **kwargs: Any) -> None:
        _tell_deadline(self)
        super().request(*args, **kwargs)


class _WatchedTLSConnection(HTTPSConnection):
    """The same over TLS."""

    def request(self, *args: Any, **kwargs: Any) -> None:
        _tell_deadline(self)
        super().request(*args, **kwargs)


def _tell_deadline(connection: HTTPConnection) -> None:
    deadline = getattr(_local, "deadline", None)
    if deadline is not None:
        deadline.connection = connection


class _WatchedPool(HTTPConnectionPool):
    ConnectionCls = _WatchedConnection


class _WatchedTLSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTLSConnection


class _Adapter(HTTPAdapter):
    """Makes every connection a watched one, through a proxy, too."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _watch_pools(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        _watch_pools(manager)
        return manager


def _watch_pools(manager: Any) -> None:
    manager.pool_classes_by_scheme = {"http": _WatchedPool, "https": _WatchedTLSPool}


def _session(base_url: str) -> requests.Session:
    """Return this thread's session with a server, kept alive between deliveries."""
    sessions: dict[str, requests.Session] = _local.__dict__.setdefault("sessions", {})
    if base_url not in sessions:
        session = requests.Session()
        session.mount("http://", _Adapter())
        session.mount("https://", _Adapter())
        sessions[base_url] = session
    return sessions[base_url]
