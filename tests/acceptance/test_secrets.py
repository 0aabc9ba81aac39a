"""No secret of DATA_SHARING is anywhere: not in a row, a page, an answer, a log.

Remotes echo what they are sent in every shape while a real worker shares, fails,
retries and tests connections; then all that the TOM keeps and shows is searched.
"""

from __future__ import annotations

import base64
import html
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis
from celery import current_app
from celery._state import get_current_app
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from tests.support import echoes, ingesting, rows, searching
from tests.support.misbehaviour import Behaviour
from tests.support.processes import Process, free_port
from tests.support.remote_hermes import TOPIC, RemoteHermes
from tests.support.toms import QUICK, Tom
from tests.support.waiting import wait_until
from tom_share_worker import broker as private_broker
from tom_share_worker.delivery import actions
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.delivery.sending import connection
from tom_share_worker.models import (
    Attempt,
    ConnectionTest,
    Delivery,
    Destination,
    IngestJob,
    Share,
)

pytestmark = pytest.mark.django_db(transaction=True)

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


def everything(stage: Stage, log: Callable[[], str]) -> Iterator[tuple[str, str]]:
    """Yield all that is kept or shown, each with where it is."""
    yield from searching.rows()
    numbers = [
        1,
        2,
        Delivery.objects.latest("pk").pk,
        IngestJob.objects.latest("pk").pk,
    ]
    yield from searching.pages(stage.browser, numbers)
    yield from searching.pages(Client(raise_request_exception=False), numbers[:1])
    for message in mail.outbox:
        yield "e-mail", str(message.message())
    for worker in stage.tom.workers:
        yield worker.name, worker.log()
    yield "log of the web server", log()


@pytest.fixture
def stage(
    transactional_db: None, tmp_path: Path, settings: Any
) -> Iterator[tuple[Stage, Process]]:
    """A TOM that waits for its remotes and its worker, and its broker."""
    with guarded_broker(tmp_path) as (address, broker):
        tom = Tom(tmp_path, settings, address)
        try:
            yield Stage(tom, settings), broker
        finally:
            tom.close()


def _told_of_account(remote: echoes.EchoingTom) -> list[str]:
    """Return what a remote knows of our account, with the token that it gave us."""
    basic = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    return [PASSWORD, USERNAME, basic, *remote.tokens]


def upload(stage: Stage, content: bytes) -> None:
    """Upload a file, which a worker reads."""
    job = ingesting.job("photometry", content)
    wait_until(
        lambda: IngestJob.objects.get(pk=job.pk).is_ended, 30, "a file", stage.tom.tell
    )


@pytest.mark.timeout(600)
def test_no_secret_is_in_anything_that_is_kept_or_shown(
    stage: tuple[Stage, Process],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("PYTHONWARNINGS", "default")
    made, broker = stage
    tom = made.tom
    with (
        echoes.EchoingTom(USERNAME, PASSWORD) as partner,
        echoes.EchoingTom(USERNAME, PASSWORD, TOKEN) as survey,
        echoes.EchoingTom(USERNAME, PASSWORD) as peer,
        RemoteHermes() as hermes,
    ):
        peer.speak()
        hermes.keys = {HERMES_KEY}
        account = {"USERNAME": USERNAME, "PASSWORD": PASSWORD}
        tom.knows(
            partner={"BASE_URL": partner.url, **account},
            survey={
                **{"BASE_URL": survey.url, "API_TOKEN": TOKEN},
                "OPTIONS": {"secret": [CUSTOM]},
            },
            peer={"BASE_URL": peer.url, **account},
            hermes=hermes.entry(HERMES_API_KEY=HERMES_KEY),
            broken={"BASE_URL": survey.url, "API_TOKEN": REFUSED_TOKEN},
            nobody={"BASE_URL": f"http://127.0.0.1:{free_port()}/", **account},
        )
        tom.log_level = "DEBUG"
        tom.start_worker(checks=True)
        for remote, key in ((partner, "partner"), (peer, "peer")):
            told = partial(_told_of_account, remote)
            made.meet(remote, key, told)
            made.meet(remote, key, told, "/api/token-auth/", FEW)
        made.meet(survey, "survey", lambda: [TOKEN, CUSTOM])
        made.meet(survey, "survey", lambda: [TOKEN, CUSTOM], "/api/reduceddatums/", FEW)
        made.meet(hermes, f"hermes:{TOPIC}", lambda: [HERMES_KEY])
        for destination in ("broken", "nobody"):
            made.await_trouble(made.share(destination))
            made.test_connection(destination)
        upload(made, b"time,magnitude,filter,error\n61000.5,15,r,0.1\n")
        upload(made, b"no table at all")

        for name in ("partner", "survey"):
            call_command("test_destination", name, verbosity=3)
        call_command("check", "--deploy", verbosity=3)
        broker_holds = list(searching.broker(tom.broker_url))
        broker.kill()
        made.share("partner")  # is written down; its hint meets a dead broker

        printed = "".join(capsys.readouterr())
        found: dict[str, set[str]] = {}
        seen = 0
        for where, text in [
            *broker_holds,
            ("commands", printed),
            *everything(made, lambda: caplog.text),
        ]:
            seen += 1
            for secret in echoes.leaks(text, SECRETS):
                found.setdefault(secret, set()).add(where)

    assert found == {}
    assert seen > 500  # rows, pages and answers: the search did look
    assert Attempt.objects.filter(answer__contains="[secret]").count() > 10


WAYS: dict[str, Callable[[str], str]] = {
    "bare": str,
    "in a page": html.escape,
    "in JSON": json.dumps,
    "in Python": repr,
    "in an address": quote,
    "in an address, all of it": lambda text: quote(text, safe=""),
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "as an account": lambda text: base64.b64encode(
        f"{USERNAME}:{text}".encode()
    ).decode(),
    "in JSON in a page in JSON": lambda text: json.dumps(
        html.escape(json.dumps([text]))
    ),
    "in capitals": str.upper,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("secret", SECRETS)
def test_the_search_finds_a_secret_however_it_is_written(secret: str, way: str) -> None:
    text = f"before {WAYS[way](secret)} after"

    assert echoes.leaks(text, SECRETS) == [secret]
    assert echoes.leaks(f"before {USERNAME} after [secret]", SECRETS) == []


def test_the_search_finds_a_secret_in_a_row_on_a_page_and_in_the_broker(
    stage: tuple[Stage, Process],
) -> None:
    made, _ = stage
    of = Share.objects.create(user=made.keeper, kind="target", subject="SN 2026abc")
    row = rows.delivery(of, note=f"It said {PASSWORD}.", target_name="SN 2026abc")
    Attempt.objects.create(
        delivery=row, number=1, started=timezone.now(), answer=quote(TOKEN, safe="")
    )
    with closing(redis.Redis.from_url(made.tom.broker_url)) as client:
        client.lpush("delivery", f"a hint with {HERMES_KEY}")

    def where(secret: str, among: Iterator[tuple[str, str]]) -> set[str]:
        return {name for name, text in among if echoes.leaks(text, [secret])}

    pages = where(PASSWORD, searching.pages(made.browser, [row.pk]))
    assert where(PASSWORD, searching.rows()) == {"tom_share_worker_delivery"}
    assert where(TOKEN, searching.rows()) == {"tom_share_worker_attempt"}
    assert where(HERMES_KEY, searching.broker(made.tom.broker_url)) == {
        "broker b'delivery'"
    }
    for address in (
        *(f"/shares/{of.pk}/", f"/shares/deliveries/{row.pk}/", "/api/deliveries/"),
        "/admin/tom_share_worker/delivery/",
        f"/admin/tom_share_worker/delivery/{row.pk}/change/",
    ):
        assert f"200 {address}" in pages, address
