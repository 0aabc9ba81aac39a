"""Uploads over real connections: cut, lying, slow and large ones."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.contrib.auth.models import User
from rest_framework.authtoken.models import Token
from tom_dataproducts.models import DataProduct

from tests.ingest.uploads import uploading
from tests.ingest.uploads.uploading import CURVE
from tests.support.processes import WebServer
from tests.support.toms import Tom
from tests.support.waiting import wait_until
from tom_share_worker.models import IngestJob

pytestmark = pytest.mark.django_db(transaction=True)

LIMIT = 300_000_000
MEGABYTE = 1_000_000


class Server:
    """A web server of this TOM, and an account on it."""

    def __init__(self, directory: Path, settings: Any, account: User) -> None:
        tom = Tom(directory, settings, "redis://127.0.0.1:1/0")
        tom.hurry(UPLOAD_LIMIT=LIMIT)
        self.web = WebServer("uploads", tom.environment, directory)
        token = Token.objects.get_or_create(user=account)[0].key
        self.headers = {"Authorization": f"Token {token}"}
        self.url = f"{self.web.url}api/dataproducts/"

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.web.port), timeout=30)

    def worker(self) -> int:
        """Return the process that answers."""
        head = self.web.process.popen.pid
        children = Path(f"/proc/{head}/task/{head}/children").read_text().split()
        return int(children[0])

    def peak(self) -> int:
        """Return the bytes of memory that it took at most."""
        status = Path(f"/proc/{self.worker()}/status").read_text()
        (line,) = [row for row in status.splitlines() if row.startswith("VmHWM")]
        return int(line.split()[1]) * 1024


@pytest.fixture
def server(tmp_path: Path, settings: Any, account: User) -> Iterator[Server]:
    found = Server(tmp_path, settings, account)
    try:
        found.web.await_up()
        yield found
    finally:
        found.web.process.kill()


def body(target: Any, content: bytes = CURVE, end: str = "\r\n--b--\r\n") -> bytes:
    text = ""
    for name, value in (("target", target.pk), ("data_product_type", "photometry")):
        text += f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        text += f"{value}\r\n"
    text += '--b\r\nContent-Disposition: form-data; name="file"; '
    text += 'filename="night.csv"\r\n\r\n'
    return text.encode() + content + end.encode()


def head(server: Server, **lines: Any) -> bytes:
    given = {
        "Host": f"127.0.0.1:{server.web.port}",
        "Content-Type": "multipart/form-data; boundary=b",
        **server.headers,
        **{name.replace("_", "-"): value for name, value in lines.items()},
    }
    text = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"POST /api/dataproducts/ HTTP/1.1\r\n{text}\r\n".encode()


def answer(connection: socket.socket) -> tuple[int, str]:
    """Read an answer to its end."""
    text = b""
    while b"\r\n\r\n" not in text or (b'"' not in text.partition(b"\r\n\r\n")[2]):
        if not (piece := connection.recv(65536)):
            break
        text += piece
    return int(text.split()[1]), text.decode()


def assert_it_works_and_nothing_else_is_left(server: Server, target: Any) -> None:
    """Upload as one should; nothing but this is there afterwards."""
    uploading.assert_nothing_is_left()
    good = requests.post(
        server.url,
        data={"target": target.pk, "data_product_type": "photometry"},
        files={"file": ("night.csv", CURVE)},
        headers=server.headers,
        timeout=60,
    )
    assert good.status_code == 202, good.text
    assert requests.get(good.headers["Location"], headers=server.headers, timeout=9).ok
    assert len(uploading.kept_files()) == IngestJob.objects.count() == 1
    assert DataProduct.objects.count() == 1


def test_a_connection_that_is_cut_leaves_nothing(server: Server, target: Any) -> None:
    whole = body(target, b"x" * 5 * MEGABYTE)
    for sent in (200, len(whole) // 2, len(whole) - 20, len(whole) - 6):
        with server.connect() as connection:
            connection.sendall(head(server, Content_Length=len(whole)) + whole[:sent])

    time.sleep(1)  # for what would be wrong to happen
    assert_it_works_and_nothing_else_is_left(server, target)


def test_lies_about_the_length_leave_nothing(server: Server, target: Any) -> None:
    whole = body(target)
    field = '\r\n--b\r\nContent-Disposition: form-data; name="sha256"\r\n\r\n'
    for content, length in (
        (whole, len(whole) + 1),
        (whole, len(whole) + 10 * MEGABYTE),
        (whole, len(whole) - 5),
        (whole, len(whole) - 100),
        (body(target, end=field), len(body(target, end=field))),
        (body(target, end=""), len(body(target, end=""))),
    ):
        with server.connect() as connection:
            connection.sendall(head(server, Content_Length=length) + content)
            connection.shutdown(socket.SHUT_WR)
            status, text = answer(connection)
        assert status == 400, text
        assert "application/json" in text

    assert_it_works_and_nothing_else_is_left(server, target)


def test_chunks_are_refused_in_words(server: Server, target: Any) -> None:
    whole = body(target)
    chunks = f"{len(whole):x}\r\n".encode() + whole + b"\r\n0\r\n\r\n"

    with server.connect() as connection:
        connection.sendall(head(server, Transfer_Encoding="chunked") + chunks)
        status, text = answer(connection)

    assert status == 411
    assert "Content-Length" in text
    assert_it_works_and_nothing_else_is_left(server, target)


def test_what_announces_to_be_too_large_is_refused_before_it_is_sent(
    server: Server, target: Any
) -> None:
    begun = body(target, b"x" * 1000, end="")

    with server.connect() as connection:
        connection.sendall(head(server, Content_Length=2 * LIMIT) + begun)
        status, text = answer(connection)

    assert status == 413
    assert "300,000,000 bytes" in text
    uploading.assert_nothing_is_left()


def test_a_slow_client_keeps_nobody_waiting(server: Server, target: Any) -> None:
    whole = head(server, Content_Length=len(body(target))) + body(target)
    found: list[tuple[int, str]] = []

    def trickle() -> None:
        with server.connect() as connection:
            for at in range(0, len(whole), 40):
                connection.sendall(whole[at : at + 40])
                time.sleep(0.1)
            found.append(answer(connection))

    slow = threading.Thread(target=trickle)
    slow.start()
    began = time.monotonic()
    assert requests.get(server.url, headers=server.headers, timeout=30).ok
    assert time.monotonic() - began < 5
    assert slow.is_alive()
    slow.join()

    assert found[0][0] == 202, found[0][1]
    assert len(uploading.kept_files()) == 1


def test_a_large_file_takes_no_memory_and_is_read_once(
    server: Server, target: Any, tmp_path: Path
) -> None:
    size, piece = 200 * MEGABYTE, b"0123456789" * 100_000
    reckoned = hashlib.sha256()
    for _ in range(size // len(piece)):
        reckoned.update(piece)
    before, middle = server.peak(), body(target, b"", end="")
    end = '\r\n--b\r\nContent-Disposition: form-data; name="sha256"\r\n\r\n'
    end += f"{reckoned.hexdigest()}\r\n--b--\r\n"
    length = len(middle) + size + len(end)

    with server.connect() as connection:
        connection.settimeout(90)
        connection.sendall(head(server, Content_Length=length) + middle)
        for _ in range(size // len(piece)):
            connection.sendall(piece)
        connection.sendall(end.encode())
        status, text = answer(connection)

    assert status == 202, text
    assert server.peak() - before < 60 * MEGABYTE
    job = IngestJob.objects.get()
    assert (job.size, job.sha256) == (size, reckoned.hexdigest())
    (path,) = uploading.kept_files()
    kept = tmp_path / "media" / path
    assert kept.stat().st_size == size
    kept.unlink()


def test_a_worker_of_the_web_server_that_is_killed_leaves_no_row(
    server: Server, target: Any
) -> None:

    whole = body(target, b"x" * 5 * MEGABYTE)
    with server.connect() as connection:
        connection.sendall(head(server, Content_Length=len(whole)) + whole[:-1000])
        time.sleep(0.5)
        killed = server.worker()
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: server.worker() != killed, 30, "another worker")

    server.web.await_up()
    assert_it_works_and_nothing_else_is_left(server, target)
