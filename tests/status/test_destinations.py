"""The page of the destinations: who sees it, what it shows, what its button does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.status.conftest import browser, permitted
from tests.support import rows
from tom_share_worker.delivery import findings
from tom_share_worker.delivery.findings import Finding, Found
from tom_share_worker.models import ConnectionTest, Destination, Worker

pytestmark = pytest.mark.django_db

LIST = reverse("tom_share_worker:destination-list")
ASK = reverse("tom_share_worker:connection-test")


@pytest.fixture
def keeper() -> User:
    """Somebody who may change destinations, and is not staff."""
    return permitted("keeper", "change_destination")


@pytest.fixture
def client(keeper: User) -> Client:
    """The browser of that person."""
    return browser(keeper)


def progress(test: ConnectionTest) -> str:
    return reverse("tom_share_worker:connection-test-progress", kwargs={"pk": test.pk})


def page(client: Client, address: str = LIST) -> str:
    answer = client.get(address)
    assert answer.status_code in (200, 286)
    return " ".join(answer.content.decode().split())


def ended(*found: Finding, **columns: Any) -> ConnectionTest:
    """Return a test that was made, with these findings."""
    now = timezone.now()
    return ConnectionTest.objects.create(
        destination="partner",
        started=now,
        ended=now,
        findings=findings.rows(found),
        **columns,
    )


def test_only_those_who_keep_the_tom_see_and_use_it(keeper: User) -> None:
    test = ended(Finding("May we write?", Found.OK, "Yes."))
    staff = permitted("staff", is_staff=True)
    # Who may see the shares of others may not see the accounts of destinations.
    reader = permitted("reader", "view_share")
    others: list[User | None] = [rows.person("astronomer"), reader, None]

    for person in (keeper, staff):
        assert browser(person).get(LIST).status_code == 200
        assert browser(person).get(progress(test)).status_code == 286
    for other in others:
        client = browser(other)
        answers = [client.get(url) for url in (LIST, progress(test))]
        answers.append(client.post(ASK, {"destination": "partner"}))
        # The host leads whoever meets a 403 to its login page, as it does strangers.
        assert {answer.status_code for answer in answers} == {302}
        assert all("/login/" in answer["Location"] for answer in answers)
    assert ConnectionTest.objects.count() == 1


@pytest.mark.parametrize("codename", ["", "view_destination"])
def test_who_may_only_see_destinations_does_not_test_them(codename: str) -> None:
    # A test sends requests to the other TOM, with our account.
    client = browser(permitted("reader", codename, is_staff=True))

    assert "Test connection" not in page(client)
    answer = client.post(ASK, {"destination": "partner"}, follow=True)

    assert "You may see the destinations, but not" in answer.content.decode()
    assert not ConnectionTest.objects.exists()


@pytest.mark.parametrize("codename", ["change_destination", "operate"])
def test_who_steers_destinations_tests_them(codename: str) -> None:
    client = browser(permitted("operator", codename))

    assert "Test connection" in page(client)
    client.post(ASK, {"destination": "partner"})

    assert ConnectionTest.objects.count() == 1


def test_the_list_of_shares_leads_there_those_who_may(client: Client) -> None:
    shares = reverse("tom_share_worker:share-list")

    assert LIST in page(client, shares)
    assert LIST not in page(browser(rows.person("astronomer")), shares)


def test_it_names_each_destination_its_address_and_its_state(
    client: Client, settings: Any
) -> None:
    settings.DATA_SHARING |= {"bad": {"DISPLAY_NAME": "Bad TOM", "BASE_URL": "x"}}
    Destination.objects.create(
        key="partner",
        failures=3,
        retry_at=timezone.now() + timedelta(minutes=5),
        note="Partner TOM was silent",
    )

    shown = page(client)

    assert "Partner TOM" in shown
    assert "http://partner.invalid/" in shown
    assert "Backing off" in shown
    assert "Partner TOM was silent." in shown
    assert "Bad TOM" in shown
    assert shown.count("Its connection was not tested yet.") == 2
    assert "not-a-token" not in shown


def test_the_button_writes_a_row_and_the_page_follows_it(
    client: Client, keeper: User
) -> None:
    answer = client.post(ASK, {"destination": "partner"})

    test = ConnectionTest.objects.get()
    assert (test.destination, test.asked_by) == ("partner", keeper)
    assert answer["Location"] == f"{LIST}#test-{test.pk}"
    shown = page(client)
    assert f'hx-get="{progress(test)}"' in shown
    assert "The test waits for a worker." in shown


def test_a_test_that_waits_says_when_no_worker_is_there(client: Client) -> None:
    test = ConnectionTest.objects.create(destination="partner")

    assert "No worker has ever been seen" in page(client, progress(test))

    now = timezone.now()
    Worker.objects.create(name="a worker", started=now, seen=now)
    assert "No worker" not in page(client, progress(test))


def test_htmx_asks_on_until_the_test_has_ended(client: Client) -> None:
    test = ConnectionTest.objects.create(destination="partner")
    assert client.get(progress(test)).status_code == 200

    ConnectionTest.objects.update(started=timezone.now())
    assert "It is being tested now." in page(client, progress(test))

    found = [Finding("May we write?", Found.OK, "Yes.")]
    ConnectionTest.objects.update(ended=timezone.now(), findings=findings.rows(found))
    answer = client.get(progress(test))
    assert answer.status_code == 286
    assert "no-store" in answer["Cache-Control"]
    assert "May we write?" in answer.content.decode()
    assert "hx-get" not in page(client)


def test_what_was_found_is_shown_with_who_asked(client: Client, keeper: User) -> None:
    ended(
        Finding("Is our account accepted?", Found.TROUBLE, "It <b>said</b> no."),
        Finding("May we write?", Found.UNKNOWN, "Not tested."),
        asked_by=keeper,
    )

    shown = page(client)

    assert "Something must be mended." in shown
    assert "It &lt;b&gt;said&lt;/b&gt; no." in shown
    assert "Trouble" in shown
    assert "Not known" in shown
    assert "asked for by keeper" in shown


def test_a_destination_that_is_not_in_the_settings_is_not_tested(
    client: Client,
) -> None:
    answer = client.post(ASK, {"destination": "elsewhere"}, follow=True)

    assert "no longer names this destination" in answer.content.decode()
    assert not ConnectionTest.objects.exists()


def test_a_test_of_a_destination_that_is_gone_does_not_exist(client: Client) -> None:
    test = ConnectionTest.objects.create(destination="gone")

    assert client.get(progress(test)).status_code == 404


@pytest.mark.parametrize(
    ("sharing", "words"),
    [({}, "names no destination yet"), (["partner"], "must be a dictionary")],
)
def test_without_destinations_it_says_where_to_put_them(
    client: Client, settings: Any, sharing: Any, words: str
) -> None:
    settings.DATA_SHARING = sharing

    assert words in page(client)


def test_the_admin_has_the_same_test() -> None:
    Destination.objects.create(key="partner")
    admin = browser(permitted("admin", is_staff=True, is_superuser=True))

    answer = admin.post(
        reverse("admin:tom_share_worker_destination_changelist"),
        {
            "action": "test_connection",
            "_selected_action": [Destination.objects.get().pk],
        },
    )

    assert answer["Location"] == LIST
    assert ConnectionTest.objects.get().destination == "partner"


def test_the_admin_offers_it_only_to_those_who_may_change_destinations() -> None:
    Destination.objects.create(key="partner")
    reader = permitted("reader", "view_destination", is_staff=True)

    shown = page(
        browser(reader), reverse("admin:tom_share_worker_destination_changelist")
    )

    assert "Test connection" not in shown


def test_a_note_is_neither_well_nor_trouble(client: Client) -> None:
    ended(Finding("Does it run this app?", Found.NOTE, "No."))

    shown = page(client)

    assert 'text-bg-secondary">Note</span>' in shown
    assert "Something must be mended" not in shown
