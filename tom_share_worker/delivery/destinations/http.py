"""One request to a server run by others: bounded in every way, never redirected.

Knows nothing of TOMs and decides nothing; it returns an `Answer` or raises
`Unreachable` with a sentence. A session is kept alive per thread and server.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from http.cookiejar import DefaultCookiePolicy
from typing import IO, Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.structures import CaseInsensitiveDict

from tom_share_worker import __version__, conf
from tom_share_worker.delivery.destinations import cleaning, deadlines
from tom_share_worker.exceptions import ConfigurationError

USER_AGENT = f"tom_share_worker/{__version__}"

EXCERPT = 2000
"""Characters of an answer that are kept for people; a traceback page has far more."""

_CHUNK = 65536

_OTHER_SIDE = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
"""Errors that the other side or the way to it causes; any other is a fault of ours."""


@dataclass(frozen=True)
class Answer:
    """What the server said. `headers` finds names in any case."""

    request: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Return the body as JSON, or None where it is none or calls itself none."""
        return self._parsed

    @cached_property
    def _parsed(self) -> Any:
        """The body is looked at several times, by those who judge it one by one."""
        if "json" not in self.headers.get("Content-Type", ""):
            return None
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            # No JSON, or nested so deep that only malice or a bug wrote it.
            return None

    def without(self, secrets: Iterable[str]) -> Answer:
        """Return this answer with our secrets taken out, in case a server echoes them.

        Rows, logs and pages are made of answers; none of them may hold a secret.
        """
        known = tuple(secrets)
        headers = CaseInsensitiveDict(
            {
                name: cleaning.out_of_text(value, known)
                for name, value in self.headers.items()
            }
        )
        return replace(self, headers=headers, body=cleaning.out_of(self.body, known))

    def text(self) -> str:
        """Return the beginning of the body for people to read."""
        return self.body[: 4 * EXCERPT].decode("utf-8", "replace")[:EXCERPT]


class Unreachable(Exception):  # noqa: N818  (a fact about the other side)
    """No whole answer came; the text says why. It may have acted all the same.

    `too_long` and `too_slow` tell an answer that grew too large, or did not come in
    time, from a server that is away: a smaller question may get an answer.
    """

    def __init__(
        self, why: str, *, too_long: bool = False, too_slow: bool = False
    ) -> None:
        super().__init__(why)
        self.too_long = too_long
        self.too_slow = too_slow


class _TooLong(requests.exceptions.ContentDecodingError):
    """An answer of more than ANSWER_LIMIT bytes."""


class Client:
    """Requests to one server, with the time limits of this TOM's settings.

    Made for one delivery: what stays the same for all its requests is found once.
    """

    def __init__(
        self,
        base_url: str,
        verify: bool | str,
        wait: Callable[[], None] = lambda: None,
    ) -> None:
        self.base_url = base_url
        self.verify = verify
        self._wait = wait  # called before each request, to keep a pace
        self._own = conf.settings()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        content: bytes | None = None,
        stream: IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        authorization: str = "",
    ) -> Answer:
        """Make one request; `body` goes as JSON, `content` and `stream` as they are.

        A stream may take as long as an upload.
        """
        self._wait()
        own = self._own
        url = self.base_url + path
        request = requests.Request(
            method,
            url,
            params=params,
            json=body,
            data=content if stream is None else stream,
            headers={"Accept": "application/json", "User-Agent": USER_AGENT}
            | dict(headers or {}),
            auth=_Authorization(authorization),
        )
        limit = own.UPLOAD_TIMEOUT if stream is not None else own.TOTAL_TIMEOUT
        session = _session(self.base_url)
        with deadlines.deadline(limit) as deadline:
            try:
                return self._exchange(session, request)
            except _OTHER_SIDE as error:
                session.close()
                raise Unreachable(
                    _why(error, deadline, own),
                    too_long=isinstance(error, _TooLong),
                    too_slow=deadline.passed or _is_silence(error),
                ) from error

    @cached_property
    def _environment(self) -> dict[str, Any]:
        """Proxies and certificates, as the environment has them for this server."""
        session = _session(self.base_url)
        found = session.merge_environment_settings(
            self.base_url, {}, True, self.verify, None
        )
        return dict(found)

    def _exchange(self, session: requests.Session, request: requests.Request) -> Answer:
        own = self._own
        prepared = session.prepare_request(request)
        # Redirects are answers to judge: followed, a POST would turn into a GET that
        # looks like success, and the account would go to a server nobody configured.
        with session.send(
            prepared,
            timeout=(own.CONNECT_TIMEOUT, own.READ_TIMEOUT),
            allow_redirects=False,
            **self._environment,
        ) as response:
            body = bytearray()
            for chunk in response.iter_content(_CHUNK):
                body += chunk
                if len(body) > own.ANSWER_LIMIT:
                    raise _TooLong(f"more than {own.ANSWER_LIMIT} bytes")
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
        if not (self.value.isascii() and self.value.isprintable()):
            # http.client would refuse it too, with the secret in its error.
            raise ConfigurationError(
                "The account in DATA_SHARING holds a character that no HTTP header "
                "takes, such as a line break at the end of API_TOKEN. Remove it."
            )
        if self.value:
            request.headers["Authorization"] = self.value
        return request


def _why(
    error: requests.RequestException, deadline: deadlines.Deadline, own: Any
) -> str:
    """Put the failure of a request into words."""
    if deadline.passed:
        return f"it did not finish its answer within {deadline.seconds:g} seconds"
    if isinstance(error, requests.ConnectTimeout):
        return f"it did not accept a connection within {own.CONNECT_TIMEOUT:g} seconds"
    if _is_silence(error):
        return f"it was silent for {own.READ_TIMEOUT:g} seconds"
    if isinstance(error, requests.exceptions.SSLError):
        return _why_tls(repr(error))
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy of this TOM did not let the request through"
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return "its answer was too long or could not be decoded"
    reason = repr(error).lower()
    if "refused" in reason:
        return "the connection was refused"
    if "resolve" in reason or "getaddrinfo" in reason:
        return "its host name is not known to the network; check BASE_URL"
    return "the connection was cut before the answer was complete"


def _is_silence(error: requests.RequestException) -> bool:
    """True if it accepted the connection and then said nothing for too long."""
    if isinstance(error, requests.Timeout):
        return not isinstance(error, requests.ConnectTimeout)
    # In the middle of an answer `requests` takes it for a connection that broke.
    broke = (requests.exceptions.SSLError, requests.exceptions.ProxyError)
    return not isinstance(error, broke) and "timed out" in repr(error).lower()


def _why_tls(reason: str) -> str:
    if "certificate has expired" in reason:
        return "its TLS certificate has expired; its people must renew it"
    if "mismatch" in reason:
        return (
            "its TLS certificate is for another address; BASE_URL in DATA_SHARING must "
            "name the one it is for"
        )
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return (
            "its TLS certificate is not one this machine trusts (VERIFY in "
            "DATA_SHARING may name a CA bundle)"
        )
    return (
        "no encrypted connection could be made; perhaps BASE_URL in DATA_SHARING must "
        "begin with http://"
    )


class _Session(requests.Session):
    """Does not even look where a redirect leads.

    `requests` prepares the next request although it must not send it, and fails where
    the body is a stream or the address is malformed.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class _Adapter(HTTPAdapter):
    """Makes every connection a watched one, through a proxy, too."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        deadlines.watch_pools(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        deadlines.watch_pools(manager)
        return manager


_local = threading.local()


def _session(base_url: str) -> requests.Session:
    """Return this thread's session with a server, kept alive between deliveries."""
    sessions: dict[str, requests.Session] = _local.__dict__.setdefault("sessions", {})
    if base_url not in sessions:
        session = _Session()
        # Several accounts share a connection; none may act with another's cookie.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.mount("http://", _Adapter())
        session.mount("https://", _Adapter())
        sessions[base_url] = session
    return sessions[base_url]
