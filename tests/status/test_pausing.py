"""Pausing and resuming a destination: by whom, why, and who may."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from tests.status.conftest import browser, permitted
from tests.support import rows
from tom_share_worker.models import Destination, RemoteTarget, Share
from tom_share_worker.status import notices

pytestmark = pytest.mark.django_db

LIST = reverse("tom_share_worker:destination-list")
PAUSE = reverse("tom_share_worker:destination-pause")
RESUME = reverse("tom_share_worker:destination-resume")


@pytest.fixture
def keeper() -> User:
    return permitted("keeper", "change_destination")


def test_a_pause_tells_everybody_who_made_it_and_why(
    keeper: User, owner: User, share: Share
) -> None:
    rows.delivery(share)
    asked = {"destination": "partner", "reason": "They move house <b>today</b>"}

    browser(keeper).post(PAUSE, asked)

    state = Destination.objects.get()
    assert (state.paused, state.paused_by, state.paused_by_person) == (
        *(True, keeper),
        True,
    )
    said = "were paused by keeper. They move house &lt;b&gt;today&lt;/b&gt;."
    for person, address in ((owner, share.get_absolute_url()), (keeper, LIST)):
        assert said in browser(person).get(address).content.decode()


def test_who_resumes_opens_it_again(keeper: User) -> None:
    client = browser(keeper)
    client.post(PAUSE, {"destination": "partner", "reason": " "})
    assert Destination.objects.get().note == "Paused by keeper."
    assert "Resume, and try at once" in client.get(LIST).content.decode()

    client.post(RESUME, {"destination": "partner"})

    state = Destination.objects.get()
    assert (state.paused, state.paused_by, state.note) == (False, None, "")
    assert "Resume, and try at once" not in client.get(LIST).content.decode()


@pytest.mark.parametrize("address", [PAUSE, RESUME])
def test_only_those_who_may_change_destinations_pause_them(
    address: str, keeper: User
) -> None:
    staff = permitted("staff", is_staff=True)
    Destination.objects.create(key="partner", paused=True, note="Closed.")

    for person in (rows.person("somebody"), None):
        browser(person).post(address, {"destination": "partner"})
    answer = browser(staff).post(address, {"destination": "partner"}, follow=True)

    assert Destination.objects.get().paused
    assert "You may see the destinations, but not" in answer.content.decode()
    assert 'name="reason"' not in browser(staff).get(LIST).content.decode()
    unknown = browser(keeper).post(address, {"destination": "nobody"}, follow=True)
    assert "no longer names this destination" in unknown.content.decode()


def test_a_pause_of_an_entry_pauses_all_its_topics(keeper: User, settings: Any) -> None:
    settings.DATA_SHARING["hermes"] = {
        "BASE_URL": "http://hermes.invalid/",
        "HERMES_API_KEY": "k",
        "USER_TOPICS": ["a", "b"],
    }

    browser(keeper).post(PAUSE, {"destination": "hermes", "reason": "Tests."})

    paused = Destination.objects.filter(paused=True, note="Tests.")
    assert {state.key for state in paused} == {"hermes:a", "hermes:b"}


@pytest.mark.parametrize("door", ["share", "delivery", "admin"])
def test_a_retry_says_that_it_waits_for_the_pause_to_end(
    door: str, owner: User, share: Share
) -> None:
    Destination.objects.create(key="partner", paused=True, paused_by_person=True)
    delivery = rows.delivery(share, status="failed")
    addresses = {
        "share": reverse("tom_share_worker:share-retry", args=[share.pk]),
        "delivery": reverse("tom_share_worker:delivery-retry", args=[delivery.pk]),
        "admin": reverse("admin:tom_share_worker_delivery_changelist"),
    }
    asked = {"action": "retry", "_selected_action": [delivery.pk]}
    admin = permitted("admin", is_staff=True, is_superuser=True)

    client = browser(admin if door == "admin" else owner)
    text = client.post(addresses[door], asked, follow=True).content.decode()

    assert "1 delivery waits again, and goes when Partner TOM is resumed." in text
    assert "sent now" not in text


@pytest.mark.parametrize("by_person", [False, True])
def test_where_a_retry_opens_the_destination_one_is_offered(
    by_person: bool, owner: User, share: Share
) -> None:
    state = Destination.objects.create(key="partner", note="Our password is wrong.")
    pages = [share.get_absolute_url(), _page(rows.delivery(share).pk)]
    assert not any(_offered(owner, page) for page in pages)

    state.paused, state.paused_by_person = True, by_person
    state.save()
    shown = [browser(owner).get(page).content.decode() for page in pages]

    assert ["press Retry" in text for text in shown] == [not by_person] * 2
    assert [_offered(owner, page) for page in pages] == [not by_person] * 2


@pytest.mark.parametrize("page", ["share", "delivery"])
def test_the_retry_opens_it_and_is_offered_no_more(
    page: str, owner: User, share: Share
) -> None:
    delivery = rows.delivery(share)
    Destination.objects.create(key="partner", paused=True, note="Wrong password.")
    address = share.get_absolute_url() if page == "share" else _page(delivery.pk)

    text = browser(owner).post(f"{address}retry/", follow=True).content.decode()

    assert "1 delivery will be sent now." in text
    assert not Destination.objects.get().paused
    assert not _offered(owner, address)


def test_a_page_that_is_open_gets_the_retry(owner: User, share: Share) -> None:
    rows.delivery(share)
    Destination.objects.create(key="partner", paused=True, note="Wrong password.")

    part = browser(owner).get(f"{share.get_absolute_url()}progress/?retry=no")

    assert part["HX-Refresh"] == "true"


def _page(pk: int) -> str:
    return reverse("tom_share_worker:delivery-detail", args=[pk])


def _offered(person: User, address: str) -> bool:
    return f'action="{address}retry/"' in browser(person).get(address).content.decode()


def test_what_is_retried_for_several_destinations_names_the_paused_one() -> None:
    Destination.objects.create(key="partner", paused=True, paused_by_person=True)
    Destination.objects.create(key="other")

    assert notices.go_again(2, ["partner", "other"]) == (
        "will be sent now, but what is for Partner TOM waits until Partner TOM is "
        "resumed"
    )
    assert notices.go_again(2, ["partner"]).startswith("wait again, and go when")


def test_the_admin_takes_a_reason_too(db: None) -> None:
    admin = permitted("admin", is_staff=True, is_superuser=True)
    state = Destination.objects.create(key="partner")

    browser(admin).post(
        reverse("admin:tom_share_worker_destination_changelist"),
        {"action": "pause", "_selected_action": [state.pk], "reason": "They asked."},
    )

    state.refresh_from_db()
    assert (state.paused, state.note) == (True, "They asked.")


def test_the_admin_lists_what_waits_for_a_choice(owner: User) -> None:
    admin = permitted("admin", is_staff=True, is_superuser=True)
    known = RemoteTarget.objects.create(
        destination="partner",
        target=rows.target(owner, "SN 2026abc"),
        candidates=[{"id": "1"}],
    )

    address = reverse("admin:tom_share_worker_remotetarget_changelist")
    text = browser(admin).get(f"{address}?state=waits").content.decode()

    assert "SN 2026abc" in text
    assert "Waits for a person" in text
    assert reverse("tom_share_worker:target-choice", args=[known.pk]) in text
    found = browser(admin).get(f"{address}?state=chosen").content.decode()
    assert "SN 2026abc" not in found
