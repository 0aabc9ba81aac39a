"""Every command that the files of deploy/ start does start, and does its work."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.deploy import files
from tests.support import brokers
from tests.support.processes import MANAGE, ROOT, Process, free_port
from tests.support.toms import database_url
from tests.support.waiting import wait_until
from tom_share_worker.models import Worker

pytestmark = pytest.mark.django_db(transaction=True)

WAIT = 60.0
TOM = MANAGE.parent
PORTS = re.compile(r"(?:127\.0\.0\.1|0\.0\.0\.0):(?:\d+|\$\{PORT:-\d+\})")


def here(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command line as it is on this machine, in the folder of the demo TOM."""
    if words[:2] == ("sh", "-c"):
        line = words[2].removeprefix("exec ").replace("$$", "$")
        # The loop that waits for the migration is as good as the question it asks.
        if line.startswith("until "):
            line = line.removeprefix("until ").partition(" >")[0]
        words = tuple(shlex.split(line))
    if words[0] == "env":
        words = tuple(word for word in words[1:] if "SETTINGS_MODULE" not in word)
    found = [_word_here(word) for word in words]
    if "--chdir" in found:  # to where these tests are already
        del found[found.index("--chdir") : found.index("--chdir") + 2]
    return tuple(found)


def _word_here(word: str) -> str:
    program = word.removeprefix("/srv/tom/venv/bin/")
    if program in {"python", "celery", "gunicorn"}:
        return str(Path(sys.executable).parent / program)
    if program == "deploy/demo/manage.py":
        return "manage.py"
    word = PORTS.sub("127.0.0.1:PORT", word)
    word = re.sub(
        r"^(/tmp/beat-|\$\{STATE_DIRECTORY\}/|\$\{TMPDIR.*/)\S*", "BEAT", word
    )
    word = re.sub(r"^\$[({]?TOM_WSGI[)}]?$", "demo_tom.wsgi", word)
    return {"deploy/demo": ".", "/dev/shm": "/tmp"}.get(word, word)  # noqa: S108


DISTINCT = sorted({here(command.words) for command in files.commands()})


def of_kind(*words: str) -> list[tuple[str, ...]]:
    """Return the distinct command lines that hold all these words."""
    found = [
        line
        for line in DISTINCT
        if all(word in line or line[0].endswith(f"/{word}") for word in words)
    ]
    assert found, words
    return found


def name(line: tuple[str, ...]) -> str:
    return " ".join(line[1:])


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[brokers.Broker]:
    with brokers.running(tmp_path) as running:
        yield running


class Starter:
    """Starts command lines in the TOM's folder, with the environment of a TOM."""

    def __init__(self, directory: Path, broker_url: str) -> None:
        self.directory = directory
        self.port = free_port()
        self.started: list[Process] = []
        self.environment = {
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "demo_tom.settings",
            "PYTHONPATH": os.pathsep.join([str(TOM), str(ROOT)]),
            "REDIS_URL": broker_url,
            "TOM_DATA_DIR": str(directory),
            "TOM_LOG_LEVEL": "INFO",
            "TOM_SHARE_WORKER": '{"SWEEP_INTERVAL": 1}',
        }

    def start(self, line: tuple[str, ...]) -> Process:
        beat = str(self.directory / "beat")
        words = [
            word.replace("PORT", str(self.port)).replace("BEAT", beat) for word in line
        ]
        # A Process has no folder of its own, so a shell goes there.
        command = ["sh", "-c", f'cd "$0" && exec {shlex.join(words)}', str(TOM)]
        process = Process("command", command, self.environment, self.directory)
        self.started.append(process)
        return process


@pytest.fixture
def starter(tmp_path: Path, broker: brokers.Broker) -> Iterator[Starter]:
    made = Starter(tmp_path, broker.url)
    yield made
    for process in made.started:
        process.kill()


def test_all_commands_are_of_a_kind_that_is_started_here() -> None:
    kinds = [("share_worker",), ("beat",), ("gunicorn",), ("migrate",), ("health",)]
    kinds += [("-c",)]  # the probe of the web server, below

    tried = {line for kind in kinds for line in of_kind(*kind)}

    assert tried == set(DISTINCT)


@pytest.mark.parametrize("line", of_kind("share_worker"), ids=name)
def test_a_worker_signs_and_hears_its_queues_only(
    line: tuple[str, ...], starter: Starter
) -> None:
    worker = starter.start(line)

    signed = wait_until(Worker.objects.first, WAIT, "a worker's sign", worker.tell)

    (probe,) = of_kind("health")
    asked_probe = starter.start(probe)
    assert asked_probe.await_end(WAIT) == 0, asked_probe.tell()
    asked = line[line.index("--queues") + 1] if "--queues" in line else ""
    assert signed.delivers == (asked != "ingest")
    assert signed.ingests == (asked != "delivery")
    worker.terminate()
    assert worker.await_end(40) == 0, worker.tell()


@pytest.mark.parametrize("line", of_kind("beat"), ids=name)
def test_beat_has_a_delivery_worker_sweep(
    line: tuple[str, ...], starter: Starter
) -> None:
    (worker_line,) = of_kind("share_worker", "delivery")
    worker = starter.start(worker_line)
    beat = starter.start(line)

    def swept() -> bool:
        assert beat.alive, beat.tell()
        log = worker.log()
        return all(
            re.search(rf"tom_share_worker\.{task}\S* succeeded", log)
            for task in ("sweep", "gather")
        )

    wait_until(swept, WAIT, "a sweep", lambda: worker.tell() + beat.tell())
    beat.terminate()
    assert beat.await_end() == 0, beat.tell()


@pytest.mark.parametrize("line", of_kind("gunicorn"), ids=name)
def test_the_web_server_answers_and_its_probe_says_so(
    line: tuple[str, ...], starter: Starter
) -> None:
    server = starter.start(line)
    address = f"http://127.0.0.1:{starter.port}/accounts/login/"

    def answers() -> bool:
        assert server.alive, server.tell()
        try:
            return requests.get(address, timeout=20).ok
        except requests.RequestException:
            return False

    wait_until(answers, WAIT, "the web server", server.tell)

    (probe,) = of_kind("-c")
    inside = (*probe[:-1], probe[-1].replace("8000", str(starter.port)))
    asked = starter.start(inside)
    assert asked.await_end() == 0, asked.tell()
    server.terminate()
    assert server.await_end() == 0, server.tell()


@pytest.mark.parametrize("line", of_kind("migrate"), ids=name)
def test_the_tables_are_there(line: tuple[str, ...], starter: Starter) -> None:
    done = starter.start(line)

    assert done.await_end(WAIT) == 0, done.tell()


def test_the_probe_of_a_worker_that_is_not_there_fails_and_says_why(
    starter: Starter,
) -> None:
    (probe,) = of_kind("health")

    asked = starter.start(probe)

    assert asked.await_end(WAIT) == 3, asked.tell()
    assert "has ever given a sign" in asked.log()
