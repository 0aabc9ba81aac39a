"""Machines that watch: anybody learns if sharing works, few learn what is wrong."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.authtoken.models import Token

from tests.status.conftest import browser, permitted
from tests.support import rows
from tom_share_worker.models import Destination, Routine, Worker

pytestmark = pytest.mark.django_db

HEALTH = "/shares/health/"
METRICS = "/shares/metrics/"


@pytest.fixture
def _well() -> None:
    now = timezone.now()
    Worker.objects.create(name="celery@here", started=now, seen=now, ingests=True)
    Routine.objects.create(name=Routine.SWEEP, ended=now)


def with_token(person: Any) -> Client:
    """Return a program with the API token of a person."""
    token = Token.objects.get(user=person)  # TOM Toolkit makes one for each account
    return Client(headers={"Authorization": f"Token {token.key}"})


@pytest.mark.usefixtures("_well")
def test_anybody_learns_that_sharing_works_and_nothing_else() -> None:
    answer = Client().get(HEALTH)

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "detail": "Sharing works."}
    assert "no-store" in answer["Cache-Control"]


def test_anybody_learns_that_it_does_not() -> None:
    answer = Client().get(HEALTH)

    assert answer.status_code == 503
    assert answer.json() == {
        "status": "down",
        "detail": "Sharing does not work at the moment; nothing is lost.",
    }


@pytest.mark.usefixtures("_well")
def test_what_needs_a_person_is_no_reason_to_take_the_tom_away() -> None:
    Destination.objects.create(key="partner", paused=True)

    answer = Client().get(HEALTH)

    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"


@pytest.mark.usefixtures("_well")
@pytest.mark.parametrize("way", [browser, with_token])
@pytest.mark.parametrize("who", ["staff", "viewer"])
def test_staff_and_viewers_learn_what_is_wrong(way: Any, who: str) -> None:
    Destination.objects.create(key="partner", paused=True)
    codenames = ["view_share"] if who == "viewer" else []
    person = permitted(who, *codenames, is_staff=who == "staff")

    told = way(person).get(HEALTH).json()

    wrong = [check for check in told["checks"] if check["status"] != "ok"]
    assert [check["name"] for check in wrong] == ["destination partner"]
    assert "our account there was refused" in wrong[0]["detail"]


@pytest.mark.parametrize(
    "program",
    [
        lambda: browser(rows.person("somebody")),
        lambda: with_token(rows.person("somebody")),
        lambda: with_token(permitted("gone", is_staff=True, is_active=False)),
        lambda: Client(headers={"Authorization": "Token wrong"}),
    ],
    ids=["logged in", "token", "closed account", "wrong token"],
)
def test_others_learn_no_more_than_anybody(program: Any) -> None:
    client = program()

    told = client.get(HEALTH)
    figures = client.get(METRICS)

    assert set(told.json()) == {"status", "detail"}
    assert figures.status_code == 401
    assert "tom_share_" not in figures.content.decode()


@pytest.mark.usefixtures("_well")
def test_health_takes_five_queries(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(5):
        Client().get(HEALTH)


@pytest.mark.parametrize("address", [HEALTH, METRICS])
def test_nothing_can_be_changed_there(address: str) -> None:
    assert Client().post(address).status_code == 405


def test_figures_are_for_nobody_without_an_account() -> None:
    answer = Client().get(METRICS)

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Token"
    assert "Authorization: Token" in answer.content.decode()


@pytest.mark.parametrize("way", [browser, with_token])
def test_figures_are_given_in_the_format_of_prometheus(way: Any) -> None:
    answer = way(permitted("prometheus", "view_share")).get(METRICS)

    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    assert 'tom_share_workers{work="delivery"} 0.0' in answer.content.decode()


def test_figures_are_given_in_the_newer_format_to_who_asks_for_it() -> None:
    asked = {"Accept": "application/openmetrics-text; version=1.0.0"}

    answer = browser(permitted("staff", is_staff=True)).get(METRICS, headers=asked)

    assert answer["Content-Type"].startswith("application/openmetrics-text")
    assert answer.content.endswith(b"# EOF\n")


def test_without_the_package_it_is_said_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What Python itself takes for "not importable".
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    answer = browser(permitted("staff", is_staff=True)).get(METRICS)

    assert answer.status_code == 501
    assert "pip install 'tom_share_worker[metrics]'" in answer.content.decode()


@pytest.mark.usefixtures("_well")
def test_a_tom_that_is_locked_may_leave_the_pages_for_machines_open(
    settings: Any,
) -> None:
    settings.AUTH_STRATEGY = "LOCKED"
    settings.OPEN_URLS = []
    assert Client().get(HEALTH).status_code == 302

    settings.OPEN_URLS = [HEALTH, METRICS]
    assert Client().get(HEALTH).json() == {"status": "ok", "detail": "Sharing works."}
    assert Client().get(METRICS).status_code == 401
    program = with_token(permitted("prometheus", "view_share"))
    assert program.get(METRICS).status_code == 200
