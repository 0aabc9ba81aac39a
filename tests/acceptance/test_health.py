"""Whoever watches learns in seconds that nobody works, and that somebody does again.

With real workers, a real web server, and a database that is really away.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from rest_framework.authtoken.models import Token

from tests.status.conftest import permitted
from tests.support.processes import WebServer, manage
from tests.support.toms import Tom
from tests.support.waiting import wait_until
from tests.test_shares_command import shares

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300),  # a worker counts as gone after half a minute
]


@pytest.fixture
def web(tom: Tom, tmp_path: Path) -> Iterator[WebServer]:
    """The web server of the TOM; a sweep counts as late after seconds."""
    tom.hurry(HEALTH_SWEEP_AGE=3)
    server = WebServer("web", tom.environment, tmp_path)
    server.await_up()
    yield server
    server.process.kill()


def health(web: WebServer, token: str = "") -> requests.Response:
    headers = {"Authorization": f"Token {token}"} if token else {}
    return requests.get(f"{web.url}shares/health/", headers=headers, timeout=20)


def command(environment: dict[str, Any], *given: str) -> tuple[int, str]:
    """Run `manage.py shares` without a terminal; return exit status and words."""
    done = subprocess.run(
        manage("shares", *given),
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_death_of_the_worker_is_told_and_its_return(
    tom: Tom, web: WebServer
) -> None:
    token = Token.objects.get(user=permitted("watcher", "view_share")).key
    assert health(web).status_code == 503

    worker = tom.start_worker()
    wait_until(lambda: health(web).status_code == 200, 20, "health", worker.tell)
    assert shares("status")[0] == 0
    assert shares("health", "--worker")[0] == 0

    worker.kill()
    wait_until(lambda: health(web).status_code == 503, 20, "its death to be told")
    told = health(web, token).json()
    assert "No sweep for missed work has ended since" in str(told["checks"])
    assert health(web).json() == {
        "status": "down",
        "detail": "Sharing does not work at the moment; nothing is lost.",
    }
    status, said = shares("status")
    assert status == 3
    assert "No sweep for missed work has ended since" in said
    wait_until(
        lambda: shares("health", "--worker")[0] == 3, 60, "the probe to find nobody"
    )

    again = tom.start_worker()
    wait_until(lambda: health(web).status_code == 200, 20, "health", again.tell)
    figures = requests.get(
        f"{web.url}shares/metrics/",
        headers={"Authorization": f"Token {token}"},
        timeout=20,
    )
    assert 'tom_share_workers{work="delivery"} 1.0' in figures.text


def test_a_database_that_is_away_is_told_in_a_sentence(
    tom: Tom, tmp_path: Path
) -> None:
    nowhere = {"DATABASE_URL": f"sqlite:///{tmp_path}/nowhere/tom.sqlite3"}
    web = WebServer("web", tom.environment | nowhere, tmp_path)
    try:
        # Any page would ask the database; so this is how it is known to run.
        wait_until(lambda: _answers(web), 30, "the web server", web.process.tell)
        for token in ("", "a-token-that-nobody-can-look-up"):
            answer = health(web, token)
            assert answer.status_code == 503
            assert answer.json() == {
                "status": "down",
                "detail": "This TOM's database cannot be asked, so nothing is sent or "
                "processed. Ask whoever runs the database; the log of the web server "
                "has the cause.",
            }
        figures = requests.get(
            f"{web.url}shares/metrics/", headers={"Authorization": "Token x"}, timeout=9
        )
        assert figures.status_code == 503
    finally:
        web.process.kill()

    for what, wanted in ((["status"], 3), (["list"], 3), (["health", "--worker"], 0)):
        status, said = command(tom.environment | nowhere, *what)
        assert status == wanted, said
        assert "This TOM's database cannot be asked" in said
        assert "Traceback" not in said


def _answers(web: WebServer) -> bool:
    assert web.process.alive, web.process.tell()
    try:
        return bool(health(web).status_code)
    except requests.RequestException:
        return False
