"""A TOM with accounts that are secret, and remotes that echo them in every shape.

Used by the acceptance tests of secrets: what leaks of these is looked for in all that
`searching` finds.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import redis
from celery import current_app
from celery._state import get_current_app
from django.contrib.auth.models import User
from django.test import Client

from tests.support import echoes, ingesting, rows
from tests.support.misbehaviour import Behaviour
from tests.support.processes import Process, free_port
from tests.support.toms import QUICK, Tom
from tests.support.waiting import wait_until
from tom_share_worker import broker as private_broker
from tom_share_worker.delivery import actions
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.delivery.sending import connection
from tom_share_worker.models import (
    Attempt,
    ConnectionTest,
    Destination,
    IngestJob,
    Share,
)

USERNAME = "survey-account"
PASSWORD = 'pa"ss & <Kern3lOfThePassw0rd> \\ö/+=%'
TOKEN = "t0k3n-Kern3lOfTheApiT0ken=/+"
HERMES_KEY = "h3rmes-Kern3lOfTheHerm3sKey-8"
BROKER_PASSWORD = "Kern3lOfTheBr0kerPassword"
CUSTOM = "Kern3lOfAnOptionOfAnEntry7"
TRADED = "traded7Tr4dedTok3n8Kernel"
REFUSED_TOKEN = "Kern3lOfAT0kenWithALineBreak\n"

SECRETS = (
    *(PASSWORD, TOKEN, HERMES_KEY, BROKER_PASSWORD, CUSTOM, TRADED),
    REFUSED_TOKEN,
)

Known = Callable[[], list[str]]
"""What the remote at hand was told of us: an echo may come at any later time."""


def troubles(known: Known) -> dict[str, Behaviour]:
    """Return what a remote does with requests until it behaves."""
    return {
        "internal error, a debug page": echoes.echo(500, "page", known),
        "overloaded, a page": echoes.echo(503, "page", known),
        "refused, JSON": echoes.echo(400, "JSON", known),
        "refused, an address": echoes.echo(400, "address", known),
        "forbidden, JSON": echoes.echo(403, "JSON", known),
        "account refused, JSON": echoes.echo(401, "JSON", known),
        "nothing there, text": echoes.echo(404, "text", known),
        "good, but a page": echoes.echo(200, "page", known),
        "good, but text": echoes.echo(200, "text", known),
        "moved for good": echoes.echo_redirect(301, known),
        "moved for now": echoes.echo_redirect(302, known),
        "good, and more": echoes.echo_beside(known),
    }


@contextmanager
def guarded_broker(directory: Path) -> Iterator[tuple[str, Process]]:
    """Run a broker that asks for a password; yield its address, with it, and itself."""
    port = free_port()
    options = ["--port", str(port), "--save", "", "--requirepass", BROKER_PASSWORD]
    command = [private_broker.server_program(), *options, "--dir", str(directory)]
    process = Process("broker", command, {}, directory)
    address = f"redis://:{BROKER_PASSWORD}@127.0.0.1:{port}/0"
    before = current_app.conf.broker_url
    # The web process publishes there, too.
    names = ("broker_url", "broker_read_url", "broker_write_url")
    _publish_to(dict.fromkeys(names, address))
    try:
        with closing(redis.Redis.from_url(address)) as client:
            wait_until(lambda: _answers(client), 10, "the broker", process.tell)
        yield address, process
    finally:
        _publish_to(dict.fromkeys(names, before))
        process.kill()


def _publish_to(addresses: dict[str, Any]) -> None:
    """Let this process publish there; Celery keeps connections to where it did."""
    current_app.conf.update(addresses)
    vars(get_current_app()).pop("amqp", None)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


FEW = ("internal error, a debug page", "refused, JSON", "account refused, JSON")


class Stage:
    """The TOM, its people, and the remotes that echo."""

    def __init__(self, tom: Tom, settings: Any) -> None:
        self.tom = tom
        self.keeper = User.objects.create_superuser("keeper", "keeper@tom.example")
        self.browser = Client(raise_request_exception=False)
        self.browser.force_login(
            self.keeper, "allauth.account.auth_backends.AuthenticationBackend"
        )
        settings.TOM_SHARE_WORKER = QUICK | {
            **{"BROKER_URL": tom.broker_url, "RETRY_SCHEDULE": [0.3, 0.3]},
            **{"PUBLIC_URL": "http://tom.example/", "EMAIL_ON_FAILURE": True},
        }
        self.count = 0

    def share(self, destination: str, remote: Any = None) -> Share:
        """Share the data and a file of a target that the remote has, too."""
        self.count += 1
        target = rows.target(self.keeper, f"SN 2026x{self.count}")
        if isinstance(remote, echoes.EchoingTom):
            remote.store.add_target(target.name)
        rows.photometry(target, 2)
        rows.product(target, name=f"image-{self.count}.fits")
        return outbox.share_target_data(self.keeper, destination, target)

    def await_trouble(self, share: Share) -> None:
        """Wait until something of a share was tried and did not go well."""
        tried = Attempt.objects.filter(delivery__share=share).exclude(outcome="")
        over = Share.objects.filter(pk=share.pk, status__in=Share.ENDED)
        paused = Destination.objects.filter(key=share.destination, paused=True)
        wait_until(
            lambda: tried.exists() or over.exists() or paused.exists(),
            *(60, "a try", self.tom.tell),
        )

    def await_end(self, share: Share) -> None:
        """Retry what failed, until all has arrived."""

        def arrived() -> bool:
            share.refresh_from_db()
            actions.resume(share.destination)
            if share.is_ended and share.status != Share.Status.DELIVERED:
                actions.retry_share(share)
            return share.status == Share.Status.DELIVERED

        wait_until(arrived, 90, f"{share} to arrive", self.tom.tell)

    def test_connection(self, destination: str) -> None:
        """Have the connection to a destination tested."""
        row = connection.ask(destination, self.keeper)
        ended = ConnectionTest.objects.filter(pk=row.pk, ended__isnull=False)
        wait_until(ended.exists, 60, "a test of the connection", self.tom.tell)

    def meet(
        self,
        remote: Any,
        destination: str,
        known: Known,
        path: str = "/api/",
        some: tuple[str, ...] = (),
    ) -> None:
        """Share with a remote that answers with each trouble, then behaves."""
        key = destination.partition(":")[0]
        for name, trouble in troubles(known).items():
            if some and name not in some:
                continue
            remote.on("*", path, trouble)
            self.await_trouble(self.share(destination, remote))
            self.test_connection(key)
            remote.heal()
            actions.resume(destination)
        if isinstance(remote, echoes.EchoingTom):  # Hermes takes it for a refusal
            remote.on("*", "/api/", troubles(known)["good, and more"])
        self.await_end(self.share(destination, remote))
        remote.heal()


def told_of_account(remote: echoes.EchoingTom) -> list[str]:
    """Return what a remote knows of our account, with the token that it gave us."""
    basic = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    return [PASSWORD, USERNAME, basic, *remote.tokens]


def upload(stage: Stage, content: bytes) -> None:
    """Upload a file, which a worker reads."""
    job = ingesting.job("photometry", content)
    wait_until(
        lambda: IngestJob.objects.get(pk=job.pk).is_ended, 30, "a file", stage.tom.tell
    )
