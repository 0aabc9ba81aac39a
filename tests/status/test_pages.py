"""Who sees which page, what it shows, and what its buttons do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from tests.status.conftest import browser, partly_refused, permitted, shown_to_all
from tests.support import rows
from tom_share_worker.models import Delivery, Destination, Share

READ = ("share-detail", "share-progress")
ACT = ("share-retry", "share-cancel")


def url(name: str, pk: int) -> str:
    return reverse(f"tom_share_worker:{name}", kwargs={"pk": pk})


def test_anonymous_visitors_are_sent_to_the_login_page(share: Share) -> None:
    delivery = rows.delivery(share, status="failed")
    pages = [
        reverse("tom_share_worker:share-list"),
        *(url(name, share.pk) for name in READ),
        url("delivery-detail", delivery.pk),
    ]
    buttons = [
        *(url(name, share.pk) for name in ACT),
        url("delivery-retry", delivery.pk),
    ]

    answers = [browser(None).get(page) for page in pages]
    answers += [browser(None).post(button) for button in buttons]

    assert {answer.status_code for answer in answers} == {302}
    assert all("/login/" in answer["Location"] for answer in answers)
    assert Delivery.objects.get().status == "failed"


def test_shares_of_others_do_not_exist_for_a_person(share: Share) -> None:
    delivery = rows.delivery(share, status="failed")
    client = browser(rows.person("somebody-else"))

    answers = [client.get(url(name, share.pk)) for name in READ]
    answers += [client.post(url(name, share.pk)) for name in ACT]
    answers.append(client.get(url("delivery-detail", delivery.pk)))
    answers.append(client.post(url("delivery-retry", delivery.pk)))

    assert {answer.status_code for answer in answers} == {404}
    listed = client.get(reverse("tom_share_worker:share-list"))
    assert "Nothing has been shared yet." in listed.content.decode()
    assert Delivery.objects.get().status == "failed"


def test_the_owner_sees_and_acts(owner: User, share: Share) -> None:
    delivery = rows.delivery(share, status="failed", failure="destination down")
    client = browser(owner)

    assert {client.get(url(name, share.pk)).status_code for name in READ} == {200}
    assert client.get(url("delivery-detail", delivery.pk)).status_code == 200
    assert client.post(url("share-retry", share.pk))["Location"] == url(
        "share-detail", share.pk
    )
    assert Delivery.objects.get().status == "queued"


def test_who_may_view_shares_sees_all_and_may_not_act(share: Share) -> None:
    rows.delivery(shown_to_all(share), status="failed")
    client = browser(permitted("viewer", "view_share"))

    listed = client.get(reverse("tom_share_worker:share-list")).content.decode()
    page = client.get(url("share-detail", share.pk))

    assert share.subject in listed
    assert "owner" in listed
    assert page.status_code == 200
    assert "Retry</button>" not in page.content.decode()
    # The host leads whoever meets a 403 to its login page.
    refused = [client.post(url(name, share.pk))["Location"] for name in ACT]
    assert all(where.startswith("/accounts/login/") for where in refused)
    assert Delivery.objects.get().status == "failed"


def test_who_may_change_shares_acts_on_those_of_others(share: Share) -> None:
    rows.delivery(shown_to_all(share))
    client = browser(permitted("keeper", "view_share", "change_share"))

    client.post(url("share-cancel", share.pk))

    assert Delivery.objects.get().status == "cancelled"


def test_buttons_do_nothing_on_get(owner: User, share: Share) -> None:
    answers = {browser(owner).get(url(n, share.pk)).status_code for n in ACT}

    assert answers == {405}


@pytest.mark.parametrize("status", ["queued", "sending"])
def test_what_is_under_way_can_be_cancelled_and_not_retried(
    owner: User, share: Share, status: str
) -> None:
    rows.delivery(share, status=status)

    page = browser(owner).get(url("share-detail", share.pk)).content.decode()

    assert "Cancel</button>" in page
    assert "Retry</button>" not in page


def test_what_was_delivered_can_be_neither_cancelled_nor_retried(
    owner: User, share: Share
) -> None:
    rows.delivery(share, status="delivered")
    Share.objects.update(status="delivered", ended=timezone.now())
    client = browser(owner)

    page = client.get(url("share-detail", share.pk)).content.decode()
    retried = client.post(url("share-retry", share.pk), follow=True)
    cancelled = client.post(url("share-cancel", share.pk), follow=True)

    assert "</button>" not in page.split("Deliveries</h2>")[0].split("<h1")[1]
    assert "There is nothing to send again" in retried.content.decode()
    assert "has ended already" in cancelled.content.decode()
    assert Delivery.objects.get().status == "delivered"


def test_a_share_cancelled_before_its_first_delivery_can_start_over(
    owner: User,
) -> None:
    share = rows.share(owner)
    client = browser(owner)

    cancelled = client.post(url("share-cancel", share.pk), follow=True)
    assert "cancelled before anything was sent" in cancelled.content.decode()
    retried = client.post(url("share-retry", share.pk), follow=True)
    assert "is being prepared again" in retried.content.decode()
    assert Share.objects.get().status == "queued"


def test_a_share_cancelled_while_it_was_prepared_goes_on_by_retry(owner: User) -> None:
    share = rows.share(owner, status="cancelled", ended=timezone.now())
    rows.delivery(share, status="delivered")
    client = browser(owner)

    assert "Retry</button>" in client.get(share.get_absolute_url()).content.decode()
    retried = client.post(url("share-retry", share.pk), follow=True)

    assert "is being prepared again" in retried.content.decode()
    assert Share.objects.get().status == "queued"


def test_a_share_leads_to_its_target_for_those_who_may_view_it(owner: User) -> None:
    target = rows.target(owner, "SN 2026abc")
    made = rows.share(owner, target=target)
    link = f'href="{reverse("targets:detail", args=[target.pk])}"'

    for person, links in ((owner, 1), (permitted("viewer", "view_share"), 0)):
        page = browser(person).get(made.get_absolute_url()).content.decode()
        assert page.count(link) == links


def test_failures_are_grouped_by_cause_with_the_cure(owner: User, share: Share) -> None:
    for _ in range(3):
        rows.delivery(share, status="failed", failure="no matching target")
    partly_refused(share, refused=2, delivered=1)

    page = browser(owner).get(url("share-detail", share.pk)).content.decode()

    assert "No matching target: 3 deliveries" in page
    assert "Share the target itself first" in page
    assert "2 data points in 1 delivery, whose other data arrived" in page


def test_deliveries_can_be_narrowed_to_a_status(owner: User, share: Share) -> None:
    rows.delivery(share, target_name="SN-FAILED", status="failed")
    rows.delivery(share, target_name="SN-THERE", status="delivered")

    client = browser(owner)
    page = client.get(url("share-detail", share.pk), {"status": "delivered"})
    table = page.content.decode().split("Deliveries</h2>")[1]

    assert "SN-THERE" in table
    assert "SN-FAILED" not in table


def test_the_page_says_when_and_why_a_delivery_waits(owner: User, share: Share) -> None:
    target = rows.delivery(share, target_name="SN-ITSELF")
    rows.delivery(share, photometry=[1], after=target)
    Destination.objects.create(
        key="partner",
        failures=1,
        retry_at=timezone.now() + timedelta(minutes=10, seconds=30),
        note="It could not be reached",
    )

    page = browser(owner).get(url("share-detail", share.pk)).content.decode()

    assert "It could not be reached. It has never answered. The next try" in page
    assert "in 10 minutes (" in page
    assert "when its target has arrived" in page


@pytest.mark.parametrize("name", READ)
def test_the_number_of_queries_does_not_grow_with_the_share(
    owner: User,
    share: Share,
    name: str,
    django_assert_max_num_queries: Any,
) -> None:
    client = browser(owner)
    for size in (5, 500):
        first = share.deliveries.count()
        Delivery.objects.bulk_create(
            Delivery(
                share=share,
                position=first + n,
                destination="partner",
                kind="target",
                target_name=f"SN-{n}",
                status="failed" if n % 2 else "queued",
                failure="our fault" if n % 2 else "",
                next_attempt_at=timezone.now(),
            )
            for n in range(size)
        )
        with django_assert_max_num_queries(20):
            assert client.get(url(name, share.pk)).status_code == 200
