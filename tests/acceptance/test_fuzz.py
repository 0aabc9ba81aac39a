"""Whatever is sent to the addresses for other TOMs, a real TOM answers it in words.

Generated requests follow the protocol's description, or break it; raw ones break HTTP.
None may be answered 5xx, none may leave a row that was not answered as created, nor a
file without its row, and the server's memory stays bounded.
"""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from rest_framework.authtoken.models import Token
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks
from tom_dataproducts.models import DataProduct
from tom_targets.models import Target

from tests.benchmarks import machine
from tests.ingest.peers.sender import ONE_OF_EACH, batch, stored
from tests.support import rows
from tests.support.processes import WebServer
from tests.support.toms import Tom
from tests.support.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

DESCRIPTION = json.loads(
    files("tom_share_worker.ingest.peers").joinpath("openapi.json").read_text()
)
SCHEMA = schemathesis.openapi.from_dict(DESCRIPTION)
CHECKS: list[Any] = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
MEGABYTES = 450
"""The most that the server may ever hold; at rest it holds some 250."""

DATUMS, UPLOADS = "/api/tom-share/datums/", "/api/dataproducts/"


class Fuzzed:
    """A TOM's web server, what it has been told, and what it has kept of it."""

    def __init__(self, tom: Tom, server: WebServer, target: Target, token: str) -> None:
        self.target = target
        self.url = server.url.rstrip("/")
        self.headers = {"Authorization": f"Token {token}"}
        self.created = 0
        self._keys: set[str | None] = set()
        self.media = tom.directory / "media"
        self.temporary = tom.directory / "temporary"
        self._server = server

    def send(self, case: Any) -> None:
        """Send a generated request, half of them for a target that there is."""
        if isinstance(case.body, dict) and len(str(case.body)) % 2:
            case.body = {**case.body, "target": self.target.pk}
        answer = case.call(base_url=self.url, headers=self.headers)
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code == 200 and case.path == DATUMS:
            # What is sent again under its key is answered again, and stored once.
            key = answer.request.headers.get("Idempotency-Key")
            said = [] if key in self._keys else answer.json()["outcomes"]
            self._keys.add(key)
            self.created += sum(outcome == {"outcome": "created"} for outcome in said)

    def raw(self, request: bytes, *, cut: bool = False) -> bytes:
        """Send bytes as they are; return the answer, if any."""
        place = ("127.0.0.1", self._server.port)
        with socket.create_connection(place, timeout=30) as line, suppress(OSError):
            line.sendall(request)
            if cut:
                line.shutdown(socket.SHUT_WR)
            return line.recv(100_000)
        return b""

    def post(self, body: bytes, *headers: str, path: str = DATUMS) -> bytes:
        """Return a request to store a body, with further headers or others."""
        lines = {
            "host": "Host: localhost",
            "authorization": f"Authorization: {self.headers['Authorization']}",
            "idempotency-key": "Idempotency-Key: hostile",
            "content-type": "Content-Type: application/json",
            "content-length": f"Content-Length: {len(body)}",
            "connection": "Connection: close",
        }
        for header in headers:
            lines[header.partition(":")[0].lower()] = header
        head = [f"POST {path} HTTP/1.1", *lines.values(), "", ""]
        return "\r\n".join(head).encode() + body

    def check(self) -> None:
        """Check that it lives, and has kept what it has answered for, and no more."""
        assert requests.get(f"{self.url}/api/tom-share/", timeout=30).ok
        assert stored() == self.created
        wait_until(
            lambda: not self._left(), 10, "files to go", lambda: str(self._left())
        )
        log = self._server.process.log()
        assert "Internal Server Error" not in log, log[-5000:]
        assert machine.peak_memory(self._server.process.popen.pid) < MEGABYTES

    def _left(self) -> list[Path]:
        """Return the files that belong to nothing."""
        known = {
            self.media / name
            for name in DataProduct.objects.values_list("data", flat=True)
        }
        kept = [path for path in self.media.rglob("*") if path.is_file()]
        temporary = [path for path in self.temporary.rglob("*") if path.is_file()]
        return [path for path in kept if path not in known] + temporary


@pytest.fixture
def fuzzed(tom: Tom) -> Iterator[Fuzzed]:
    """A TOM with an account and a target, behind a real web server."""
    tom.hurry(RATE_LIMIT=None)
    owner = rows.person("network")
    target = rows.target(owner)
    token = Token.objects.get_or_create(user=owner)[0].key
    (tom.directory / "temporary").mkdir()
    environment = {
        **tom.environment,
        "TMPDIR": str(tom.directory / "temporary"),
        "TOM_DEBUG": "0",
        "TOM_SECRET_KEY": "a-key-of-the-test",
        "TOM_LOG_LEVEL": "ERROR",
    }
    server = WebServer("web", environment, tom.directory)
    try:
        server.await_up()
        yield Fuzzed(tom, server, target, token)
    finally:
        server.process.kill()


def generated(
    fuzzed: Fuzzed, path: str, method: str, mode: GenerationMode, examples: int
) -> None:
    """Send so many generated requests, the same in each run."""

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=SCHEMA[path][method].as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        fuzzed.send(case)

    send()


EXAMPLES = {
    ("POST", DATUMS): 80,
    ("POST", UPLOADS): 50,
    ("GET", "/api/tom-share/ingest/{id}/"): 25,
    ("GET", "/api/tom-share/"): 5,
    ("GET", "/api/tom-share/openapi.json"): 2,
}
"""How many requests to each address, and again so many that break its description."""


def test_generated_requests(fuzzed: Fuzzed) -> None:
    for (method, path), examples in EXAMPLES.items():
        generated(fuzzed, path, method, GenerationMode.POSITIVE, examples)
        fuzzed.check()
        if path == DATUMS:
            assert fuzzed.created
        if SCHEMA[path][method].body or "{" in path:
            generated(fuzzed, path, method, GenerationMode.NEGATIVE, examples)
            fuzzed.check()


def whole(fuzzed: Fuzzed) -> bytes:
    """Return the body of a good batch."""
    datums = [make() for make in ONE_OF_EACH.values()]
    return json.dumps(batch(fuzzed.target, *datums)).encode()


def upload(fuzzed: Fuzzed, size: int = 300_000) -> bytes:
    """Return the body of a good upload."""
    fields = {"target": str(fuzzed.target.pk), "data_product_type": "fits_file"}
    parts = [
        f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        '--cut\r\nContent-Disposition: form-data; name="file"; filename="a.fits"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return "".join(parts).encode() + bytes(size) + b"\r\n--cut--\r\n"


FORM = "Content-Type: multipart/form-data; boundary=cut"
PACKED = "Content-Encoding: gzip"
BIG = 3_000_000
"""Bytes of a file that Django keeps on disk while it comes in."""

HOSTILE: dict[str, Callable[[Fuzzed], bytes]] = {
    "nothing": lambda _: b"",
    "noise": lambda _: bytes(range(256)) * 20,
    "half a head": lambda f: f.post(b"")[:60],
    "half a body": lambda f: f.post(whole(f))[:-200],
    "no body": lambda f: f.post(b"", f"Content-Length: {len(whole(f))}"),
    "a longer length": lambda f: f.post(
        whole(f), f"Content-Length: {len(whole(f)) + 50}"
    ),
    "a shorter length": lambda f: f.post(
        whole(f), f"Content-Length: {len(whole(f)) - 50}"
    ),
    "no length": lambda f: f.post(whole(f), "Content-Length: "),
    "a negative length": lambda f: f.post(whole(f), "Content-Length: -5"),
    "a length of many digits": lambda f: f.post(
        whole(f), f"Content-Length: {'9' * 500}"
    ),
    "a great length": lambda f: f.post(whole(f), "Content-Length: 99999999999"),
    "chunks": lambda f: f.post(
        b"5\r\n{'a':\r\n0\r\n\r\n", "Content-Length: 9", "Transfer-Encoding: chunked"
    ),
    "a huge header": lambda f: f.post(whole(f), f"X-More: {'x' * 200_000}"),
    "many headers": lambda f: f.post(whole(f), *(f"X-{n}: x" for n in range(5000))),
    "an odd key": lambda f: f.post(whole(f), "Idempotency-Key: \xff\x01"),
    "an odd token": lambda f: f.post(whole(f), "Authorization: Token \xff"),
    "an odd account": lambda f: f.post(whole(f), "Authorization: Basic \xff:"),
    "an odd encoding": lambda f: f.post(whole(f), "Content-Encoding: \xff"),
    "a bomb": lambda f: f.post(gzip.compress(bytes(400_000_000), 1), PACKED),
    "a bomb in a bomb": lambda f: f.post(
        gzip.compress(gzip.compress(bytes(200_000_000), 1)), PACKED
    ),
    "half a packed body": lambda f: f.post(gzip.compress(whole(f))[:-9], PACKED),
    "deep lists": lambda f: f.post(b"[" * 2_000_000),
    "deep objects": lambda f: f.post(b'{"a":' * 1_000_000),
    "countless lists": lambda f: f.post(b"[" + b"[]," * 4_000_000 + b"[]]"),
    "countless digits": lambda f: f.post(b'{"version":' + b"9" * 5_000_000 + b"}"),
    "half a form": lambda f: f.post(upload(f), FORM, path=UPLOADS)[:-150_000],
    "half a big form": lambda f: f.post(upload(f, BIG), FORM, path=UPLOADS)[:-9],
    "a form without end": lambda f: f.post(upload(f, BIG)[:-12], FORM, path=UPLOADS),
    "a form without bounds": lambda f: f.post(
        upload(f), "Content-Type: multipart/form-data", path=UPLOADS
    ),
    "a form of countless fields": lambda f: f.post(
        b'--cut\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 20_000,
        FORM,
        path=UPLOADS,
    ),
}


def test_hostile_requests(fuzzed: Fuzzed) -> None:
    for name, request in HOSTILE.items():
        for cut in (True, False) if len(request(fuzzed)) < 1_000_000 else (True,):
            if not cut and ("half" in name or name in {"nothing", "no body"}):
                continue  # it would wait for the rest, as it should
            if not cut and "length" in name:
                continue
            answer = fuzzed.raw(request(fuzzed), cut=cut)
            status = answer.partition(b"\r\n")[0]
            assert not answer or status.startswith(b"HTTP/1.1 4"), (name, answer)
    assert not DataProduct.objects.exists()
    fuzzed.check()

    answer = fuzzed.raw(fuzzed.post(whole(fuzzed)))
    assert answer.startswith(b"HTTP/1.1 200")
    fuzzed.created += len(ONE_OF_EACH)
    fuzzed.check()
