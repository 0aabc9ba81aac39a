"""A program shares through the REST API of a running TOM, and follows it to its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from rest_framework.authtoken.models import Token

from tests.support import rows
from tests.support.processes import WebServer
from tests.support.remote_tom import RemoteTom
from tests.support.toms import WAIT, Tom
from tests.support.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(tom: Tom, partner: RemoteTom) -> Iterator[WebServer]:
    """The TOM's web server; its partner is known."""
    running = WebServer("web", tom.environment, tom.directory)
    yield running
    running.process.kill()


def test_a_program_shares_and_follows(
    tom: Tom, partner: RemoteTom, server: WebServer
) -> None:
    alice = rows.person("alice")
    target = rows.target(alice, "SN 2026abc")
    rows.photometry(target, 30)
    headers = {"Authorization": f"Token {Token.objects.get_or_create(user=alice)[0]}"}
    tom.start_worker()
    server.await_up()

    made = requests.post(
        f"{server.url}api/shares/",
        json={"destination": "partner", "target": target.pk, "with_data": True},
        headers=headers | {"Idempotency-Key": "night-1"},
        timeout=30,
    )

    assert made.status_code == 201, made.text
    where = made.headers["Location"]
    assert where.startswith(server.url)

    def ended() -> Any:
        told = requests.get(where, headers=headers, timeout=30).json()
        return told if told["ended"] else None

    told = wait_until(ended, WAIT, "the share to end", tom.tell)
    assert told["status"] == "delivered", tom.tell()
    assert told["datums"]["delivered"] == 30
    assert partner.store.magnitudes("SN 2026abc") == rows.magnitudes(30)
    found = requests.get(
        f"{server.url}api/deliveries/?share={told['id']}", headers=headers, timeout=30
    ).json()
    assert {row["status"] for row in found["results"]} == {"delivered"}
    page = requests.get(told["page"], timeout=30, allow_redirects=False)
    assert page.status_code == 302  # people log in first
