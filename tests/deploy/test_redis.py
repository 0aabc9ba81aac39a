"""The broker's settings: a real server takes them, and does what their reasons say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import redis

from tests.deploy import files
from tests.support.processes import Process
from tests.support.waiting import wait_until
from tom_share_worker import broker

SETTINGS = files.DEPLOY / "redis" / "redis.conf"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[redis.Redis]:
    """A client of a server that runs with the settings, on a socket of its own."""
    with TemporaryDirectory() as place:  # sockets need short paths
        socket = Path(place) / "s"
        command = [broker.server_program(), str(SETTINGS), "--port", "0"]
        command += ["--unixsocket", str(socket), "--dir", place]
        process = Process("redis", command, {}, tmp_path)
        try:
            wait_until(socket.exists, 10, "the server", process.tell)
            with closing(redis.Redis(unix_socket_path=str(socket))) as client:
                yield client
        finally:
            process.kill()


def given() -> list[tuple[str, str]]:
    lines = SETTINGS.read_text().splitlines()
    found = [line for line in lines if line and not line.startswith("#")]
    return [(key, value) for key, _, value in (line.partition(" ") for line in found)]


def test_a_server_has_every_setting_as_it_stands_there(server: redis.Redis) -> None:
    for key, value in given():
        if key in {"bind", "port", "daemonize"}:  # the test needs other ones
            continue
        answer: Any = server.config_get(key)
        told = answer[key]
        plain = value.strip('"').removesuffix("mb")
        told = str(int(told) // 2**20) if value.endswith("mb") else told
        assert told == plain, key


def test_each_setting_has_its_reason() -> None:
    text = SETTINGS.read_text()

    for block in text.split("\n\n"):
        first = re.search(r"^[a-z]", block, re.MULTILINE)
        assert first is None or block.lstrip().startswith("#"), block


def test_a_full_server_refuses_and_drops_nothing(server: redis.Redis) -> None:
    server.lpush("delivery", "a hint")
    for n in range(30):
        server.set(f"filled {n}", "x" * 100_000)
    server.config_set("maxmemory", "2mb")

    with pytest.raises(redis.ResponseError, match="maxmemory"):
        server.lpush("delivery", "another")

    assert server.lindex("delivery", -1) == b"a hint"
