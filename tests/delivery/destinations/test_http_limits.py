"""Limits and secrets that hold whatever the connection does."""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import misbehaviour
from tests.support.misbehaviour import Behaviour, Exchange, Reply
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery.destinations.http import Client, Unreachable
from tom_share_worker.exceptions import ConfigurationError

PATH = "api/targets/"
SECRET = "s3cr3t-t0ken-0123456789"
SIZE = 20_000_000
"""Bytes of an upload: more than all buffers on the way hold."""

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize("spoilt", [f"{SECRET}\n", f"{SECRET}\r\nX: y", f"{SECRET}é"])
def test_a_secret_that_no_header_takes_is_refused_without_being_named(
    remote: RemoteTom, caplog: pytest.LogCaptureFixture, spoilt: str
) -> None:
    caplog.set_level(logging.DEBUG)

    with pytest.raises(ConfigurationError) as refused:
        Client(remote.url, True).request("GET", PATH, authorization=f"Token {spoilt}")

    error: BaseException | None = refused.value
    assert "such as a line break at the end of API_TOKEN" in str(error)
    while error is not None:
        assert SECRET not in repr(error)
        error = error.__cause__ or error.__context__
    assert SECRET not in caplog.text
    assert remote.requests == []


def trickle_and_close(exchange: Exchange) -> None:
    """Trickle an answer after which the connection is to be closed."""
    exchange.send_head(Reply(200, headers={"Connection": "close"}), 100_000)
    while exchange.send_bytes(b" ") and not exchange.released.is_set():
        time.sleep(0.1)
    exchange.cut()


@pytest.mark.parametrize("behaviour", [trickle_and_close, misbehaviour.trickle])
def test_a_deadline_holds_whether_the_connection_is_kept_or_not(
    remote: RemoteTom, settings: Any, behaviour: Behaviour
) -> None:
    settings.TOM_SHARE_WORKER = {"READ_TIMEOUT": 1, "TOTAL_TIMEOUT": 0.8}
    rule = remote.on("GET", "/api/targets/", behaviour)
    rescue = threading.Timer(6, rule.released.set)
    rescue.start()
    begin = time.monotonic()

    with pytest.raises(Unreachable, match=r"within 0\.8 seconds"):
        Client(remote.url, True).request("GET", PATH)

    assert time.monotonic() - begin < 3
    rescue.cancel()


@contextlib.contextmanager
def _reads_late(pause: float) -> Iterator[str]:
    """Yield the address of a server that takes a pause before it reads a body."""

    def serve() -> None:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            left = SIZE
            head = connection.recv(4096)
            left -= len(head.partition(b"\r\n\r\n")[2])
            time.sleep(pause)
            while left > 0 and (data := connection.recv(1 << 20)):
                left -= len(data)
            connection.sendall(OK)

    with socket.create_server(("127.0.0.1", 0)) as server:
        # Before a connection is accepted, so that little of the body fits into it.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join(10)


def test_an_upload_may_stall_for_longer_than_connecting_may_take(
    settings: Any,
) -> None:
    settings.TOM_SHARE_WORKER = {"CONNECT_TIMEOUT": 0.3, "READ_TIMEOUT": 10}

    with _reads_late(pause=1.0) as address:
        answer = Client(address, True).request(
            "POST", "api/dataproducts/", stream=io.BytesIO(bytes(SIZE))
        )

    assert answer.status == 200
