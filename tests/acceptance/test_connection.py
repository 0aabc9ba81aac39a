"""A test of the connection, from the page through a real worker to a real TOM."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.support import rows
from tests.support.stock_tom import StockTom
from tests.support.toms import Tom
from tests.support.waiting import wait_until
from tests.support.whole_tom import WholeTom
from tom_share_worker.delivery import findings
from tom_share_worker.delivery.findings import Found
from tom_share_worker.delivery.sending import connection
from tom_share_worker.models import ConnectionTest

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def equipped(tmp_path: Path) -> Iterator[WholeTom]:
    """A running TOM Toolkit with this app."""
    made = WholeTom("Equipped TOM", tmp_path / "equipped")
    try:
        made.start([])
        yield made
    finally:
        made.close()


def ask(destination: str) -> ConnectionTest:
    """Press the button on the page."""
    operator = rows.person("operator")
    operator.is_superuser = True
    operator.save()
    client = Client()
    client.force_login(operator, "allauth.account.auth_backends.AuthenticationBackend")
    client.post(
        reverse("tom_share_worker:connection-test"), {"destination": destination}
    )
    return ConnectionTest.objects.latest("pk")


def await_end(tom: Tom, test: ConnectionTest) -> dict[str, tuple[Found, str]]:
    """Wait for a worker to have made a test; return what it found."""
    ended = ConnectionTest.objects.filter(pk=test.pk, ended__isnull=False)
    wait_until(ended.exists, 30, "the end of the test", tom.tell)
    found = findings.read(ended.get().findings)
    return {f.question: (f.found, f.words) for f in found}


def test_a_worker_makes_the_test_that_a_person_asks_for(
    tom: Tom, stock: StockTom
) -> None:
    tom.knows(
        stock=stock.entry(),
        wrong=stock.entry() | {"PASSWORD": "wrong"},
        down=stock.entry() | {"BASE_URL": "http://127.0.0.1:1/"},
    )
    tom.hurry(READ_TIMEOUT=20, TOTAL_TIMEOUT=30)
    missed = ask("stock")
    tom.start_worker()

    # Asked for before any worker ran: its hint is gone, the sweep finds the row.
    found = await_end(tom, missed)
    assert {state for state, _ in found.values()} <= {Found.OK, Found.NOTE}, found
    assert found["Which TOM Toolkit?"][1].startswith("3.0.1 or later")
    assert found["Does it run this app?"][1].startswith("No;")
    assert "traded for a token" in found["Is our account accepted?"][1]

    refused = await_end(tom, ask("wrong"))["Is our account accepted?"]
    assert refused[0] is Found.TROUBLE
    assert "Unable to log in with provided credentials" in refused[1]

    down = await_end(tom, ask("down"))["Can it be reached?"]
    assert down[0] is Found.TROUBLE
    assert not stock.rows("tom_dataproducts_photometryreduceddatum")
    assert not stock.rows("tom_targets_basetarget")


def test_a_tom_that_runs_this_app_is_recognised(
    equipped: WholeTom, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER = {"READ_TIMEOUT": 20, "TOTAL_TIMEOUT": 30}
    settings.DATA_SHARING = {"equipped": equipped.entry()}

    found = {f.question: (f.found, f.words) for f in connection.look("equipped")}

    told, words = found["Does it run this app?"]
    assert (told, words.startswith("Yes, version")) == (Found.OK, True), found
