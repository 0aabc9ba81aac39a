"""No secret of DATA_SHARING is anywhere: not in a row, a page, an answer, a log.

Remotes echo what they are sent in every shape while a real worker shares, fails,
retries and tests connections; then all that the TOM keeps and shows is searched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import Client

from tests.support import echoes, searching
from tests.support.planting import (
    CUSTOM,
    FEW,
    HERMES_KEY,
    PASSWORD,
    REFUSED_TOKEN,
    SECRETS,
    TOKEN,
    USERNAME,
    Stage,
    told_of_account,
    upload,
)
from tests.support.processes import Process, free_port
from tests.support.remote_hermes import TOPIC, RemoteHermes
from tom_share_worker.models import Attempt, Delivery, IngestJob

pytestmark = pytest.mark.django_db(transaction=True)


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
            told = partial(told_of_account, remote)
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
