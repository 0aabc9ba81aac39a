"""A click while the message broker is away: through a real web server, over HTTP."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import settings as django_settings
from django.test import Client

from tests.delivery.asking import clicks
from tests.support import brokers
from tests.support.brokers import Broker
from tests.support.processes import WebServer, free_port
from tests.support.toms import database_url
from tests.support.waiting import wait_until
from tom_share_worker.models import Share

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 3.0
"""Seconds a click may take here. It takes some hundredths; a machine may be busy."""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Broker]:
    with brokers.running(tmp_path) as broker:
        yield broker


class Browser:
    """The owner's browser at a web server of this test's TOM."""

    def __init__(self, server: WebServer, sky: clicks.Sky) -> None:
        client = Client()
        client.force_login(sky.owner)
        session = django_settings.SESSION_COOKIE_NAME
        self.server = server
        self.http = requests.Session()
        self.http.cookies.set(session, client.cookies[session].value)
        self.http.cookies.set(django_settings.CSRF_COOKIE_NAME, "c" * 32)

    def post(self, click: clicks.Click) -> float:
        """Click; return the seconds until the answer."""
        began = time.monotonic()
        answer = self.http.post(
            self.server.url + click.address.lstrip("/"),
            data=click.fields | {"csrfmiddlewaretoken": "c" * 32},
            allow_redirects=False,
            timeout=60,
        )
        assert answer.status_code == 302, self.server.process.tell()
        return time.monotonic() - began


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Any]:
    """Start a web server of this test's TOM with a broker at an address."""
    started = []

    def start(broker_url: str, sky: clicks.Sky) -> Browser:
        sharing = '{"partner": {"BASE_URL": "https://partner.example/"}}'
        environment = {
            "DATABASE_URL": database_url(),
            "REDIS_URL": broker_url,
            "TOM_DATA_SHARING": sharing,
        }
        server = WebServer("web", environment, tmp_path)
        started.append(server)
        server.await_up()
        return Browser(server, sky)

    yield start
    for server in started:
        server.process.kill()


@pytest.mark.parametrize(
    "address",
    ["redis+socket:///nonexistent/broker.sock", "redis://127.0.0.1:{port}/0", ""],
    ids=["absent", "dead", "unset"],
)
def test_a_click_without_a_broker_is_answered_and_kept(address: str, web: Any) -> None:
    sky = clicks.sky()
    browser = web(address.format(port=free_port()), sky)

    waits = [browser.post(door(sky)) for door in clicks.DOORS.values()]

    assert max(waits) < PATIENCE
    assert Share.objects.count() == len(clicks.DOORS)


def test_a_click_with_a_frozen_broker_is_answered_and_kept(
    web: Any, running: Broker
) -> None:
    sky = clicks.sky()
    running.process.signal(signal.SIGSTOP)
    browser = web(running.url, sky)

    waits = [browser.post(door(sky)) for door in clicks.DOORS.values()]

    assert max(waits) < PATIENCE
    assert Share.objects.count() == len(clicks.DOORS)


def test_a_broker_that_freezes_between_two_clicks_delays_none(
    web: Any, running: Broker
) -> None:
    sky = clicks.sky()
    browser = web(running.url, sky)
    browser.post(clicks.on_target(sky))
    wait_until(lambda: running.hints() == 1, 10, "the hint of the first click")
    running.process.signal(signal.SIGSTOP)

    waits = [browser.post(door(sky)) for door in clicks.DOORS.values()]

    assert max(waits) < PATIENCE
    assert Share.objects.count() == 1 + len(clicks.DOORS)


def test_hints_flow_again_when_the_broker_thaws(web: Any, running: Broker) -> None:
    sky = clicks.sky()
    browser = web(running.url, sky)
    running.process.signal(signal.SIGSTOP)
    browser.post(clicks.on_target(sky))

    running.process.signal(signal.SIGCONT)

    browser.post(clicks.on_product(sky))
    wait_until(lambda: running.hints() >= 1, 30, "a hint")
