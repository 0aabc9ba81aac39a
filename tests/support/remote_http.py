"""The HTTP side of the scripted servers: reads a request, asks the script, answers.

Called by the server in `remote_server`, one thread for each connection.
"""

from __future__ import annotations

import io
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.core.files.uploadhandler import (
    MemoryFileUploadHandler,
    TemporaryFileUploadHandler,
)
from django.http.multipartparser import MultiPartParser

from tests.support.misbehaviour import HTML, PAGE, Reply
from tests.support.remote_data import InternalError

if TYPE_CHECKING:
    from tests.support.remote_server import RemoteServer
    from tests.support.remote_tom import RemoteTom

PAGE_SIZE = 100


@dataclass(frozen=True)
class Request:
    """One request as it came over the wire."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = field(repr=False)
    time: float = field(default_factory=time.monotonic)
    concurrent: int = 1
    """How many requests were under way with this one."""


class Handler(BaseHTTPRequestHandler):
    """One connection; also the `Exchange` that behaviours work on."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    released: threading.Event
    asked: Request

    @property
    def remote(self) -> RemoteServer:
        remote: RemoteServer = self.server.remote  # type: ignore[attr-defined]
        return remote

    def handle(self) -> None:
        """Serve the connection until either side ends it."""
        with self.remote.connection(self.connection):
            try:
                super().handle()
            except (ConnectionError, ValueError):
                # The client is gone, killed or out of patience.
                self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing; tests look at `requests`."""

    def serve(self) -> None:
        """Record the request, then behave as scripted, else as one should."""
        self.asked = self._read()
        rule = self.remote.rule_for(self.asked)
        try:
            if rule is None:
                self.send(self.act())
            else:
                self.released = rule.released
                rule.behave(self)
        finally:
            with self.remote.lock:
                self.remote.concurrent -= 1

    def _read(self) -> Request:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.remote.lock:
            self.remote.concurrent += 1
            request = Request(
                self.command,
                parts.path,
                dict(parse_qsl(parts.query)),
                dict(self.headers.items()),
                body,
                concurrent=self.remote.concurrent,
            )
            self.remote.requests.append(request)
        return request

    # --- what a behaviour may do ------------------------------------------------

    def act(self) -> Reply:
        """Do what was asked for; return the answer that is due."""
        raise NotImplementedError

    def send(self, reply: Reply) -> None:
        """Answer as a well-behaved server does."""
        self.send_head(reply, len(reply.body))
        self.send_bytes(reply.body)

    def send_head(self, reply: Reply, length: int) -> None:
        """Begin an answer that claims this length."""
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(length))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send_bytes(self, data: bytes) -> bool:
        """Put bytes on the wire; False when nobody reads them any more."""
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except (OSError, ValueError):
            self.close_connection = True
            return False
        return True

    def cut(self) -> None:
        """End the connection without a further word."""
        self.close_connection = True


for _method in ("GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"):
    # The base class looks for a function of this name.
    setattr(Handler, f"do_{_method}", Handler.serve)


class TomHandler(Handler):
    """One connection to a TOM."""

    @property
    def tom(self) -> RemoteTom:
        tom: RemoteTom = self.server.remote  # type: ignore[attr-defined]
        return tom

    def act(self) -> Reply:
        """Do what was asked for; return the answer that is due."""
        account = self.tom.account_of(self.headers.get("Authorization", ""))
        if account is None:
            return self.tom.release.refusal()
        if self.tom.peer is not None:
            spoken = self.tom.peer.answer(self.asked, self._form)
            if spoken is not None:
                return spoken
        elif self.asked.path.startswith("/api/tom-share/"):
            return Reply(404, PAGE.encode(), HTML)
        try:
            status, body = self._route(account)
        except InternalError:
            return Reply(500, PAGE.encode(), HTML)
        return Reply.of(status, body)

    def _route(self, account: str) -> tuple[int, Any]:
        request, store = self.asked, self.tom.store
        match request.method, request.path.strip("/").split("/")[1:]:
            case "OPTIONS", ["targets" | "reduceddatums" as what]:
                return 200, self.tom.release.description(what)
            case "POST", ["token-auth"]:
                return self.tom.trade(json.loads(request.body))
            case "GET", ["targets"]:
                found = store.find_targets(request.query) if account else []
                return 200, self._page(found)
            case "GET", ["targets", pk]:
                return store.show_target(int(pk) if account else 0)
            case "POST", ["targets"]:
                return store.create_target(json.loads(request.body))
            case "PATCH", ["targets", pk]:
                return store.update_target(int(pk), json.loads(request.body))
            case "GET", ["reduceddatums"]:
                return 200, self._page(store.find_datums(request.query))
            case "POST", ["reduceddatums"]:
                body = json.loads(request.body)
                return store.create_datum(body if account else body | {"target": 0})
            case "GET", ["dataproducts"]:
                return 200, self._page(store.find_products(request.query))
            case "POST", ["dataproducts"]:
                return store.create_product(*self._form())
        return 404, {"detail": "Not found."}

    def _page(self, rows: list[Any]) -> dict[str, Any]:
        query = self.asked.query
        limit = int(query.get("limit", PAGE_SIZE))
        offset = int(query.get("offset", 0))
        after = offset + limit
        more = urlencode(query | {"offset": str(after)})
        address = f"{self.tom.url.rstrip('/')}{self.asked.path}?{more}"
        return {
            "count": len(rows),
            "next": address if after < len(rows) else None,
            "previous": None,
            "results": rows[offset:after],
        }

    def _form(self) -> tuple[dict[str, str], str, bytes]:
        headers = {
            f"CONTENT_{k}": self.headers[f"Content-{k}"] for k in ("TYPE", "LENGTH")
        }
        handlers = [MemoryFileUploadHandler(), TemporaryFileUploadHandler()]
        stream = io.BytesIO(self.asked.body)
        fields, files = MultiPartParser(headers, stream, handlers).parse()
        file: Any = files["file"]
        plain = {name: str(value) for name, value in fields.items()}
        return plain, file.name, file.read()
